@testable import Rollout

extension PolicyFlawTests {
    static let enrolments: [PolicyFlaw] = [
        .member(
            "an enrolment as an object",
            #""enrolment": ▸{}"#,
            .wrongType,
            ".enrolment",
            "expected an array, found an object"
        ),
        .member(
            "a draw by nothing",
            #""enrolment": [▸{"ranges": []}]"#,
            .badEnrolment,
            ".enrolment[0]",
            #"expected one of "layer", "salt" or "bucketing" to draw by, found none of them"#
        ),
        .member(
            "a draw by two things",
            #""enrolment": [▸{"layer": "a", "salt": "b", "ranges": []}]"#,
            .badEnrolment,
            ".enrolment[0]",
            #"expected one of "layer", "salt" or "bucketing" to draw by, found "layer" and "salt""#
        ),
        .member(
            "a draw without ranges",
            #""enrolment": [▸{"layer": "a"}]"#,
            .missing,
            ".enrolment[0]",
            #""ranges" is missing"#
        ),
        .member(
            "a misspelt key",
            #""enrolment": [{"layer": "a", "ranges": [], ▸"range": []}]"#,
            .unknownKey,
            ".enrolment[0].range",
            #"unknown key; did you mean "ranges"?"#
        ),
        .member(
            "five draws",
            #""enrolment": ▸[\#(Array(repeating: #"{"salt": "a", "ranges": []}"#, count: 5).joined(separator: ", "))]"#,
            .tooMany,
            ".enrolment",
            "expected at most 4 draws, found 5"
        ),
        .member(
            "65 ranges",
            #""enrolment": [{"salt": "a", "ranges": ▸[\#((0..<65).map { "[\($0), \($0 + 1)]" }.joined(separator: ", "))]}]"#,
            .tooMany,
            ".enrolment[0].ranges",
            "expected at most 64 ranges, found 65"
        ),
        .member(
            "a range that runs backwards",
            #""enrolment": [{"salt": "a", "ranges": [▸[5, 4]]}]"#,
            .badEnrolment,
            ".enrolment[0].ranges[0]",
            "expected a range that does not end before it starts, found [5, 4)"
        ),
        .member(
            "a range with a name",
            #""enrolment": [{"salt": "a", "ranges": [▸["a", 0, 5]]}]"#,
            .wrongType,
            ".enrolment[0].ranges[0]",
            "expected [from, to], found an array"
        ),
        .member(
            "ranges that overlap",
            #""enrolment": [{"salt": "a", "ranges": [[0, 10], ▸[9, 20]]}]"#,
            .badEnrolment,
            ".enrolment[0].ranges[1]",
            "expected a range that starts at 10 or later and ends at 1000000 at the latest, found [9, 20)"
        ),
        .member(
            "a bad layer",
            #""enrolment": [{"layer": ▸"a b", "ranges": []}]"#,
            .badName,
            ".enrolment[0].layer",
            #"expected a name, 1 ... 64 of the characters A-Z a-z 0-9 . _ -, found "a b""#
        ),
        .member(
            "an empty salt",
            #""enrolment": [{"salt": ▸"", "ranges": []}]"#,
            .badText,
            ".enrolment[0].salt",
            "expected a text of 1 ... 1,024 bytes, found 0 bytes"
        ),
        .member(
            "a bad bucketing in a draw",
            #""enrolment": [{"bucketing": {"hash": "md5", "buckets": ▸0}, "ranges": []}]"#,
            .outOfRange,
            ".enrolment[0].bucketing.buckets",
            "expected an integer in 1 ... 1,000,000, found 0"
        ),
        .member(
            "a unit to be assigned and enrolled",
            #""sticky": {"cookie": "c", "maxAge": 60}, "missingUnit": ▸"assign", "enrolment": [{"salt": "a", "ranges": []}]"#,
            .needsUnit,
            ".missingUnit",
            #""assign" gives a visitor a bucket of the rollout alone, and "enrolment" draws by a unit: leave out one of them"#
        ),
    ]

    private static func layer(_ name: String, _ first: String, _ second: String, _ path: String, _ common: String)
        -> PolicyFlaw
    {
        let fixed = #""strategy": {"type": "fixed", "release": {"a": "1"}}"#
        return .document(
            name,
            #"{"schema": 1, "revision": 1, "rollouts": {"one": {\#(fixed), "enrolment": [\#(first)]}, "#
                + #""two": {\#(fixed), "enrolment": [\#(second)]}}}"#,
            .overlappingLayers,
            path,
            #"expected buckets of layer "a" apart from those of rollout "one", found \#(common) in both: "#
                + "a unit could be in both rollouts"
        )
    }

    static let layers: [PolicyFlaw] = [
        layer(
            "ranges of a layer that overlap, even of strategies that draw nothing",
            #"{"layer": "a", "ranges": [[0, 500000]]}"#,
            #"▸{"layer": "a", "ranges": [[499999, 1000000]]}"#,
            "rollouts.two.enrolment[0]",
            "[499999, 500000)"
        ),
        layer(
            "a range inside another, told once",
            #"{"layer": "a", "ranges": [[0, 10], [20, 900000]]}"#,
            #"{"salt": "s", "ranges": [[0, 1]]}, ▸{"layer": "a", "ranges": [[30, 40], [50, 60]]}"#,
            "rollouts.two.enrolment[1]",
            "[30, 40)"
        ),
    ]
}
