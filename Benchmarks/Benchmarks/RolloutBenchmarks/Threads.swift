import Benchmark
import Fixtures
import Foundation
import Rollout
import Synchronization
import Threads

/// `decision(for: String)` on one thread and on two, alone and while the policy is replaced. What is shown is the time of a
/// decision on each thread; on two cores, the writer takes its time from the readers.
func registerThreads() {
    for threads in [1, 2] {
        for pace in Writer.Pace.allCases {
            let router = RolloutRouter.running(.canary())
            let handle = router.x
            let writer = Writer(router, pace)
            _ = Benchmark(
                "\(threads) thread\(threads == 1 ? "" : "s"), \(pace.rawValue)",
                configuration: .init(
                    metrics: [.wallClock, .throughput],
                    timeUnits: .nanoseconds,
                    scalingFactor: .mega,
                    maxDuration: .seconds(1)
                ),
                closure: { benchmark in
                    let count = benchmark.scaledIterations.count
                    _ = elapsed(onThreads: threads) { _ in
                        for _ in 0..<count { blackHole(handle.decision(for: Units.bytes36)) }
                    }
                },
                setup: { writer.start() },
                teardown: { writer.stop() }
            )
        }
    }
}

/// Replaces the policy of a router on a thread of its own.
private final class Writer: Sendable {
    enum Pace: String, CaseIterable {
        case none = "no updates"
        case everyMillisecond = "1,000 updates a second"
        case flatOut = "updates without a pause"
    }

    private let updater: RolloutUpdater
    private let pace: Pace
    private let isRunning = Atomic<Bool>(false)

    init(_ router: RolloutRouter, _ pace: Pace) {
        updater = RolloutUpdater(router)
        self.pace = pace
    }

    func start() {
        guard pace != .none else { return }
        isRunning.store(true, ordering: .relaxed)
        Thread { [self] in
            var revision = updater.router.snapshot().revision
            while isRunning.load(ordering: .relaxed) {
                revision += 1
                let next = RolloutPolicy.canary(revision: revision)
                onThisThread { [updater] in await updater.run(next) }
                if pace == .everyMillisecond { usleep(1_000) }
            }
        }.start()
    }

    func stop() { isRunning.store(false, ordering: .relaxed) }
}
