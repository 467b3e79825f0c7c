@testable import Rollout

extension PolicyFlawTests {
    /// A flaw in a plan: what stands between the braces of `"progression": {…}`, and the path from there.
    private static func plan(
        _ name: String,
        _ members: String,
        _ code: PolicyProblem.Code,
        _ path: String,
        _ message: String,
        beside rest: String = ""
    ) -> PolicyFlaw {
        .member(name, "\"progression\": {\(members)}\(rest)", code, ".progression\(path)", message)
    }

    /// A flaw in a number of a plan that is outside its range.
    private static func number(_ key: String, _ value: String, _ range: String) -> PolicyFlaw {
        plan(
            "\(key) of \(value)",
            #""steps": [1], "\#(key)": ▸\#(value)"#,
            .outOfRange,
            ".\(key)",
            "expected \(range), found \(value)"
        )
    }

    private static let pinned = #", "sticky": {"cookie": "c", "maxAge": 3600}"#
    private static let rise = "a percentage above 0 and below 100"

    static let plans: [PolicyFlaw] =
        [
            .member(
                "a plan as a list",
                #""progression": ▸[1, 5]"#,
                .wrongType,
                ".progression",
                "expected an object, found an array"
            ),
            .member("no steps", #""progression": ▸{}"#, .missing, ".progression", #""steps" is missing"#),
            plan("steps as a number", #""steps": ▸5"#, .wrongType, ".steps", "expected an array, found 5"),
            plan("empty steps", #""steps": ▸[]"#, .outOfRange, ".steps", "expected 1 ... 32 steps, found 0"),
            plan(
                "33 steps",
                "\"steps\": ▸[\((1...33).map { "\($0)" }.joined(separator: ","))]",
                .outOfRange,
                ".steps",
                "expected 1 ... 32 steps, found 33"
            ),
            plan("a step of 0", #""steps": [▸0, 5]"#, .outOfRange, ".steps[0]", "expected \(rise), found 0"),
            plan(
                "a step of 100",
                #""steps": [5, ▸100]"#,
                .outOfRange,
                ".steps[1]",
                "expected \(rise), above the one before it, 5, found 100"
            ),
            plan(
                "steps in the wrong order",
                #""steps": [5, ▸1, 25]"#,
                .outOfRange,
                ".steps[1]",
                "expected \(rise), above the one before it, 5, found 1"
            ),
            plan(
                "a step twice",
                #""steps": [5, ▸5]"#,
                .outOfRange,
                ".steps[1]",
                "expected \(rise), above the one before it, 5, found 5"
            ),
            plan(
                "a step that is no percentage",
                #""steps": [▸0.00001]"#,
                .outOfRange,
                ".steps[0]",
                "expected a percentage in 0 ... 100, a multiple of 0.0001, found 0.00001"
            ),
            plan(
                "a misspelt key",
                #""steps": [1], ▸"setle": 5"#,
                .unknownKey,
                ".setle",
                #"unknown key; did you mean "settle"?"#
            ),
            plan(
                "a foreign count",
                #""steps": [1], "count": ▸"users""#,
                .unknownValue,
                ".count",
                #"expected "units", "requests" or "nothing", found "users""#
            ),
            number("interval", "0", "an integer in 1 ... 3,600"),
            number("interval", "3601", "an integer in 1 ... 3,600"),
            number("settle", "-1", "an integer in 0 ... 86,400"),
            number("settle", "86401", "an integer in 0 ... 86,400"),
            number("dwell", "-1", "an integer in 0 ... 604,800"),
            number("dwell", "604801", "an integer in 0 ... 604,800"),
            number("dwell", "1.5", "an integer in 0 ... 604,800"),
            number("limit", "0", "a percentage above 0 and below 100, or null"),
            number("limit", "100", "a percentage above 0 and below 100, or null"),
            number("falseRollback", "0", "a percentage above 0, at most 20"),
            number("falseRollback", "20.0001", "a percentage above 0, at most 20"),
            number("falseAdvance", "0", "a percentage above 0, at most 20"),
            number("falseAdvance", "21", "a percentage above 0, at most 20"),
            plan(
                "a deadline shorter than settling",
                #""steps": [1], "deadline": ▸374"#,
                .outOfRange,
                ".deadline",
                "expected null or 375 ... 34,560,000 seconds (room for 60 s to settle, 300 s to dwell, 15 s of an interval), found 374"
            ),
            plan(
                "a deadline shorter than sessions",
                #""steps": [1], "deadline": ▸3914"#,
                .outOfRange,
                ".deadline",
                "expected null or 3,915 ... 34,560,000 seconds (room for 3,600 s to settle, 300 s to dwell, 15 s of an interval), "
                    + "found 3,914",
                beside: pinned
            ),
            plan(
                "a deadline beside sessions that last longer than any",
                #""steps": [1], "deadline": ▸34560000"#,
                .outOfRange,
                ".deadline",
                "expected null (room for 34,560,000 s to settle, 300 s to dwell, 15 s of an interval), found 34,560,000",
                beside: #", "sticky": {"cookie": "c", "maxAge": 34560000}"#
            ),
            plan(
                "a deadline too late",
                #""steps": [1], "deadline": ▸34560001"#,
                .outOfRange,
                ".deadline",
                "expected an integer in 0 ... 34,560,000, found 34560001"
            ),
            plan(
                "onDeadline without one",
                #""steps": [1], "onDeadline": ▸"abort""#,
                .forbiddenPlan,
                ".onDeadline",
                #""abort" needs a "deadline", and there is none"#
            ),
            plan(
                "a foreign onDeadline",
                #""steps": [1], "onDeadline": ▸"promote""#,
                .unknownValue,
                ".onDeadline",
                #"expected "hold", "abort" or "advance", found "promote""#
            ),
            plan(
                "a foreign confirm",
                #""steps": [1], "confirm": ▸true"#,
                .wrongType,
                ".confirm",
                "expected a string, found true"
            ),
            plan(
                "no margin",
                #""steps": [1], "margin": ▸{"relative": 0, "absolute": 0}"#,
                .outOfRange,
                ".margin",
                #"expected "relative" or "absolute" above 0: without a margin not even an equal canary could advance"#
            ),
            plan(
                "a margin with a misspelt part",
                #""steps": [1], "margin": {▸"relativ": 0}"#,
                .unknownKey,
                ".margin.relativ",
                #"unknown key; did you mean "relative"?"#
            ),
            plan(
                "a tolerance above the margin",
                #""steps": [1], "tolerance": {"relative": ▸20.5}"#,
                .outOfRange,
                ".tolerance.relative",
                "expected at most the margin's 20, found 20.5"
            ),
            plan(
                "an absolute tolerance above the margin",
                #""steps": [1], "margin": {"absolute": 0.2}, "tolerance": {"absolute": ▸0.3}"#,
                .outOfRange,
                ".tolerance.absolute",
                "expected at most the margin's 0.2, found 0.3"
            ),
            plan(
                "nine percentiles",
                #""steps": [1], "latency": ▸[10, 20, 30, 40, 50, 60, 70, 80, 90]"#,
                .tooMany,
                ".latency",
                "expected at most 8 percentiles, found 9"
            ),
            plan(
                "a percentile of 100",
                #""steps": [1], "latency": [50, ▸100]"#,
                .outOfRange,
                ".latency[1]",
                "expected a percentage in 1 ... 99.9, above the one before it, 50, found 100"
            ),
            plan(
                "requests of pinned sessions",
                #""steps": [1], "count": ▸"requests""#,
                .forbiddenPlan,
                ".count",
                #""requests" needs requests that fail independently of each other, and a cookie that pins the variant "#
                    + #"makes a session one unit with many of them: count "units", or write "pin": "bucket""#,
                beside: pinned
            ),
            .document(
                "progression of a test",
                """
                {"schema": 1, "revision": 7, "rollouts": {"sms": {"progression": ▸{"steps": [1]},
                 "strategy": {"type": "ab_test", "variants": [{"name": "a", "weight": 1, "release": {"app": "v1"}}]}}}}
                """,
                .forbiddenPlan,
                "rollouts.sms.progression",
                #"an "ab_test" has no canary to progress: expected "adaptation", or another strategy"#
            ),
            .member(
                "adaptation of a canary",
                #""adaptation": ▸{}"#,
                .forbiddenPlan,
                ".adaptation",
                #"a "canary" has no weights to adapt: expected "progression", or another strategy"#
            ),
        ] + [lateSchedule] + unused + adaptations

    /// A deadline is reported once, and not as missing.
    private static let lateSchedule = plan(
        "deadline of a schedule, with what is to happen then",
        #""steps": [1], "count": "nothing", ▸"deadline": 900, "onDeadline": "abort""#,
        .unknownKey,
        ".deadline",
        #""count": "nothing" judges no outcome, so "deadline" means nothing: leave it out"#
    )

    /// What a plan that counts nothing has no use for.
    private static let unused: [PolicyFlaw] = [
        ("margin", "{}"), ("tolerance", "{}"), ("limit", "null"), ("latency", "[]"), ("deadline", "null"),
        ("falseRollback", "1"), ("falseAdvance", "5"),
    ].map { key, value in
        plan(
            "\(key) of a schedule",
            #""steps": [1], "count": "nothing", ▸"\#(key)": \#(value)"#,
            .unknownKey,
            ".\(key)",
            #""count": "nothing" judges no outcome, so "\#(key)" means nothing: leave it out"#
        )
    }

    private static let adaptations: [PolicyFlaw] = [
        ("interval", "0", "an integer in 1 ... 3,600"),
        ("floor", "33.3334", "a percentage in 0 ... 33.3333, or 3 variants could not all keep it"),
        ("forget", "50.1", "a percentage in 0 ... 50"), ("maxStep", "0", "a percentage above 0, at most 100"),
    ].map { key, value, range in
        let variants = ["a", "b", "c"].map { #"{"name": "\#($0)", "weight": 1, "release": {"app": "v1"}}"# }
        return .document(
            "\(key) of \(value)",
            """
            {"schema": 1, "revision": 7, "rollouts": {"sms": {"adaptation": {"\(key)": ▸\(value)},
             "strategy": {"type": "ab_test", "variants": [\(variants.joined(separator: ", "))]}}}}
            """,
            .outOfRange,
            "rollouts.sms.adaptation.\(key)",
            "expected \(range), found \(value)"
        )
    }
}
