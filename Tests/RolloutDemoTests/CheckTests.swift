import Rollout
import Testing

@Suite("check")
struct CheckTests {
    @Test(
        "A valid policy is one line with revision, rollouts and digest",
        arguments: [Recorded.policy, Recorded.strategies]
    )
    func valid(path: String) throws {
        let policy = try RolloutPolicy(json: Recorded.text(path))
        let result = try Demo.run("check", path)
        #expect(result.status == 0)
        #expect(result.error == "")
        let rollouts = policy.rollouts.count == 1 ? "1 rollout" : "\(policy.rollouts.count) rollouts"
        #expect(result.text == "valid: revision 7, \(rollouts), sha256 \(policy.digest)\n")
        #expect(try Demo.run("check", "-", input: Recorded.text(path)).text == result.text)
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
