/// Loads what releases stand for, a model file or a client, before a policy may route to them. Frees it when no policy
/// routes to it any more and nobody uses it.
///
///     let models = try await ReleaseResources(for: policy) { rollout, release in
///         try await Model(file: "\(release[.model] ?? "default").bin")
///     }
///     let router = try RolloutRouter(policy: policy)
///     let updater = RolloutUpdater(router, gates: [models])
///
///     // In each request:
///     let answer = models.withValue(for: decision.variant) { model, variant in model.classify(text) }
///
/// Resources are a ``PolicyGate``. Give them to the router's ``RolloutUpdater``, which asks its gates before every change
/// that can route to something new, rollbacks included. `prepare` loads everything that the new policy can route to and
/// that is not loaded yet. If a value cannot be loaded, the change is refused, and everything else that was loaded for it is
/// freed. So no request waits or fails because a version is missing.
///
/// A policy can route to every variant that is not disabled, whatever its share: a service that runs the canary at 0 % may
/// adopt it from a service that does not. A shadow that receives no copies is not loaded.
///
/// A value belongs to a rollout and a release: a canary that is promoted is not loaded again. Old and new values are in
/// memory together until the old ones are no longer used. A change that only takes away, such as an abort, asks no gate. A
/// value that it leaves unused is freed after the next change that does.
///
/// Resources are one word, and copies share one state that lives as long as the process: make one for each service and
/// router. To use a value takes no lock and counts no reference that threads would contend for.
@safe public struct ReleaseResources<Value: Sendable>: PolicyGate {
    private let unmanaged: Unmanaged<ResourceStore<Value>>

    var store: ResourceStore<Value> { unsafe unmanaged._withUnsafeGuaranteedRef { $0 } }

    /// Loads everything that a policy can route to, and the defaults.
    ///
    /// - Parameters:
    ///   - policy: The policy that runs.
    ///   - defaults: The releases that handles serve while the policy lacks their rollouts. They stay loaded, and their
    ///     values stand in for those of a rollout that has left the policy.
    ///   - rollouts: The rollouts whose releases have values, or nil for all of them. Those with a default are among them
    ///     always. A rollout that the policy lacks is loaded when a policy brings it.
    ///   - load: Loads and warms the value for a release of a rollout. It is called for one release after the other.
    ///   - free: Called once for a value, after its last use ended, on the thread that ended it or on one of the system's pool.
    /// - Throws: `PolicyError` if the policy or a default is invalid, `ReleaseLoadError` if a value cannot be loaded,
    ///   `CancellationError` if the task is cancelled. Whatever was loaded by then is freed.
    public init(
        for policy: RolloutPolicy,
        defaults: [RolloutID: Release] = [:],
        in rollouts: Set<RolloutID>? = nil,
        load: @escaping @Sendable (RolloutID, Release) async throws -> Value,
        free: @escaping @Sendable (Value) -> Void = { _ in }
    ) async throws {
        try Self.validate(defaults)
        let store = ResourceStore(rollouts: rollouts, defaults: defaults, load: load, free: free)
        immortals.withLock { $0.append(store) }
        unsafe unmanaged = .passUnretained(store)
        try await store.prepare(for: policy)
        store.finish(published: true)
    }

    private static func validate(_ defaults: [RolloutID: Release]) throws(PolicyError) {
        var validator = PolicyValidator()
        for (id, release) in defaults.sorted(by: { $0.key < $1.key }) {
            let path: JSONPath = "defaults"
            validator.check(release, at: path.appending(id.text))
        }
        if let error = validator.problems.error { throw error }
    }

    /// Calls the body with the value for a variant, which is not freed meanwhile, and with the variant whose value it is.
    ///
    /// The two variants are the same unless the decision is older than the retirement of its value. Then the value is that
    /// of the rollout's first variant, or of its default if the policy lacks the rollout.
    ///
    ///     models.withValue(for: decision.variant) { model, variant in model.answer(servedAs: variant.name) }
    ///
    /// Takes no lock and allocates nothing, unless the value is retired or its policy was published a moment ago.
    ///
    /// - Parameters:
    ///   - variant: The variant of a decision, or its shadow.
    ///   - body: Uses the value.
    /// - Returns: What the body returns, or nil if the rollout has no value: it is not among those that are loaded, or the
    ///   policy lacks it and it has no default.
    /// - Throws: What the body throws.
    @discardableResult
    public func withValue<Result, Failure: Error>(
        for variant: Decision.Variant,
        _ body: (borrowing Value, Decision.Variant) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        guard let use = begin(variant.number) else { return nil }
        defer { end(use) }
        return try unsafe lend(use.value.assumingMemoryBound(to: Value.self), use.variant, to: body)
    }

