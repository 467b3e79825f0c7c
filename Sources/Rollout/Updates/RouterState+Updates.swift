extension RouterState {
    /// Publishes the policy of an attempt where everything allows that; gives the revision that runs afterwards.
    ///
    /// Every attempt is entered in the journal, with two exceptions: the running policy offered again, which is no change,
    /// and the conflict of an attempt that is made again.
    func update(
        _ attempt: UpdateAttempt,
        from expected: UInt32?,
        retriesConflicts: Bool = false
    ) throws(UpdateError) -> UInt32 {
        try validate(attempt)
        let revision = try settle(attempt, from: expected, publishes: true, retriesConflicts: retriesConflicts)
        return revision ?? attempt.policy.revision
    }

    /// The revision that runs where the policy of an attempt changes nothing, or nil where it could be published.
    func judge(
        _ attempt: UpdateAttempt,
        from expected: UInt32?,
        retriesConflicts: Bool
    ) throws(UpdateError) -> UInt32? {
        try validate(attempt)
        return try settle(attempt, from: expected, publishes: false, retriesConflicts: retriesConflicts)
    }

    /// Enters what failed before there was a policy that could run, and gives the error back.
    func refuse(_ policy: RolloutPolicy?, at revision: UInt32?, _ origin: UpdateOrigin, _ error: UpdateError)
        -> UpdateError
    {
        journal.enter(policy, at: revision, origin, error, running: compiled)
        journal.handOut()
        return error
    }

    /// Enters what gates refused, and gives the error back.
    func refuse(_ attempt: UpdateAttempt, _ error: UpdateError) -> UpdateError {
        journal.enter(attempt, PolicyDigest(of: attempt.policy), outcome: .refused(error), running: compiled)
        journal.handOut()
        return error
    }

    // MARK: Judging

    private enum Verdict: Sendable {
        case mayRun
        case older
        case same
        case refused(UpdateError)

        var outcome: UpdateRecord.Outcome? {
            switch self {
            case .mayRun: .accepted
            case .older: .ignored
            case .same: nil
            case .refused(let error): .refused(error)
            }
        }

        var isConflict: Bool { if case .refused(.conflict) = self { true } else { false } }
    }

    private func validate(_ attempt: UpdateAttempt) throws(UpdateError) {
        do throws(PolicyError) {
            try attempt.policy.validate()
        } catch {
            throw refuse(attempt, .invalid(error))
        }
    }

    /// Judges and, unless only that is wanted, publishes, as one writer; nil where the policy runs, or could.
    private func settle(
        _ attempt: UpdateAttempt,
        from expected: UInt32?,
        publishes: Bool,
        retriesConflicts: Bool
    ) throws(UpdateError) -> UInt32? {
        let journal = journal
        let (verdict, running) = writer.withLock { _ in
            let running = compiled
            let revision = running.policy.revision
            var verdict = judge(attempt.policy, after: running.policy, from: expected)
            var published: CompiledPolicy?
            if case .mayRun = verdict {
                guard publishes else { return (verdict, revision) }
                do throws(PolicyError) {
                    let next = try CompiledPolicy(
                        attempt.policy,
                        after: running.roster,
                        appliedAt: attempt.origin.time.map(UnixTime.init(seconds:)) ?? .now
                    )
                    publish(next)
                    published = next
                } catch {
                    verdict = .refused(.invalid(error))
                }
            }
            if case .older = verdict { countIgnored() }
            if let outcome = verdict.outcome, !(retriesConflicts && verdict.isConflict) {
                let digest = published?.digest ?? PolicyDigest(of: attempt.policy)
                journal.enter(attempt, digest, outcome: outcome, running: running)
            }
            return (verdict, revision)
        }
        journal.handOut()
        switch verdict {
        case .mayRun: return nil
        case .older, .same: return running
        case .refused(let error): throw error
        }
    }

    private func judge(_ policy: RolloutPolicy, after running: RolloutPolicy, from expected: UInt32?) -> Verdict {
        let revision = running.revision
        if let expected, expected != revision { return .refused(.conflict(current: revision)) }
        if policy.revision < revision { return .older }
        if policy.revision == revision { return policy == running ? .same : .refused(.conflict(current: revision)) }
        let demands = policy.epochDemands(from: running, journal.epochs)
        return demands.isEmpty ? .mayRun : .refused(.needsEpoch(demands))
    }
}
