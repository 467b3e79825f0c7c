import Rollout

/// The policy of a fleet, in etcd.
///
///     let store = EtcdStore(EtcdGateway("http://127.0.0.1:2379"))
///     let (records, problems) = try await store.records()
///     let updater = RolloutUpdater(router, store: store, remembering: records)
///     let follower = PolicyFollower(of: store, updating: updater, every: .milliseconds(100))
///
/// The store waits for changes itself. So give its follower a short interval, which is only how long it rests after something that
/// was no news.
///
/// Under a prefix, etcd holds the policy and a log:
///
///     rollout/policy                              the bytes of the policy
///     rollout/log/0000000035-3f…c2-7              a record of each change: its revision, and the process and its number there
///
/// The log goes back 1,000 revisions from the policy that was put last. Those are as few changes as the revision rose in: ten, if it
/// rose by a hundred each time. The policies of the log are what etcd held when the records were stored, as far
/// back as it is not compacted.
///
/// **Claim:** a change is stored exactly once, with its record, or not at all, even if the answer is lost. Because
///
/// 1. the policy and the record are put in one transaction, which compares the revision of etcd that last changed the policy, and
///    the record that came with it. After that one is stored, the comparison holds for no other transaction;
/// 2. no two changes have a record of the same name, because a process draws its name at random and counts its attempts;
/// 3. so if an answer is lost, the same transaction may be sent again. It stores what was not stored, or it finds its own record.
///
/// Revisions of etcd begin anew if its data are wiped. That is why a record is compared beside the revision.
public actor EtcdStore: PolicyStore {
    /// What etcd takes in one request, in bytes: 1.5 MiB, as long as it is not started with another `--max-request-bytes`.
    public static let requestLimit = 1_572_864
    /// What the keys and the comparisons of a transaction may take of that.
    private static let overhead = 1_024
    private static let recordsKept: UInt32 = 1_000
    private static let recordsRead: Int64 = 64

    /// The address of etcd and the prefix, for errors and the history.
    public nonisolated let name: String

    private let etcd: EtcdGateway
    private let policyKey: String
    private let log: String
    private let clock: any Clock<Duration>

    /// What ``next()`` handed out or found last, and the revision of etcd then. Nil if nothing is known.
    private var seen: (policy: StoredPolicy?, revision: Int64)?
    private var brokenWatches = 0

    /// A store. Nothing is read before it is used.
    ///
    /// - Parameters:
    ///   - etcd: Where etcd is.
    ///   - prefix: What the keys begin with. Its last character must not be a slash.
    ///   - clock: Measures the pauses after watches that were broken.
    public init(_ etcd: EtcdGateway, under prefix: String = "rollout", clock: any Clock<Duration> = ContinuousClock()) {
        (self.etcd, self.clock) = (etcd, clock)
        (policyKey, log) = ("\(prefix)/policy", "\(prefix)/log/")
        name = "etcd \(etcd.address)/\(prefix)"
    }

    // MARK: Reading

    /// The policy, with its record unless somebody put it by hand.
    public func read() async throws -> StoredPolicy? { try await look().policy }

    /// Returns what the store holds when it is asked first, and then as soon as it holds something else.
    ///
    /// The watch only wakes, and a range decides. So compaction, wiped data and connections that lead nowhere need no code of their
    /// own: each is a message, an error or silence, and leads to the next range.
    public func next() async throws -> [UInt8]? {
        while true {
            // There is none after the last one, and whatever else answers at the address may say that it is there.
            if let seen { await wait(from: seen.revision < .max ? seen.revision + 1 : .max) }
            try Task.checkCancellation()
            let before = seen
            // If this fails, the next call looks at once.
            seen = nil
            let now = try await look()
            seen = now
            if let before, before.policy == now.policy { continue }
            guard let policy = now.policy else { throw UpdateError.missing(in: name) }
            return policy.bytes
        }
    }

    private func wait(from revision: Int64) async {
        guard await etcd.wait(for: policyKey, from: revision) == .broken else { return brokenWatches = 0 }
        brokenWatches = min(brokenWatches + 1, 8)
        // 50 ms, then twice as long each time, up to 6.4 s.
        try? await clock.sleep(for: .milliseconds(25 << brokenWatches))
    }

    private func look() async throws(EtcdError) -> (policy: StoredPolicy?, revision: Int64) {
        let answer = try await etcd.transact(EtcdTransaction(then: lookup))
        return (held(in: answer), answer.revision)
    }

    /// The policy, and the record that was stored last.
    private var lookup: [EtcdTransaction.Operation] {
        [.range(EtcdRange(policyKey)), .range(EtcdRange(newest: 1, with: log))]
    }

    private func held(in answer: EtcdTransaction.Answer) -> StoredPolicy? {
        guard answer.ranges.count >= 2, let policy = answer.ranges[0].first else { return nil }
        // Somebody may have put a policy by hand, without a record.
        let record = answer.ranges[1].first { $0.modified == policy.modified }
        let version = Version(revision: policy.modified, record: record?.name)
        return StoredPolicy(policy.bytes, version: version.description, record: record?.bytes)
    }

    // MARK: Writing

    /// Stores the policy and the record in one transaction. A condition names a key of etcd and the revision that made it, as
    /// ``Leadership`` does.
    ///
    /// If no answer comes, the transaction is sent once more, and either finds out what became of the first one or the answer is
    /// that nobody knows.
    public func swap(
        _ policy: [UInt8],
        record: [UInt8],
        expecting version: String?,
        requiring condition: StoreCondition?
    ) async -> StoreAnswer {
        let size = policy.count + record.count
        if size > Self.requestLimit - Self.overhead {
            return .refused(
                GateRefusal(
                    "tooLarge",
                    "a policy of \(policy.count) bytes and its record of \(record.count) are \(size), and etcd takes "
                        + "\(Self.requestLimit) in a request, of which \(Self.overhead) are for what comes with them",
                    fault: .document
                )
            )
        }
        let transaction: EtcdTransaction
        do {
            transaction = try self.transaction(policy, record, Version(version), condition)
        } catch {
            return .refused(error)
        }
        var failure: EtcdError?
        for _ in 1...2 {
            do throws(EtcdError) {
                let answer = try await etcd.transact(transaction)
                return self.answer(answer, condition)
            } catch {
                switch error.kind {
                case .refused: return .refused(error)
                // A cancelled call is not known to have been sent or not.
                case .unreached: return failure.map { .unknown($0) } ?? .unreached(error)
                case .unknown: failure = failure ?? error
                }
            }
        }
        return .unknown(failure ?? EtcdError(.unknown, "etcd did not answer"))
    }

    private func transaction(
        _ policy: [UInt8],
        _ record: [UInt8],
        _ version: Version,
        _ condition: StoreCondition?
    ) throws -> EtcdTransaction {
        let content = try UpdateRecord(json: record)
        let entry = log + Self.entry(of: content.revision ?? 0) + "-\(content.process)-\(content.number)"
        var comparisons: [EtcdTransaction.Comparison] = [.init(policyKey, modified: version.revision)]
        if let held = version.record { comparisons.append(.init(held, modified: version.revision)) }
        var lookup = lookup + [.range(EtcdRange(entry))]
        if let condition {
            comparisons.append(.init(condition.key, created: try Self.term(of: condition)))
            lookup.append(.range(EtcdRange(condition.key)))
        }
        var changes: [EtcdTransaction.Operation] = [.put(policyKey, policy), .put(entry, record)]
        if let revision = content.revision, revision > Self.recordsKept {
            changes.append(.delete(log, upTo: log + Self.entry(of: revision - Self.recordsKept)))
        }
        return EtcdTransaction(if: comparisons, then: changes, else: lookup)
    }

    private func answer(_ answer: EtcdTransaction.Answer, _ condition: StoreCondition?) -> StoreAnswer {
        // The record is there if the first of two attempts was stored, whatever came after it.
        if answer.isDone { return .stored }
        // Three ranges were asked for, and one more with a condition. Whatever else answers at the address is not etcd.
        guard answer.ranges.count >= (condition == nil ? 3 : 4) else {
            return .unknown(EtcdError(.unknown, "the answer of etcd lacks what was asked for"))
        }
        if !answer.ranges[2].isEmpty { return .stored }
        if let condition, (try? Self.term(of: condition)) != answer.ranges[3].first?.created ?? 0 {
            return .conditionFailed
        }
        return .other(held(in: answer))
    }

    private static func term(of condition: StoreCondition) throws -> Int64 {
        guard let version = condition.version else { return 0 }
        guard let term = Int64(version) else {
            throw GateRefusal(
                "condition",
                "the condition on \"\(condition.key)\" has to be a revision of etcd, and is \"\(version)\"",
                fault: .caller
            )
        }
        return term
    }

    /// Ten digits, so that the names of records have the order of revisions.
    private static func entry(of revision: UInt32) -> String {
        let digits = String(revision)
        return String(repeating: "0", count: 10 - digits.count) + digits
    }

    // MARK: Looking back

    /// The last 64 records, oldest first, with their policies: what a process that starts anew has to remember.
    ///
    /// - Returns: The records, and what is wrong with others. A record is without its policy if etcd has compacted that.
    public func records() async throws(EtcdError) -> (records: [UpdateRecord], problems: [String]) {
        try await read(try await etcd.range(EtcdRange(newest: Self.recordsRead, with: log)).entries)
    }

    /// The records that were stored after the last one that is known, oldest first, as far as the log goes back: for whoever keeps
    /// them longer.
    ///
    /// - Parameter isKnown: Whether a record of this process and this number is kept already.
    /// - Returns: The records, and what is wrong with others. A record is without its policy if etcd has compacted that.
    /// - Throws: Why etcd cannot be read.
    public func records(
        after isKnown: @Sendable (_ process: String, _ number: Int) -> Bool
    ) async throws(EtcdError) -> (records: [UpdateRecord], problems: [String]) {
        func news(among limit: Int64) async throws(EtcdError) -> (entries: [EtcdEntry], isAll: Bool) {
            let entries = try await etcd.range(EtcdRange(newest: limit, with: log)).entries
            let news = entries.prefix { entry in
                guard let record = try? UpdateRecord(json: entry.bytes) else { return true }
                return !isKnown(record.process, record.number)
            }
            return (Array(news), news.count < entries.count || entries.count < limit)
        }
        // Most of the time there is nothing new, or little.
        var latest = try await news(among: 8)
        if !latest.isAll { latest = try await news(among: Int64(Self.recordsKept) * 2) }
        return try await read(latest.entries)
    }

    /// Reads entries of the log, the newest first, with the policies that were stored with them.
    private func read(_ entries: [EtcdEntry]) async throws(EtcdError) -> (records: [UpdateRecord], problems: [String]) {
        var (records, problems): ([UpdateRecord], [String]) = ([], [])
        var isCompacted = false
        for entry in entries {
            var policy: [UInt8]?
            if !isCompacted {
                do throws(EtcdError) {
                    policy = try await etcd.range(EtcdRange(policyKey, at: entry.modified)).entries.first?.bytes
                } catch {
                    guard error.kind == .refused else { throw error }
                    isCompacted = true
                }
            }
            do throws(PolicyError) {
                let record = try UpdateRecord(json: entry.bytes)
                let whole = try policy.map(RolloutPolicy.init(json:)).map(record.completed(by:)) ?? record
                if let whole { records.append(whole) } else { problems.append("\(entry.name) is of another policy") }
            } catch {
                problems.append("\(entry.name): \(error)")
            }
        }
        return (records.reversed(), problems)
    }
}

/// The version of a policy: the revision of etcd that last changed it, and the record that was stored with it.
private struct Version: CustomStringConvertible {
    /// 0 if there is no policy.
    let revision: Int64
    let record: String?

    init(revision: Int64, record: String?) { (self.revision, self.record) = (revision, record) }

    init(_ text: String?) {
        let parts = text?.split(separator: " ", maxSplits: 1) ?? []
        revision = parts.first.flatMap { Int64($0) } ?? 0
        record = parts.count > 1 ? String(parts[1]) : nil
    }

    var description: String { record.map { "\(revision) \($0)" } ?? "\(revision)" }
}
