/// What writers remember from one update to the next: records, earlier policies, rollouts that are gone.
final class UpdateJournal: Sendable {
    /// How many accepted attempts are remembered, and how many others: noise must not push out what could be restored.
    static let limit = 32

    private struct Memory {
        var count = 0
        var accepted: [(record: UpdateRecord, policy: RolloutPolicy)] = []
        var others: [UpdateRecord] = []
        /// Records that no recorder has had yet.
        var pending: [UpdateRecord] = []
        /// What was last of every rollout that is no longer in the policy: its assignments may still live.
        var retired: [RolloutID: RolloutDefinition] = [:]

        var records: [UpdateRecord] { (accepted.map(\.record) + others).sorted { $0.number < $1.number } }
    }

    private let memory = Lock(Memory())
    /// Held while records are handed out, so that they come in order; never together with the writers' lock.
    private let recorders = Lock<[any UpdateRecorder]>([])

    init(startingWith policy: RolloutPolicy, at time: Int64?) {
        enter(UpdateAttempt(policy: policy, origin: UpdateOrigin(time: time)), outcome: .accepted, running: nil)
    }

    var records: [UpdateRecord] { memory.withLock(\.records) }

    func policy(of revision: UInt32) -> RolloutPolicy? {
        memory.withLock { memory in memory.accepted.last { $0.policy.revision == revision }?.policy }
    }

    /// The revisions that can be restored, oldest first; the last one runs.
    var revisions: [UInt32] { memory.withLock { memory in memory.accepted.map(\.policy.revision) } }

    /// The rollouts whose assignments may live although the running policy lacks them.
    var retired: [RolloutID: RolloutDefinition] { memory.withLock(\.retired) }

    // MARK: Writing

    /// Enters an attempt; `running` is the policy it met. Accepted ones come in the order of their publication, because
    /// the writer still holds its lock.
    func enter(_ attempt: UpdateAttempt, outcome: UpdateRecord.Outcome, running: RolloutPolicy?) {
        let (policy, revision) = (attempt.policy, attempt.policy.revision)
        enter(policy, at: revision, attempt.origin, attempt.gates, outcome: outcome, running: running)
    }

    /// Enters an attempt of which there may be no policy, not even a revision.
    func enter(
        _ policy: RolloutPolicy?,
        at revision: UInt32?,
        _ origin: UpdateOrigin,
        _ gates: [String] = [],
        outcome: UpdateRecord.Outcome,
        running: RolloutPolicy?
    ) {
        memory.withLock { memory in
            memory.count += 1
            let last = memory.accepted.last
            let isLast = last != nil && last?.policy.revision == running?.revision
            let record = UpdateRecord(
                number: memory.count,
                revision: revision,
                running: (outcome == .accepted ? revision : nil) ?? running?.revision ?? 0,
                author: origin.author,
                reason: origin.reason,
                time: origin.time,
                gates: gates,
                outcome: outcome,
                old: isLast ? last?.record.new : running.map(PolicyDigest.init(of:)),
                new: policy.map(PolicyDigest.init(of:))
            )
            memory.pending.append(record)
            guard outcome == .accepted, let policy else {
                memory.others.append(record)
                if memory.others.count > Self.limit { memory.others.removeFirst() }
                return
            }
            memory.accepted.append((record, policy))
            if memory.accepted.count > Self.limit { memory.accepted.removeFirst() }
            for (id, definition) in running?.rollouts ?? [:] where policy.rollouts[id] == nil {
                memory.retired[id] = definition.withoutRules
            }
            for id in memory.retired.keys where policy.rollouts[id] != nil { memory.retired[id] = nil }
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

extension RolloutDefinition {
    /// What an epoch depends on, for a router remembers that of every rollout it ever served: no hosts and no units.
    fileprivate var withoutRules: RolloutDefinition {
        var definition = self
        definition.hosts = [:]
        definition.forced = [:]
        return definition
    }
}
