import Benchmark
import Fixtures
import Rollout
import Synchronization

/// Reading a document, compiling a policy, and replacing the one that runs. Once an iteration.
func registerUpdates() {
    for (name, policy) in [("1 rollout", RolloutPolicy.canary()), ("1,000 rollouts", .many(1_000))] {
        let json = policy.json
        once("RolloutPolicy(json:) \(name)") { blackHole(try? RolloutPolicy(json: json)) }
        once("policy.validate() \(name)") { blackHole(try? policy.validate()) }
        let updater = RolloutUpdater.running(policy)
        let revision = Atomic<UInt32>(1)
        once("updater.update(to:) \(name)") {
            var next = policy
            next.revision = revision.add(1, ordering: .relaxed).newValue
            onThisThread { [next] in await updater.run(next) }
        }
    }
    for (name, policy) in [("256 variants", RolloutPolicy.variants(256)), ("10,000 units forced", .forced(10_000))] {
        let updater = RolloutUpdater.running(policy)
        let revision = Atomic<UInt32>(1)
        once("updater.update(to:) \(name)") {
            var next = policy
            next.revision = revision.add(1, ordering: .relaxed).newValue
            onThisThread { [next] in await updater.run(next) }
        }
    }
}

private func once(_ name: String, _ call: @escaping @Sendable () -> Void) {
    _ = Benchmark(
        name,
        configuration: .init(
            metrics: [.wallClock, .throughput],
            timeUnits: .nanoseconds,
            scalingFactor: .one,
            maxDuration: .milliseconds(400)
        )
    ) { _ in call() }
}
