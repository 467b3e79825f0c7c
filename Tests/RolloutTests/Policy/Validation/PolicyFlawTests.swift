import Testing

@testable import Rollout

@Suite("Every rule of the policy document")
struct PolicyFlawTests {
    @Test("is reported with its code, path, place and a sentence", arguments: documents + rollouts + strategies)
    func documentFlaw(_ flaw: PolicyFlaw) { check(flaw) }

    @Test(
        "is reported for what stands beside the strategy",
        arguments: members + rules + hosts + cookies + domains + prefixes
    )
    func memberFlaw(_ flaw: PolicyFlaw) { check(flaw) }

    @Test("is reported for plans", arguments: plans)
    func planFlaw(_ flaw: PolicyFlaw) { check(flaw) }

    @Test("is reported for a bucketing", arguments: bucketings)
    func bucketingFlaw(_ flaw: PolicyFlaw) { check(flaw) }

    @Test("is reported for an enrolment", arguments: enrolments)
    func enrolmentFlaw(_ flaw: PolicyFlaw) { check(flaw) }

    @Test("is reported between rollouts", arguments: overlaps + layers)
    func overlap(_ flaw: PolicyFlaw) { check(flaw) }

    private func check(_ flaw: PolicyFlaw) {
        let marked = MarkedText(flaw.document)
        let error = #expect(throws: PolicyError.self) { try RolloutPolicy(json: marked.text) }
        #expect(error?.problems.count == 1, "\(error?.description ?? "")")
        guard let problem = error?.problems.first, let place = marked.positions.first else { return }
        #expect(problem.code == flaw.code)
        #expect(problem.path == flaw.path)
        #expect(problem.line == place.line)
        #expect(problem.column == place.column)
        #expect(problem.message == flaw.message)
    }

