import Rollout

// What the two services have beside the library: requests, calls, and a router with the same policy.

extension RolloutID {
    static let sms: RolloutID = "sms"
}

let user = "alice"

struct Call: Sendable {
    var headers: [String: String] = [:]
}

nonisolated(unsafe) var call = Call()

struct Incoming {
    /// What the app's call brought.
    var headers: [String: String] { call.headers }
}

let incoming = Incoming()

func serve(_ version: String?) {}

func leaveOutOfComparisons(_ request: Incoming) {}

let request = SessionRequest(unit: user, host: "www.sms-app.local", cookies: "")

let sessions: SessionRouter = made {
    try SessionRouter(keys: SigningKeys(text: SigningKeys.freshLine(id: 7)))
}

let sms: RolloutHandle = made {
    let policy = try RolloutPolicy(
        json: """
            {"schema": 1, "revision": 7, "rollouts": {"sms": {
                "strategy": {"type": "canary", "percent": 10,
                             "stable": {"app": "v1", "model": "v1"}, "canary": {"app": "v2", "model": "v2"}},
                "sticky": {"cookie": "sms-version", "maxAge": 3600}}}}
            """
    )
    guard let sms = try RolloutRouter(policy: policy).rollout(.sms) else { fatalError("no rollout called sms") }
    return sms
}

private func made<Value>(_ body: () throws -> Value) -> Value {
    do { return try body() } catch { fatalError("\(error)") }
}
