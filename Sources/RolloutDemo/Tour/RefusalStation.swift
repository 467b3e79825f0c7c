import Rollout

extension Station {
    /// A policy with mistakes. All are reported at once, with their places, and nothing changes.
    static let refusal = Station(title: "A policy that is refused") { stage throws(Stop) in
        let router = try stage.router(stage.policy)
        for (index, line) in mistaken.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            stage.say("  \(index < 9 ? " " : "")\(index + 1)  \(line)", .dim)
        }
        stage.say("")
        switch Result(catching: { () throws(PolicyError) in try RolloutPolicy(json: mistaken) }) {
        case .success(let policy): try await update(RolloutUpdater(router), to: policy)
        case .failure(let error): for problem in error.problems { stage.say("  \(problem)", .red) }
        }
        stage.say("")
        stage.say("Still running: revision \(router.status.revision).")
    }
}

private let mistaken = """
    {
      "schema": 1,
      "revision": 8,
      "rollouts": {
        "sms": {
          "strategy": {"type": "canary", "precent": 25,
                       "stable": {"app": "v1", "model": "v1"}, "canary": {"app": "v2", "model": "v1"}},
          "compatible": [{"app": "v1", "model": "v1"}, {"app": "v2", "model": "v2"}],
          "hosts": {"canary.sms-app.local": "cannary"},
          "epoch": 1.5
        },
        "ranker": {"strategy": {"type": "shadow", "percent": 101,
                                "primary": {"model": "r1"}, "shadow": {"model": "r2"}}}
      }
    }
    """
