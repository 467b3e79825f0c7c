import Benchmark
import Fixtures
import Rollout

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
}

/// A benchmark of one call, a thousand times an iteration.
func measure(_ name: String, _ call: @escaping @Sendable () -> Void) {
    _ = Benchmark(name) { benchmark in
        for _ in benchmark.scaledIterations { call() }
    }
}
