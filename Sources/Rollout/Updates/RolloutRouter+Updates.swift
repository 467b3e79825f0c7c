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
        while true {
            let running = snapshot().policy
            let next = try state.successor(of: running, origin) { policy throws(UpdateError) in
                do {
                    try edit(&policy)
                } catch {
                    throw .edit(ThrownError(error))
                }
            }
            if let revision = try state.publish(next, unlessOvertaking: running.revision, origin) { return revision }
        }
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
        while true {
            let running = snapshot().policy
            let (next, origin) = try state.restored(revision, over: running, from: expected, origin)
            if let revision = try state.publish(next, unlessOvertaking: running.revision, origin) { return revision }
        }
    }
}

extension RouterState {
    /// The policy that a change makes of the running one, at the next revision. What goes wrong is entered in the journal.
    func successor(
        of running: RolloutPolicy,
        _ origin: UpdateOrigin,
        _ change: (inout RolloutPolicy) throws(UpdateError) -> Void
    ) throws(UpdateError) -> RolloutPolicy {
        let (revision, overflow) = running.revision.addingReportingOverflow(1)
        guard !overflow else {
            let problem = PolicyProblem(
                .outOfRange,
                at: "revision",
                "4,294,967,295 runs, and no revision comes after it"
            )
            throw refuse(UpdateAttempt(failedAt: nil, origin: origin), .invalid(PolicyError(problem)))
        }
        var next = running
        next.revision = revision
        do throws(UpdateError) {
            try change(&next)
        } catch {
            throw refuse(UpdateAttempt(failedAt: revision, origin: origin), error)
        }
        next.revision = revision
        return next
    }

    /// Publishes a policy made of a running one; nil where that one no longer runs, so that it has to be made again.
    func publish(
        _ policy: RolloutPolicy,
        unlessOvertaking base: UInt32,
        _ origin: UpdateOrigin
    ) throws(UpdateError) -> UInt32? {
        do throws(UpdateError) {
            return try update(UpdateAttempt(policy: policy, origin: origin), from: base, retriesConflicts: true)
        } catch {
            if case .conflict = error { return nil }
            throw error
        }
    }

    /// The policy that restores an earlier revision, with its origin.
    func restored(
        _ revision: UInt32?,
        over running: RolloutPolicy,
        from expected: UInt32?,
        _ origin: UpdateOrigin
    ) throws(UpdateError) -> (RolloutPolicy, UpdateOrigin) {
        var origin = origin
        let wanted = revision ?? journal.revisions.last { $0 < running.revision }
        origin.reason = origin.reason ?? wanted.map { "rollback to revision \($0)" }
        let next = try successor(of: running, origin) { next throws(UpdateError) in
            if let expected, expected != running.revision { throw .conflict(current: running.revision) }
            guard let wanted, let earlier = journal.policy(of: wanted) else {
                throw .unknownRevision(revision, remembered: journal.revisions.filter { $0 != running.revision })
            }
            next = try earlier.restored(over: rollouts(knownBy: running))
        }
        return (next, origin)
    }
}

extension RolloutPolicy {
    /// This policy with epochs above those of the rollouts that it replaces; what does not change keeps its epoch.
    fileprivate func restored(
        over current: [RolloutID: RolloutDefinition]
    ) throws(UpdateError) -> RolloutPolicy {
        var restored = self
        var exhausted: [EpochDemand] = []
        for (id, definition) in rollouts {
            guard let present = current[id] else { continue }
            var same = definition
            same.epoch = present.epoch
            let (next, overflow) = present.epoch.addingReportingOverflow(same == present ? 0 : 1)
            if overflow {
                exhausted.append(EpochDemand(rollout: id, causes: [.rollback], found: present.epoch, needed: nil))
            }
            restored.rollouts[id]?.epoch = next
        }
        guard exhausted.isEmpty else { throw .needsEpoch(exhausted.sorted { $0.rollout < $1.rollout }) }
        return restored
    }
}
