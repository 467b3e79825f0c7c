/// Loads and frees the values of a ``ResourcePool``, one preparation at a time.
///
/// **Claim:** a policy that is refused leaves no name in the process. Because values are kept by rollout and release, and the
/// variants of a policy are registered only when it is published: by the router, and here by ``finish(published:)``.
@safe final class ResourceStore<Value: Sendable>: ResourcePool, @unchecked Sendable {
    /// What a change under way needs.
    private struct Preparation {
        /// The variants that can be reached, the first one of each rollout before its others.
        let variants: [VariantRecord]
        /// What they and the defaults stand for, in the order in which it is loaded.
        let keys: [ResourceKey]
        /// What was loaded for the change.
        var fresh: Set<ResourceKey> = []
    }

    private struct Loading {
        var preparation: Preparation?
        /// Preparations that were turned away, and whose `finish` is still to come.
        var rejected = 0

        /// The preparation that a `finish` ends, or nil if it ends one that was turned away.
        ///
        /// **Claim:** what is published is kept, and what is not is freed, although `finish` does not say whose it is. Because
        /// 1. every preparation has one `finish`, so as many are due as were turned away, and one for the preparation under
        ///    way;
        /// 2. a preparation that was turned away is never published, so a `finish` that is published ends the one under way;
        /// 3. of those that are not published the order does not matter: the last one ends the preparation under way, and no
        ///    other takes its place before.
        /// Were a turned-away `finish` to end the preparation of a policy that is published, its values would be freed.
        mutating func finish(published: Bool) -> Preparation? {
            if !published, rejected > 0 {
                rejected -= 1
                return nil
            }
            return exchange(&preparation, with: nil)
        }
    }

    private let rollouts: Set<RolloutID>?
    private let defaults: [VariantRecord]
    private let load: @Sendable (RolloutID, Release) async throws -> Value
    private let freeValue: @Sendable (Value) -> Void
    private let loading = Lock(Loading())

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

    /// Loads what a policy needs and is not loaded yet.
    func prepare(for policy: RolloutPolicy) async throws {
        do throws(PolicyError) {
            try policy.validate()
        } catch {
            loading.withLock { $0.rejected += 1 }
            throw error
        }
        let preparation = preparation(for: policy)
        let isFree = loading.withLock { loading in
            guard loading.preparation == nil else {
                loading.rejected += 1
                return false
            }
            loading.preparation = preparation
            return true
        }
        guard isFree else { throw ReleaseLoadError.stillLoading }
        var missing = missing(Set(preparation.keys))
        for key in preparation.keys where missing.remove(key) != nil { try await loadValue(for: key) }
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
        return Preparation(variants: variants, keys: (variants + defaults).map(ResourceKey.init))
    }

    private func loadValue(for key: ResourceKey) async throws {
        let value: Value
        do {
            try Task.checkCancellation()
            value = try await load(key.rollout, key.release)
        } catch {
            throw ReleaseLoadError.failed(key.rollout, key.release, ThrownError(error))
        }
        let memory = UnsafeMutablePointer<Value>.allocate(capacity: 1)
        unsafe memory.initialize(to: value)
        adopt(unsafe ResourceMemory(address: UnsafeMutableRawPointer(memory)), for: key)
        loading.withLock { loading in _ = loading.preparation?.fresh.insert(key) }
    }

    /// Ends a preparation: frees what the policy that runs now does not need.
    func finish(published: Bool) {
        guard let preparation = loading.withLock({ $0.finish(published: published) }) else { return }
        guard published else { return retire(preparation.fresh.contains) }
        register(preparation.variants)
        let needed = Set(preparation.keys)
        retire { !needed.contains($0) }
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
