import Rollout
import Testing

@Suite("judge")
struct JudgeTests {
    private static let plan = #"{"steps": [5, 25], "count": "requests"}"#

    private static func window(
        _ canary: (Int, Int),
        _ stable: (Int, Int),
        percent: String = "5",
        seconds: String = "300",
        settled: Bool = true
    ) -> String {
        #"{"seconds": \#(seconds), "percent": \#(percent), "settled": \#(settled), "#
            + #""stable": {"requests": \#(stable.0), "failures": \#(stable.1)}, "#
            + #""canary": {"requests": \#(canary.0), "failures": \#(canary.1)}}"#
    }

    private static let healthy = window((50_000, 500), (950_000, 9_500))
    private static let little = window((5, 0), (95, 1))
    private static let harmful = window((500, 60), (9_500, 95))

    private static func judge(_ lines: [String], _ options: String..., plan: String = plan) throws -> Demo.Result {
        try Demo.run(["judge", "--plan", plan] + options, input: lines.joined(separator: "\n").utf8)
    }

    @Test(
        "The exit status is the last verdict",
        arguments: [
            ([healthy], 0, ["advance"]), ([little], 3, ["hold"]), ([harmful], 4, ["rollback"]),
            ([healthy, window((250_000, 2_500), (750_000, 7_500), percent: "25")], 0, ["advance", "promote"]),
            ([harmful, little], 4, ["rollback", "rollback"]), ([], 3, []),
            ([healthy, window((5, 0), (95, 1), percent: "25")], 3, ["advance", "hold"]),
        ] as [([String], Int32, [String])]
    )
    func status(lines: [String], status: Int32, verdicts: [String]) throws {
        let result = try Self.judge(lines)
        #expect(result.status == status)
        #expect(result.error == "")
        #expect(
            try result.lines.map { try JSONDocument(parsing: Array($0.utf8)).root["verdict"]?.string } == verdicts
        )
        let quiet = try Self.judge(lines, "--quiet")
        #expect(quiet.status == status)
        #expect(quiet.text == "")
    }

    @Test("A verdict has its evidence")
    func line() throws {
        let result = try Self.judge([Self.little])
        #expect(
            result.text
                == #"{"advance":{"evidence":1.06145,"needed":20,"windowsToGo":284},"next":25,"percent":5,"#
                + #""rollback":{"evidence":0.892887,"needed":100,"p":1},"verdict":"hold","why":"gathering"}"# + "\n"
        )
    }

    @Test("A stage is as old as its windows are long, and begins with another percent")
    func age() throws {
        let young = Self.window((50_000, 500), (950_000, 9_500), seconds: "299.5")
        let second = Self.window((1, 0), (19, 0), seconds: "0.5")
        let result = try Self.judge([young, second, Self.window((9, 0), (9, 0), percent: "25", seconds: "299")])
        #expect(result.lines.map { $0.contains("dwelling") } == [true, false, true])
        #expect(result.lines[1].contains(#""verdict":"advance""#))
    }

    @Test("What begins under a larger share is held against it until a window has settled")
    func weight() throws {
        // Failures of requests that began when half of them were the canary's.
        let lines = [
            Self.window((3_000, 30), (3_000, 30), percent: "50"),
            Self.window((300, 30), (5_700, 30), percent: "5", settled: false),
        ]
        let result = try Self.judge(lines)
        #expect(result.status == 3, "\(result.text)")
        // In a settled window the same counts are harm.
        let settled = try Self.judge([lines[0], Self.window((300, 30), (5_700, 30))])
        #expect(settled.status == 4, "\(settled.text)")
    }

    @Test("Units and latency are read as the plan asks for them")
    func units() throws {
        let units = #""units": {"arrived": 900, "entered": 900, "enteredFailed": 9, "failed": 9}, "slow": [9]"#
        let side = #"{"requests": 1000, "failures": 10, \#(units)}"#
        let line =
            #"{"seconds": 300, "percent": 50, "settled": true, "stable": \#(side), "canary": \#(side)}"#
        let result = try Self.judge([line], plan: #"{"steps": [50], "latency": [99]}"#)
        #expect(result.status == 3)
        #expect(result.text.contains(#""why":"gathering""#), "\(result.text)")
        let without = try Self.judge([Self.little], plan: #"{"steps": [50]}"#)
        #expect(without.status == 3)
        #expect(without.text.contains(#""why":"no data""#))
        #expect(without.text.contains("count them, or write"), "\(without.text)")
    }

    @Test("Without failures a count that cannot be is no data")
    func impossible() throws {
        let result = try Self.judge([Self.window((5, 6), (95, 0))])
        #expect(result.status == 3)
        #expect(result.text.contains(#""detail":"canary: 6 failures, and only 5 requests""#), "\(result.text)")
    }

    @Test(
        "A line that cannot be read is named, and what follows is not judged",
        arguments: [
            ("{", "expected a key in quotation marks or '}', found the end of the text (byte 2)"),
            ("[]", "expected a window, an object, found an array"),
            (#"{"seconds": 1}"#, #"expected "percent", found none"#),
            (
                little.replacing(#""seconds": 300"#, with: #""seconds": "x""#),
                #"expected "seconds" to be a number in 0 ... 1,000,000,000, found "x""#
            ),
            (
                little.replacing(#""percent": 5"#, with: #""percent": 101"#),
                #"expected "percent" to be a percentage in 0 ... 100, a multiple of 0.0001, found 101"#
            ),
            (
                little.replacing("true", with: "1"),
                #"expected "settled" to be true or false, found 1"#
            ),
            (
                little.replacing("canary", with: "canry"),
                #"unknown key "canry" in a window; did you mean "canary"?"#
            ),
            (
                little.replacing(#""requests": 5"#, with: #""requests": 5.5"#),
                #"expected "requests" to be an integer, found 5.5"#
            ),
            (
                little.replacing(#""failures": 0}"#, with: #""failures": 0, "slow": [1]}"#),
                #"expected "slow" of "canary" to be 0 integers, one for each percentile of the plan, found an array"#
            ),
            (
                little.replacing(#""failures": 0}"#, with: #""failures": 0, "units": {"arrived": 1}}"#),
                #"expected "entered", found none"#
            ),
            (
                little.replacing(#""failures": 0}"#, with: #""failures": 0, "failures": 0}"#),
                #"expected each key once, found "failures" twice"#
            ),
        ]
    )
    func unreadable(line: String, problem: String) throws {
        let result = try Self.judge([Self.healthy, line, "", Self.healthy])
        #expect(result.status == 1)
        #expect(result.error == "line 2: \(problem)\n")
        #expect(result.lines.count == 1)
    }

    @Test(
        "A plan is needed, and a valid one",
        arguments: [
            ([], "judge: --policy FILE or --plan JSON is missing"),
            (["--plan", "{}"], "--plan: the plan is invalid\nline 1, column 1: \"steps\" is missing"),
            (
                ["--plan", #"{"steps": [5, 1]}"#],
                "line 1, column 15: steps[1]: expected a percentage above 0 and below 100, above the one before it, 5, found 1"
            ),
            (
                ["--plan", "{}", "--policy", "p.json"],
                "judge: --plan is the whole plan: leave --policy and --rollout out"
            ),
            (["--rollout", "sms"], "judge: --rollout has no effect without --policy FILE"),
            (["--policy", Recorded.policy], "has \"progression\""),
        ]
    )
    func plans(options: [String], message: String) throws {
        let result = try Demo.run(["judge"] + options, input: [])
        #expect(result.status == 2)
        #expect(result.error.contains(message), "\(result.error)")
    }

    @Test("The plan of a policy's rollout")
    func policy() throws {
        let folder = try TemporaryFolder()
        let strategy = #""strategy": {"type": "fixed", "release": {"app": "v1"}}"#
        let file = try folder.path(
            "policy.json",
            """
            {"schema": 1, "revision": 1, "rollouts": {
              "sms": {\(strategy), "progression": \(Self.plan)},
              "web": {\(strategy), "progression": {"steps": [9], "count": "nothing"}},
              "ui": {\(strategy)}}}
            """
        )
        let sms = try Demo.run(["judge", "--policy", file, "--rollout", "sms"], input: Self.healthy.utf8)
        #expect(sms.status == 0)
        #expect(sms.text.contains(#""next":25"#))
        let web = try Demo.run(["judge", "--policy", file, "--rollout", "web"], input: Self.harmful.utf8)
        #expect(web.status == 0, "\(web.text)")
        #expect(web.text.contains(#""rollback":null"#))
        let either = try Demo.run(["judge", "--policy", file], input: Self.healthy.utf8)
        #expect(
            either.error.contains(#"--rollout ID is missing, and several have a plan: "sms" or "web""#),
            "\(either.error)"
        )
        let neither = try Demo.run(["judge", "--policy", file, "--rollout", "ui"], input: Self.healthy.utf8)
        #expect(neither.error.contains("--rollout: no rollout ui with a plan"), "\(neither.error)")
    }
}
