/// What writers remember from one update to the next: records, earlier policies, rollouts that are gone.
final class UpdateJournal: Sendable {
    /// How many accepted attempts are remembered, and how many others: noise must not push out what could be restored.
    static let limit = 32

    private struct Memory {
        var count = 0
        var accepted = Recent<(record: UpdateRecord, policy: RolloutPolicy)>(UpdateJournal.limit)
        var others = Recent<UpdateRecord>(UpdateJournal.limit)
        /// Records that no recorder has had yet.
        var pending: [UpdateRecord] = []
        var epochs = EpochMemory()

        var records: [UpdateRecord] { (accepted.all.map(\.record) + others.all).sorted { $0.number < $1.number } }

        /// The next record, which waits from now on to be handed out.
        mutating func record(
            _ revision: UInt32?,
            _ origin: UpdateOrigin,
            _ gates: [String],
            _ digest: PolicyDigest?,
            _ outcome: UpdateRecord.Outcome,
            _ running: CompiledPolicy?
        ) -> UpdateRecord {
            count += 1
            let record = UpdateRecord(
                number: count,
                revision: revision,
                running: (outcome == .accepted ? revision : nil) ?? running?.policy.revision ?? 0,
                author: origin.author,
                reason: origin.reason,
                time: origin.time,
                gates: gates,
                outcome: outcome,
                old: running?.digest,
                new: digest
            )
            pending.append(record)
            return record
        }
    }

    private let memory = Lock(Memory())
    /// Held while records are handed out, so that they come in order; never together with the writers' lock.
    private let recorders = Lock<[any UpdateRecorder]>([])

    init(startingWith first: CompiledPolicy) {
        let attempt = UpdateAttempt(policy: first.policy, origin: UpdateOrigin(time: first.appliedAt.seconds))
        enter(attempt, first.digest, outcome: .accepted, running: nil)
    }

    var records: [UpdateRecord] { memory.withLock(\.records) }

    func policy(of revision: UInt32) -> RolloutPolicy? {
        memory.withLock { memory in memory.accepted.all.last { $0.policy.revision == revision }?.policy }
    }

    /// The revisions that can be restored, oldest first; the last one runs.
    var revisions: [UInt32] { memory.withLock { memory in memory.accepted.all.map(\.policy.revision) } }

    /// What epochs depend on beside the running policy.
    var epochs: EpochMemory { memory.withLock(\.epochs) }

    // MARK: Writing

    /// Enters an attempt with its policy's digest; `running` is what it met. Accepted ones come in the order of their
    /// publication, because the writer still holds its lock.
    func enter(
        _ attempt: UpdateAttempt,
        _ digest: PolicyDigest,
        outcome: UpdateRecord.Outcome,
        running: CompiledPolicy?
    ) {
        let policy = attempt.policy
        memory.withLock { memory in
            let record = memory.record(policy.revision, attempt.origin, attempt.gates, digest, outcome, running)
            guard outcome == .accepted else { return memory.others.append(record) }
            memory.accepted.append((record, policy))
            if let running { memory.epochs.keep(running.policy, replacedBy: policy) }
        }
    }

    /// Enters a refused attempt of which there may be no policy, not even a revision.
    func enter(
        _ policy: RolloutPolicy?,
        at revision: UInt32?,
        _ origin: UpdateOrigin,
        _ error: UpdateError,
        running: CompiledPolicy
    ) {
        let digest = policy.map(PolicyDigest.init(of:))
        memory.withLock { memory in
            memory.others.append(memory.record(revision, origin, [], digest, .refused(error), running))
        }
    }

    /// Hands out the records that are waiting. Returns when they were taken, by whichever thread hands them out.
    func handOut() {
        recorders.withLock { recorders in
            for record in memory.withLock({ exchange(&$0.pending, with: []) }) {
                for recorder in recorders { recorder.record(record) }
            }
        }
    }

    func add(_ recorder: some UpdateRecorder) {
        recorders.withLock { recorders in
            let (pending, all) = memory.withLock { memory in
                (exchange(&memory.pending, with: []), memory.records)
            }
            for record in pending { for recorder in recorders { recorder.record(record) } }
            for record in all { recorder.record(record) }
            recorders.append(recorder)
        }
    }
}
