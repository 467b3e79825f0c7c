import Rollout

// What a service has beside the library: a router that starts without a policy, and models.

extension RolloutID {
    static let sms: RolloutID = "sms"
}

let router = RolloutRouter()

struct Models: PolicyGate {
    func prepare(from running: RolloutPolicy, to next: RolloutPolicy) async throws {}
}

let models = Models()

func log(_ line: String) {}
