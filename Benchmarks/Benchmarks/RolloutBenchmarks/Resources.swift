import Benchmark
import Fixtures
import Rollout
import Threads

/// `withValue(for:)` on one thread and on two, which must not get into each other's way. What is shown for threads is the
/// time of a use on each.
func registerResources() {
    let models = ReleaseResources.loaded(for: .canary())
    let variant = RolloutHandle(.canary()).decision(for: Units.bytes36).variant
    measure("resources.withValue(for:)") { models.withValue(for: variant) { model, _ in blackHole(model.version) } }
    for threads in [1, 2] {
        _ = Benchmark(
            "resources.withValue(for:) \(threads) thread\(threads == 1 ? "" : "s")",
            configuration: .init(
                metrics: [.wallClock, .throughput],
                timeUnits: .nanoseconds,
                scalingFactor: .mega,
                maxDuration: .seconds(1)
            )
        ) { benchmark in
            let count = benchmark.scaledIterations.count
            _ = elapsed(onThreads: threads) { _ in
                for _ in 0..<count { models.withValue(for: variant) { model, _ in blackHole(model.version) } }
            }
        }
    }
}
