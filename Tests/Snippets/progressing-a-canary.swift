import Rollout

// The service's router and updater.

extension RolloutID {
    static let sms: RolloutID = "sms"
}

let policy = RolloutPolicy(
    revision: 1,
    rollouts: [
        "sms": RolloutDefinition(
            .canary(.percent(1), stable: [.app: "v1"], canary: [.app: "v2"]),
            progression: ProgressionPlan(steps: [.percent(1), .percent(5)])
        )
    ]
)
let router = made { try RolloutRouter(policy: policy) }
let updater = RolloutUpdater(router)

private func made<Value>(_ body: () throws -> Value) -> Value {
    do { return try body() } catch { fatalError("\(error)") }
}
