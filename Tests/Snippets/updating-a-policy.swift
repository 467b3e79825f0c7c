import Rollout

// What a service has beside the library: a router with one canary, models, and something to write to.

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

var decision: Decision {
    guard let sms = router.rollout(.sms) else { fatalError("no rollout called sms") }
    return sms.decision(for: "alice")
}

struct Model: Sendable {
    let version: String

    init(version: String) async throws { self.version = version }

    func classify(_ text: String) -> String { "spam by \(version)" }

    func close() {}
}

func answersHello(_ release: Release) async throws {}

func write(_ line: String) {}

func reportReady() {}

private func made<Value>(_ body: () throws -> Value) -> Value {
    do { return try body() } catch { fatalError("\(error)") }
}
