/// What an updater remembers between changes: records, earlier policies, and rollouts that were removed.
///
/// **Claim:** it holds at most 64 records, and at most 64 MiB of policies beside the running one and the one before.
/// Because
/// 1. records are counted, and their texts are cut;
/// 2. policies are counted, their sizes are added up, and the oldest are forgotten first;
/// 3. a record keeps no policy alive that is larger than 64 KiB: its digest is made when the record is entered, or when
///    the policy is forgotten.
/// ``EpochMemory`` comes on top; the number of rollouts that a router remembers bounds it. So do the records that the
/// recorders have not taken yet. Recorders that hang let their number grow, and the last 32 of them keep their policies.
final class UpdateHistory: Sendable {
    /// How many accepted changes are remembered, and how many others. They are counted apart, so that failed attempts
    /// do not push out what could be restored.
    static let limit = 32
    /// How many bytes the remembered policies may take.
    static let byteLimit = 64 << 20

    /// A record, and its place among all that were kept.
    fileprivate struct Kept {
        let place: Int
        let record: UpdateRecord
    }

    private struct Memory {
        /// What tells this process's records from those of others.
        let processID = UInt64.random(in: 0 ... .max)
        /// How many records this process has made.
        var count = 0
        /// How many attempts of this process ended in each way.
        var totals: [UpdateRecord.Outcome: Int] = [:]
        /// How many records were kept, of this process and of others.
        var keptCount = 0
        var accepted: [Kept] = []
        var others: [Kept] = []
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
                processID: processID,
                number: count,
                revision: revision,
                running: (outcome == .accepted ? revision : running?.policy.revision) ?? 0,
                author: origin.author,
                reason: origin.reason,
                time: origin.time,
                gates: gates,
                outcome: outcome,
                error: error,
                policy: nil,
                restored: nil,
                old: running?.digest,
                new: digest
            )
        }

        /// The record of a policy that is accepted, without the policy.
        mutating func record(
            of policy: RolloutPolicy,
            _ digest: PolicyDigest,
            _ origin: UpdateOrigin,
            gates: [String],
            over running: CompiledPolicy?,
            restoring restored: Restoration?
        ) -> UpdateRecord {
            var record = record(.accepted, at: policy.revision, origin, gates: gates, digest, over: running)
            record.restored = restored
            return record
        }

        /// Keeps a record of this process, and has it wait to be handed out with its policy.
        mutating func enter(_ record: consuming UpdateRecord, _ policy: RolloutPolicy? = nil) {
            totals[record.outcome, default: 0] += 1
            if pending != nil {
                record.policy = policy
                pending?.append(copy record)
                // If the recorders hang, policies must not pile up.
                let count = pending?.count ?? 0
                if count > UpdateHistory.limit { pending?[count - UpdateHistory.limit - 1].policy = nil }
            }
            keep(record)
        }

        mutating func keep(_ record: consuming UpdateRecord) {
            keptCount += 1
            record.abridge()
            if record.outcome == .accepted {
                accepted.keep(Kept(place: keptCount, record: record), atMost: UpdateHistory.limit)
            } else {
                others.keep(Kept(place: keptCount, record: record), atMost: UpdateHistory.limit)
            }
        }

        /// Takes in what earlier processes, or others, recorded up to the running policy. All of it, if no policy runs yet: it
        /// is up to the first one that does.
        ///
        /// - Returns: What the running policy restored, if it is remembered as a rollback.
        mutating func remember(_ records: [UpdateRecord], before running: RolloutPolicy) -> Restoration? {
            struct Name: Hashable {
                let process: UInt64
                let number: Int
            }
            var names: Set<Name> = []
            var earlier: [UInt32: UpdateRecord] = [:]
            var restored: Restoration?
            let isEmpty = running.revision == 0
            for record in records where names.insert(Name(process: record.processID, number: record.number)).inserted {
                keep(record)
                guard let policy = record.policy, isEmpty || policy.revision <= running.revision else { continue }
                if policy == running { restored = record.restored ?? restored }
                if isEmpty || policy.revision < running.revision, earlier[policy.revision] == nil {
                    earlier[policy.revision] = record
                }
            }
            var last: RolloutPolicy?
            for (_, record) in earlier.sorted(by: { $0.key < $1.key }) {
                guard let policy = record.policy else { continue }
                if let last { epochs.keep(last, replacedBy: policy) }
                policies.remember(policy, PolicyDigest(of: policy), restored: record.restored)
                last = policy
            }
            if let last, !isEmpty { epochs.keep(last, replacedBy: running) }
            return restored
        }
    }

    private let memory: Lock<Memory>

    init(startingWith first: CompiledPolicy, remembering records: [UpdateRecord], hasRecorders: Bool) {
        var memory = Memory(pending: hasRecorders ? [] : nil)
        let restored = memory.remember(records, before: first.policy)
        // Nothing comes before a policy that others recorded, so a rollback finds what was there.
        if first.policy.revision > 0 || records.isEmpty {
            memory.policies.remember(first.policy, first.digest, restored: restored)
        }
        let origin = UpdateOrigin(time: first.appliedAt)
        let record = memory.record(of: first.policy, first.digest, origin, gates: [], over: nil, restoring: restored)
        memory.enter(record, first.policy)
        // The first policy is no attempt to change one.
        memory.totals = [:]
        self.memory = Lock(memory)
    }

    // MARK: Reading

    var records: [UpdateRecord] {
        let (kept, policies) = memory.withLock { memory in (memory.accepted + memory.others, memory.policies) }
        // Digests may have to be made for this, which nobody else should wait for.
        return kept.sorted { $0.place < $1.place }.map { kept in
            var record = kept.record
            record.policy = policies.policy(of: record)
            return record
        }
    }

    /// How many attempts to change the policy ended in each way.
    var totals: [UpdateRecord.Outcome: Int] { memory.withLock(\.totals) }

    func policy(of revision: UInt32) -> RolloutPolicy? { memory.withLock { $0.policies[revision] } }

    /// What epochs depend on, apart from the running policy.
    var epochs: EpochMemory { memory.withLock(\.epochs) }

    /// The policy that a rollback leads to. It has the next revision, and epochs above those of all live assignments.
    func policy(
        restoring restoration: Restoration,
        from kept: RolloutPolicy? = nil,
        over running: RolloutPolicy
    ) throws(UpdateError) -> RolloutPolicy {
        // What others recorded may be later than the first policy that will run here.
        if running.revision == 0 {
            throw restoration.id.map { .nothingEarlier(of: $0, remembered: []) }
                ?? .unknownRevision(restoration.revision ?? 0, remembered: [])
        }
        let (earlier, epochs) = try memory.withLock { memory throws(UpdateError) in
            (try memory.policies.source(of: restoration, kept: kept), memory.epochs)
        }
        return try running.successor { next throws(UpdateError) in
            for (id, gone) in epochs.retired where restoration.id ?? id == id {
                next.removed[id] = max(next.removed[id] ?? 0, gone.epoch)
            }
            do throws(EditError) {
                if let id = restoration.id {
                    try next.rollBack(id, to: earlier)
                } else {
                    try next.rollBack(to: earlier)
                }
            } catch {
                throw .edit(error)
            }
        }
    }

    // MARK: Writing

    /// The record of a change that a store is to take. It is entered once the store has.
    func draft(
        _ next: RolloutPolicy,
        _ origin: UpdateOrigin,
        gates: [String],
        restoring restoration: Restoration?,
        over running: CompiledPolicy?
    ) -> UpdateRecord {
        let digest = PolicyDigest(of: next)
        return memory.withLock { memory in
            let restored = memory.policies.resolved(restoration)
            var record = memory.record(of: next, digest, origin, gates: gates, over: running, restoring: restored)
            record.policy = next
            return record
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
        let (policy, digest) = (published.policy, published.digest)
        memory.withLock { memory in
            let restored = memory.policies.resolved(restoration)
            memory.enter(
                draft ?? memory.record(of: policy, digest, origin, gates: gates, over: running, restoring: restored),
                policy
            )
            memory.policies.remember(policy, digest, restored: restored)
            memory.epochs.keep(running.policy, replacedBy: published.policy)
        }
    }

    /// Enters that a variant was stopped, which leaves the policy as it is.
    func enter(stoppedIn running: CompiledPolicy, _ origin: UpdateOrigin) {
        let revision = running.policy.revision
        memory.withLock { memory in
            memory.enter(memory.record(.stopped, at: revision, origin, gates: [], running.digest, over: running))
        }
    }

    /// Enters a policy that changed nothing, because it is older than the running one.
    func enter(ignored policy: RolloutPolicy, _ origin: UpdateOrigin, running: CompiledPolicy) {
        let digest = PolicyDigest(apartFrom: policy)
        memory.withLock { memory in
            memory.enter(memory.record(.ignored, at: policy.revision, origin, gates: [], digest, over: running))
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
            memory.enter(memory.record(.refused, error, at: revision, origin, gates: gates, digest, over: running))
        }
    }

    /// The records that the recorders have not had yet.
    func takePending() -> [UpdateRecord] {
        memory.withLock { memory in memory.pending.map { _ in exchange(&memory.pending, with: []) ?? [] } ?? [] }
    }
}

extension [UpdateHistory.Kept] {
    fileprivate mutating func keep(_ record: UpdateHistory.Kept, atMost limit: Int) {
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
