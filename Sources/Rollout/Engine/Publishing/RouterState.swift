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
    /// the other has shown, and every policy that a handle meets has the handle's seat. Because
    /// 1. a policy is published and becomes the object under this one lock, and handles take their seats from the object.
    ///    If it became the object first, another thread could take a seat from it and read beyond the end of the policy
    ///    that is still published;
    /// 2. each policy is compiled after the roster of the one it replaces, under the writers' lock, and a roster only grows.
    private let current: Lock<CompiledPolicy>
    /// Held by the one writer.
    let writer = Lock<Void>(())
    /// A count that orders nothing, so it is relaxed.
    private let ignored = Atomic<Int>(0)
    private let hasUpdater = Atomic<Bool>(false)
    /// What counts the outcomes of the router's decisions, as an address; 0 until somebody asks for it.
    let recorder = Atomic<UInt>(0)

    /// Every router's state: what lives as long as the process is no leak, and leak checkers can see it.
    private static let all = Lock<[RouterState]>([])

    /// Runs a policy.
    init(_ first: CompiledPolicy) {
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

    /// Whether this is the first updater to claim the router, for the life of the process.
    func claimUpdater() -> Bool { !hasUpdater.exchange(true, ordering: .relaxed) }

    /// Compiles a valid policy and publishes it.
    ///
    /// - Throws: `PolicyError` if the process knows too many names for the new ones to fit.
    @discardableResult
    func publish(_ policy: RolloutPolicy, appliedAt time: UnixTime) throws(PolicyError) -> CompiledPolicy {
        try writer.withLock { _ throws(PolicyError) in
            let running = compiled
            var stops = running.stops
            if !stops.isEmpty { stops.end(with: policy) }
            let next = try CompiledPolicy(policy, after: running.roster, without: stops, appliedAt: time)
            publish(next)
            return next
        }
    }

    /// Stops serving a variant of the running policy, in this process alone, until its rollout's epoch rises.
    ///
    /// The policy is published again, and stays the same to everybody: the same revision, and no update.
    ///
    /// - Returns: The policy that runs.
    func stop(_ variant: VariantName, of id: RolloutID) -> CompiledPolicy {
        writer.withLock { _ in
            let running = compiled
            guard let epoch = running.policy.rollouts[id]?.epoch else { return running }
            var stops = running.stops
            stops.stop(variant, of: id, at: epoch)
            let next = running.stopping(stops)
            publish(next)
            return next
        }
    }

    /// Publishes a policy that was compiled after the running one, under the same hold of the writers' lock. Otherwise a seat
    /// that is added in between would be lost.
    ///
    /// The policy it replaces is given up outside the inner lock, because that may free a large one.
    private func publish(_ next: CompiledPolicy) {
        assert(next.roster.count >= compiled.roster.count, "compiled after another policy than the running one")
        _ = current.withLock { current in
            cell.publish(next.words)
            return exchange(&current, with: next)
        }
    }

    /// The ordinal of the seat that handles with this default hold.
    ///
    /// The first time, the running policy is published again with room for the seat. It stays the same policy to everybody:
    /// the same revision, and no update.
    func seat(of id: RolloutID, default release: Release) -> Int {
        if let known = compiled.roster.seat(of: id, default: release) { return known }
        return writer.withLock { _ in
            let running = compiled
            if let known = running.roster.seat(of: id, default: release) { return known }
            let next = running.seating(id, default: release)
            publish(next)
            return next.roster.count - 1
        }
    }
}
