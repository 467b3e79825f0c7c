import Synchronization

/// What a router's copies share: the published policy, the compiled one behind it, and the lock that writers take.
///
/// Lives as long as the process, so that routers and handles can be plain words.
final class RouterState: Sendable {
    /// Where readers find the policy.
    let cell: SnapshotCell

    /// The policy as an object. Held for a moment, never while a policy is compiled.
    ///
    /// **Claim:** handles and snapshots agree, in whatever order a thread asks them: neither answers by an older policy than
    /// the other has shown, and a handle's ordinal is known to every policy that the handle meets. Because a policy
    /// is published and becomes the object under this one lock. Were it the object first, another thread could take an
    /// ordinal from it and read beyond the end of the policy that is still published.
    private let current: Lock<CompiledPolicy>
    /// Held by the one writer.
    let writer = Lock<Void>(())
    /// A count that orders nothing, so relaxed; asking for it waits for no writer.
    private let ignored = Atomic<Int>(0)
    private let hasUpdater = Atomic<Bool>(false)

    /// Every router's state: what lives as long as the process is no leak, and leak checkers can see it.
    private static let all = Lock<[RouterState]>([])

    /// Takes a policy that ``PolicyValidator`` found valid.
    init(_ policy: RolloutPolicy, appliedAt: UnixTime) throws(PolicyError) {
        let first = try CompiledPolicy(policy, after: Roster(), appliedAt: appliedAt)
        cell = SnapshotCell(first.words)
        current = Lock(first)
        Self.all.withLock { $0.append(self) }
    }

    /// The policy that runs.
    var compiled: CompiledPolicy { current.withLock { $0 } }

    /// How many updates were ignored because they came with an older revision.
    var ignoredUpdates: Int { ignored.load(ordering: .relaxed) }

    /// Counts an update that came with an older revision.
    func countIgnored() { ignored.wrappingAdd(1, ordering: .relaxed) }

    /// Whether this is the first updater to claim the router, for the life of the process.
    func claimUpdater() -> Bool { !hasUpdater.exchange(true, ordering: .relaxed) }

    /// Compiles a valid policy and publishes it.
    ///
    /// - Throws: `PolicyError` if the process knows too many names for the new ones to fit.
    @discardableResult
    func publish(_ policy: RolloutPolicy, appliedAt time: UnixTime) throws(PolicyError) -> CompiledPolicy {
        try writer.withLock { _ throws(PolicyError) in
            let next = try CompiledPolicy(policy, after: compiled.roster, appliedAt: time)
            publish(next)
            return next
        }
    }

    /// Publishes a policy. Only under the writers' lock.
    ///
    /// The policy it replaces is given up outside the lock, because that may mean to free a large one.
    private func publish(_ next: CompiledPolicy) {
        _ = current.withLock { current in
            cell.publish(next.words)
            return exchange(&current, with: next)
        }
    }
}
