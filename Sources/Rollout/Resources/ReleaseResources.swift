/// Loads what releases stand for, a model file or a client, before a policy may route to them, and frees it when no
/// policy routes to it any more and nobody uses it.
///
///     let models = try await ReleaseResources(for: policy) { rollout, release in
///         try await Model(file: "\(release[.model] ?? "default").bin")
///     }
///     let router = try RolloutRouter(policy: policy)
///
///     let answer = models.withValue(for: decision) { model in model.classify(text) }     // in each request
///     try await router.update(to: next, through: [models])                               // in each update
///
/// It is a ``PolicyGate``: it has to stand before *every* update of the router, a rollback included. `prepare` loads all
/// that the new policy can route to and that is not loaded yet; a value that cannot be loaded refuses the update, and what
/// else was loaded for it is freed. So no request waits or fails for a version that is not there.
///
/// A value belongs to a rollout and a release: a canary that is promoted is not loaded again. Old and new values are in
/// memory together until the old ones are no longer used.
///
/// Resources are one word, and copies share one state that lives as long as the process: one a service and router. Using a
/// value takes no lock and counts no reference that threads would fight over.
@safe public struct ReleaseResources<Value: Sendable>: PolicyGate {
    private let unmanaged: Unmanaged<ResourceStore<Value>>

    private var store: ResourceStore<Value> { unsafe unmanaged._withUnsafeGuaranteedRef { $0 } }

    /// Loads all that a policy can route to.
    ///
    /// - Parameters:
    ///   - policy: The policy that runs.
    ///   - rollouts: The rollouts whose releases have a value, or nil for all of them; one that the policy lacks is loaded
    ///     when a policy brings it.
    ///   - load: Loads and warms the value for a release of a rollout; called for one after the other.
    ///   - free: Called once for a value, after its last use ended, on the thread that ended it or that updates.
    /// - Throws: `ReleaseLoadError`; what was loaded by then is freed.
    public init(
        for policy: RolloutPolicy,
        in rollouts: Set<RolloutID>? = nil,
        load: @escaping @Sendable (RolloutID, Release) async throws -> Value,
        free: @escaping @Sendable (Value) -> Void = { _ in }
    ) async throws {
        let store = ResourceStore(rollouts: rollouts, load: load, free: free)
        immortals.withLock { $0.append(store) }
        unsafe unmanaged = .passUnretained(store)
        do {
            try await store.prepare(for: policy)
            store.finish(published: true)
        } catch {
            store.finish(published: false)
            throw error
        }
    }

    /// Calls the body with the value of a decision's variant, which is not freed meanwhile.
    ///
    /// A decision that is older than the retirement of its value gets the value of the rollout's current first variant.
    /// Ask for `decision.variant`, with a body that takes two arguments, to be told which.
    ///
    /// - Parameters:
    ///   - decision: The decision.
    ///   - body: Uses the value.
    /// - Returns: What the body returns, or nil where no value was ever loaded for the rollout.
    /// - Throws: What the body throws.
    @discardableResult
    public func withValue<Result, Failure: Error>(
        for decision: Decision,
        _ body: (borrowing Value) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        guard let use = begin(decision.variant.number) else { return nil }
        defer { end(use) }
        return try unsafe lend(use.value.assumingMemoryBound(to: Value.self), to: body)
    }

    /// Calls the body with the value for a variant and what it stands for: of a decision, or of a shadow's copy.
    ///
    /// - Parameters:
    ///   - variant: The variant of a decision, or its shadow.
    ///   - body: Uses the value.
    /// - Returns: What the body returns, or nil where no value was ever loaded for the rollout.
    /// - Throws: What the body throws.
    @discardableResult
    public func withValue<Result, Failure: Error>(
        for variant: Decision.Variant,
        _ body: (borrowing Value, ReleaseServing) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        guard let use = begin(variant.number) else { return nil }
        defer { end(use) }
        let serving = ReleaseServing(variant, use)
        return try unsafe lend(use.value.assumingMemoryBound(to: Value.self)) { value throws(Failure) in
            try body(value, serving)
        }
    }

