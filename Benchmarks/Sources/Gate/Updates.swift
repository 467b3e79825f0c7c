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
    let router = RolloutRouter.running(policy)
    return Probe("update.\(name)") { count in
        var policy = policy
        policy.revision = router.snapshot().revision
        for _ in 0..<count {
            policy.revision += 1
            do {
                try router.update(to: policy)
            } catch {
                preconditionFailure("\(error)")
            }
        }
    }
}
