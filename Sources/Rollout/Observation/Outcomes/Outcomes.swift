/// Counts what became of a router's decisions, by rollout, variant and release.
///
///     let outcomes = router.outcomes
///     let decision = sms.decision(for: user)
///     let answer = try await outcomes.measure(decision) { try await classify(message, by: decision) }
///
/// The outcomes of a router are one word, and copies share one state that lives as long as the process.
///
/// Counting takes no lock and counts no reference. It allocates only when a thread is the first of its stripe at a variant or
/// at a range of latencies: at most 5 KB for one whose successes and failures spread over two decades. See
/// <doc:measuring-outcomes>.
@safe public struct Outcomes: Sendable {
    let recorder: Unmanaged<OutcomeRecorder>

    // MARK: Measuring

    /// Runs an operation, and counts how it ended and how long it took, by the system's monotonic clock.
    ///
    /// An operation that throws has failed; one that throws `CancellationError` was cancelled.
    ///
    /// - Parameters:
    ///   - decision: The decision that serves the request.
    ///   - judge: What a result means; by default a success.
    ///   - operation: What to run.
    /// - Returns: What the operation returns.
    /// - Throws: What the operation throws.
    @discardableResult
    public func measure<Result, Failure: Error>(
        _ decision: Decision,
        as judge: (Result) -> RequestOutcome = { _ in .success },
        _ operation: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try measure(MeasuredRequest(decision), judge, operation)
    }

    /// Runs an operation on the caller's actor, and counts how it ended and how long it took.
    ///
    /// An operation that throws has failed; one that throws `CancellationError` was cancelled.
    ///
    /// - Parameters:
    ///   - decision: The decision that serves the request.
    ///   - judge: What a result means; by default a success.
    ///   - operation: What to run.
    /// - Returns: What the operation returns.
    /// - Throws: What the operation throws.
    @discardableResult
    public func measure<Result, Failure: Error>(
        _ decision: Decision,
        as judge: (Result) -> RequestOutcome = { _ in .success },
        _ operation: () async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        try await measure(MeasuredRequest(decision), judge, operation)
    }

    /// Runs an operation for a decision that was adopted, and counts how it ended and how long it took.
    ///
    /// A tainted decision is never counted as drawn: this service and the caller may serve what does not belong together.
    @discardableResult
    public func measure<Result, Failure: Error>(
        _ adopted: AdoptedDecision,
        as judge: (Result) -> RequestOutcome = { _ in .success },
        _ operation: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try measure(MeasuredRequest(adopted), judge, operation)
    }

    /// Runs an operation for a decision that was adopted, on the caller's actor.
    ///
    /// A tainted decision is never counted as drawn: this service and the caller may serve what does not belong together.
    @discardableResult
    public func measure<Result, Failure: Error>(
        _ adopted: AdoptedDecision,
        as judge: (Result) -> RequestOutcome = { _ in .success },
        _ operation: () async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        try await measure(MeasuredRequest(adopted), judge, operation)
    }

    // MARK: Recording

    /// Counts a request that somebody else timed.
    ///
    /// - Parameters:
    ///   - decision: The decision that served the request.
    ///   - outcome: How it ended.
    ///   - latency: How long it took. A negative latency counts as 0.
    @inline(never)
    public func record(_ decision: Decision, _ outcome: RequestOutcome, latency: Duration) {
        record(decision, outcome, latency.nanosecondsForLatency)
    }

    /// Counts a request that somebody else timed, of a decision that was adopted or made afresh.
    ///
    /// A tainted decision is never counted as drawn.
    public func record(_ adopted: AdoptedDecision, _ outcome: RequestOutcome, latency: Duration) {
        record(MeasuredRequest(adopted).decision, outcome, latency.nanosecondsForLatency)
    }

    /// Counts what a copy of a request did in the shadow.
    func record(_ shadow: Decision.Variant, _ outcome: RequestOutcome, latency: Duration) {
        record(MeasuredRequest(copyTo: shadow).decision, outcome, latency.nanosecondsForLatency)
    }

    @inline(__always)
    private func record(_ decision: Decision, _ outcome: RequestOutcome, _ nanoseconds: UInt64) {
        let kind = OutcomeKind(outcome, isDrawn: decision.isDrawn)
        let range = LatencyRange(nanoseconds: nanoseconds)
        unsafe recorder._withUnsafeGuaranteedRef { $0.record(decision, kind, range) }
    }

    // MARK: Counters

    /// A counter of the service's own. Make it once, when the service starts; a router has room for 16.
    ///
    /// A name that is illegal, reserved or taken, or that OpenMetrics could confuse with another one's, is a programmer's mistake
    /// and traps, with what is allowed.
    ///
    /// - Parameters:
    ///   - name: Its name on a metrics page, which ends in `_total`.
    ///   - help: What it counts, in a sentence, which must not be empty.
    ///   - labels: Labels beside those that every series of a variant has (`rollout`, `variant`, `version`).
    /// - Returns: The counter.
    public func counter(_ name: String, help: String, labels: [String: String] = [:]) -> OutcomeCounter {
        let description = OutcomeCounter.Description(name: name, help: help, labels: labels)
        let number = unsafe recorder._withUnsafeGuaranteedRef { recorder in
            recorder.state.withLock { rows in
                if let fault = description.fault(beside: rows.counters) {
                    preconditionFailure("the counter \(description.series): \(fault)")
                }
                return rows.add(description)
            }
        }
        return unsafe OutcomeCounter(recorder, number: number)
    }

