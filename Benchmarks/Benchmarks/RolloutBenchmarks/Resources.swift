import Benchmark
import Fixtures
import Rollout

/// `withValue(for:)` on one thread and on two, which must not get into each other's way. What is shown for threads is the
/// time of a use on each.
func registerResources() {
    let models = ReleaseResources.loaded(for: .canary())
    let variant = RolloutHandle(.canary()).decision(for: Units.bytes36).variant
    measure("resources.withValue(for:)") { models.withValue(for: variant) { model, _ in blackHole(model.version) } }
    measureOnThreads("resources.withValue(for:)") {
        models.withValue(for: variant) { model, _ in blackHole(model.version) }
    }
}
