import Benchmark
import Fixtures
import Rollout

/// What it takes to say what became of a decision, and to show it.
func registerObservation() {
    let router = RolloutRouter.running(.canary())
    let outcomes = router.outcomes
    let decision = router.x.decision(for: Units.bytes36)
    let hits = outcomes.counter("cache_hits_total", help: "Answers that the cache had.")
    measureOnThreads("outcomes.record") { outcomes.record(decision, .success, latency: .milliseconds(3)) }
    measure("outcomes.measure") { outcomes.measure(decision) {} }
    _ = Benchmark("outcomes.measure, async") { benchmark in
        for _ in benchmark.scaledIterations { await outcomes.measure(decision) { () async in } }
    }
    measure("two readings of the clock") {
        blackHole(ContinuousClock.now)
        blackHole(ContinuousClock.now)
    }
    measure("counter.add(for:)") { hits.add(for: decision) }

    let exposures = Exposures(of: router) { _ in }
    measure("exposures.record, told before") { exposures.record(decision, unit: Units.bytes36) }

    let shadow = RolloutHandle(.shadow)
    guard let copied = (0..<1_000).lazy.map({ shadow.decision(for: "user-\($0)") }).first(where: { $0.shadow != nil })
    else { preconditionFailure("a share of 10 % copies some of 1,000") }
    // Without run(), so that every copy is dropped.
    let shadows = ShadowRunner(of: router)
    measure("shadows.permit(for:), dropped") { if shadows.permit(for: copied) != nil { blackHole(copied) } }

    // No thread is woken, as if all were busy with copies. Each hand-over takes a worker for good: there are enough for all.
    let (roomy, _) = ShadowRunner.held(room: 9_000)
    _ = Benchmark("a copy handed over", configuration: .init(warmupIterations: 0, maxIterations: 9)) { benchmark in
        for _ in benchmark.scaledIterations {
            if let permit = roomy.permit(for: copied) { permit.run(.readOnly) {} }
        }
    }

    let many = RolloutRouter.running(.many(500))
    _ = Benchmark(
        "a metrics page of 1,000 variants",
        configuration: .init(
            metrics: [.wallClock],
            timeUnits: .milliseconds,
            scalingFactor: .one,
            maxDuration: .seconds(2)
        )
    ) { _ in blackHole(MetricsPage(of: many)) }
}