    // MARK: Reading

    /// All that was counted until now. O(rows and ranges in use). Takes a lock, for which nobody who counts waits unless a
    /// variant is new to them.
    public var counts: OutcomeCounts { reading.counts }

    /// The same, and what else a page needs to know.
    var reading: OutcomeReading { unsafe recorder._withUnsafeGuaranteedRef(\.reading) }
}

extension Outcomes: OutcomeSource {
    /// Everything that was counted of a stage until now. O(rows and ranges in use). Takes the lock that ``counts`` takes.
    ///
    /// - Parameter stage: Whose outcomes. If its ``OutcomeStage/id`` is not the last one's, it begins now.
    /// - Returns: The counts of each variant of the stage. Units are counted for a canary whose plan counts units, as long as the
    ///   running policy is of the stage's epoch. A latency counts as slower than an edge if it lies in a higher range than the
    ///   edge, as in ``LatencyHistogram``, whose ranges are at most 4 % wide.
    public func totals(in stage: OutcomeStage) -> OutcomeTotals {
        unsafe recorder._withUnsafeGuaranteedRef { $0.totals(in: stage) }
    }

    /// What is known of each unit in a stage, for another process to unite with what others know: see ``UnitUnion``. O(buckets):
    /// it holds the lock that ``counts`` takes for about a millisecond.
    ///
    /// - Parameter stage: Whose units. If its ``OutcomeStage/id`` is not the last one's, it begins now.
    /// - Returns: The table, or nil if no units are counted: the rollout has no canary with a plan that counts units, or the running
    ///   policy has it in another epoch.
    public func unitTable(in stage: OutcomeStage) -> UnitTable? {
        unsafe recorder._withUnsafeGuaranteedRef { $0.unitTable(in: stage) }
    }
}

extension RolloutRouter {
    /// What became of the router's decisions. The same for every copy of the router.
    public var outcomes: Outcomes { unsafe Outcomes(recorder: OutcomeRecorder.of(state)) }
}

// MARK: A request under way

/// A request that is being measured, as the decision that it counts for.
struct MeasuredRequest {
    let decision: Decision

    @inline(__always)
    init(_ decision: Decision) { self.decision = decision }

    init(_ adopted: AdoptedDecision) { decision = adopted.isTainted ? adopted.decision.undrawn : adopted.decision }

    /// What a copy of a request does in the shadow.
    init(copyTo shadow: Decision.Variant) {
        decision = Decision(answer: Outcome(shadow.number, .fixed).word, origin: 0)
    }

    @inline(__always)
    var variant: VariantNumber { decision.variant.number }
}

extension Outcomes {
    /// Counts a request in flight.
    @inline(__always)
    func begin(_ request: MeasuredRequest) {
        unsafe recorder._withUnsafeGuaranteedRef { $0.add(1, at: NodeLayout.begun, request.variant) }
    }

    /// Counts a request that has begun as ended. A clock that went back counts as no time.
    ///
    /// It is counted first, and in flight until then. The other way round a reading in between would find it nowhere, and the row
    /// could be folded without it.
    @inline(__always)
    func end(_ request: MeasuredRequest, _ outcome: RequestOutcome, after nanoseconds: Int64) {
        record(request.decision, outcome, UInt64(max(nanoseconds, 0)))
        unsafe recorder._withUnsafeGuaranteedRef { $0.add(1, at: NodeLayout.finished, request.variant) }
    }

    func measure<Result, Failure: Error>(
        _ request: MeasuredRequest,
        _ judge: (Result) -> RequestOutcome,
        _ operation: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        begin(request)
        let start = MonotonicClock.nanoseconds
        do throws(Failure) {
            let result = try operation()
            let elapsed = MonotonicClock.nanoseconds &- start
            end(request, judge(result), after: elapsed)
            return result
        } catch {
            end(request, RequestOutcome(of: error), after: MonotonicClock.nanoseconds &- start)
            throw error
        }
    }

    func measure<Result, Failure: Error>(
        _ request: MeasuredRequest,
        _ judge: (Result) -> RequestOutcome,
        _ operation: () async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        begin(request)
        let start = MonotonicClock.nanoseconds
        do throws(Failure) {
            let result = try await operation()
            let elapsed = MonotonicClock.nanoseconds &- start
            end(request, judge(result), after: elapsed)
            return result
        } catch {
            end(request, RequestOutcome(of: error), after: MonotonicClock.nanoseconds &- start)
            throw error
        }
    }
}

extension RequestOutcome {
    /// What it means that an operation threw.
    init(of error: any Error) { self = error is CancellationError ? .cancelled : .failure }
}
