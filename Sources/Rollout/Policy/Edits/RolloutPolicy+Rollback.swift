extension RolloutPolicy {
    /// Restores the content of an earlier policy: every rollout, and the environment. The revision stays.
    ///
    /// For a policy in a file whose earlier version is at hand. A router remembers earlier policies itself
    /// (``RolloutUpdater/rollback(to:expecting:by:because:now:within:)``).
    ///
    /// The epoch of every rollout that changes rises above what it is now, so no assignment of the time in between counts any
    /// more. A rollout that the earlier policy has and this one has not comes back with an epoch above the earlier one.
    ///
    /// - Parameter earlier: The policy with the content to restore.
    /// - Throws: `EditError` if a rollout has no higher epoch left.
    public mutating func rollBack(to earlier: RolloutPolicy) throws(EditError) {
        var next = earlier
        next.revision = revision
        next.removed = removed.merging(earlier.removed) { present, before in max(present, before) }
        for id in earlier.rollouts.keys.sorted() { next.rollouts[id] = try restored(id, of: earlier) }
        next.keepEpochs(of: self)
        self = next
    }

    /// Restores the earlier content of one rollout, and leaves all others alone.
    ///
    ///     try policy.rollBack(.sms, to: earlier)
    ///
    /// Has the effects on epochs that ``rollBack(to:)`` has.
    ///
    /// - Parameters:
    ///   - id: The rollout.
    ///   - earlier: The policy with the content to restore.
    /// - Throws: `EditError` if the earlier policy has no such rollout, or no higher epoch is left.
    public mutating func rollBack(_ id: RolloutID, to earlier: RolloutPolicy) throws(EditError) {
        rollouts[id] = try restored(id, of: earlier)
        keepEpochs(of: self)
    }

    private func restored(_ id: RolloutID, of earlier: RolloutPolicy) throws(EditError) -> RolloutDefinition {
        guard let content = earlier.rollouts[id] else {
            let known = earlier.rollouts.keys.sorted().map(\.text)
            throw EditError(
                code: .unknownRollout,
                rollout: id,
                strategy: nil,
                problem: "the earlier policy has no such rollout",
                advice: known.isEmpty ? "it has none at all" : "it has \(alternatives(known))"
            )
        }
        var edit = RolloutEdit(id: id, definition: content)
        guard let present = rollouts[id] else {
            edit.definition.epoch = max(edit.definition.epoch, removed[id] ?? 0)
            try edit.raiseEpoch()
            return edit.definition
        }
        edit.definition.epoch = present.epoch
        if edit.definition != present { try edit.raiseEpoch() }
        return edit.definition
    }
}
