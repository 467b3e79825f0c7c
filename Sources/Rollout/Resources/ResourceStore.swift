/// Loads and frees the values of a ``ResourcePool``, one preparation at a time.
@safe final class ResourceStore<Value: Sendable>: ResourcePool, @unchecked Sendable {
    /// What an update under way needs.
    private struct Preparation {
        let keys: Set<ResourceKey>
        let firsts: [RolloutID: VariantNumber]
        var fresh: Set<ResourceKey> = []
    }

    private struct Loading {
        var preparation: Preparation?
        /// Preparations that were turned away, and whose `finish` is still to come.
        ///
        /// A `finish` does not say whose it is. It need not: while one preparation is stuck, all updates fail.
        var rejected = 0
    }

    private let rollouts: Set<RolloutID>?
    private let load: @Sendable (RolloutID, Release) async throws -> Value
    private let freeValue: @Sendable (Value) -> Void
    private let loading = Lock(Loading())

    init(
        rollouts: Set<RolloutID>?,
        load: @escaping @Sendable (RolloutID, Release) async throws -> Value,
        free: @escaping @Sendable (Value) -> Void
    ) {
        self.rollouts = rollouts
        self.load = load
        self.freeValue = free
    }

    func prepare(for policy: RolloutPolicy) async throws {
        let relevant = policy.rollouts.filter { rollouts?.contains($0.key) ?? true }.sorted { $0.key < $1.key }
        let records = relevant.flatMap { id, definition in
            definition.reachableVariants.map { VariantRecord(rollout: id, name: $0.name, release: $0.release) }
        }
        guard let numbers = VariantRegistry.shared.intern(records)?.map(\.number) else {
            throw UpdateError.invalid(PolicyError(PolicyProblem.tooManyVariants))
        }
        let variants = zip(numbers, records).map { ($0, ResourceKey(rollout: $1.rollout, release: $1.release)) }
        // The first variant of a rollout is the first of its records.
        let firsts = Dictionary(zip(records.map(\.rollout), numbers)) { first, _ in first }
        let keys = Set(variants.map(\.1))
        let isFree = loading.withLock { loading in
            guard loading.preparation == nil else {
                loading.rejected += 1
                return false
            }
            loading.preparation = Preparation(keys: keys, firsts: firsts)
            return true
        }
        guard isFree else { throw ReleaseLoadError.stillLoading }
        let missing = missing(keys)
        for (_, key) in variants where missing.contains(key) && !isFresh(key) { try await loadValue(for: key) }
        point(variants)
    }

    private func isFresh(_ key: ResourceKey) -> Bool {
        loading.withLock { $0.preparation?.fresh.contains(key) ?? false }
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

    func finish(published: Bool) {
        let finished: Preparation? = loading.withLock { loading in
            guard loading.rejected == 0 else {
                loading.rejected -= 1
                return nil
            }
            return exchange(&loading.preparation, with: nil)
        }
        guard let preparation = finished else { return }
        if published { setFirsts(preparation.firsts) }
        retire { published ? !preparation.keys.contains($0) : preparation.fresh.contains($0) }
    }

    override func free(_ value: UnsafeMutableRawPointer, for key: ResourceKey) {
        let memory = unsafe value.assumingMemoryBound(to: Value.self)
        freeValue(unsafe memory.move())
        unsafe memory.deallocate()
    }
}

/// Why the values for a policy are not there.
public enum ReleaseLoadError: Error, Hashable, Sendable {
    /// The value for a release could not be loaded.
    case failed(RolloutID, Release, ThrownError)
    /// The preparation for an earlier update, which ran out of time, still loads.
    case stillLoading
}

extension ReleaseLoadError: CustomStringConvertible {
    /// What could not be loaded, and why.
    public var description: String {
        switch self {
        case .failed(let rollout, let release, let thrown): "\"\(rollout)\" cannot serve \(release): \(thrown)"
        case .stillLoading: "values are still being loaded for an earlier update, whose time was up"
        }
    }
}
