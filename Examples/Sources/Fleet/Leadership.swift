import Rollout

/// Has one process of a fleet do something at a time: whoever holds a key of etcd.
///
///     let leadership = Leadership(gateway)
///     try await leadership.run { term in try await progression.run(requiring: term) }
///
/// The key goes with a lease, which the leader makes last for as long as it lives. So another process takes over within two leases
/// after one has died, or stood still for a lease.
///
/// **Claim:** no write of a leader that was replaced is stored, whenever it wakes up. Because
///
/// 1. the key is made in a transaction that compares its create revision with 0, and etcd gives no two keys that follow each other
///    the same create revision. So the create revision is a name of the term;
/// 2. every write that requires the term compares it in the transaction that stores the policy.
///
/// The leader's clock plays no part in that. Comparing the policy's own revision instead is not enough: a successor that holds
/// changes no policy, and what its predecessor has decided by then would still fit.
public struct Leadership: Sendable {
    private static let leaseSeconds: Int64 = 3
    private static let lease = Duration.seconds(leaseSeconds)

    private let etcd: EtcdGateway
    private let key: String
    private let name: String
    private let report: @Sendable (Bool) -> Void

    /// A candidate.
    ///
    /// - Parameters:
    ///   - etcd: Where etcd is.
    ///   - key: The key that the leader holds.
    ///   - name: What the key says about its holder, for people.
    ///   - report: Called with true when this process leads, and with false when it leads no longer.
    public init(
        _ etcd: EtcdGateway,
        key: String = "rollout/leader",
        as name: String,
        report: @escaping @Sendable (Bool) -> Void = { _ in }
    ) {
        (self.etcd, self.key, self.name, self.report) = (etcd, key, name, report)
    }

    /// Leads whenever this process can, until the body has returned in its term or the task is cancelled.
    ///
    /// - Parameter body: What the leader does. It gets the condition of its term for its writes. Its task is cancelled when the term
    ///   ends, and nothing goes on before it has returned.
    /// - Throws: What the body throws, unless its term has ended.
    public func run(_ body: @escaping @Sendable (_ term: StoreCondition) async throws -> Void) async throws {
        while !Task.isCancelled {
            // Whoever could not be asked is asked again.
            guard let term = try? await campaign() else {
                try? await Task.sleep(for: Self.lease / 6)
                continue
            }
            if try await lead(in: term, body) { return }
        }
    }

    private struct Term: Sendable {
        let lease: Int64
        let revision: Int64
        /// When the lease ends if nothing makes it last longer.
        let end: ContinuousClock.Instant
    }

    /// Makes the key if nobody holds it.
    private func campaign() async throws(EtcdError) -> Term? {
        if try await !etcd.range(EtcdRange(key)).entries.isEmpty { return nil }
        let end = ContinuousClock.now + Self.lease
        let lease = try await etcd.grant(seconds: Self.leaseSeconds)
        let answer = try await etcd.transact(
            EtcdTransaction(
                if: [.init(key, created: 0)],
                then: [.put(key, Array(name.utf8), lease: lease)]
            )
        )
        if answer.isDone { return Term(lease: lease, revision: answer.revision, end: end) }
        try await etcd.revoke(lease)
        return nil
    }

    /// Runs the body until it returns or the term ends.
    ///
    /// - Returns: Whether the body has returned in its term.
    private func lead(
        in term: Term,
        _ body: @escaping @Sendable (StoreCondition) async throws -> Void
    ) async throws -> Bool {
        report(true)
        defer { report(false) }
        let condition = StoreCondition(key, at: String(term.revision))
        let work = Task { try await body(condition) }
        let keeping = Task {
            await keep(term)
            work.cancel()
        }
        let result = await withTaskCancellationHandler {
            await work.result
        } onCancel: {
            work.cancel()
        }
        let hasLost = work.isCancelled
        keeping.cancel()
        await keeping.value
        // Others need not wait for the lease to end. This task may be cancelled, and that one is not.
        await Task { try? await etcd.revoke(term.lease) }.value
        if hasLost { return false }
        try result.get()
        return true
    }

    /// Makes the lease last, and returns when it may have ended.
    private func keep(_ term: Term) async {
        var end = term.end
        while ContinuousClock.now < end, !Task.isCancelled {
            try? await Task.sleep(for: Self.lease / 6)
            let asked = ContinuousClock.now
            switch await alive(term.lease) {
            case true?: end = asked + Self.lease
            case false?: return
            case nil: break
            }
        }
    }

    /// Whether the lease goes on, or nil if etcd does not say.
    private func alive(_ lease: Int64) async -> Bool? { try? await etcd.keepAlive(lease) }
}
