extension RolloutRouter {
    /// Replaces the policy in one step, for all rollouts and all threads.
    ///
    /// Revisions rise strictly. A policy of an older revision changes nothing and is counted in the ``status``; the running
    /// policy again changes nothing either; the running revision with other content is a conflict. Where a variant comes
    /// to stand for something else, the policy has to raise the rollout's epoch (``RolloutPolicy/epochDemands(from:)``).
    ///
    /// - Parameters:
    ///   - policy: The policy to run.
    ///   - expected: The revision that must be running, or nil for any.
    ///   - author: Who changes the policy, for the ``history``.
    ///   - reason: Why, for the ``history``.
    ///   - now: The time by the caller's clock in Unix seconds, for the ``history`` and the ``status``.
    /// - Returns: The revision that runs afterwards.
    /// - Throws: `UpdateError`; the running policy is then untouched.
    @discardableResult
    public func update(
        to policy: RolloutPolicy,
        from expected: UInt32? = nil,
        by author: String? = nil,
        because reason: String? = nil,
        now: Int64? = nil
    ) throws(UpdateError) -> UInt32 {
        let origin = UpdateOrigin(author: author, reason: reason, time: now)
        return try state.update(UpdateAttempt(policy: policy, origin: origin), from: expected)
    }

    /// Edits the running policy. The result gets the next revision.
    ///
    ///     try router.update(by: "ana", because: "healthy for an hour") { try $0.setShare(of: .sms, to: .percent(25)) }
    ///
    /// Where another writer is faster, the edit is made again on what it wrote; nothing of either is lost. So the closure
    /// may run several times.
    ///
    /// - Parameters:
    ///   - author: Who changes the policy, for the ``history``.
    ///   - reason: Why, for the ``history``.
    ///   - now: The time by the caller's clock in Unix seconds, for the ``history`` and the ``status``.
    ///   - edit: Changes the policy it is given; what it throws arrives as ``UpdateError/edit(_:)``.
    /// - Returns: The revision that runs afterwards.
    /// - Throws: `UpdateError`; the running policy is then untouched.
    @discardableResult
    public func update(
        by author: String? = nil,
        because reason: String? = nil,
        now: Int64? = nil,
        _ edit: (inout RolloutPolicy) throws -> Void
    ) throws(UpdateError) -> UInt32 {
        let origin = UpdateOrigin(author: author, reason: reason, time: now)
        return try state.update(retrying: { running throws(UpdateError) in
            try state.edited(running, origin, edit)
        })
    }

    /// Restores the content of an earlier revision, as a new revision.
    ///
    ///     try router.update { try $0.setRelease(of: .stable, in: .sms, to: candidate) }    // switch
    ///     try router.rollback()                                                            // and back
    ///
    /// The epoch of every rollout that changes is raised above the present one, so that no assignment of the time in
    /// between outlives it. Where another writer is faster, the rollback is made again on what it wrote.
    ///
    /// - Parameters:
    ///   - revision: The revision to restore, or nil for the one before the running one.
    ///   - expected: The revision that must be running, or nil for any.
    ///   - author: Who changes the policy, for the ``history``.
    ///   - reason: Why, for the ``history``; by default, that it is a rollback.
    ///   - now: The time by the caller's clock in Unix seconds, for the ``history`` and the ``status``.
    /// - Returns: The new revision.
    /// - Throws: `UpdateError`; the running policy is then untouched. What can be restored is in the error.
    @discardableResult
    public func rollback(
        to revision: UInt32? = nil,
        from expected: UInt32? = nil,
        by author: String? = nil,
        because reason: String? = nil,
        now: Int64? = nil
    ) throws(UpdateError) -> UInt32 {
        let origin = UpdateOrigin(author: author, reason: reason, time: now)
        return try state.update(retrying: { running throws(UpdateError) in
            try state.restored(revision, over: running, from: expected, origin)
        })
    }
}

extension RouterState {
    /// Publishes what is made of the running policy; where another writer is faster, what is made of its policy.
    fileprivate func update(
        retrying attempt: (RolloutPolicy) throws(UpdateError) -> UpdateAttempt
    ) throws(UpdateError) -> UInt32 {
        while true {
            let running = compiled.policy
            let attempt = try attempt(running)
            do throws(UpdateError) {
                return try update(attempt, from: running.revision, retriesConflicts: true)
            } catch {
                guard case .conflict = error else { throw error }
            }
        }
    }
}
