/// Decides, for every rollout of a service, which release serves a request.
///
/// Make one router when the service starts, and hand out its handles. Asking takes no lock and allocates nothing, and an
/// update never stops those who ask.
///
///     let router = try RolloutRouter(policy: RolloutPolicy(json: bytes))
///     let sms = router.rollout(.sms, default: [.app: "v1", .model: "v1"])
///     let decision = sms.decision(for: "alice")
///
/// A router is one word, and its copies share one state that lives as long as the process. So make one router for a
/// service, not one for a request.
///
/// That state takes 10 i bytes and less than a kilobyte, where i is the size of the compiled policy, rounded up to a power of
/// two: eight slots, and the snapshot's two copies. If the policy outgrew smaller slots, these add 8 i at most. A canary
/// counts 256 bytes towards i, and a handle's default 128 to 160.
///
/// A rollout that was removed still counts 128 bytes towards i, because its handles stay valid. So each costs the router
/// 1,280 bytes, and up to twice that by the rounding. A router remembers 10,000 of them, and then refuses a policy that
/// brings a new rollout (``PolicyProblem/Code/tooManyRemoved``). See <doc:how-updates-stay-atomic> for the rest.
@safe public struct RolloutRouter: Sendable {
    private let unmanaged: Unmanaged<RouterState>

    /// The shared state. It is never released. To use it counts a reference, which handles avoid.
    var state: RouterState { unsafe unmanaged.takeUnretainedValue() }

    /// A router without rollouts, at revision 0: for a service that starts before its policy is there.
    ///
    /// Handles with a default serve it until a policy brings their rollout. The first policy needs a revision above 0.
    ///
    /// - Parameter now: The time that the status shows until then.
    public init(now: UnixTime = .now) {
        unsafe unmanaged = .passUnretained(RouterState(CompiledPolicy(appliedAt: now)))
    }

    /// A router that runs this policy.
    ///
    /// - Parameters:
    ///   - policy: The policy to run.
    ///   - now: The time that the status shows the policy as applied at.
    /// - Throws: `PolicyError` with every problem of the policy.
    public init(policy: RolloutPolicy, now: UnixTime = .now) throws(PolicyError) {
        try policy.validate()
        let first = try CompiledPolicy(policy, after: Roster(), appliedAt: now)
        unsafe unmanaged = .passUnretained(RouterState(first))
    }

    /// A handle to a rollout that serves a default while the policy lacks the rollout.
    ///
    /// The default is served under the variant name ``VariantName/default``, for the reason
    /// ``Decision/Reason/absent``, on every replica and after every restart alike. As soon as a policy brings the rollout,
    /// the handle serves that; when a policy removes it, the default again.
    ///
    /// Ask once for each rollout, when the service starts, with a default written in source: the first time a default is
    /// asked for, the running policy is published again, and the process remembers the default for ever. Takes locks.
    ///
    /// - Parameters:
    ///   - id: The rollout.
    ///   - release: The versions to serve. Each must be 1 to 128 printable ASCII characters, and there must be at least one;
    ///     anything else is a programmer's mistake and traps.
    /// - Returns: The handle.
    public func rollout(_ id: RolloutID, default release: Release) -> RolloutHandle {
        var validator = PolicyValidator()
        validator.check(release, at: JSONPath().appending("default"))
        if let mistake = validator.problems.all.first {
            preconditionFailure("the default of rollout \(id): \(mistake.path): \(mistake.message)")
        }
        return RolloutHandle(cell: state.cell, ordinal: state.seat(of: id, default: release))
    }

    /// A handle to a rollout of the running policy, or nil if the policy has none of that id.
    ///
    /// When a policy removes the rollout, the handle serves the first variant that the rollout last had, for the reason
    /// ``Decision/Reason/absent``. Takes a lock: ask once, when the service starts.
    public func rollout(_ id: RolloutID) -> RolloutHandle? {
        let compiled = state.compiled
        guard let ordinal = compiled.ordinal(of: id) else { return nil }
        return RolloutHandle(cell: state.cell, ordinal: ordinal)
    }

    /// The default releases that handles were asked for, which may be served whenever the policy lacks a rollout.
    var defaults: [RolloutID: Set<Release>] { state.compiled.roster.defaults }

    /// The policy that runs now. Everything that the snapshot answers comes from this one revision.
    ///
    /// Takes a lock and counts a reference.
    public func snapshot() -> RolloutSnapshot { RolloutSnapshot(compiled: state.compiled) }

    /// The running policy and what became of updates, as a value.
    ///
    /// O(rollouts and variants). The first time for a policy also O(its JSON), for the digest.
    public var status: RolloutStatus { RolloutStatus(state.compiled, ignoredUpdates: state.ignoredUpdates) }
}
