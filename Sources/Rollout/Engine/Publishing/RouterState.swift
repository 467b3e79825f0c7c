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
    /// What features keep for this router.
    private let features = Lock<[ObjectIdentifier: any RouterFeature]>([:])
    /// A count that orders nothing, so relaxed; asking for it waits for no writer.
    private let ignored = Atomic<Int>(0)

    /// Every router's state: what lives as long as the process is no leak, and leak checkers can see it.
    private static let all = Lock<[RouterState]>([])

    /// Takes a policy that ``PolicyValidator`` found valid.
    init(_ policy: RolloutPolicy, appliedAt: UnixTime) throws(PolicyError) {
        let first = try CompiledPolicy(policy, after: Roster(), appliedAt: appliedAt)
        cell = SnapshotCell(first.words)
        current = Lock(first)
        Self.all.withLock { $0.append(self) }
    }

    /// The state behind a handle's cell. O(routers of the process), for what needs the policy as an object.
    static func behind(_ cell: SnapshotCell) -> RouterState {
        guard let state = all.withLock({ $0.first { unsafe $0.cell.words == cell.words } }) else {
            preconditionFailure("a handle without a router")
        }
        return state
    }

    /// The policy that runs.
    var compiled: CompiledPolicy { current.withLock { $0 } }

    /// How many updates were ignored because they came with an older revision.
    var ignoredUpdates: Int { ignored.load(ordering: .relaxed) }

    /// Counts an update that came with an older revision.
    func countIgnored() { ignored.wrappingAdd(1, ordering: .relaxed) }

    /// Publishes a policy. Only under the writers' lock.
    ///
    /// The policy it replaces is given up outside the lock, for that may mean to free a large one.
    func publish(_ next: CompiledPolicy) {
        _ = current.withLock { current in
            cell.publish(next.words)
            return exchange(&current, with: next)
        }
    }

    /// What a feature keeps for this router; the first to ask has it made of the policy that then runs.
    func feature<Feature: RouterFeature>(_ type: Feature.Type) -> Feature {
        features.withLock { features in
            if let known = features[ObjectIdentifier(type)] as? Feature { return known }
            let new = Feature(startingWith: compiled)
            features[ObjectIdentifier(type)] = new
            return new
        }
    }
}

/// What a feature keeps for each router, for as long as the router lives.
///
/// So that this layer need not know the features that build on it.
protocol RouterFeature: AnyObject, Sendable {
    init(startingWith policy: CompiledPolicy)
}
