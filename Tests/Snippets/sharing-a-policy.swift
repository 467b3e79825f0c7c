import Rollout

// What a service has beside the library: a router, models, and a log of updates.

extension RolloutID {
    static let sms: RolloutID = "sms"
}

/// A new one each time, as each process has its own.
var router: RolloutRouter {
    made {
        let policy = try RolloutPolicy(
            json: """
                {"schema": 1, "revision": 7, "rollouts": {"sms": {
                    "strategy": {"type": "canary", "percent": 10,
                                 "stable": {"app": "v1", "model": "v1"}, "canary": {"app": "v2", "model": "v2"}}}}}
                """
        )
        return try RolloutRouter(policy: policy)
    }
}

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
