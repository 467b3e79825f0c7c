/// What a router's copies share: the published policy, the compiled one behind it, and the lock that writers take.
///
/// Lives as long as the process, so that routers and handles can be plain words.
final class RouterState: Sendable {
    /// Where readers find the policy.
    let cell = SnapshotCell()

    /// The policy as an object. Held for a moment, never while a policy is compiled.
    private let current: Lock<CompiledPolicy>
    /// Held by the one writer, and the count of documents that came too late.
    private let writer = Lock<Int>(0)

    /// Takes a policy that ``PolicyValidator`` found valid.
    init(_ policy: RolloutPolicy, appliedAt: Int64?) throws(PolicyError) {
        guard let first = CompiledPolicy(policy, after: Roster(), appliedAt: appliedAt) else {
            throw PolicyError(PolicyProblem.tooManyVariants)
        }
        current = Lock(first)
        cell.publish(first.words)
    }

    private static let kept = Lock<[RouterState]>([])

    /// Keeps a state for as long as the process lives.
    static func keep(_ state: RouterState) { kept.withLock { $0.append(state) } }

    /// The policy that runs.
    var compiled: CompiledPolicy { current.withLock { $0 } }

    /// How many updates were ignored because they came with an older revision.
    var ignoredUpdates: Int { writer.withLock { $0 } }

    /// Publishes a valid policy and gives the revision that runs afterwards.
    func update(to policy: RolloutPolicy, from expected: UInt32?, appliedAt: Int64?) throws(UpdateError) -> UInt32 {
        try writer.withLock { ignored throws(UpdateError) in
            let running = compiled
            let revision = running.policy.revision
            if let expected, expected != revision { throw .conflict(current: revision) }
            if policy.revision == revision, policy != running.policy { throw .conflict(current: revision) }
            if policy.revision <= revision {
                if policy.revision < revision { ignored += 1 }
                return revision
            }
            guard let next = CompiledPolicy(policy, after: running.roster, appliedAt: appliedAt) else {
                throw .invalid(PolicyError(PolicyProblem.tooManyVariants))
            }
            // In one step for those who ask both ways: a snapshot waits for the lock, so neither the snapshot after a
            // decision nor the decision after a snapshot can be of an older revision. And a handle made of the new
            // roster cannot meet the old image, which may have no room for its ordinal.
            current.withLock { current in
                cell.publish(next.words)
                current = next
            }
            return policy.revision
        }
    }
}
