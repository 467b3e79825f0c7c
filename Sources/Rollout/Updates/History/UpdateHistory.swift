/// What an updater remembers between changes: records, earlier policies, and rollouts that were removed.
///
/// **Claim:** it holds at most 64 records, and at most 64 MiB of policies beside the running one and the one before.
/// Because
/// 1. records are counted, and their texts are cut;
/// 2. policies are counted, their sizes are added up, and the oldest are forgotten first;
/// 3. a record keeps no policy alive that is larger than 64 KiB: its digest is made when the record is entered, or when
///    the policy is forgotten.
/// ``EpochMemory`` comes on top; the number of rollouts that a router remembers bounds it.
final class UpdateHistory: Sendable {
    /// How many accepted changes are remembered, and how many others. They are counted apart, so that failed attempts
    /// do not push out what could be restored.
    static let limit = 32
    /// How many bytes the remembered policies may take.
    static let byteLimit = 64 << 20

    private struct Memory {
        var count = 0
        var accepted: [UpdateRecord] = []
        var others: [UpdateRecord] = []
        var policies = RememberedPolicies()
        var epochs = EpochMemory()
        /// Records that the recorders have not had yet; nil if there are no recorders.
        var pending: [UpdateRecord]?

        /// The next record.
        mutating func record(
            _ outcome: UpdateRecord.Outcome,
            _ error: UpdateError? = nil,
            at revision: UInt32?,
            _ origin: UpdateOrigin,
            gates: [String],
            _ digest: PolicyDigest?,
            over running: CompiledPolicy?
        ) -> UpdateRecord {
            count += 1
            return UpdateRecord(
                number: count,
                revision: revision,
                running: (outcome == .accepted ? revision : running?.policy.revision) ?? 0,
                author: origin.author,
                reason: origin.reason,
                time: origin.time,
                gates: gates,
                outcome: outcome,
                error: error,
                old: running?.digest,
                new: digest
            )
        }

        /// Keeps a record, and has it wait to be handed out.
        mutating func keep(_ record: UpdateRecord) {
            pending?.append(record)
            if record.outcome == .accepted {
                accepted.keep(record.abridged, atMost: UpdateHistory.limit)
            } else {
                others.keep(record.abridged, atMost: UpdateHistory.limit)
            }
        }
    }

    private let memory: Lock<Memory>

    init(startingWith first: CompiledPolicy, hasRecorders: Bool) {
        var memory = Memory(pending: hasRecorders ? [] : nil)
        let (revision, origin) = (first.policy.revision, UpdateOrigin(time: first.appliedAt))
        memory.keep(memory.record(.accepted, at: revision, origin, gates: [], first.digest, over: nil))
        memory.policies.remember(first, restored: nil)
        self.memory = Lock(memory)
    }

    // MARK: Reading

    var records: [UpdateRecord] {
        memory.withLock { memory in (memory.accepted + memory.others).sorted { $0.number < $1.number } }
    }

    func policy(of revision: UInt32) -> RolloutPolicy? { memory.withLock { $0.policies[revision] } }

    /// What epochs depend on, apart from the running policy.
    var epochs: EpochMemory { memory.withLock(\.epochs) }

    /// The policy that a rollback leads to. It has the next revision, and epochs above those of all live assignments.
    func policy(restoring restoration: Restoration, over running: RolloutPolicy) throws(UpdateError) -> RolloutPolicy {
        let (earlier, epochs) = try memory.withLock { memory throws(UpdateError) in
            (try memory.policies.source(of: restoration), memory.epochs)
        }
        let present = epochs.rollouts(with: running)
        return try running.successor { next throws(UpdateError) in
            if let id = restoration.id {
                next.rollouts[id] = earlier.rollouts[id]
                try next.raiseEpochs(of: [id], above: present)
            } else {
                next = earlier
                try next.raiseEpochs(of: Array(earlier.rollouts.keys), above: present)
            }
        }
    }

    // MARK: Writing

    /// The record of a change that a store is to take. It is entered once the store has.
    func draft(
        _ next: RolloutPolicy,
        _ origin: UpdateOrigin,
        gates: [String],
        over running: CompiledPolicy?
    ) -> UpdateRecord {
        let (revision, digest) = (next.revision, PolicyDigest(of: next))
        return memory.withLock { memory in
            memory.record(.accepted, at: revision, origin, gates: gates, digest, over: running)
        }
    }

    /// Enters a change that was published. If a store has taken it, the draft is its record.
    func enter(
        _ published: CompiledPolicy,
        _ origin: UpdateOrigin,
        gates: [String],
        restoring restoration: Restoration?,
        over running: CompiledPolicy,
        as draft: UpdateRecord?
    ) {
        let revision = published.policy.revision
        memory.withLock { memory in
            memory.keep(
                draft
                    ?? memory.record(.accepted, at: revision, origin, gates: gates, published.digest, over: running)
            )
            memory.policies.remember(published, restored: restoration)
            memory.epochs.keep(running.policy, replacedBy: published.policy)
        }
    }

    /// Enters a policy that changed nothing, because it is older than the running one.
    func enter(ignored policy: RolloutPolicy, _ origin: UpdateOrigin, running: CompiledPolicy) {
        let digest = PolicyDigest(apartFrom: policy)
        memory.withLock { memory in
            memory.keep(memory.record(.ignored, at: policy.revision, origin, gates: [], digest, over: running))
        }
    }

    /// Enters a change that failed. It may have no policy, and not even a revision.
    func enter(
        _ error: UpdateError,
        at revision: UInt32?,
        _ policy: RolloutPolicy?,
        _ origin: UpdateOrigin,
        gates: [String] = [],
        running: CompiledPolicy
    ) {
        let digest = policy.map(PolicyDigest.init(apartFrom:))
        memory.withLock { memory in
            memory.keep(memory.record(.refused, error, at: revision, origin, gates: gates, digest, over: running))
        }
    }

    /// The records that the recorders have not had yet.
    func takePending() -> [UpdateRecord] {
        memory.withLock { memory in memory.pending.map { _ in exchange(&memory.pending, with: []) ?? [] } ?? [] }
    }
}

extension [UpdateRecord] {
    fileprivate mutating func keep(_ record: UpdateRecord, atMost limit: Int) {
        if count == limit { removeFirst() }
        append(record)
    }
}

/// Hands records out, in order and one at a time. An actor, so that recorders never run on a caller's actor.
actor RecordDelivery {
    private let history: UpdateHistory
    private let recorders: [any UpdateRecorder]

    init(of history: UpdateHistory, to recorders: [any UpdateRecorder]) {
        self.history = history
        self.recorders = recorders
    }

    /// Hands out the records that wait. When it returns, the recorders have had all that were entered before the call.
    func run() {
        for record in history.takePending() {
            for recorder in recorders { recorder.record(record) }
        }
    }
}
