import Rollout

// What a service has beside the library: the policy that it ships with, models, and a log of updates.

extension RolloutID {
    static let sms: RolloutID = "sms"
}

let shipped = made {
    try RolloutPolicy(
        json: """
            {"schema": 1, "revision": 7, "rollouts": {"sms": {
                "strategy": {"type": "canary", "percent": 10,
                             "stable": {"app": "v1", "model": "v1"}, "canary": {"app": "v2", "model": "v2"}}}}}
            """
    )
}

let router = made { try RolloutRouter(policy: shipped) }

struct Models: PolicyGate {
    func prepare(from running: RolloutPolicy, to next: RolloutPolicy) async throws {}
}

let models = Models()

struct Log: UpdateRecorder {
    func record(_ record: UpdateRecord) {}
}

func log(_ line: String) {}

/// The file as a service reads it.
func bytes(of path: String) throws -> [UInt8] { [] }

private func made<Value>(_ body: () throws -> Value) -> Value {
    do { return try body() } catch { fatalError("\(error)") }
}
