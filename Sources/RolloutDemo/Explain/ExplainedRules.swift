import Rollout

/// The rules of a rollout, each with what it says about one request.
struct ExplainedRules {
    /// What a rule says, and what it decides if it does.
    typealias Answer = (lines: [String], outcome: Explanation.Outcome?)

    let id: RolloutID
    let definition: RolloutDefinition
    let unit: String?
    let host: String?
    let session: ExplainedSession

    /// The rules that may name the variant, in the order they are asked.
    var inOrder: [(name: String, rule: () -> Answer)] {
        [
            ("host rule", hostRule),
            ("forced unit", forcedUnit),
            ("assignment", assignment),
            ("draw", draw),
            ("missing unit", { (["the request brings no unit"], last) }),
        ]
    }

    /// What holds where no rule decides before.
    var last: Explanation.Outcome { .init(variant: first, reason: .missingUnit) }

    func release(of outcome: Explanation.Outcome) -> Release {
        definition.strategy.variants.first { $0.name == outcome.variant }?.release ?? [:]
    }

    // MARK: Rules

    private func hostRule() -> Answer {
        guard let host, !host.isEmpty else { return (["the request names no host"], nil) }
        let name = HostName(host)
        guard let variant = definition.hosts[name] else {
            return (["\(quoted(name.text)) is not among \(counted(definition.hosts.count, "host")) with a rule"], nil)
        }
        return force("\(quoted(name.text)) is forced to \(variant)", variant, .host)
    }

    private func forcedUnit() -> Answer {
        guard let unit else { return (["the request brings no unit"], nil) }
        guard let variant = definition.forced[UnitID(unit)] else {
            return (["\(quoted(unit)) is not among \(counted(definition.forced.count, "forced unit"))"], nil)
        }
        return force("\(quoted(unit)) is forced to \(variant)", variant, .forced)
    }

    private func force(_ line: String, _ variant: VariantName, _ reason: Decision.Reason) -> Answer {
        let isDisabled = definition.disabled.contains(variant)
        guard isDisabled else { return ([line], .init(variant: variant, reason: reason)) }
        return ([line + ", which is disabled"], .init(variant: first, reason: .notEnrolled))
    }

    private func draw() -> Answer {
        switch definition.strategy.kind {
        case .fixed: return (["one release serves everybody"], .init(variant: first, reason: .fixed))
        case .shadow: return (["\(first) answers everybody"], .init(variant: first, reason: .fixed))
        case .canary, .abTest: break
        }
        guard let unit else { return drawWithoutUnit() }
        let trace = DrawTrace(unit: unit, salt: salt)
        let lines = told(trace, unit, salt) + rangeLines(around: trace.bucket)
        return (lines, drawn(at: trace.bucket))
    }

    /// Whether a copy goes to the shadow, whichever rule decided; nil for a strategy without one.
    func copy() -> (lines: [String], isCopied: Bool)? {
        guard case .shadow(let share, _, let release) = definition.strategy else { return nil }
        guard definition.disabled.union(definition.draining).isEmpty else {
            return (["no copy: shadow is disabled or draining"], false)
        }
        guard let unit else { return (["no copy: the request brings no unit"], false) }
        let trace = DrawTrace(samplingShadowFor: unit, salt: salt)
        let isCopied = trace.bucket < share.buckets
        let lines =
            told(trace, unit, salt + "\u{0}shadow") + [
                "copied are the buckets below \(grouped(share.buckets)) (\(share))",
                isCopied ? "so: a copy goes to shadow (\(release))" : "so: no copy",
            ]
        return (lines, isCopied)
    }

    // MARK: Parts

    var first: VariantName { definition.strategy.variants[0].name }

    private var salt: String { definition.salt ?? id.text }

    /// What a bucket leads to.
    func drawn(at bucket: Int) -> Explanation.Outcome {
        let allocation = Allocation(definition)
        guard let place = allocation.runs.first(where: { $0.buckets.contains(bucket) })?.drawn else {
            return .init(variant: first, reason: .notEnrolled, bucket: bucket)
        }
        return .init(variant: allocation.variants[place].name, reason: .split, bucket: bucket)
    }
}
