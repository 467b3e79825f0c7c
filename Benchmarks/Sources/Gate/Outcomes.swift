import Fixtures
import Rollout

/// What it takes to say what became of a decision, once the thread knows the variant and the range of the latency.
let outcomes: [Probe] = {
    let router = RolloutRouter.running(.canary())
    let outcomes = router.outcomes
    let counter = outcomes.counter("cache_hits_total", help: "Answers that the cache had.")
    let decision = router.x.decision(for: Units.bytes36)
    return [
        Probe("outcome.record") { count in
            for _ in 0..<count { outcomes.record(decision, .success, latency: .milliseconds(3)) }
        },
        Probe("outcome.counter") { count in
            for _ in 0..<count { counter.add(for: decision) }
        },
    ]
}()
