import Rollout

// What a service has beside the library: a router and models.

extension RolloutID {
    static let sms: RolloutID = "sms"
}

let policy = made {
    try RolloutPolicy(
        json: """
            {"schema": 1, "revision": 7, "rollouts": {"sms": {
                "strategy": {"type": "canary", "percent": 10,
                             "stable": {"app": "v1", "model": "v1"}, "canary": {"app": "v2", "model": "v2"}}}}}
            """
    )
}

let router = made { try RolloutRouter(policy: policy) }

struct Models: PolicyGate {
    func prepare(from running: RolloutPolicy, to next: RolloutPolicy) async throws {}
}

let models = Models()

func log(_ line: String) {}

private func made<Value>(_ body: () throws -> Value) -> Value {
    do { return try body() } catch { fatalError("\(error)") }
}
