/// The variants that this process alone no longer serves, each until the epoch of its rollout rises.
///
/// A stop is no part of a policy: other processes do not learn of it, and the policy stays what it is.
struct Stops: Hashable, Sendable {
    private var epochs: [RolloutID: [VariantName: UInt32]] = [:]

    var isEmpty: Bool { epochs.isEmpty }

    /// The variants of a rollout that are stopped in this epoch.
    func variants(of id: RolloutID, at epoch: UInt32) -> [VariantName] {
        epochs[id]?.filter { epoch <= $0.value }.map(\.key) ?? []
    }

    /// Stops a variant for as long as the rollout has this epoch.
    mutating func stop(_ variant: VariantName, of id: RolloutID, at epoch: UInt32) {
        epochs[id, default: [:]][variant] = epoch
    }

    /// Forgets the stops that a policy's epochs have ended. Those of a rollout that it lacks stay.
    mutating func end(with policy: RolloutPolicy) {
        for (id, stopped) in epochs {
            guard let epoch = policy.rollouts[id]?.epoch else { continue }
            let left = stopped.filter { epoch <= $0.value }
            epochs[id] = left.isEmpty ? nil : left
        }
    }
}
