import Fixtures
import Rollout

/// Changing the policy: judged, compiled and published.
let updates: [Probe] = [
    Probe("policy.validate") { count in
        let policy = RolloutPolicy.canary()
        for _ in 0..<count { consume(Result { try policy.validate() }) }
    },
    update("rollouts.1", .canary()),
    update("rollouts.10", .many(10)),
]

private func update(_ name: String, _ policy: RolloutPolicy) -> Probe {
    let updater = RolloutUpdater.running(policy)
    return Probe("update.\(name)") { count in
        onThisThread {
            var policy = policy
            policy.revision = updater.router.snapshot().revision
            for _ in 0..<count {
                policy.revision += 1
                await updater.run(policy)
            }
        }
    }
}
