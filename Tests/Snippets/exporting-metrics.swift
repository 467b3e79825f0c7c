import Rollout

// The service's router and keys.

extension RolloutID {
    static let sms: RolloutID = "sms"
}

let policy = RolloutPolicy(revision: 1, rollouts: ["sms": RolloutDefinition(.fixed([.model: "v1"]))])
let router = made { try RolloutRouter(policy: policy) }
let keys = made { try SigningKeys(text: SigningKeys.freshLine(id: 1)) }

private func made<Value>(_ body: () throws -> Value) -> Value {
    do { return try body() } catch { fatalError("\(error)") }
}
