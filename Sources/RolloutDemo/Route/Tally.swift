import Rollout

/// Counts decisions by variant and reason.
struct Tally {
    private struct Key: Hashable {
        let variant: Decision.Variant
        let reason: Decision.Reason
    }

    private(set) var decided = 0
    private var counts: [Key: Int] = [:]
    private var copies: [Decision.Variant: Int] = [:]

    mutating func count(_ decision: Decision) {
        decided += 1
        counts[Key(variant: decision.variant, reason: decision.reason), default: 0] += 1
        if let shadow = decision.shadow { copies[shadow, default: 0] += 1 }
    }

    /// The decisions of a rollout.
    func counts(of rollout: RolloutID) -> Counts {
        var result = Counts()
        for (key, count) in counts where key.variant.rollout == rollout {
            result.total += count
            result.variants[key.variant.name.text, default: 0] += count
            result.reasons[key.reason, default: 0] += count
            guard !Self.rules.contains(key.reason) else { continue }
            result.drawn += count
            result.drawnVariants[key.variant.name.text, default: 0] += count
        }
        for (variant, count) in copies where variant.rollout == rollout {
            result.variants[variant.name.text, default: 0] += count
            result.drawnVariants[variant.name.text, default: 0] += count
        }
        return result
    }

    /// The decisions of one rollout; of a shadow, its copies count.
    struct Counts {
        var total = 0
        var variants: [String: Int] = [:]
        var reasons: [Decision.Reason: Int] = [:]
        /// Those that no rule decided, which are the ones a share speaks of.
        var drawn = 0
        var drawnVariants: [String: Int] = [:]

        /// The reasons, the most frequent first: `split 1,583, host 306`.
        var reasonsText: String {
            reasons.sorted { ($1.value, $0.key.description) < ($0.value, $1.key.description) }
                .map { "\($0.key) \(grouped($0.value))" }
                .joined(separator: ", ")
        }
    }

    private static let rules: Set<Decision.Reason> = [.host, .forced, .missingUnit]
}
