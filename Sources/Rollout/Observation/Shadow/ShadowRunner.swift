/// Runs copies of requests against a shadow, where they cannot get into the way of the requests.
///
///     let shadows = ShadowRunner(of: router, limit: 8, timeout: .seconds(5))
///
///     // In each request, once the primary has answered:
///     if let permit = shadows.permit(for: decision) {
///         permit.run(.readOnly, against: answer) { await r2.answer(request) }
///     }
///
///     try await shadows.run()      // in the service's group: without it there are no copies
///
/// A copy never runs in a task of the request. `limit` workers wait for copies: tasks at background priority, or tasks on an
/// executor of the service's. To hand a copy to a worker takes no lock and makes no task. If no worker is free, the copy is
/// dropped and counted. What a copy does is recorded in the router's outcomes as a request of the shadow variant.
///
/// On the system's pool, tasks of background priority have threads of their own, as many as there are cores. So copies that
/// block or never end leave the service's threads alone, if its tasks have any higher priority. They still share its
/// processor time: <doc:shadowing-traffic> says how to bound that.
///
/// A runner is one word, and its copies share one state that lives as long as the process: make one for each service and
/// router. It takes about 10 KB, 1 to 2 KB for each worker, and 256 bytes for each shadow variant that it ever had a copy
/// of.
@safe public struct ShadowRunner: Sendable {
    /// The most workers that a runner may have.
    static let limits = 1...10_000

    private let unmanaged: Unmanaged<ShadowState>

    var state: ShadowState { unsafe unmanaged._withUnsafeGuaranteedRef { $0 } }

    /// Makes a runner. It takes no copies before ``run()``.
    ///
    /// - Parameters:
    ///   - router: Where outcomes of the shadow variants are recorded.
    ///   - limit: How many copies there may be at a time, 1 to 10,000.
    ///   - timeout: How long after its hand-over a copy is asked to end, by cancelling its task. More than 0.
    ///   - drain: How long ``run()`` waits for copies once it is cancelled. 0 or more.
    ///   - executor: What runs the copies, or nil for the system's pool at background priority.
    ///   - clock: Measures the time, or nil for the system's monotonic clock.
    /// - Precondition: Limit, timeout and drain are in their ranges.
    public init(
        of router: RolloutRouter,
        limit: Int = 8,
        timeout: Duration = .seconds(5),
        drain: Duration = .seconds(2),
        on executor: (any TaskExecutor)? = nil,
        clock: (any Clock<Duration>)? = nil
    ) {
        precondition(Self.limits.contains(limit), "the limit of a ShadowRunner is \(limit): it must be 1 to 10,000")
        precondition(timeout > .zero, "the timeout of a ShadowRunner is \(timeout): it must be more than 0")
        precondition(drain >= .zero, "the drain of a ShadowRunner is \(drain): it must be 0 or more")
        let state = ShadowState(
            router: router,
            limit: limit,
            timeout: ShadowTime.nanoseconds(timeout),
            drain: ShadowTime.nanoseconds(drain),
            executor: executor,
            time: clock.map { ShadowTime.by($0) } ?? .system
        )
        immortals.withLock { $0.append(state) }
        unsafe unmanaged = .passUnretained(state)
    }

    /// Permission to run a copy of the request that was decided so, or nil if there is to be none.
    ///
    /// Ask when the primary has answered. The permit comes before the closure, so that a copy without room makes none.
    ///
    /// There is no copy, and nothing is counted, if the decision has no shadow. The copy is dropped and counted if no worker
    /// is free, if ``run()`` is not running, or if this is called inside a copy: there is no shadow of a shadow.
    ///
    /// Variants are known to the whole process. So a decision of another router, or of a rollout that has left the policy, is
    /// copied like any other, and counted for the variant that it names.
    ///
    /// Never waits, takes no lock and allocates nothing, but for the first copy to a variant.
    ///
    /// - Parameter decision: What was decided for the request.
    /// - Returns: A permit, which gives itself back if it is not used.
    public func permit(for decision: Decision) -> ShadowPermit? {
        guard let shadow = decision.shadow,
            let slot = unsafe unmanaged._withUnsafeGuaranteedRef({ unsafe $0.slot(for: shadow.number) })
        else { return nil }
        return unsafe ShadowPermit(state: unmanaged, slot: slot)
    }

    /// Takes copies until the task is cancelled.
    ///
    /// It asks copies to end whose time is up. Once cancelled, it takes no more, waits until the copies have returned or
    /// `drain` is over, asks those that are left to end, and returns. It does not wait for copies that ignore that: they
    /// go on, and count as stuck. After it has returned it may be called again.
    ///
    /// - Throws: `AlreadyRunningError` if it is running already, or what the clock throws.
    @concurrent
    public func run() async throws { try await state.run() }

    /// What became of the copies so far, as a value. O(variants and workers).
    public var counts: ShadowCounts { state.counts }

    /// The last 16 differences that a comparison made a text of, the oldest first.
    public var differences: [ShadowDifference] { state.differences.withLock { $0 } }
}

/// State that lives as long as the process, so that a runner can be a plain word. Leak checkers find it here.
private let immortals = Lock<[ShadowState]>([])
