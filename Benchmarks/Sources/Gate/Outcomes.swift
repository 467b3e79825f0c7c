import Fixtures
import Rollout

/// What it takes to say what became of a decision, once the thread knows the variant and the range of the latency.
let outcomes: [Probe] = {
    let router = RolloutRouter.running(.canary())
    let outcomes = router.outcomes
    let counter = outcomes.counter("cache_hits_total", help: "Answers that the cache had.")
    let decision = router.x.decision(for: Units.bytes36)
    let planned = RolloutRouter.running(.plannedCanary)
    let units = planned.outcomes
    // Each of another bucket: a run of n takes n of them, and none that another run takes.
    var buckets: Set<Int?> = []
    let decisions = (0..<4_000).map { planned.x.decision(for: $0) }.filter { buckets.insert($0.bucket).inserted }
    for newcomer in decisions.suffix(100) { units.record(newcomer, .success, latency: .milliseconds(3)) }
    return [
        Probe("outcome.record") { count in
            for _ in 0..<count { outcomes.record(decision, .success, latency: .milliseconds(3)) }
        },
        Probe("outcome.unit.known") { count in
            let known = decisions[decisions.count - 1]
            for _ in 0..<count { units.record(known, .success, latency: .milliseconds(3)) }
        },
        Probe("outcome.unit.new") { count in
            for index in count..<(2 * count) { units.record(decisions[index], .success, latency: .milliseconds(3)) }
        },
        Probe("outcome.counter") { count in
            for _ in 0..<count { counter.add(for: decision) }
        },
    ]
}()
