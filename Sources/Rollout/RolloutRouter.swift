/// Decides, for every rollout of a service, which release serves a request.
///
/// Make one router when the service starts, and hand out its handles. Asking takes no lock and allocates nothing;
/// updating never stops those who ask.
///
///     let router = try RolloutRouter(policy: RolloutPolicy(json: bytes))
///     if let sms = router.rollout(.sms) {
///         let decision = sms.decision(for: "alice")
///     }
///
/// A router is one word, and copies share one state that lives as long as the process: one router a service, not one a
/// request. With i the bytes of the compiled policy, rounded up to a power of two, that state takes 10 i and less than a
/// kilobyte: eight slots, and the snapshot's two copies; and another 8 i at most where it outgrew smaller slots. The history
/// comes on top. A canary counts 256 bytes towards i; see <doc:how-updates-stay-atomic> for the rest.
@safe public struct RolloutRouter: Sendable {
    private let unmanaged: Unmanaged<RouterState>

    /// The shared state. It is never released, so the reference that a use of it counts is only a detour: handles have none.
    var state: RouterState { unsafe unmanaged.takeUnretainedValue() }

    /// A router that runs this policy.
    ///
    /// - Parameters:
    ///   - policy: The policy to run.
    ///   - now: The time that the status shows the policy as applied at.
    /// - Throws: `PolicyError` with every problem of the policy.
    public init(policy: RolloutPolicy, now: UnixTime = .now) throws(PolicyError) {
        try policy.validate()
        unsafe unmanaged = .passUnretained(try RouterState(policy, appliedAt: now))
    }

    /// A handle to a rollout, or nil where the running policy has none of that id.
    ///
    /// Takes a lock: ask once, when the service starts.
    public func rollout(_ id: RolloutID) -> RolloutHandle? {
        let compiled = state.compiled
        guard let ordinal = compiled.ordinal(of: id) else { return nil }
        return RolloutHandle(cell: state.cell, ordinal: ordinal)
    }

    /// The running policy, held fast: for asking several rollouts with surely one revision. Takes a lock and a reference.
    public func snapshot() -> RolloutSnapshot { RolloutSnapshot(compiled: state.compiled) }

    /// The running policy and what has become of updates, as a value.
    ///
    /// O(rollouts and variants); the first time with a policy, also O(its JSON), for the digest.
    public var status: RolloutStatus { RolloutStatus(state.compiled, ignoredUpdates: state.ignoredUpdates) }
}
