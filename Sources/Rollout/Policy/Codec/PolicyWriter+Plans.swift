extension PolicyWriter {
    /// The plan without what equals its default.
    static func tree(of plan: ProgressionPlan) -> JSONTree {
        let defaults = members(of: ProgressionPlan(steps: []))
        return .object(
            zip(members(of: plan), defaults).filter { !$0.value.says(the: $1.value) }.map { ($0.0.key, $0.0.value) }
        )
    }

    /// The plan without what equals its default.
    static func tree(of plan: AdaptationPlan) -> JSONTree {
        let defaults = members(of: AdaptationPlan())
        return .object(
            zip(members(of: plan), defaults).filter { !$0.value.says(the: $1.value) }.map { ($0.0.key, $0.0.value) }
        )
    }

    /// All that a plan says, defaults too.
    static func members(of plan: ProgressionPlan) -> [(key: String, value: JSONTree)] {
        [
            ("steps", tree(of: plan.steps)),
            ("count", .string(plan.count.rawValue)),
            ("interval", .integer(plan.interval)),
            ("settle", .integer(plan.settle)),
            ("dwell", .integer(plan.dwell)),
            ("deadline", plan.deadline.map { .integer($0) } ?? .null),
            ("onDeadline", .string(plan.onDeadline.rawValue)),
            ("confirm", .string(plan.confirm.rawValue)),
            ("margin", tree(of: plan.margin)),
            ("tolerance", tree(of: plan.tolerance)),
            ("limit", plan.limit.map { tree(of: $0) } ?? .null),
            ("latency", tree(of: plan.latency)),
            ("falseRollback", tree(of: plan.falseRollback)),
            ("falseAdvance", tree(of: plan.falseAdvance)),
        ]
    }

    /// All that a plan says, defaults too.
    static func members(of plan: AdaptationPlan) -> [(key: String, value: JSONTree)] {
        [
            ("interval", .integer(plan.interval)),
            ("floor", tree(of: plan.floor)),
            ("forget", tree(of: plan.forget)),
            ("maxStep", tree(of: plan.maxStep)),
        ]
    }

    private static func tree(of margin: ProgressionPlan.Margin) -> JSONTree {
        .object([("relative", tree(of: margin.relative)), ("absolute", tree(of: margin.absolute))])
    }

    private static func tree(of share: Share) -> JSONTree { .number(share.percentText) }

    private static func tree(of shares: [Share]) -> JSONTree { .array(shares.map { tree(of: $0) }) }
}
