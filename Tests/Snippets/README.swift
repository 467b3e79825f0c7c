import Rollout

// What a service has beside the library.

/// A policy that somebody wrote, for the update to a whole policy.
var next: RolloutPolicy {
    get throws {
        try RolloutPolicy(
            json: """
                {"schema": 1, "revision": 20, "rollouts": {"sms": {
                    "strategy": {"type": "canary", "percent": 50,
                                 "stable": {"app": "v1", "model": "v1"}, "canary": {"app": "v2", "model": "v2"}},
                    "sticky": {"cookie": "sms-version", "maxAge": 3600}, "epoch": 9}}}
                """
        )
    }
}

let acceptHeader: String? = nil
let (user, host, cookieHeader) = ("alice", "www.sms-app.local", "theme=dark")

struct Log: Sendable {
    func append(_ lines: [String]) async throws {}
}

let log = Log()

/// What the service is there for.
let (message, label) = ("Call now!", "spam")

@Sendable func classify(_ message: String, by variant: Decision.Variant) async throws -> String { "spam" }
