extension RolloutPolicy {
    /// Forgets the epoch of a rollout that was removed, so that a rollout of this id may start at epoch 0 again.
    ///
    /// Only for an owner who knows that no assignment of the old rollout lives: every cookie has expired, and no service
    /// has stored one.
    ///
    /// - Parameter id: The rollout that was removed.
    /// - Throws: `EditError` if the policy remembers no such rollout.
    public mutating func forget(_ id: RolloutID) throws(EditError) {
        guard removed.removeValue(forKey: id) != nil else {
            let known = removed.keys.sorted().map(\.text)
            throw EditError(
                code: .unknownRollout,
                rollout: id,
                strategy: rollouts[id]?.strategy.kind,
                problem: "it is not among the rollouts that were removed",
                advice: known.isEmpty ? "there are none" : "there are \(alternatives(known))"
            )
        }
    }

    /// Remembers the epochs of the rollouts that an edit has removed, and no longer those of rollouts that are back above
    /// them.
    mutating func keepEpochs(of old: RolloutPolicy) {
        for (id, definition) in old.rollouts where rollouts[id] == nil {
            removed[id] = max(removed[id] ?? 0, definition.epoch)
        }
        for (id, epoch) in removed {
            if let present = rollouts[id]?.epoch, present > epoch { removed[id] = nil }
        }
    }
}