    /// Calls the body with the value for a variant, which is not freed while the body waits, and with the variant whose
    /// value it is.
    ///
    /// - Parameters:
    ///   - variant: The variant of a decision, or its shadow.
    ///   - body: Uses the value.
    /// - Returns: What the body returns, or nil if the rollout has no value.
    /// - Throws: What the body throws.
    @discardableResult
    public func withValue<Result, Failure: Error>(
        for variant: Decision.Variant,
        _ body: (borrowing Value, Decision.Variant) async throws(Failure) -> Result
    ) async throws(Failure) -> Result? {
        guard let use = begin(variant.number) else { return nil }
        defer { end(use) }
        return try await unsafe lend(use.value.assumingMemoryBound(to: Value.self), use.variant, to: body)
    }

    /// Through `_withUnsafeGuaranteedRef` alone: a reference counted here would be counted by all threads.
    @inline(__always)
    private func begin(_ number: VariantNumber) -> ResourceUse? {
        unsafe unmanaged._withUnsafeGuaranteedRef { $0.begin(number) }
    }

    @inline(__always)
    private func end(_ use: ResourceUse) { unsafe unmanaged._withUnsafeGuaranteedRef { $0.end(use) } }

    /// Loads what the new policy can route to and is not loaded yet.
    ///
    /// Waits for an earlier change that has not ended for all gates. If there is something to load, also waits for a load that
    /// goes on although its change has ended.
    ///
    /// - Throws: `PolicyError` if the new policy is invalid, `ReleaseLoadError` if a value cannot be loaded,
    ///   `CancellationError` if the task is cancelled.
    public func prepare(from running: RolloutPolicy, to next: RolloutPolicy) async throws {
        try await store.prepare(for: next)
    }

    /// Frees what the policy that runs now cannot route to.
    public func finish(published: Bool) async { store.finish(published: published) }

    /// What is loaded, how many values wait for their last use to end, and how many decisions came too late for theirs.
    public var status: ReleaseResourcesStatus { ReleaseResourcesStatus(store) }
}

/// Lends a value without copying it. Not even a type that could be copied is copied here: that would count a reference, and
/// all threads would count the same one.
private func lend<Value: ~Copyable, Result, Failure: Error>(
    _ value: UnsafeMutablePointer<Value>,
    _ variant: VariantNumber,
    to body: (borrowing Value, Decision.Variant) throws(Failure) -> Result
) throws(Failure) -> Result {
    try unsafe body(value.pointee, Decision.Variant(number: variant))
}

private func lend<Value: ~Copyable, Result, Failure: Error>(
    _ value: UnsafeMutablePointer<Value>,
    _ variant: VariantNumber,
    to body: (borrowing Value, Decision.Variant) async throws(Failure) -> Result
) async throws(Failure) -> Result {
    try await unsafe body(value.pointee, Decision.Variant(number: variant))
}

/// State that lives as long as the process, so that resources can be plain words. Leak checkers find it here.
private let immortals = Lock<[any AnyObject & Sendable]>([])

/// The state of ``ReleaseResources``, as a value.
public struct ReleaseResourcesStatus: Hashable, Sendable {
    /// The releases that have a value, by rollout.
    public let loaded: [RolloutID: Set<Release>]
    /// How many values are retired and still in use.
    public let retiring: Int
    /// How many uses got the value of another variant, because their decision was older than the retirement of its own.
    public let substitutions: Int

    init(_ pool: ResourcePool) {
        loaded = pool.loaded.reduce(into: [:]) { $0[$1.rollout, default: []].insert($1.release) }
        retiring = pool.retiringCount
        substitutions = pool.substitutionCount
    }
}

/// The value for a release could not be loaded.
public struct ReleaseLoadError: Error, Sendable {
    /// The rollout that needs the value.
    public let rollout: RolloutID
    /// The release that the value stands for.
    public let release: Release
    /// What the loader threw.
    public let underlying: any Error

    init(_ rollout: RolloutID, _ release: Release, _ underlying: any Error) {
        self.rollout = rollout
        self.release = release
        self.underlying = underlying
    }
}

extension ReleaseLoadError: CustomStringConvertible {
    /// What could not be loaded, and why.
    public var description: String { "\"\(rollout)\" cannot serve \(release): \(underlying)" }
}

extension ReleaseLoadError: Encodable {
    private enum Key: String, CodingKey { case code, message, rollout, release }

    /// Encodes the error as an object of the `code` "loadFailed", the `message`, `rollout` and `release`.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        try values.encode("loadFailed", forKey: .code)
        try values.encode(description, forKey: .message)
        try values.encode(rollout, forKey: .rollout)
        try values.encode(release, forKey: .release)
    }
}