    /// Calls the body with the value of a decision's variant, which is not freed while the body waits.
    ///
    /// - Parameters:
    ///   - decision: The decision.
    ///   - body: Uses the value.
    /// - Returns: What the body returns, or nil where no value was ever loaded for the rollout.
    /// - Throws: What the body throws.
    @discardableResult
    public func withValue<Result, Failure: Error>(
        for decision: Decision,
        _ body: (borrowing Value) async throws(Failure) -> Result
    ) async throws(Failure) -> Result? {
        guard let use = begin(decision.variant.number) else { return nil }
        defer { end(use) }
        return try await unsafe lend(use.value.assumingMemoryBound(to: Value.self), to: body)
    }

    /// Calls the body with the value for a variant and what it stands for, which is not freed while the body waits.
    ///
    /// - Parameters:
    ///   - variant: The variant of a decision, or its shadow.
    ///   - body: Uses the value.
    /// - Returns: What the body returns, or nil where no value was ever loaded for the rollout.
    /// - Throws: What the body throws.
    @discardableResult
    public func withValue<Result, Failure: Error>(
        for variant: Decision.Variant,
        _ body: (borrowing Value, ReleaseServing) async throws(Failure) -> Result
    ) async throws(Failure) -> Result? {
        guard let use = begin(variant.number) else { return nil }
        defer { end(use) }
        let serving = ReleaseServing(variant, use)
        return try await unsafe lend(use.value.assumingMemoryBound(to: Value.self)) { value async throws(Failure) in
            try await body(value, serving)
        }
    }

    /// Through `_withUnsafeGuaranteedRef` alone: a reference counted here would be one that all threads count.
    @inline(__always)
    private func begin(_ number: VariantNumber) -> ResourceUse? {
        unsafe unmanaged._withUnsafeGuaranteedRef { $0.begin(number) }
    }

    @inline(__always)
    private func end(_ use: ResourceUse) { unsafe unmanaged._withUnsafeGuaranteedRef { $0.end(use) } }

    /// Loads what the new policy can route to and is not there yet.
    public func prepare(from running: RolloutPolicy, to next: RolloutPolicy) async throws {
        try await store.prepare(for: next)
    }

    /// Frees what the policy that runs now cannot route to.
    public func finish(published: Bool) async { store.finish(published: published) }

    /// What is loaded, how much waits for its last use to end, and how many decisions came too late for their value.
    public var status: ReleaseResourcesStatus { ReleaseResourcesStatus(store) }
}

/// Lends a value out where it lies. Not even a type that could be copied is copied here: that would count a reference,
/// and all threads would count the same one.
private func lend<Value: ~Copyable, Result, Failure: Error>(
    _ value: UnsafeMutablePointer<Value>,
    to body: (borrowing Value) throws(Failure) -> Result
) throws(Failure) -> Result {
    try unsafe body(value.pointee)
}

private func lend<Value: ~Copyable, Result, Failure: Error>(
    _ value: UnsafeMutablePointer<Value>,
    to body: (borrowing Value) async throws(Failure) -> Result
) async throws(Failure) -> Result {
    try await unsafe body(value.pointee)
}

/// State that lives as long as the process, so that what names it can be plain words: leak checkers can see it here.
private let immortals = Lock<[any AnyObject & Sendable]>([])

/// What a value stands for.
public struct ReleaseServing: Hashable, Sendable {
    /// The variant whose value it is.
    public let variant: Decision.Variant
    /// Whether it stands in for a variant whose value is gone: the decision was older than its retirement.
    public let isSubstitute: Bool

    init(_ asked: Decision.Variant, _ use: ResourceUse) {
        variant = use.substitute.map(Decision.Variant.init(number:)) ?? asked
        isSubstitute = use.substitute != nil
    }
}

/// The state of ``ReleaseResources``, as a value.
public struct ReleaseResourcesStatus: Hashable, Sendable {
    /// The releases that have a value, by rollout.
    public let loaded: [RolloutID: Set<Release>]
    /// How many values are retired and still in use.
    public let retiring: Int
    /// How many uses got the value of the first variant, because their decision was older than the retirement.
    public let substitutions: Int

    init(_ pool: ResourcePool) {
        loaded = pool.loaded.reduce(into: [:]) { $0[$1.rollout, default: []].insert($1.release) }
        retiring = pool.retiringCount
        substitutions = pool.substitutionCount
    }
}
