/// Loads and frees the values of a ``ResourcePool``, one preparation at a time.
///
/// **Claim:** a policy that is refused leaves no name in the process. Because values are kept by rollout and release, and the
/// variants of a policy are registered only when it is published: by the router, and here by ``finish(published:)``.
@safe final class ResourceStore<Value: Sendable>: ResourcePool, @unchecked Sendable {
    /// What a change under way needs.
    private struct Preparation {
        /// The variants that can be reached, and the defaults.
        let variants: [VariantRecord]
        /// The first variant of each rollout; the default of one that the policy lacks.
        let substitutes: [VariantRecord]
        var fresh: Set<ResourceKey> = []

        var keys: Set<ResourceKey> { Set(variants.map(ResourceKey.init)) }
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
    private let defaults: [RolloutID: Release]
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
        self.defaults = defaults
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
        var missing = missing(preparation.keys)
        for key in preparation.variants.map(ResourceKey.init) where missing.remove(key) != nil {
            try await loadValue(for: key)
        }
    }

    /// What a valid policy needs, in order of ids.
    private func preparation(for policy: RolloutPolicy) -> Preparation {
        var (variants, substitutes): ([VariantRecord], [VariantRecord]) = ([], [])
        for id in Set(policy.rollouts.keys).union(defaults.keys).sorted() {
            let fallback = defaults[id].map { VariantRecord(rollout: id, name: "default", release: $0) }
            guard fallback != nil || rollouts?.contains(id) ?? true else { continue }
            let allocation = policy.rollouts[id].map(Allocation.init)
            let reachable = allocation.map { allocation in
                allocation.reachable.map { place in
                    let (name, release) = allocation.variants[place]
                    return VariantRecord(rollout: id, name: name, release: release)
                }
            }
            let all = (reachable ?? []) + [fallback].compactMap(\.self)
            variants += all
            substitutes += all.prefix(1)
        }
        return Preparation(variants: variants, substitutes: substitutes)
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
        register(preparation)
        let needed = preparation.keys
        retire { !needed.contains($0) }
    }

    /// Registers the variants of a policy that runs, which the router has done as well, and points them to their values.
    ///
    /// If the registry is full, no router can run the policy and no decision asks for its values.
    private func register(_ preparation: Preparation) {
        let (variants, substitutes) = (preparation.variants, preparation.substitutes)
        guard let registered = VariantRegistry.shared.intern(variants + substitutes) else { return }
        let numbers = registered.map(\.number)
        point(zip(numbers, variants).map { ($0, ResourceKey($1)) })
        setSubstitutes(
            Dictionary(uniqueKeysWithValues: zip(substitutes.map(\.rollout), numbers.dropFirst(variants.count)))
        )
    }

    override func free(_ value: UnsafeMutableRawPointer, for key: ResourceKey) {
        let memory = unsafe value.assumingMemoryBound(to: Value.self)
        freeValue(unsafe memory.move())
        unsafe memory.deallocate()
    }
}
