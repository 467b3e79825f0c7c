extension PolicyReader {
    /// Reads the plans of a rollout.
    mutating func readPlans(of rollout: inout RolloutDefinition, from value: JSONValue, _ unread: inout UnreadParts) {
        if let plan = value["progression"] {
            let before = problems.all.count
            rollout.progression = progression(plan)
            if !isRead(since: before) { unread.insert(.progression) }
        }
        if let plan = value["adaptation"] {
            let before = problems.all.count
            rollout.adaptation = adaptation(plan)
            if !isRead(since: before) { unread.insert(.adaptation) }
        }
    }

    mutating func progression(_ value: JSONValue) -> ProgressionPlan {
        var plan = ProgressionPlan(steps: [])
        let keys =
            ["steps", "count", "interval", "settle", "dwell", "onDeadline", "confirm"] + ProgressionPlan.judgingKeys
        guard checkObject(value, keys: keys) else { return plan }
        plan.steps = required("steps", of: value).map { shares($0) } ?? []
        if let count = value["count"] { plan.count = choice(count, ProgressionPlan.Count.self) ?? plan.count }
        if let time = value["interval"] { plan.interval = integer(time, in: PolicyLimits.interval) ?? plan.interval }
        if let time = value["settle"] { plan.settle = integer(time, in: PolicyLimits.settle) ?? plan.settle }
        if let time = value["dwell"] { plan.dwell = integer(time, in: PolicyLimits.dwell) ?? plan.dwell }
        // A schedule has no use for a deadline, which is said of the deadline alone.
        if let action = value["onDeadline"], plan.count != .nothing || value["deadline"] == nil {
            plan.onDeadline = choice(action, ProgressionPlan.DeadlineAction.self) ?? plan.onDeadline
        }
        if let confirm = value["confirm"] {
            plan.confirm = choice(confirm, ProgressionPlan.Confirmation.self) ?? plan.confirm
        }
        if plan.count == .nothing {
            for key in ProgressionPlan.judgingKeys {
                guard let member = value[key] else { continue }
                report(.unknownKey, at: member, ProgressionPlan.isMeaningless(key), atKey: true)
            }
            return plan
        }
        if let deadline = value["deadline"], !deadline.isNull {
            plan.deadline = integer(deadline, in: 0...PolicyLimits.deadline)
        }
        if let margin = value["margin"] { plan.margin = self.margin(margin, plan.margin) }
        if let tolerance = value["tolerance"] { plan.tolerance = margin(tolerance, plan.tolerance) }
        if let limit = value["limit"], !limit.isNull { plan.limit = share(limit) }
        if let latency = value["latency"] { plan.latency = shares(latency) }
        if let bound = value["falseRollback"] { plan.falseRollback = share(bound) ?? plan.falseRollback }
        if let bound = value["falseAdvance"] { plan.falseAdvance = share(bound) ?? plan.falseAdvance }
        return plan
    }

    private mutating func adaptation(_ value: JSONValue) -> AdaptationPlan {
        var plan = AdaptationPlan()
        guard checkObject(value, keys: ["interval", "floor", "forget", "maxStep"]) else { return plan }
        if let time = value["interval"] { plan.interval = integer(time, in: PolicyLimits.interval) ?? plan.interval }
        if let floor = value["floor"] { plan.floor = share(floor) ?? plan.floor }
        if let forget = value["forget"] { plan.forget = share(forget) ?? plan.forget }
        if let step = value["maxStep"] { plan.maxStep = share(step) ?? plan.maxStep }
        return plan
    }

    /// Both parts are optional, and what is left out stays.
    private mutating func margin(_ value: JSONValue, _ start: ProgressionPlan.Margin) -> ProgressionPlan.Margin {
        var margin = start
        guard checkObject(value, keys: ["relative", "absolute"]) else { return margin }
        if let part = value["relative"] { margin.relative = share(part) ?? margin.relative }
        if let part = value["absolute"] { margin.absolute = share(part) ?? margin.absolute }
        return margin
    }

    private mutating func shares(_ value: JSONValue) -> [Share] {
        guard checkKind(value, .array) else { return [] }
        return value.elements.compactMap { share($0) }
    }
}

extension ProgressionPlan {
    /// The keys that a plan has no use for if it counts nothing.
    static let judgingKeys = ["margin", "tolerance", "limit", "latency", "deadline", "falseRollback", "falseAdvance"]

    /// What is to be said of such a key in such a plan.
    static func isMeaningless(_ key: String) -> String {
        "\"count\": \"nothing\" judges no outcome, so \"\(key)\" means nothing: leave it out"
    }
}
