import Rollout

// The service's router, and what it does for a message.

extension RolloutID {
    static let sms: RolloutID = "sms"
}

struct Response: Sendable {
    let status: Int
}

func classify(_ message: String, by decision: Decision) async throws -> String { "ham" }
func respond(to message: String, by decision: Decision) async -> Response { Response(status: 200) }

let policy = RolloutPolicy(
    revision: 1,
    rollouts: [
        "sms": RolloutDefinition(
            .canary(.percent(10), stable: [.model: "v1"], canary: [.model: "v2"]),
            progression: ProgressionPlan(steps: [.percent(50)])
        )
    ]
)
let router = made { try RolloutRouter(policy: policy) }
let sms = router.rollout(.sms, default: [.model: "v1"])
let user = "alice"
let message = "hello"

private func made<Value>(_ body: () throws -> Value) -> Value {
    do { return try body() } catch { fatalError("\(error)") }
}
