import Rollout

// The service's router and keys.

extension RolloutID {
    static let sms: RolloutID = "sms"
}

let policy = RolloutPolicy(revision: 1, rollouts: ["sms": RolloutDefinition(.fixed([.model: "v1"]))])
let router = try RolloutRouter(policy: policy)
let keys = try SigningKeys(text: "1 \(String(repeating: "A", count: 43))=")
