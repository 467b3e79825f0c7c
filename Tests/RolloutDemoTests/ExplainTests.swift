import Rollout
import Testing

@Suite("explain")
struct ExplainTests {
    private func explain(_ arguments: String...) throws -> Demo.Result {
        try Demo.run(["explain", "--policy", Recorded.strategies] + arguments, input: [])
    }

    private static func explanation(_ id: RolloutID, _ unit: String?, host: String? = nil) throws -> Explanation {
        let policy = try RolloutPolicy(json: Recorded.text(Recorded.strategies))
        return try #require(try RolloutRouter(policy: policy).snapshot().explanation(for: unit, in: id, host: host))
    }

    @Test("It prints the library's explanation, as text and as JSON")
    func printed() throws {
        let explanation = try Self.explanation("recommender", "55", host: "WWW.example.org:80")
        let request = ["--rollout", "recommender", "--unit", "55", "--host", "WWW.example.org:80"]
        let command = ["explain", "--policy", Recorded.strategies] + request
        let text = try Demo.run(command, input: [])
        #expect(text.status == 0)
        #expect(text.error == "")
        #expect(text.text == explanation.description + "\n")
        #expect(text.lines.contains("-> 4. draw           bucket 560,526 belongs to treatment"))
        let json = try Demo.run(command + ["--json"], input: [])
        #expect(json.status == 0)
        #expect(json.text == explanation.json + "\n")
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

    @Test("With keys it explains the session: what became of the cookies, and the cookie that is due")
    func cookies() throws {
        let sticky = try StickyPolicy(percent: 100)
        let good = try cookie(of: sticky.route("{}", "--keys", sticky.keys))
        let keys = ["--keys", sticky.keys]
        let rows: [(options: [String], line: String, isDue: Bool)] = [
            (["--cookies", good], "The cookies were not read, because no --keys is given.", false),
            (keys, #"cookies: none is called "sms-app-version""#, true),
            (keys + ["--cookies", "sms-app-version=x"], "token 1: lost: malformed", true),
            (keys + ["--cookies", good, "--host", "other"], "token 1: lost: bad tag", true),
            (keys + ["--cookies", good, "--unit", "dave"], "token 1: valid; variant canary, ", true),
            (keys + ["--cookies", "a=b; \(good)"], "-> 3. assignment     of canary, bucket ", false),
        ]
        for row in rows {
            let result = try Demo.run(
                ["explain", "--policy", sticky.policy, "--rollout", "sms", "--now", "\(StickyPolicy.now)"]
                    + row.options,
                input: []
            )
            #expect(result.status == 0)
            #expect(result.lines.contains { $0.hasPrefix(row.line) }, "\(result.text)")
            #expect(result.text.contains("\nset-cookie: sms-app-version=") == row.isDue, "\(result.text)")
        }
        let late = try sticky.explain("--keys", sticky.keys, "--cookies", good, now: StickyPolicy.now + 3600)
        #expect(late.lines.contains { $0.hasPrefix("token 1: lost: expired; variant canary, ") })
        #expect(late.lines.contains { $0.hasPrefix("-> 4. draw ") })
        let json = try sticky.explain("--keys", sticky.keys, "--cookies", good, "--json")
        #expect(json.text.contains(#""verdict":"valid""#), "\(json.text)")
    }

    @Test("An unknown rollout ends with 2 and the nearest one")
    func unknownRollout() throws {
        let result = try explain("--rollout", "smms")
        #expect(result.status == 2)
        #expect(result.error == "RolloutDemo: --rollout: unknown rollout \"smms\"; did you mean \"sms\"?\n")
    }
}
