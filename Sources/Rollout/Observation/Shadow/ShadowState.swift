import Synchronization

/// The state of a ``ShadowRunner``: its workers, what they count, and the supervision.
///
///     free --- permit ---> taken --- handed over ---> out --- returned in time ------> free
///      ^                     |                         |
///      '------ given back ---'                         '--- asked to end --- returned ---> the worker is replaced ---> free
///
/// A worker is a task that waits in its slot for a copy, runs it, and waits again. A copy is asked to end by cancelling
/// its worker, which a task cannot undo: so that worker leaves when the copy has returned, and another takes its slot. That
/// saves a task for each copy.
final class ShadowState: Sendable {
    let free: ShadowSlots
    let tallies = ShadowTallies()
    let differences = Lock<[ShadowDifference]>([])

    let router: RolloutRouter
    private let outcomes: Outcomes
    private let timeout: Int64
    private let drain: Int64
    private let executor: (any TaskExecutor)?
    private let time: ShadowTime
    /// Whether there are to be copies.
    ///
    /// **Claim:** a copy that is handed over is waited for by the run that let it in, or else dropped. The operations named
    /// here are sequentially consistent. Because a hand-over writes `due` first and then reads `isAdmitting`; the end of a
    /// run writes `isAdmitting` first and then reads every `due`. One of them sees the other.
    private let isAdmitting = Atomic<Bool>(false)
    private let crew = Lock(Crew())

    private struct Crew {
        var workers: [Task<Void, Never>] = []
        /// Arrives when the last copy has returned and no more are admitted. Nil while nothing runs.
        var end: OneShot<Void>?
    }

    init(
        router: RolloutRouter,
        limit: Int,
        timeout: Int64,
        drain: Int64,
        executor: (any TaskExecutor)?,
        time: ShadowTime
    ) {
        free = ShadowSlots(count: limit)
        self.router = router
        outcomes = router.outcomes
        self.timeout = max(timeout, 1)
        self.drain = drain
        self.executor = executor
        self.time = time
    }

    // MARK: On the path of a request

    /// A slot whose worker waits for a copy, or nil, and the copy is counted as dropped.
    @inline(__always)
    func slot(for variant: VariantNumber) -> ShadowSlot.Pointer? {
        guard isAdmitting.load(ordering: .relaxed) else { return unsafe drop(variant, .notRunning) }
        guard !isCopy.get() else { return unsafe drop(variant, .nested) }
        guard let slot = unsafe free.pop() else { return unsafe drop(variant, .noRoom) }
        unsafe slot.pointee.variant.store(variant.rawValue, ordering: .relaxed)
        return unsafe slot
    }

    @inline(__always)
    private func drop(_ variant: VariantNumber, _ reason: ShadowTally.Event) -> ShadowSlot.Pointer? {
        tallies[variant].count(reason)
        return nil
    }

    /// Hands a copy to the worker of a slot that was taken.
    func handOver(_ work: ShadowWork, to slot: ShadowSlot.Pointer) {
        // Read before `due` is written, which the worker reads before it writes the seat again.
        guard let seat = unsafe slot.pointee.seat else { preconditionFailure("a slot was free without a worker") }
        let tally = unsafe tallies[slot.variant]
        let due = ShadowTime.later(time.now(), by: timeout)
        unsafe slot.pointee.due.store(due, ordering: .sequentiallyConsistent)
        if !isAdmitting.load(ordering: .sequentiallyConsistent),
            unsafe slot.pointee.due.compareExchange(expected: due, desired: 0, ordering: .sequentiallyConsistent)
                .exchanged
        {
            tally.count(.notRunning)
            unsafe free.push(slot)
            return noteEnd()
        }
        // If the run ends meanwhile and has asked the copy to end, the worker finds that, and does not begin.
        tally.count(.admitted)
        unsafe seat.resume(returning: work)
    }

    // MARK: Workers

    /// Whether the task runs a copy, of whichever runner, or was begun by one.
    private static let isCopy = TaskLocal(wrappedValue: false)
    /// The same, where it is found without asking first whether it has been made.
    private let isCopy = ShadowState.isCopy

    /// Begins a worker. Without an executor also without a preference for none: every hand-over would look that up.
    private func hire(_ index: Int, _ crew: inout Crew) {
        let worker =
            if let executor {
                Task.detached(executorPreference: executor, priority: .background) { await self.work(at: index) }
            } else {
                Task.detached(priority: .background) { await self.work(at: index) }
            }
        if index < crew.workers.count { crew.workers[index] = worker } else { crew.workers.append(worker) }
    }

    private func work(at index: Int) async {
        await isCopy.withValue(true) {
            while await serve(at: index) {}
        }
        crew.withLock { hire(index, &$0) }
    }

    /// Sits down in a slot, which is free from then on, and returns with a copy.
    private func wait(at index: Int) async -> ShadowWork {
        #if TSAN
            await withCheckedContinuation { sit(down: $0, at: index) }
        #else
            await unsafe withUnsafeContinuation { unsafe sit(down: $0, at: index) }
        #endif
    }

    private func sit(down seat: ShadowSlot.Seat, at index: Int) {
        let slot = unsafe free[index]
        unsafe slot.pointee.seat = unsafe seat
        unsafe free.push(slot)
    }

