import Synchronization

/// Carries exposures from the queue to the sink.
///
/// The sink is called by a task that nobody cancels, the worker of a run. The run itself only waits: for the worker's end or,
/// once it is cancelled, for the deadline. So a sink that hangs, blocks or ignores cancellation holds up nobody but itself.
///
/// **Claim 1:** each exposure that was queued is offered until the sink takes it, or is counted as lost. Because
/// 1. what is taken from the queue is held, under the lock, until the sink has taken it or the run has given it up;
/// 2. only the worker of the running run takes and gives back, which the run's number says. A run that gives up raises the number
///    in the same step in which it counts what is left.
///
/// **Claim 2:** the worker does not sleep while an exposure is there. Because the producer stores the number of its cell, then
/// loads `isWaiting`; the worker stores `isWaiting`, then looks at the number. All four are sequentially consistent, so one
/// of them sees the other. With weaker orders both could miss, and the exposure wait for the next one.
final class ExposureDelivery: Sendable {
    /// How long to rest after the sink has failed: twice as long each time, up to a minute.
    private static let firstPause: Duration = .seconds(1)
    private static let longestPause: Duration = .seconds(60)

    let queue: BoundedQueue<Exposure>
    private let batch: Int
    private let drain: Duration
    private let clock: any Clock<Duration>
    private let sink: @Sendable ([Exposure]) async throws -> Void
    private let isWaiting = Atomic<Bool>(false)
    private let state = Lock(State())

    private struct State {
        var isRunning = false
        /// The number of the run.
        var run = 0
        /// Whether the run was cancelled, and so ends once nothing is left.
        var isEnding = false
        /// What the sink is offered at present.
        var held: [Exposure] = []
        /// How often in turn the sink has failed.
        var failures = 0
        /// Wakes the worker: nil, or why its clock failed.
        var bell = OneShot<(any Error)?>()
        /// Ends a run that was cancelled.
        var timer: Task<Void, Never>?
        var delivered = 0
        var lost = 0
    }

    private enum Step {
        case offer([Exposure])
        case wait(OneShot<(any Error)?>)
        case end
    }

    private enum End: Sendable {
        case finished
        case failed(any Error)
        case overdue
    }

    init(
        queue: Int,
        batch: Int,
        drain: Duration,
        clock: any Clock<Duration>,
        sink: @escaping @Sendable ([Exposure]) async throws -> Void
    ) {
        self.queue = BoundedQueue(capacity: queue)
        self.batch = batch
        self.drain = max(drain, .zero).withinAllClocks
        self.clock = clock
        self.sink = sink
    }

    /// How many exposures the sink has taken, and how many were given up.
    var ended: (delivered: Int, lost: Int) { state.withLock { ($0.delivered, $0.lost) } }

    /// Wakes the worker if it waits. Called after something was queued.
    @inline(__always)
    func wake() {
        if isWaiting.load(ordering: .sequentiallyConsistent) { ring() }
    }

    @inline(never)
    private func ring() {
        guard isWaiting.exchange(false, ordering: .sequentiallyConsistent) else { return }
        state.withLock { $0.bell }.fulfil(nil)
    }

    // MARK: Running

    /// Delivers until the task is cancelled, and then what is left.
    func run() async throws {
        guard let run = begin() else { throw AlreadyRunningError(subject: "the delivery of exposures") }
        let end = OneShot<End>()
        let worker = Task { end.fulfil(await work(run)) }
        let reason = await withTaskCancellationHandler {
            await end.value
        } onCancel: {
            beginEnding(run, end)
        }
        finish(run, reason)
        worker.cancelApart()
        if case .failed(let error) = reason { throw error }
    }

    private func begin() -> Int? {
        state.withLock { state in
            if state.isRunning { return nil }
            state.isRunning = true
            state.isEnding = false
            state.failures = 0
            return state.run
        }
    }

    /// Has the worker end once nothing is left, and the run end by the deadline.
    private func beginEnding(_ run: Int, _ end: OneShot<End>) {
        let timer = Task {
            try? await clock.sleep(for: drain)
            end.fulfil(.overdue)
        }
        let bell: OneShot<(any Error)?>? = state.withLock { state in
            guard state.run == run else { return nil }
            state.isEnding = true
            state.failures = 0
            state.timer = timer
            return state.bell
        }
        if let bell { bell.fulfil(nil) } else { timer.cancel() }
    }

    private func finish(_ run: Int, _ reason: End) {
        state.withLock { state in
            state.run += 1
            state.isRunning = false
            state.timer?.cancel()
            state.timer = nil
            isWaiting.store(false, ordering: .sequentiallyConsistent)
            guard case .overdue = reason else { return }
            state.lost += state.held.count + queue.take(upTo: queue.capacity).count
            state.held = []
            state.bell.fulfil(nil)
        }
    }

    // MARK: The worker

    private func work(_ run: Int) async -> End {
        while true {
            switch step(of: run) {
            case .end:
                return .finished
            case .wait(let bell):
                _ = await bell.value
            case .offer(let exposures):
                do {
                    try await sink(exposures)
                    settle(run)
                } catch {
                    if let failure = await rest(run) { return .failed(failure) }
                }
            }
        }
    }

    private func step(of run: Int) -> Step {
        state.withLock { state in
            while state.run == run {
                if state.held.isEmpty { state.held = queue.take(upTo: batch) }
                if !state.held.isEmpty { return .offer(state.held) }
                // A producer that has drawn a ticket fills its cell in a moment, and then rings.
                if state.isEnding, queue.isDrained { return .end }
                isWaiting.store(true, ordering: .sequentiallyConsistent)
                state.bell = OneShot()
                if queue.isEmpty { return .wait(state.bell) }
                isWaiting.store(false, ordering: .sequentiallyConsistent)
            }
            return .end
        }
    }

    private func settle(_ run: Int) {
        state.withLock { state in
            guard state.run == run else { return }
            state.delivered += state.held.count
            state.held = []
            state.failures = 0
        }
    }

    /// Rests after a failure of the sink, or until the run is to end. Returns the clock's error, if it has one.
    private func rest(_ run: Int) async -> (any Error)? {
        let bell = OneShot<(any Error)?>()
        let pause: Duration = state.withLock { state in
            guard state.run == run else { return .zero }
            state.bell = bell
            state.failures += 1
            return min(Self.firstPause * (1 << min(state.failures - 1, 6)), Self.longestPause)
        }
        let sleeper = Task {
            do {
                try await clock.sleep(for: pause)
                bell.fulfil(nil)
            } catch {
                bell.fulfil(error)
            }
        }
        defer { sleeper.cancel() }
        return await bell.value
    }
}
