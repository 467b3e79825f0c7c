import Rollout

// What a service has beside the library: a router with one canary and its updater, approvals, and something to answer with.

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

let updater = RolloutUpdater(router)

/// The revision that the caller has seen.
let seen: UInt32 = 7

/// The digests of the policies that somebody approved.
let approved: Set<String> = []

func respond(_ status: Int, _ body: some Encodable) {}

private func made<Value>(_ body: () throws -> Value) -> Value {
    do { return try body() } catch { fatalError("\(error)") }
}