    /// Waits for a copy and runs it. Returns whether the worker can go on: not if its task was cancelled.
    private func serve(at index: Int) async -> Bool {
        let work = await wait(at: index)
        let slot = unsafe free[index]
        let variant = unsafe Decision.Variant(number: slot.variant)
        let outcome = await unsafe slot.pointee.wasAskedToEnd ? .cancelled : perform(work, variant, in: index)
        let due = unsafe slot.pointee.due.exchange(ShadowSlot.returned, ordering: .acquiringAndReleasing)
        tallies[variant.number].count(due < 0 ? .cancelled : outcome.event)
        unsafe slot.pointee.due.store(0, ordering: .sequentiallyConsistent)
        if !isAdmitting.load(ordering: .sequentiallyConsistent) { noteEnd() }
        return due > 0 && !Task.isCancelled
    }

    private func perform(_ work: ShadowWork, _ variant: Decision.Variant, in index: Int) async -> RequestOutcome {
        let request = MeasuredRequest(copyTo: variant)
        outcomes.begin(request)
        let begin = MonotonicClock.nanoseconds
        var judge: (@Sendable (ShadowJudge) async -> Void)?
        var outcome: RequestOutcome
        do {
            switch work {
            case .alone(let operation): try await operation()
            case .compared(let operation): judge = try await operation()
            }
            outcome = .success
        } catch {
            outcome = RequestOutcome(of: error)
        }
        if unsafe free[index].pointee.wasAskedToEnd { outcome = .cancelled }
        outcomes.end(request, outcome, after: MonotonicClock.nanoseconds &- begin)
        if case .success = outcome, let judge { await judge(ShadowJudge(variant: variant, state: self)) }
        return outcome
    }

    // MARK: Supervision

    func run() async throws {
        let end = OneShot<Void>()
        try crew.withLock { crew in
            guard crew.end == nil else { throw AlreadyRunningError(subject: "a ShadowRunner") }
            crew.end = end
            for index in crew.workers.count..<free.count { hire(index, &crew) }
            isAdmitting.store(true, ordering: .sequentiallyConsistent)
        }
        let failure: (any Error)?
        do {
            try await watch()
            failure = nil
        } catch {
            failure = Task.isCancelled ? nil : error
        }
        isAdmitting.store(false, ordering: .sequentiallyConsistent)
        await drain(until: end)
        crew.withLock { $0.end = nil }
        if let failure { throw failure }
    }

    /// Asks copies to end whose time is up, until the task is cancelled or a time has come.
    ///
    /// **Claim:** nobody needs to wake this, and no copy is asked late. Because it looks at least once in every timeout, so it
    /// sees a copy before the copy's time is up, and sleeps no longer than until then.
    private func watch(until end: Int64 = .max) async throws {
        while !Task.isCancelled {
            let now = time.now()
            if now >= end { return }
            var next = min(ShadowTime.later(now, by: timeout), end)
            for index in 0..<free.count {
                let due = unsafe free[index].pointee.due.load(ordering: .acquiring)
                if due > now { next = min(next, due) } else if due > 0 { askToEnd(index, due: due) }
            }
            try await time.sleep(next - now)
        }
    }

    /// Waits until all copies have returned or the time for that is over, then asks those to end that are left.
    private func drain(until end: OneShot<Void>) async {
        noteEnd()
        let limit = ShadowTime.later(time.now(), by: drain)
        // In a task of its own, because the one that runs is cancelled.
        let timer = Task.detached { [self] in
            try? await watch(until: limit)
            end.fulfil(())
        }
        await end.value
        timer.cancel()
        for index in 0..<free.count {
            let due = unsafe free[index].pointee.due.load(ordering: .sequentiallyConsistent)
            if due > 0 { askToEnd(index, due: due) }
        }
    }

    /// Ends the run if it admits no more and no copy is out. Under the lock, because a run may end and the next one begin.
    private func noteEnd() {
        crew.withLock { crew in
            guard !isAdmitting.load(ordering: .sequentiallyConsistent) else { return }
            let isOver = (0..<free.count).allSatisfy { index in
                unsafe free[index].pointee.due.load(ordering: .sequentiallyConsistent) == 0
            }
            if isOver { crew.end?.fulfil(()) }
        }
    }

    /// Cancels the worker of a copy, if it is the copy with that time.
    private func askToEnd(_ index: Int, due: Int64) {
        // Looked up first: once the copy is asked, it may return, and its slot have another worker.
        let worker = crew.withLock { $0.workers[index] }
        let isAsked = unsafe free[index].pointee.due
            .compareExchange(expected: due, desired: -due, ordering: .sequentiallyConsistent).exchanged
        if isAsked { worker.cancelApart() }
    }

    // MARK: Reading

    var counts: ShadowCounts {
        var stuck: [Decision.Variant: Int] = [:]
        for index in 0..<free.count {
            let slot = unsafe free[index]
            if unsafe slot.pointee.wasAskedToEnd {
                unsafe stuck[Decision.Variant(number: slot.variant), default: 0] += 1
            }
        }
        var variants: [Decision.Variant: ShadowCounts.Copies] = [:]
        for (variant, tally) in tallies.all {
            variants[variant] = ShadowCounts.Copies(tally, stuck: stuck.removeValue(forKey: variant) ?? 0)
        }
        return ShadowCounts(
            variants: variants,
            others: ShadowCounts.Copies(tallies.others, stuck: stuck.values.reduce(0, +))
        )
    }
}

extension ShadowSlot.Pointer {
    /// The variant of the copy in this slot.
    fileprivate var variant: VariantNumber {
        unsafe VariantNumber(rawValue: pointee.variant.load(ordering: .relaxed))
    }
}

extension RequestOutcome {
    fileprivate var event: ShadowTally.Event {
        switch self {
        case .success: .succeeded
        case .failure: .failed
        case .cancelled: .cancelled
        }
    }
}
