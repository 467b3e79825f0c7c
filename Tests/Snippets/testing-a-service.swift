import Rollout

// What a service has beside the library: its policy, and keys.

extension RolloutID {
    static let sms: RolloutID = "sms"
}

let policy = made {
    try RolloutPolicy(
        json: """
            {"schema": 1, "revision": 7, "rollouts": {"sms": {
                "strategy": {"type": "canary", "percent": 10,
                             "stable": {"app": "v1", "model": "v1"}, "canary": {"app": "v2", "model": "v2"}},
                "sticky": {"cookie": "sms-version", "maxAge": 3600}}}}
            """
    )
}

let sessions: SessionRouter = made {
    try SessionRouter(keys: SigningKeys(text: SigningKeys.freshLine(id: 7)))
}

private func made<Value>(_ body: () throws -> Value) -> Value {
    do { return try body() } catch { fatalError("\(error)") }
}
