/// Permission to run one copy, which holds a free worker.
///
/// A permit cannot be copied, and is used up by running the copy. If it is not used, it gives the worker back. Then nothing
/// is counted.
@safe public struct ShadowPermit: ~Copyable, @unchecked Sendable {
    private let state: Unmanaged<ShadowState>
    private let slot: ShadowSlot.Pointer

    init(state: Unmanaged<ShadowState>, slot: ShadowSlot.Pointer) {
        unsafe self.state = unsafe state
        unsafe self.slot = unsafe slot
    }

    deinit { unsafe state._withUnsafeGuaranteedRef { unsafe $0.free.push(slot) } }

    /// Why a copy does nothing that anybody would notice twice. The service promises it, the library cannot check it.
    public enum SideEffects: Sendable {
        /// The copy only reads.
        case readOnly
        /// The copy writes, but nothing that a request or a user ever sees: to tables of its own, to an account for tests.
        case isolated
    }

    /// Hands a copy to the worker, and returns at once.
    ///
    /// The copy runs in a task of the runner: it has no task-local values of the request, no actor, and nobody waits for
    /// it. Its closure captures what it needs. In the router's outcomes it is a request of the shadow variant: a failure if
    /// it throws, cancelled if it throws `CancellationError` or was asked to end, and a success otherwise.
    ///
    /// Two allocations: the closure, and what the system's pool keeps for a task that is to go on.
    ///
    /// - Parameters:
    ///   - effects: Why the copy may run beside the request.
    ///   - operation: The copy.
    public consuming func run(_ effects: SideEffects, _ operation: @escaping @Sendable () async throws -> Void) {
        handOver(.alone(operation))
    }

    /// Hands over a copy whose answer is compared with the primary's, and returns at once.
    ///
    /// If the copy succeeds, its answer is compared by the worker, within the same timeout. If there is a baseline, the
    /// primary is asked a second time then, and that answer compared with its first. What the baseline says is noise: a
    /// shadow that differs from the primary no more often than the primary from itself is as good.
    ///
    /// - Parameters:
    ///   - effects: Why the copy and the baseline may run beside the request.
    ///   - answer: What the primary answered.
    ///   - agrees: Whether another answer, the second argument, is as good as the primary's. A comparison that throws counts
    ///     as failed.
    ///   - difference: Makes a text of two answers that differ, the primary's first. It is cut to 1,024 bytes, and kept in
    ///     ``ShadowRunner/differences``: leave out what is nobody's business. Nil for none.
    ///   - baseline: Asks the primary a second time, or nil for no baseline.
    ///   - operation: The copy.
    public consuming func run<Answer: Sendable>(
        _ effects: SideEffects,
        against answer: Answer,
        agreeing agrees: @escaping @Sendable (_ answer: Answer, _ other: Answer) throws -> Bool,
        difference: (@Sendable (_ answer: Answer, _ copy: Answer) -> String)? = nil,
        baseline: (@Sendable () async throws -> Answer)? = nil,
        _ operation: @escaping @Sendable () async throws -> Answer
    ) {
        handOver(
            .compared {
                let copy = try await operation()
                return { await $0.judge(copy, against: answer, by: agrees, difference, baseline) }
            }
        )
    }

    /// Hands over a copy whose answer is to equal the primary's, and returns at once.
    ///
    /// - Parameters:
    ///   - effects: Why the copy and the baseline may run beside the request.
    ///   - answer: What the primary answered.
    ///   - difference: Makes a text of two answers that differ, the primary's first, or nil for none.
    ///   - baseline: Asks the primary a second time, or nil for no baseline.
    ///   - operation: The copy.
    public consuming func run<Answer: Sendable & Equatable>(
        _ effects: SideEffects,
        against answer: Answer,
        difference: (@Sendable (_ answer: Answer, _ copy: Answer) -> String)? = nil,
        baseline: (@Sendable () async throws -> Answer)? = nil,
        _ operation: @escaping @Sendable () async throws -> Answer
    ) {
        // The closure captures all by itself: one that called the other `run` would be a second allocation.
        handOver(
            .compared {
                let copy = try await operation()
                return { await $0.judge(copy, against: answer, by: ==, difference, baseline) }
            }
        )
    }

    private consuming func handOver(_ work: ShadowWork) {
        unsafe state._withUnsafeGuaranteedRef { unsafe $0.handOver(work, to: slot) }
        discard self
    }
}
