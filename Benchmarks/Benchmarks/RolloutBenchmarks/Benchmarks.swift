import Benchmark
import Fixtures
import Rollout
import Threads

/// What `swift package benchmark` runs: times and percentiles, to be looked at. `Benchmarks/gate` holds the counts.
let benchmarks: @Sendable () -> Void = {
    unsafe Benchmark.defaultConfiguration = .init(
        metrics: [.wallClock, .throughput],
        timeUnits: .nanoseconds,
        warmupIterations: 3,
        scalingFactor: .kilo,
        maxDuration: .milliseconds(400),
        maxIterations: 100_000
    )
    registerUnits()
    registerPolicies()
    registerCallers()
    registerSessions()
    registerThreads()
    registerUpdates()
    registerResources()
    registerObservation()
}

/// A benchmark of one call, a thousand times an iteration.
func measure(_ name: String, _ call: @escaping @Sendable () -> Void) {
    _ = Benchmark(name) { benchmark in
        for _ in benchmark.scaledIterations { call() }
    }
}

/// A benchmark of one call on one thread and on two, a million times each. What is shown is the time of a call on each thread.
func measureOnThreads(_ name: String, _ call: @escaping @Sendable () -> Void) {
    for threads in [1, 2] {
        _ = Benchmark(
            "\(name) \(threads) thread\(threads == 1 ? "" : "s")",
            configuration: .init(
                metrics: [.wallClock, .throughput],
                timeUnits: .nanoseconds,
                scalingFactor: .mega,
                maxDuration: .seconds(1)
            )
        ) { benchmark in
            let count = benchmark.scaledIterations.count
            _ = elapsed(onThreads: threads) { _ in
                for _ in 0..<count { call() }
            }
        }
    }
}
