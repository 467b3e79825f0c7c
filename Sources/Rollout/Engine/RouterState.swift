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

    /// Every router's state: what lives as long as the process is no leak, and leak checkers can see it.
    private static let all = Lock<[RouterState]>([])

    /// Takes a policy that ``PolicyValidator`` found valid.
    init(_ policy: RolloutPolicy, appliedAt: Int64?) throws(PolicyError) {
        guard let first = CompiledPolicy(policy, after: Roster(), appliedAt: appliedAt) else {
            throw PolicyError(PolicyProblem.tooManyVariants)
        }
        cell = SnapshotCell(first.words)
        current = Lock(first)
        Self.all.withLock { $0.append(self) }
    }

    /// The policy that runs.
    var compiled: CompiledPolicy { current.withLock { $0 } }

    /// How many updates were ignored because they came with an older revision.
    var ignoredUpdates: Int { ignored.load(ordering: .relaxed) }

    /// Publishes a valid policy and gives the revision that runs afterwards.
    func update(to policy: RolloutPolicy, from expected: UInt32?, appliedAt: Int64?) throws(UpdateError) -> UInt32 {
        try writer.withLock { _ throws(UpdateError) in
            let running = compiled
            let revision = running.policy.revision
            if let expected, expected != revision { throw .conflict(current: revision) }
            if policy.revision == revision, policy != running.policy { throw .conflict(current: revision) }
            if policy.revision <= revision {
                if policy.revision < revision { ignored.wrappingAdd(1, ordering: .relaxed) }
                return revision
            }
            guard let next = CompiledPolicy(policy, after: running.roster, appliedAt: appliedAt) else {
                throw .invalid(PolicyError(PolicyProblem.tooManyVariants))
            }
            publish(next)
            return policy.revision
        }
    }

    /// The policy it replaces is given up outside the lock, for that may mean to free a large one.
    private func publish(_ next: CompiledPolicy) {
        _ = current.withLock { current in
            cell.publish(next.words)
            return exchange(&current, with: next)
        }
    }
}
