extension RouterState {
    /// Validates and publishes the policy of an attempt, where everything allows that; gives the revision that runs
    /// afterwards.
    ///
    /// Every attempt is entered in the journal, with two exceptions: the running policy offered again, which is no change,
    /// and the conflict of an attempt that is made again.
    func update(
        _ attempt: UpdateAttempt,
        from expected: UInt32?,
        retriesConflicts: Bool = false
    ) throws(UpdateError) -> UInt32 {
        guard let policy = attempt.policy else { return compiled.policy.revision }
        do throws(PolicyError) {
            try policy.validate()
        } catch {
            throw refuse(attempt, .invalid(error))
        }
        let (verdict, running) = writer.withLock { _ in
            let running = compiled
            let verdict = judge(policy, after: running, from: expected, at: attempt.origin.time)
            if case .published(let next) = verdict { publish(next) }
            if case .older = verdict { countIgnored() }
            if let outcome = verdict.outcome, !(retriesConflicts && verdict.isConflict) {
                journal.enter(attempt, outcome: outcome, running: running.policy)
            }
            return (verdict, running.policy.revision)
        }
        journal.handOut()
        switch verdict {
        case .published: return policy.revision
        case .older, .same: return running
        case .refused(let error): throw error
        }
    }

    private enum Verdict: Sendable {
        case published(CompiledPolicy)
        case older
        case same
        case refused(UpdateError)

        var outcome: UpdateRecord.Outcome? {
            switch self {
            case .published: .accepted
            case .older: .ignored
            case .same: nil
            case .refused(let error): .refused(error)
            }
        }

        var isConflict: Bool { if case .refused(.conflict) = self { true } else { false } }
    }

    private func judge(
        _ policy: RolloutPolicy,
        after running: CompiledPolicy,
        from expected: UInt32?,
        at time: Int64?
    ) -> Verdict {
        let revision = running.policy.revision
        if let expected, expected != revision { return .refused(.conflict(current: revision)) }
        if policy.revision < revision { return .older }
        if policy.revision == revision {
            return policy == running.policy ? .same : .refused(.conflict(current: revision))
        }
        let demands = policy.epochDemands(from: rollouts(knownBy: running.policy))
        if !demands.isEmpty { return .refused(.needsEpoch(demands)) }
        guard let next = CompiledPolicy(policy, after: running.roster, appliedAt: time) else {
            return .refused(.invalid(PolicyError(PolicyProblem.tooManyVariants)))
        }
        return .published(next)
    }

    /// The rollouts of a policy, and those that are gone but may have live assignments.
    func rollouts(knownBy policy: RolloutPolicy) -> [RolloutID: RolloutDefinition] {
        let retired = journal.retired
        return retired.isEmpty ? policy.rollouts : policy.rollouts.merging(retired) { current, _ in current }
    }

    /// Enters an attempt that failed before the writers' lock, and gives its error back.
    func refuse(_ attempt: UpdateAttempt, _ error: UpdateError) -> UpdateError {
        journal.enter(attempt, outcome: .refused(error), running: compiled.policy)
        journal.handOut()
        return error
    }
}
