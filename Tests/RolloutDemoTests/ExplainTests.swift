import Rollout
import RolloutDemo
import Testing

@Suite("explain")
struct ExplainTests {
    @Test("Its account comes to what the library decides, for random rollouts and requests", arguments: 0..<200)
    func agreement(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let definition = RandomRollout.definition(using: &random)
        let policy = RolloutPolicy(revision: 1, rollouts: ["r": definition])
        let snapshot = try RolloutRouter(policy: policy).snapshot()
        for _ in 0..<40 {
            let unit = RandomRollout.unit(using: &random)
            let host = RandomRollout.host(using: &random)
            let decision = try #require(snapshot.decision(for: unit, in: "r", host: host))
            let outcome = Explanation(of: "r", definition, unit: unit, host: host).outcome
            #expect(
                outcome.variant == decision.variant.name && outcome.reason == decision.reason
                    && outcome.bucket == decision.bucket && outcome.isCopied == (decision.shadow != nil),
                "\(outcome) is not \(decision); unit \(unit ?? "none"), host \(host ?? "none"), \(policy.json)"
            )
        }
    }

    private func explain(_ arguments: String...) throws -> Demo.Result {
        try Demo.run(["explain", "--policy", Recorded.strategies] + arguments, input: [])
    }

    @Test("A draw is told with salt, bucket and ranges, and an arrow at the rule that decided")
    func draw() throws {
        let result = try explain("--rollout", "recommender", "--unit", "55", "--host", "WWW.example.org:80")
        #expect(result.status == 0)
        #expect(result.error == "")
        #expect(
            result.text == """
                recommender: ab_test, epoch 0, policy revision 7
                request: unit "55", host "WWW.example.org:80"

                   1. host rule      "www.example.org" is not among 0 hosts with a rule
                   2. forced unit    "55" is not among 0 forced units
                   3. assignment     the request brings none
                -> 4. draw           key    0x56b741aa697c673d   XXH3-64 of "55"
                                     salt   0xdfc5a37959b190d9   XXH3-64 of "rollout\\u0000recommender"
                                     bucket 560,526 of 1,000,000
                                       control          0  ..<    400,000
                                       treatment  400,000  ..<    600,000  <- 560,526
                                       bandit     600,000  ..<    800,000
                                       nobody     800,000  ..<  1,000,000              not enrolled
                                     so: treatment (model als-0.4), split
                   5. missing unit   not asked

                decision: treatment (model als-0.4) by split, bucket 560526, revision 7

                """
        )
    }

    @Test(
        "The arrow is at the rule that decided",
        arguments: [
            (
                ["--unit", "qa-1", "--host", "stable.sms-app.local"], "-> 1. host rule ",
                "stable (app v1, model v1) by host"
            ),
            (["--unit", "qa-1"], "-> 2. forced unit ", "canary (app v2, model v2) by forced"),
            (["--unit", "15"], "-> 4. draw ", "canary (app v2, model v2) by split, bucket 54952"),
            ([], "-> 5. missing unit ", "stable (app v1, model v1) by missing_unit"),
            (["--unit", ""], "-> 5. missing unit ", "stable (app v1, model v1) by missing_unit"),
        ]
    )
    func arrow(request: [String], arrow: String, decision: String) throws {
        let arguments = ["explain", "--policy", Recorded.policy, "--rollout", "sms"] + request
        let result = try Demo.run(arguments, input: [])
        #expect(result.status == 0)
        #expect(result.lines.filter { $0.hasPrefix("->") }.count == 1)
        #expect(result.lines.contains { $0.hasPrefix(arrow) })
        #expect(result.lines.last == "decision: \(decision), revision 7")
    }

    @Test("A copy to the shadow is told with the salt of its own")
    func copy() throws {
        let copied = try explain("--rollout", "ranker", "--unit", "user-4")
        #expect(copied.text.contains(#"XXH3-64 of "rollout\u0000ranker\u0000shadow""#))
        #expect(copied.text.contains("so: a copy goes to shadow (model r2)"))
        #expect(copied.lines.last?.contains("copied to shadow (model r2)") == true)
        let missed = try explain("--rollout", "ranker", "--unit", "42")
        #expect(missed.text.contains("bucket 354,964 of 1,000,000"))
        #expect(missed.text.contains("so: no copy"))
    }

    @Test("Of many ranges, those near the bucket are shown")
    func manyRanges() throws {
        let ranges = (0..<500).map {
            #"["\#($0.isMultiple(of: 2) ? "a" : "b")", \#($0 * 2_000), \#(($0 + 1) * 2_000)]"#
        }
        let variants = ["a", "b"].map { #"{"name": "\#($0)", "weight": 1, "release": {"app": "\#($0)"}}"# }
        let policy = """
            {"schema": 1, "revision": 1, "rollouts": {"r": {"strategy": {"type": "ab_test",
              "variants": [\(variants.joined(separator: ", "))], "allocation": [\(ranges.joined(separator: ", "))]}}}}
            """
        let folder = try TemporaryFolder()
        let result = try Demo.run("explain", "--policy", folder.path("p.json", policy), "--rollout", "r", "--unit", "x")
        #expect(result.status == 0)
        #expect(result.lines.filter { $0.contains("..<") }.count == 7)
        #expect(result.lines.filter { $0.contains("<- ") }.count == 1)
        #expect(result.text.contains("(493 ranges not shown)"))
    }

    @Test("An unknown rollout ends with 2 and the nearest one")
    func unknownRollout() throws {
        let result = try explain("--rollout", "smms")
        #expect(result.status == 2)
        #expect(result.error == "RolloutDemo: --rollout: unknown rollout \"smms\"; did you mean \"sms\"?\n")
    }
}