    static let documents: [PolicyFlaw] = [
        .document("no JSON", #"{"schema": 1▸"#, .syntax, "", "expected ',' or '}', found the end of the text"),
        .document("empty", "▸", .syntax, "", "expected a value, found an empty text"),
        .document(
            "byte order mark",
            "▸\u{FEFF}{}",
            .syntax,
            "",
            "expected UTF-8 without a byte order mark, found the byte order mark of UTF-8 (EF BB BF)"
        ),
        .document(
            "$schema as an object",
            #"{"$schema": ▸{}, "schema": 1, "revision": 1, "rollouts": {}}"#,
            .wrongType,
            #"["$schema"]"#,
            "expected a string, found an object"
        ),
        .document(
            "misspelt $schema",
            #"{▸"$shema": "x", "schema": 1, "revision": 1, "rollouts": {}}"#,
            .unknownKey,
            #"["$shema"]"#,
            #"unknown key; did you mean "$schema"?"#
        ),
        .document("no object", "▸[]", .wrongType, "", "expected an object, found an array"),
        .document(
            "schema of the future",
            #"{"schema": ▸2, "revision": 1, "rollouts": {}}"#,
            .unsupportedSchema,
            "schema",
            "expected 1, found 2"
        ),
        .document(
            "schema as text",
            #"{"schema": ▸"1", "revision": 1, "rollouts": {}}"#,
            .unsupportedSchema,
            "schema",
            #"expected 1, found "1""#
        ),
        .document("no schema", #"▸{"revision": 1, "rollouts": {}}"#, .missing, "", #""schema" is missing"#),
        .document("no revision", #"▸{"schema": 1, "rollouts": {}}"#, .missing, "", #""revision" is missing"#),
        .document("no rollouts", #"▸{"schema": 1, "revision": 1}"#, .missing, "", #""rollouts" is missing"#),
        .document(
            "rollouts as a list",
            #"{"schema": 1, "revision": 1, "rollouts": ▸[]}"#,
            .wrongType,
            "rollouts",
            "expected an object, found an array"
        ),
        .document(
            "revision above 32 bits",
            #"{"schema": 1, "revision": ▸4294967296, "rollouts": {}}"#,
            .outOfRange,
            "revision",
            "expected an integer in 0 ... 4,294,967,295, found 4294967296"
        ),
        .document(
            "revision below 0",
            #"{"schema": 1, "revision": ▸-1, "rollouts": {}}"#,
            .outOfRange,
            "revision",
            "expected an integer in 0 ... 4,294,967,295, found -1"
        ),
        .document(
            "revision with a fraction",
            #"{"schema": 1, "revision": ▸1.0, "rollouts": {}}"#,
            .outOfRange,
            "revision",
            "expected an integer in 0 ... 4,294,967,295, found 1.0"
        ),
        .document(
            "revision with an exponent",
            #"{"schema": 1, "revision": ▸1e1, "rollouts": {}}"#,
            .outOfRange,
            "revision",
            "expected an integer in 0 ... 4,294,967,295, found 1e1"
        ),
        .document(
            "revision as text",
            #"{"schema": 1, "revision": ▸"7", "rollouts": {}}"#,
            .wrongType,
            "revision",
            #"expected a number, found "7""#
        ),
        .document(
            "empty environment",
            #"{"schema": 1, "revision": 1, "environment": ▸"", "rollouts": {}}"#,
            .badText,
            "environment",
            "expected a text of 1 ... 1,024 bytes, found 0 bytes"
        ),
        .document(
            "environment null",
            #"{"schema": 1, "revision": 1, "environment": ▸null, "rollouts": {}}"#,
            .wrongType,
            "environment",
            "expected a string, found null"
        ),
        .document(
            "misspelt key",
            "{\"schema\": 1, \"revision\": 1,\n \"rollouts\": {}, ▸\"enviroment\": \"x\"}",
            .unknownKey,
            "enviroment",
            #"unknown key; did you mean "environment"?"#
        ),
        .document(
            "foreign key",
            #"{"schema": 1, "revision": 1, "rollouts": {}, ▸"x": 1}"#,
            .unknownKey,
            "x",
            #"unknown key; expected "$schema", "schema", "revision", "environment", "rollouts" or "removed""#
        ),
        .document(
            "key twice",
            #"{"schema": 1, "revision": 1, "rollouts": {}, ▸"revision": 1}"#,
            .duplicateKey,
            "revision",
            #""revision" stands in this object before"#
        ),
        .document(
            "key twice, escaped",
            #"{"schema": 1, "revision": 1, "rollouts": {}, ▸"\u0072evision": 1}"#,
            .duplicateKey,
            "revision",
            #""revision" stands in this object before"#
        ),
        .document(
            "rollout id with a space",
            #"{"schema": 1, "revision": 1, "rollouts": {▸"a b": {"strategy": {"type": "fixed", "release": {"app": "1"}}}}}"#,
            .badName,
            #"rollouts["a b"]"#,
            #"expected a name as key, 1 ... 64 of the characters A-Z a-z 0-9 . _ -, found "a b""#
        ),
        .document(
            "rollout id empty",
            #"{"schema": 1, "revision": 1, "rollouts": {▸"": {"strategy": {"type": "fixed", "release": {"app": "1"}}}}}"#,
            .badName,
            #"rollouts[""]"#,
            #"expected a name as key, 1 ... 64 of the characters A-Z a-z 0-9 . _ -, found """#
        ),
        .document(
            "rollout id with the Kelvin sign",
            "{\"schema\": 1, \"revision\": 1, \"rollouts\": {▸\"\u{212A}\": {\(PolicyFlaw.canary)}}}",
            .badName,
            "rollouts[\"\u{212A}\"]",
            "expected a name as key, 1 ... 64 of the characters A-Z a-z 0-9 . _ -, found \"\u{212A}\""
        ),
    ]

    static let rollouts: [PolicyFlaw] = [
        .rollout("no object", "▸7", .wrongType, "", "expected an object, found 7"),
        .rollout("no strategy", "▸{}", .missing, "", #""strategy" is missing"#),
        .rollout(
            "misspelt key",
            #"{\#(PolicyFlaw.canary), ▸"darining": []}"#,
            .unknownKey,
            ".darining",
            #"unknown key; did you mean "draining"?"#
        ),
        .rollout(
            "key in another case",
            #"{\#(PolicyFlaw.canary), ▸"Salt": "x"}"#,
            .unknownKey,
            ".Salt",
            #"unknown key; did you mean "salt"?"#
        ),
        .rollout(
            "strategy twice",
            #"{\#(PolicyFlaw.canary), ▸\#(PolicyFlaw.canary)}"#,
            .duplicateKey,
            ".strategy",
            #""strategy" stands in this object before"#
        ),
    ]

    static let strategies: [PolicyFlaw] = [
        .strategy("no object", #"▸"canary""#, .wrongType, "", #"expected an object, found "canary""#),
        .strategy("no type", "▸{}", .missing, "", #""type" is missing"#),
        .strategy(
            "foreign type",
            #"{"type": ▸"blue_green"}"#,
            .unknownValue,
            ".type",
            #"expected "fixed", "canary", "ab_test" or "shadow", found "blue_green""#
        ),
        .strategy("type as number", #"{"type": ▸1}"#, .wrongType, ".type", "expected a string, found 1"),
        .strategy("no release", #"▸{"type": "fixed"}"#, .missing, "", #""release" is missing"#),
        .strategy(
            "empty release",
            #"{"type": "fixed", "release": ▸{}}"#,
            .emptyRelease,
            ".release",
            "expected a release with at least one component, found none"
        ),
        .strategy(
            "release as text",
            #"{"type": "fixed", "release": ▸"v1"}"#,
            .wrongType,
            ".release",
            #"expected an object, found "v1""#
        ),
        .strategy(
            "version as number",
            #"{"type": "fixed", "release": {"app": ▸1}}"#,
            .wrongType,
            ".release.app",
            "expected a string, found 1"
        ),
        .strategy(
            "empty version",
            #"{"type": "fixed", "release": {"app": ▸""}}"#,
            .badVersion,
            ".release.app",
            #"expected a version of 1 ... 128 printable ASCII characters, no space at either end, found """#
        ),
        .strategy(
            "version beyond ASCII",
            "{\"type\": \"fixed\", \"release\": {\"app\": ▸\"v\u{212A}\"}}",
            .badVersion,
            ".release.app",
            "expected a version of 1 ... 128 printable ASCII characters, no space at either end, found \"v\u{212A}\""
        ),
        .strategy(
            "version with a control character",
            #"{"type": "fixed", "release": {"app": ▸"v\t1"}}"#,
            .badVersion,
            ".release.app",
            #"expected a version of 1 ... 128 printable ASCII characters, no space at either end, found "v\t1""#
        ),
        .strategy(
            "version with a space before it",
            #"{"type": "fixed", "release": {"app": ▸" v1"}}"#,
            .badVersion,
            ".release.app",
            #"expected a version of 1 ... 128 printable ASCII characters, no space at either end, found " v1""#
        ),
        .strategy(
            "version with a space after it",
            #"{"type": "fixed", "release": {"app": ▸"v 1 "}}"#,
            .badVersion,
            ".release.app",
            #"expected a version of 1 ... 128 printable ASCII characters, no space at either end, found "v 1 ""#
        ),
        .strategy(
            "version that is a space",
            #"{"type": "fixed", "release": {"app": ▸" "}}"#,
            .badVersion,
            ".release.app",
            #"expected a version of 1 ... 128 printable ASCII characters, no space at either end, found " ""#
        ),
        .strategy(
            "component that is no name",
            #"{"type": "fixed", "release": {"app": "1", ▸"a/b": "1"}}"#,
            .badName,
            #".release["a/b"]"#,
            #"expected a name as key, 1 ... 64 of the characters A-Z a-z 0-9 . _ -, found "a/b""#
        ),
        .strategy(
            "component twice",
            #"{"type": "fixed", "release": {"app": "1", ▸"app": "2"}}"#,
            .duplicateKey,
            ".release.app",
            #""app" stands in this object before"#
        ),
        .strategy(
            "key of another strategy",
            #"{"type": "fixed", "release": {"app": "1"}, ▸"percent": 1}"#,
            .unknownKey,
            ".percent",
            #"unknown key; expected "type" or "release""#
        ),
        .strategy(
            "canary and shadow on one rollout",
            #"{"type": "canary", "percent": 1, "stable": {"a": "1"}, "canary": {"a": "2"}, ▸"shadow": {"a": "3"}}"#,
            .unknownKey,
            ".shadow",
            #"unknown key; expected "type", "percent", "stable" or "canary""#
        ),
        .strategy(
            "misspelt percent",
            #"{"type": "canary", "percent": 1, ▸"precent": 1, "stable": {"a": "1"}, "canary": {"a": "2"}}"#,
            .unknownKey,
            ".precent",
            #"unknown key; did you mean "percent"?"#
        ),
        .strategy(
            "canary without percent",
            #"▸{"type": "canary", "stable": {"a": "1"}, "canary": {"a": "2"}}"#,
            .missing,
            "",
            #""percent" is missing"#
        ),
        .strategy(
            "shadow without percent",
            #"▸{"type": "shadow", "primary": {"a": "1"}, "shadow": {"a": "2"}}"#,
            .missing,
            "",
            #""percent" is missing"#
        ),
        .strategy(
            "canary without its release",
            #"▸{"type": "canary", "percent": 1, "stable": {"a": "1"}}"#,
            .missing,
            "",
            #""canary" is missing"#
        ),
        .strategy(
            "percent as text",
            #"{"type": "canary", "percent": ▸"10%", "stable": {"a": "1"}, "canary": {"a": "2"}}"#,
            .wrongType,
            ".percent",
            #"expected a number, found "10%""#
        ),
        .strategy(
            "test without variants",
            #"▸{"type": "ab_test"}"#,
            .missing,
            "",
            #""variants" is missing"#
        ),
        .strategy(
            "no variant",
            #"{"type": "ab_test", "variants": ▸[]}"#,
            .missing,
            ".variants",
            "expected at least one variant, found none"
        ),
        .strategy(
            "variant without a name",
            #"{"type": "ab_test", "variants": [▸{"weight": 1, "release": {"a": "1"}}]}"#,
            .missing,
            ".variants[0]",
            #""name" is missing"#
        ),
        .strategy(
            "variant without a weight",
            #"{"type": "ab_test", "variants": [▸{"name": "a", "release": {"a": "1"}}]}"#,
            .missing,
            ".variants[0]",
            #""weight" is missing"#
        ),
        .strategy(
            "name that is none",
            #"{"type": "ab_test", "variants": [{"name": ▸"a b", "weight": 1, "release": {"a": "1"}}]}"#,
            .badName,
            ".variants[0].name",
            #"expected a name, 1 ... 64 of the characters A-Z a-z 0-9 . _ -, found "a b""#
        ),
        .strategy(
            "name twice",
            """
            {"type": "ab_test", "variants": [
              {"name": "a", "weight": 1, "release": {"a": "1"}},
              {"name": ▸"a", "weight": 1, "release": {"a": "2"}}]}
            """,
            .duplicateVariant,
            ".variants[1].name",
            #""a" names a variant before this one"#
        ),
        // Found by trying: the tags of both are b28100fe in a rollout called "r".
        .strategy(
            "two variants with one token tag",
            """
            ▸{"type": "ab_test", "variants": [
              {"name": "v24587", "weight": 1, "release": {"a": "1"}},
              {"name": "v64067", "weight": 1, "release": {"a": "2"}}]}
            """,
            .tagCollision,
            "",
            #""v24587" and "v64067" have one token tag: rename one of them"#
        ),
        .strategy(
            "weight above its range",
            PolicyFlaw.test(weights: ("1", "▸1000001"), ""),
            .outOfRange,
            ".variants[1].weight",
            "expected an integer in 0 ... 1,000,000, found 1000001"
        ),
        .strategy(
            "negative weight",
            PolicyFlaw.test(weights: ("▸-1", "1"), ""),
            .outOfRange,
            ".variants[0].weight",
            "expected an integer in 0 ... 1,000,000, found -1"
        ),
        .strategy(
            "weight with a fraction",
            PolicyFlaw.test(weights: ("▸0.5", "1"), ""),
            .outOfRange,
            ".variants[0].weight",
            "expected an integer in 0 ... 1,000,000, found 0.5"
        ),
        .strategy(
            "weights whose sum is 0",
            """
            {"type": "ab_test", "variants": ▸[
              {"name": "a", "weight": 0, "release": {"a": "1"}}, {"name": "b", "weight": 0, "release": {"a": "2"}}]}
            """,
            .badWeights,
            ".variants",
            "expected weights with a sum above 0, found 0 for all of them"
        ),
        .strategy(
            "coverage above 100",
            PolicyFlaw.test(#""coverage": ▸100.0001, "#),
            .outOfRange,
            ".coverage",
            "expected a percentage in 0 ... 100, a multiple of 0.0001, found 100.0001"
        ),
        .strategy(
            "range that is none",
            PolicyFlaw.test(#""allocation": [▸["a", 0]], "#),
            .wrongType,
            ".allocation[0]",
            "expected [variant or null, from, to], found an array"
        ),
        .strategy(
            "range that ends before a gap does",
            PolicyFlaw.test(#""allocation": ▸[["a", 0, 400000], [null, 400000, 500000], ["b", 500000, 900000]], "#),
            .badAllocation,
            ".allocation",
            "the ranges end at 900000, and with a gap among them they have to go on to 1000000"
        ),
        .strategy(
            "gap beside a coverage",
            PolicyFlaw.test(
                #""coverage": ▸80, "allocation": [["a", 0, 400000], ["b", 400000, 800000], [null, 800000, 1000000]], "#
            ),
            .badAllocation,
            ".coverage",
            "the allocation has a gap, and says by itself what it covers: leave this out"
        ),
        .strategy(
            "gap that overlaps a range",
            PolicyFlaw.test(#""allocation": [["a", 0, 400000], ▸[null, 399999, 600000], ["b", 600000, 1000000]], "#),
            .badAllocation,
            ".allocation[1]",
            "expected a range that starts at 400000 and ends after it, at 1000000 (the number of buckets) at the latest, "
                + "found [399999, 600000)"
        ),
        .strategy(
            "empty gap",
            PolicyFlaw.test(#""allocation": [["a", 0, 500000], ▸[null, 500000, 500000], ["b", 500000, 1000000]], "#),
            .badAllocation,
            ".allocation[1]",
            "expected a range that ends after it starts, found [500000, 500000)"
        ),
        .strategy(
            "range of a number",
            PolicyFlaw.test(#""allocation": [[▸0, 0, 500000], ["b", 500000, 1000000]], "#),
            .wrongType,
            ".allocation[0][0]",
            "expected a string, found 0"
        ),
        .strategy(
            "empty range",
            PolicyFlaw.test(#""allocation": [▸["a", 0, 0], ["b", 0, 1000000]], "#),
            .badAllocation,
            ".allocation[0]",
            "expected a range that ends after it starts, found [0, 0)"
        ),
        .strategy(
            "range beyond the last bucket",
            PolicyFlaw.test(#""allocation": [["a", 0, ▸1000001]], "#),
            .outOfRange,
            ".allocation[0][2]",
            "expected an integer in 0 ... 1,000,000, found 1000001"
        ),
        .strategy(
            "hole between ranges",
            PolicyFlaw.test(#""allocation": [["a", 0, 500000], ▸["b", 500001, 1000000]], "#),
            .badAllocation,
            ".allocation[1]",
            "expected a range that starts at 500000 and ends after it, at 1000000 (the coverage) at the latest, "
                + "found [500001, 1000000)"
        ),
        .strategy(
            "overlapping ranges",
            PolicyFlaw.test(#""allocation": [["a", 0, 500000], ▸["b", 499999, 1000000]], "#),
            .badAllocation,
            ".allocation[1]",
            "expected a range that starts at 500000 and ends after it, at 1000000 (the coverage) at the latest, "
                + "found [499999, 1000000)"
        ),
        .strategy(
            "range beyond the coverage",
            PolicyFlaw.test(#""coverage": 80, "allocation": [["a", 0, 400000], ▸["b", 400000, 800001]], "#),
            .badAllocation,
            ".allocation[1]",
            "expected a range that starts at 400000 and ends after it, at 800000 (the coverage) at the latest, "
                + "found [400000, 800001)"
        ),
        .strategy(
            "ranges that stop short of the coverage",
            PolicyFlaw.test(#""coverage": 80, "allocation": ▸[["a", 0, 400000], ["b", 400000, 799999]], "#),
            .badAllocation,
            ".allocation",
            "the ranges end at 799999, the coverage at 800000"
        ),
        .strategy(
            "range of a variant that is none",
            PolicyFlaw.test(#""allocation": [["a", 0, 500000], ["b", 500000, 999999], ▸["c", 999999, 1000000]], "#),
            .unknownVariant,
            ".allocation[2]",
            #"expected one of the variants "a" or "b", found "c""#
        ),
    ]
}
