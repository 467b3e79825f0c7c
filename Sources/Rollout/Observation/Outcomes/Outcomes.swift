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
        record(decision.variant.number, OutcomeKind(outcome, isDrawn: decision.isDrawn), latency.nanosecondsForLatency)
    }

    /// Counts a request that somebody else timed, of a decision that was adopted or made afresh.
    ///
    /// A tainted decision is never counted as drawn.
    public func record(_ adopted: AdoptedDecision, _ outcome: RequestOutcome, latency: Duration) {
        let isDrawn = !adopted.isTainted && adopted.decision.isDrawn
        let kind = OutcomeKind(outcome, isDrawn: isDrawn)
        record(adopted.decision.variant.number, kind, latency.nanosecondsForLatency)
    }

    /// Counts what a copy of a request did in the shadow.
    func record(_ shadow: Decision.Variant, _ outcome: RequestOutcome, latency: Duration) {
        record(shadow.number, OutcomeKind(outcome, isDrawn: false), latency.nanosecondsForLatency)
    }

    @inline(__always)
    private func record(_ variant: VariantNumber, _ kind: OutcomeKind, _ nanoseconds: UInt64) {
        let range = LatencyRange(nanoseconds: nanoseconds)
        unsafe recorder._withUnsafeGuaranteedRef { $0.record(variant, kind, range) }
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

extension RolloutRouter {
    /// What became of the router's decisions. The same for every copy of the router.
    public var outcomes: Outcomes { unsafe Outcomes(recorder: OutcomeRecorder.of(state)) }
}

// MARK: A request under way

/// A request that is being measured: whose it is, and when it began.
struct MeasuredRequest {
    let variant: VariantNumber
    let isDrawn: Bool

    @inline(__always)
    init(_ decision: Decision) {
        variant = decision.variant.number
        isDrawn = decision.isDrawn
    }

    init(_ adopted: AdoptedDecision) {
        variant = adopted.decision.variant.number
        isDrawn = !adopted.isTainted && adopted.decision.isDrawn
    }

    /// What a copy of a request does in the shadow.
    init(copyTo shadow: Decision.Variant) {
        variant = shadow.number
        isDrawn = false
    }
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
        record(request.variant, OutcomeKind(outcome, isDrawn: request.isDrawn), UInt64(max(nanoseconds, 0)))
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
