import Rollout
import Testing

@Suite("check")
struct CheckTests {
    @Test("A valid policy is a line with revision, rollouts and digest, and what each rollout comes to")
    func valid() throws {
        let policy = try RolloutPolicy(json: Recorded.text(Recorded.strategies))
        let result = try Demo.run("check", Recorded.strategies, "--strict")
        #expect(result.status == 0)
        #expect(result.error == "")
        #expect(
            result.text == """
                valid: revision 7, 4 rollouts, sha256 \(policy.digest)

                ranker: shadow
                  primary  100 %  model r1
                  shadow    25 %  model r2  copies

                recommender: ab_test
                  control    60 %  model als-0.3
                  treatment  20 %  model als-0.4
                  bandit     20 %  model ucb-1.0

                sms: canary
                  stable  90 %  app v1, model v1
                  canary  10 %  app v2, model v2

                ui: fixed
                  stable  100 %  app v3

                """
        )
        #expect(try Demo.run("check", "-", input: Recorded.text(Recorded.strategies)).text == result.text)
    }

    @Test("The shares are what is drawn: nothing of what is out of service, or of no weight")
    func shares() throws {
        let text = #"""
            {"$schema": "policy.schema.json", "schema": 1, "revision": 1, "rollouts": {
              "a": {"strategy": {"type": "canary", "percent": 33.3333, "stable": {"x": "1"}, "canary": {"x": "2"}},
                    "draining": ["canary"]},
              "b": {"strategy": {"type": "ab_test", "coverage": 50, "variants": [
                      {"name": "v0", "weight": 0, "release": {"x": "1"}}, {"name": "v1", "weight": 1, "release": {"x": "2"}},
                      {"name": "v2", "weight": 1, "release": {"x": "3"}}]}, "disabled": ["v2"]},
              "c": {"strategy": {"type": "shadow", "percent": 7, "primary": {"x": "1"}, "shadow": {"x": "2"}},
                    "disabled": ["shadow"], "hosts": {"canary.example": "canary"}}}}
            """#
        #expect(
            try Demo.run("check", "-", input: text).lines.dropFirst() == [
                "", "a: canary", "  stable  100 %  x 1", "  canary    0 %  x 2  draining",
                "", "b: ab_test", "  v0  75 %  x 1", "  v1  25 %  x 2", "  v2   0 %  x 3  disabled",
                "", "c: shadow", "  primary  100 %  x 1", "  shadow     0 %  x 2  disabled",
            ]
        )
    }

    @Test("A warning is a line of its own, and a problem if it is asked to be one")
    func warnings() throws {
        let text = """
            {"schema": 1, "revision": 1, "rollouts": {"sms": {
              "strategy": {"type": "canary", "percent": 10, "stable": {"app": "v1"}, "canary": {"model": "v2"}},
              "sticky": {"cookie": "v", "maxAge": 60, "domain": "a.example"}, "hosts": {"canary.b.example": "canary"}}}}
            """
        let folder = try TemporaryFolder()
        let path = try folder.path("warned.json", text)
        let result = try Demo.run("check", path)
        #expect(result.status == 0)
        #expect(result.lines.first?.hasPrefix("valid: revision 1, 1 rollout, ") == true)
        #expect(
            result.lines.filter { $0.hasPrefix("warning: ") } == [
                #"warning: \#(path):2:84: rollouts.sms.strategy.canary: expected the components of "stable", "app", "#
                    + #"found "model""#,
                #"warning: \#(path):3:53: rollouts.sms.sticky.domain: expected a domain around at least one of the hosts "#
                    + #""canary.b.example", found "a.example""#,
            ]
        )
        let strict = try Demo.run("check", "--strict", path)
        #expect(strict.status == 1)
        #expect(strict.text == result.text)
        #expect(strict.error == "")
    }

    @Test("Every problem is a line with its file, line, column and path")
    func problems() throws {
        let text = """
            {"schema": 1, "revision": 1, "colour": "red", "rollouts": {
              "sms": {"strategy": {"type": "canary", "precent": 10, "stable": {"app": "v1"}, "canary": {}}},
              "ab": {"strategy": {"type": "ab_test", "variants": [{"name": "a", "weight": -1, "release": {"app": "v1"}}]}}
            }}
            """
        let folder = try TemporaryFolder()
        let path = try folder.path("bad.json", text)
        let result = try Demo.run("check", path)
        #expect(result.status == 1)
        #expect(result.error == "")
        let problems = #expect(throws: PolicyError.self) { try RolloutPolicy(json: text) }?.problems ?? []
        #expect(problems.count >= 4)
        #expect(
            result.lines
                == problems.map { "\(path):\($0.line ?? 0):\($0.column ?? 0): \($0.path): \($0.message)" }
        )
        #expect(
            result.text.contains("\(path):2:42: rollouts.sms.strategy.precent: unknown key; did you mean \"percent\"?")
        )
    }

    @Test(
        "A text that is not a policy at all has one problem",
        arguments: [
            ("", "stdin:1:1: expected a value, found an empty text"),
            ("{", "stdin:1:2: "), ("[]", "stdin:1:1: "),
            (String(repeating: "[", count: 100_000), "stdin:1:33: arrays and objects are nested more than 32 deep"),
        ]
    )
    func noPolicy(text: String, line: String) throws {
        let result = try Demo.run("check", "-", input: text)
        #expect(result.status == 1)
        #expect(result.lines.count == 1)
        #expect(result.text.hasPrefix(line.replacing("stdin", with: "standard input")), "\(result.text)")
    }

    @Test("A policy of 100 MB is refused without being read to its end")
    func tooLarge() throws {
        let result = try Demo.shell(#"{ head -c 100000000 /dev/zero; echo "wrote all" >&2; } | "$0" check -"#)
        #expect(result.status == 1)
        #expect(result.text == "standard input: expected at most 16,777,216 bytes of text, found more\n")
        #expect(result.error == "" || result.error == "wrote all\n" || result.error.contains("roken pipe"))
    }
}
