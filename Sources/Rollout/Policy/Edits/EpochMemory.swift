/// What assignments that may still live were made of, where the running policy no longer says it.
///
/// **Claim:** with this and the running policy, no variant comes to stand for something else within an epoch, through however
/// many updates. Because a variant that leaves is kept with its release until the epoch rises, and one that comes is held
/// against that. Were only the running policy asked, a canary could be taken out and another put in its place by two updates
/// of which neither changes a variant: visitors of the first would be served the second as theirs.
struct EpochMemory: Sendable {
    /// What was last of every rollout that is no longer in the policy; no hosts and no units.
    private(set) var retired: [RolloutID: RolloutDefinition] = [:]
    /// The releases of variants that rollouts had earlier in their present epochs.
    private var gone: [RolloutID: [VariantName: Release]] = [:]

    /// The releases of the variants that a rollout had earlier in its present epoch, and has no longer.
    func releases(of id: RolloutID) -> [VariantName: Release] { gone[id] ?? [:] }

    /// The rollouts of a policy, and those that are gone but may have live assignments.
    func rollouts(with policy: RolloutPolicy) -> [RolloutID: RolloutDefinition] {
        retired.isEmpty ? policy.rollouts : policy.rollouts.merging(retired) { current, _ in current }
    }

    /// Keeps what a policy takes away from the one before, and forgets what it brings back or voids.
    mutating func keep(_ old: RolloutPolicy, replacedBy new: RolloutPolicy) {
        for (id, definition) in old.rollouts {
            if let next = new.rollouts[id] {
                keep(definition, replacedBy: next, id)
            } else {
                retired[id] = definition.withoutRules
            }
        }
        for id in retired.keys {
            guard let next = new.rollouts[id], let definition = retired.removeValue(forKey: id) else { continue }
            keep(definition, replacedBy: next, id)
        }
    }

    private mutating func keep(_ old: RolloutDefinition, replacedBy new: RolloutDefinition, _ id: RolloutID) {
        if new.epoch > old.epoch {
            gone[id] = nil
            return
        }
        let names = VariantNames(new.strategy)
        for variant in old.strategy.variants where !names.contains(variant.name) {
            gone[id, default: [:]][variant.name] = variant.release
        }
    }
}

extension RolloutDefinition {
    /// What an epoch depends on.
    fileprivate var withoutRules: RolloutDefinition {
        var definition = self
        definition.hosts = [:]
        definition.forced = [:]
        return definition
    }
}
