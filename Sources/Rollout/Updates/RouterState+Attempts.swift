extension RouterState {
    /// What an edit makes of the running policy. What goes wrong is entered in the journal.
    func edited(
        _ running: RolloutPolicy,
        _ origin: UpdateOrigin,
        _ edit: (inout RolloutPolicy) throws -> Void
    ) throws(UpdateError) -> UpdateAttempt {
        try successor(of: running, origin) { policy throws(UpdateError) in
            do {
                try edit(&policy)
            } catch {
                throw .edit(ThrownError(error))
            }
        }
    }

    /// What restores an earlier revision. What goes wrong is entered in the journal.
    func restored(
        _ revision: UInt32?,
        over running: RolloutPolicy,
        from expected: UInt32?,
        _ origin: UpdateOrigin
    ) throws(UpdateError) -> UpdateAttempt {
        var origin = origin
        let wanted = revision ?? journal.revisions.last { $0 < running.revision }
        origin.reason = origin.reason ?? wanted.map { "rollback to revision \($0)" }
        return try successor(of: running, origin) { next throws(UpdateError) in
            if let expected, expected != running.revision { throw .conflict(current: running.revision) }
            guard let wanted, let earlier = journal.policy(of: wanted) else {
                throw .unknownRevision(revision, remembered: journal.revisions.filter { $0 != running.revision })
            }
            next = try earlier.restored(over: journal.epochs.rollouts(with: running))
        }
    }

    private func successor(
        of running: RolloutPolicy,
        _ origin: UpdateOrigin,
        _ change: (inout RolloutPolicy) throws(UpdateError) -> Void
    ) throws(UpdateError) -> UpdateAttempt {
        let (revision, overflow) = running.revision.addingReportingOverflow(1)
        guard !overflow else {
            let problem = PolicyProblem(
                .outOfRange,
                at: "revision",
                "4,294,967,295 runs, and no revision comes after it"
            )
            throw refuse(nil, at: nil, origin, .invalid(PolicyError(problem)))
        }
        var next = running
        next.revision = revision
        do throws(UpdateError) {
            try change(&next)
        } catch {
            throw refuse(nil, at: revision, origin, error)
        }
        next.revision = revision
        return UpdateAttempt(policy: next, origin: origin)
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
