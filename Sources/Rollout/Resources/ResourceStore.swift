/// Loads and frees the values of a ``ResourcePool``, one preparation at a time.
///
/// **Claim:** a policy that is refused leaves no name in the process. Because values are kept by rollout and release, and the
/// variants of a policy are registered only when it is published: by the router, and here by ``finish(published:)``.
@safe final class ResourceStore<Value: Sendable>: ResourcePool, @unchecked Sendable {
    /// What a change under way needs. All but `fresh` stays as it is; that is guarded by `current`.
    private final class Preparation: @unchecked Sendable {
        /// The variants that can be reached, the first one of each rollout before its others.
        let variants: [VariantRecord]
        /// What they and the defaults stand for, in the order in which it is loaded.
        let keys: [ResourceKey]
        /// What was loaded for the change.
        var fresh: Set<ResourceKey> = []

        init(_ variants: [VariantRecord], _ keys: [ResourceKey]) {
            self.variants = variants
            self.keys = keys
        }
    }

    private let rollouts: Set<RolloutID>?
    private let defaults: [VariantRecord]
    private let load: @Sendable (RolloutID, Release) async throws -> Value
    private let freeValue: @Sendable (Value) -> Void
    /// The preparation under way, from its turn to its end.
    private let current = Lock<Preparation?>(nil)
    private let preparing = Turns()
    private let loading = Turns()

    init(
        rollouts: Set<RolloutID>?,
        defaults: [RolloutID: Release],
        load: @escaping @Sendable (RolloutID, Release) async throws -> Value,
        free: @escaping @Sendable (Value) -> Void
    ) {
        self.rollouts = rollouts
        self.defaults = defaults.map { VariantRecord(rollout: $0.key, name: .default, release: $0.value) }
            .sorted { $0.rollout < $1.rollout }
        self.load = load
        self.freeValue = free
    }

    /// Loads what a policy needs and is not loaded yet. If it throws, it leaves nothing behind.
    ///
    /// Two things can hold it up: an earlier preparation whose change has not ended for all gates, and a load that goes on
    /// although its task was cancelled. The second one only holds up a preparation that has something to load.
    ///
    /// **Claim:** ``finish(published:)`` ends the preparation that it is about, although it does not say which. Because
    /// 1. only a preparation that returned is finished. It was not cancelled before, so it is still the current one;
    /// 2. from then on only its finish makes room for another.
    func prepare(for policy: RolloutPolicy) async throws {
        try policy.validate()
        let preparation = preparation(for: policy)
        try await preparing.take()
        current.withLock { $0 = preparation }
        do {
            try await withTaskCancellationHandler {
                try await load(preparation)
            } onCancel: {
                // In a task of its own, because it calls the service's code, and whoever cancels may hold a lock.
                Task { end(preparation) }
            }
            try Task.checkCancellation()
        } catch {
            end(preparation)
            throw Task.isCancelled ? CancellationError() : error
        }
    }

    /// Ends a preparation without publishing it, unless it has ended: frees what was loaded for it.
    private func end(_ preparation: Preparation) {
        let isCurrent = current.withLock { current in
            guard current === preparation else { return false }
            current = nil
            return true
        }
        guard isCurrent else { return }
        retire(preparation.fresh.contains)
        preparing.pass()
    }

    /// What a valid policy needs, in order of ids.
    private func preparation(for policy: RolloutPolicy) -> Preparation {
        let withDefault = Set(defaults.map(\.rollout))
        let relevant = policy.rollouts.filter { id, _ in rollouts?.contains(id) ?? true || withDefault.contains(id) }
        let variants = relevant.sorted { $0.key < $1.key }.flatMap { id, definition in
            let allocation = Allocation(definition)
            return allocation.reachable.map { place in
                let (name, release) = allocation.variants[place]
                return VariantRecord(rollout: id, name: name, release: release)
            }
        }
        return Preparation(variants, (variants + defaults).map(ResourceKey.init))
    }

    private func load(_ preparation: Preparation) async throws {
        var missing = missing(Set(preparation.keys))
        if missing.isEmpty { return }
        try await loading.take()
        defer { loading.pass() }
        for key in preparation.keys where missing.remove(key) != nil {
            try Task.checkCancellation()
            let value: Value
            do {
                value = try await load(key.rollout, key.release)
            } catch {
                throw ReleaseLoadError(key.rollout, key.release, error)
            }
            try keep(value, for: key, preparation)
        }
    }

    /// Takes in a value, or frees it if its preparation has ended meanwhile.
    private func keep(_ value: Value, for key: ResourceKey, _ preparation: Preparation) throws {
        let memory = UnsafeMutablePointer<Value>.allocate(capacity: 1)
        unsafe memory.initialize(to: value)
        let address = unsafe ResourceMemory(address: UnsafeMutableRawPointer(memory))
        let isKept = current.withLock { current in
            guard current === preparation else { return false }
            preparation.fresh.insert(key)
            adopt(address, for: key)
            return true
        }
        guard !isKept else { return }
        unsafe free(address.address, for: key)
        throw CancellationError()
    }

    /// Ends the preparation that returned: frees what the policy that runs now does not need.
    func finish(published: Bool) {
        guard let preparation = current.withLock({ $0 }) else { return }
        guard published else { return end(preparation) }
        register(preparation.variants)
        let needed = Set(preparation.keys)
        retire { !needed.contains($0) }
        current.withLock { $0 = nil }
        preparing.pass()
    }

    /// Registers the variants of a policy that runs, which the router has done as well, and points them to their values.
    ///
    /// If the registry is full, no router can run the policy, and no decision asks for its values.
    private func register(_ variants: [VariantRecord]) {
        guard let numbers = VariantRegistry.shared.intern(variants)?.map(\.number),
            let defaultNumbers = VariantRegistry.shared.intern(defaults, usingReserve: true)?.map(\.number)
        else { return }
        point(zip(numbers + defaultNumbers, variants + defaults).map { ($0, ResourceKey($1)) })
        // The first variant of each rollout stands in for the others, the default for those of a rollout that is absent.
        setSubstitutes(
            Dictionary(zip((variants + defaults).map(\.rollout), numbers + defaultNumbers)) { first, _ in first }
        )
    }

    override func free(_ value: UnsafeMutableRawPointer, for key: ResourceKey) {
        let memory = unsafe value.assumingMemoryBound(to: Value.self)
        freeValue(unsafe memory.move())
        unsafe memory.deallocate()
    }
}

/// Something that one task at a time may have, in the order in which they ask for it.
private final class Turns: Sendable {
    private struct State {
        var isTaken = false
        var waiting: [OneShot<Bool>] = []
    }

    private let state = Lock(State())

    /// Returns when it is the task's turn. Throws `CancellationError` if the task is cancelled first.
    func take() async throws {
        let turn = OneShot<Bool>()
        state.withLock { state in
            if state.isTaken { state.waiting.append(turn) } else { turn.fulfil(true) }
            state.isTaken = true
        }
        let isMine = await withTaskCancellationHandler {
            await turn.value
        } onCancel: {
            turn.fulfil(false)
        }
        if isMine { return }
        state.withLock { state in state.waiting.removeAll { $0 === turn } }
        throw CancellationError()
    }

    /// Passes the turn on to the first task that still waits for it.
    func pass() {
        state.withLock { state in
            while !state.waiting.isEmpty {
                if state.waiting.removeFirst().fulfil(true) { return }
            }
            state.isTaken = false
        }
    }
}
