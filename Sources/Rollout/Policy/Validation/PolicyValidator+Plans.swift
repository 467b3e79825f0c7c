extension PolicyValidator {
    /// Checks the plans of a rollout, as far as they could be read.
    mutating func checkPlans(of rollout: RolloutDefinition, _ unread: UnreadParts, at path: JSONPath) {
        let kind = unread.contains(.strategy) ? nil : rollout.strategy.kind
        if let plan = rollout.progression {
            let place = path.appending("progression")
            if kind == .abTest {
                report(
                    .forbiddenPlan,
                    at: place,
                    "an \"ab_test\" has no canary to progress: expected \"adaptation\", or another strategy"
                )
            }
            if !unread.contains(.progression) {
                if !unread.contains(.bucketing) { checkUnits(of: plan, drawnBy: rollout.bucketing, at: place) }
                check(plan, beside: unread.contains(.cookie) ? nil : rollout.sticky, at: place)
            }
        }
        if let plan = rollout.adaptation {
            let place = path.appending("adaptation")
            if kind == .canary {
                report(
                    .forbiddenPlan,
                    at: place,
                    "a \"canary\" has no weights to adapt: expected \"progression\", or another strategy"
                )
            }
            if !unread.contains(.adaptation) {
                check(plan, variants: kind == .abTest ? rollout.strategy.variants.count : nil, at: place)
            }
        }
    }

    // MARK: Progression

    /// Units are told apart by their buckets, of which there have to be enough.
    private mutating func checkUnits(of plan: ProgressionPlan, drawnBy bucketing: Bucketing?, at path: JSONPath) {
        let cells = BucketGrid(bucketing).cells
        guard plan.count == .units, cells < PolicyLimits.bucketsToCountUnits else { return }
        report(
            .forbiddenPlan,
            at: path.appending("count"),
            "\"units\" are told apart by their buckets, and the bucketing has \(grouped(cells)): expected at least "
                + "\(grouped(PolicyLimits.bucketsToCountUnits)), or \"requests\" or \"nothing\""
        )
    }

    mutating func check(_ plan: ProgressionPlan, beside cookie: StickyCookie?, at path: JSONPath) {
        checkSteps(of: plan, at: path.appending("steps"))
        check(plan.interval, in: PolicyLimits.interval, at: path.appending("interval"))
        check(plan.settle, in: PolicyLimits.settle, at: path.appending("settle"))
        check(plan.dwell, in: PolicyLimits.dwell, at: path.appending("dwell"))
        checkCount(of: plan, beside: cookie, at: path)
        checkDeadline(of: plan, beside: cookie, at: path)
        if plan.count == .nothing { return }
        checkMargins(of: plan, at: path)
        checkPercentiles(plan.latency, at: path.appending("latency"))
        if let limit = plan.limit, limit == .zero || limit == .all {
            report(
                .outOfRange,
                at: path.appending("limit"),
                "expected a percentage above 0 and below 100, or null, found \(limit.percentText)"
            )
        }
        for (key, bound) in [("falseRollback", plan.falseRollback), ("falseAdvance", plan.falseAdvance)]
        where bound == .zero || bound > .percent(20) {
            report(
                .outOfRange,
                at: path.appending(key),
                "expected a percentage above 0, at most 20, found \(bound.percentText)"
            )
        }
    }

    private mutating func checkSteps(of plan: ProgressionPlan, at path: JSONPath) {
        guard PolicyLimits.steps ~= plan.steps.count else {
            return report(
                .outOfRange,
                at: path,
                "expected \(spelled(PolicyLimits.steps)) steps, found \(grouped(plan.steps.count))"
            )
        }
        checkRise(of: plan.steps, at: path, "above 0 and below 100") { $0 > .zero && $0 < .all }
    }

    private mutating func checkPercentiles(_ percentiles: [Share], at path: JSONPath) {
        guard check(percentiles.count, "percentiles", limit: PolicyLimits.percentiles, at: path) else { return }
        checkRise(of: percentiles, at: path, "in 1 ... 99.9") { .percent(1)...(.percent(99.9)) ~= $0 }
    }

    private mutating func checkRise(
        of shares: [Share],
        at path: JSONPath,
        _ range: String,
        _ isInRange: (Share) -> Bool
    ) {
        var last: Share?
        for (index, share) in shares.enumerated() {
            let isAbove = last.map { $0 < share } ?? true
            if !isInRange(share) || !isAbove {
                let before = last.map { ", above the one before it, \($0.percentText)" } ?? ""
                report(
                    .outOfRange,
                    at: path.appending(index),
                    "expected a percentage \(range)\(before), found \(share.percentText)"
                )
            }
            last = share
        }
    }

    private mutating func checkCount(of plan: ProgressionPlan, beside cookie: StickyCookie?, at path: JSONPath) {
        if plan.count == .requests, let cookie, cookie.pin == .variant {
            report(
                .forbiddenPlan,
                at: path.appending("count"),
                "\"requests\" needs requests that fail independently of each other, and a cookie that pins the variant "
                    + "makes a session one unit with many of them: count \"units\", or write \"pin\": \"bucket\""
            )
        }
        guard plan.count == .nothing else { return }
        let members = Dictionary(uniqueKeysWithValues: PolicyWriter.members(of: plan))
        let defaults = Dictionary(uniqueKeysWithValues: PolicyWriter.members(of: ProgressionPlan(steps: [])))
        for key in ProgressionPlan.judgingKeys {
            guard let value = members[key], let standard = defaults[key], !value.says(the: standard) else { continue }
            report(.forbiddenPlan, at: path.appending(key), ProgressionPlan.isMeaningless(key))
        }
    }

    private mutating func checkDeadline(of plan: ProgressionPlan, beside cookie: StickyCookie?, at path: JSONPath) {
        guard let deadline = plan.deadline else {
            if plan.onDeadline != .hold {
                report(
                    .forbiddenPlan,
                    at: path.appending("onDeadline"),
                    "\"\(plan.onDeadline.rawValue)\" needs a \"deadline\", and there is none"
                )
            }
            return
        }
        if plan.count == .nothing { return }
        // What is out of its range is reported, and must not overflow here.
        let parts = [
            (plan.settling(beside: cookie), "s to settle"), (plan.dwell, "s to dwell"),
            (plan.interval, "s of an interval"),
        ]
        .map { (min(max($0.0, 0), PolicyLimits.deadline), $0.1) }
        let least = parts.reduce(0) { $0 + $1.0 }
        if deadline < least || deadline > PolicyLimits.deadline {
            let sum = parts.map { "\(grouped($0.0)) \($0.1)" }.joined(separator: ", ")
            let range =
                least > PolicyLimits.deadline
                ? "" : " or \(grouped(least)) ... \(grouped(PolicyLimits.deadline)) seconds"
            report(
                .outOfRange,
                at: path.appending("deadline"),
                "expected null\(range) (room for \(sum)), found \(grouped(deadline))"
            )
        }
    }

    private mutating func checkMargins(of plan: ProgressionPlan, at path: JSONPath) {
        if plan.margin == .zero {
            report(
                .outOfRange,
                at: path.appending("margin"),
                "expected \"relative\" or \"absolute\" above 0: without a margin not even an equal canary could advance"
            )
            return
        }
        let parts = [
            ("relative", plan.tolerance.relative, plan.margin.relative),
            ("absolute", plan.tolerance.absolute, plan.margin.absolute),
        ]
        for (key, tolerance, margin) in parts where tolerance > margin {
            report(
                .outOfRange,
                at: path.appending("tolerance").appending(key),
                "expected at most the margin's \(margin.percentText), found \(tolerance.percentText)"
            )
        }
    }

    // MARK: Adaptation

    private mutating func check(_ plan: AdaptationPlan, variants: Int?, at path: JSONPath) {
        check(plan.interval, in: PolicyLimits.interval, at: path.appending("interval"))
        if let variants, variants > 0, plan.floor.buckets * variants > Share.bucketCount {
            let most = Share(buckets: Share.bucketCount / variants) ?? .all
            report(
                .outOfRange,
                at: path.appending("floor"),
                "expected a percentage in 0 ... \(most.percentText), or \(variants) variants could not all keep it, "
                    + "found \(plan.floor.percentText)"
            )
        }
        if plan.forget > .percent(50) {
            report(
                .outOfRange,
                at: path.appending("forget"),
                "expected a percentage in 0 ... 50, found \(plan.forget.percentText)"
            )
        }
        if plan.maxStep == .zero {
            report(.outOfRange, at: path.appending("maxStep"), "expected a percentage above 0, at most 100, found 0")
        }
    }
}
