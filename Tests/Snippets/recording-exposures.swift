import Rollout

// What a service has beside the library: a log, a logger, and a router.

extension RolloutID {
    static let sms: RolloutID = "sms"
}

struct Log: Sendable {
    func append(_ lines: String) async throws {}
    func warn(_ line: String) {}
}

let log = Log()

func emit(_ event: String, _ attributes: [String: String], at time: UnixTime) {}

let user = "alice"

let router: RolloutRouter = {
    do {
        let policy = try RolloutPolicy(
            json: """
                {"schema": 1, "revision": 7, "rollouts": {"sms": {"strategy": {
                    "type": "canary", "percent": 10,
                    "stable": {"app": "v1", "model": "v1"}, "canary": {"app": "v2", "model": "v2"}}}}}
                """
        )
        return try RolloutRouter(policy: policy)
    } catch {
        fatalError("\(error)")
    }
}()
let sms = router.rollout(.sms, default: [.app: "v1", .model: "v1"])
