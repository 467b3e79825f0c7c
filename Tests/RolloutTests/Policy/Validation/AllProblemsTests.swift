import Testing

@testable import Rollout

@Suite("All problems in one pass")
struct AllProblemsTests {
    @Test("A document with a dozen mistakes lists each of them, in the order of the text")
    func dozen() {
        expectProblems(
            """
            {"schema": ▸3, "revision": ▸-1, "environment": ▸"", ▸"rolouts": {}, "rollouts": {
              "one": {"strategy": {"type": ▸"canarry", "percent": 500}, "salt": ▸"", "hosts": {"": ▸"stable"}},
              "two": {"strategy": {"type": "ab_test", "allocation": [▸7], "coverage": ▸101, "variants": [
                {"name": ▸"a b", "weight": ▸-1, "release": {"app": ▸7}}]}, "missingUnit": ▸"assign"},
              "three": {"strategy": {"type": "fixed", "release": ▸{}}, "epoch": ▸0.5, "forced": {"u": ▸"beta"}},
              ▸"three": ▸3
            }}
            """,
            [
                (.unsupportedSchema, "schema"), (.outOfRange, "revision"), (.badText, "environment"),
                (.unknownKey, "rolouts"), (.unknownValue, "rollouts.one.strategy.type"),
                (.badText, "rollouts.one.salt"), (.badHost, #"rollouts.one.hosts[""]"#),
                (.wrongType, "rollouts.two.strategy.allocation[0]"), (.outOfRange, "rollouts.two.strategy.coverage"),
                (.badName, "rollouts.two.strategy.variants[0].name"),
                (.outOfRange, "rollouts.two.strategy.variants[0].weight"),
                (.wrongType, "rollouts.two.strategy.variants[0].release.app"),
                (.needsSticky, "rollouts.two.missingUnit"), (.emptyRelease, "rollouts.three.strategy.release"),
                (.outOfRange, "rollouts.three.epoch"), (.unknownVariant, "rollouts.three.forced.u"),
                (.duplicateKey, "rollouts.three"), (.wrongType, "rollouts.three"),
            ]
        )
    }

    @Test("What stands beside an unreadable strategy is checked too")
    func besideStrategy() {
        expectProblems(
            #"""
            {"schema": 1, "revision": 1, "rollouts": {"r": {
              "strategy": {"type": ▸"none"},
              "salt": ▸"", "missingUnit": ▸"assign", "hosts": {"a b": ▸"any"}, "forced": {"": ▸"any"},
              "disabled": ["any"], "compatible": [▸{}]}}}
            """#,
            [
                (.unknownValue, "rollouts.r.strategy.type"), (.badText, "rollouts.r.salt"),
                (.needsSticky, "rollouts.r.missingUnit"), (.badHost, #"rollouts.r.hosts["a b"]"#),
                (.badText, #"rollouts.r.forced[""]"#), (.emptyRelease, "rollouts.r.compatible[0]"),
            ]
        )
    }

    @Test("What stands beside too many variants is checked too")
    func besideManyVariants() {
        let variant = #"{"name": "a", "weight": 1, "release": {"app": "1"}}"#
        let variants = Array(repeating: variant, count: 257).joined(separator: ", ")
        expectProblems(
            """
            {"schema": 1, "revision": 1, "rollouts": {"r": {"salt": ▸"", "forced": {"u": "b"},
              "strategy": {"type": "ab_test", "variants": ▸[\(variants)]}}}}
            """,
            [(.badText, "rollouts.r.salt"), (.tooMany, "rollouts.r.strategy.variants")]
        )
    }

    @Test("A misspelt key hides no other rule of what holds it")
    func misspeltKeys() {
        expectProblems(
            #"""
            {"schema": 1, "revision": 1, "rollouts": {"r": {"strategy": {"type": "ab_test", "variants": ▸[
              {"name": "a", "weight": 0, "release": {"app": "1"}, ▸"wieght": 1}]}}}}
            """#,
            [
                (.badWeights, "rollouts.r.strategy.variants"),
                (.unknownKey, "rollouts.r.strategy.variants[0].wieght"),
            ]
        )
    }

    @Test("A wrong name hides nothing of what bears it")
    func wrongNames() {
        expectProblems(
            #"""
            {"schema": 1, "revision": 1, "rollouts": {
              ▸"a b": {"strategy": {"type": "canary", "percent": ▸101, "stable": {"app": ▸""}, "canary": {"app": "v2"}},
                "hosts": {"*": ▸"stable", "h": ▸"beta"}, "salt": ▸""},
              "r": {"strategy": {"type": "ab_test", "variants": [
                  {"name": ▸"no name", "weight": ▸-1, "release": {▸"a/b": ▸" 1"}},
                  {"name": "b", "weight": 0, "release": ▸{}}]},
                "hosts": {"a..b": ▸▸"st able", ▸"c:0": ▸7}, "forced": {"": ▸▸"st able"}, "draining": ["gone"]}}}
            """#,
            [
                (.badName, #"rollouts["a b"]"#), (.outOfRange, #"rollouts["a b"].strategy.percent"#),
                (.badVersion, #"rollouts["a b"].strategy.stable.app"#), (.badHost, #"rollouts["a b"].hosts["*"]"#),
                (.unknownVariant, #"rollouts["a b"].hosts.h"#), (.badText, #"rollouts["a b"].salt"#),
                (.badName, "rollouts.r.strategy.variants[0].name"),
                (.outOfRange, "rollouts.r.strategy.variants[0].weight"),
                (.badName, #"rollouts.r.strategy.variants[0].release["a/b"]"#),
                (.badVersion, #"rollouts.r.strategy.variants[0].release["a/b"]"#),
                (.emptyRelease, "rollouts.r.strategy.variants[1].release"),
                (.badName, #"rollouts.r.hosts["a..b"]"#), (.badHost, #"rollouts.r.hosts["a..b"]"#),
                (.badHost, #"rollouts.r.hosts["c:0"]"#), (.wrongType, #"rollouts.r.hosts["c:0"]"#),
                (.badName, #"rollouts.r.forced[""]"#), (.badText, #"rollouts.r.forced[""]"#),
            ]
        )
    }

    @Test(
        "Nothing is reported that is wrong only because something else could not be read",
        arguments: [
            // The coverage, and so how far the ranges have to reach, is not known.
            #"{"type": "ab_test", "coverage": ▸"80", "variants": \#(variants), "allocation": [["a", 0, 800000]]}"#,
            // The weights, and so the ranges that agree with them, are not known.
            #"""
            {"type": "ab_test", "variants": [{"name": "a", "weight": ▸-1, "release": {"app": "1"}},
              {"name": "b", "weight": 3, "release": {"app": "1"}}], "allocation": [["a", 0, 250000], ["b", 250000, 1000000]]}
            """#,
            // Whether the release has components is not known.
            #"{"type": "fixed", "release": {"app": ▸1}}"#,
            #"{"type": "fixed", "release": ▸"v1"}"#,
            #"{"type": "fixed", "release": {▸"a b": "1"}}"#,
            // If the strategy is not known, no variant is.
            #"{"type": ▸"cannary"}, "hosts": {"h": "canary"}, "forced": {"u": "canary"}, "disabled": ["canary"]"#,
            // If a variant has no name, rules may have meant it.
            #"""
            {"type": "ab_test", "variants": [{"name": ▸"a b", "weight": 1, "release": {"app": "1"}}]},
              "hosts": {"h": "ab"}, "forced": {"u": "ab"}, "disabled": ["ab"]
            """#,
            // It is not known either what is compatible.
            #"{"type": "fixed", "release": {"app": "1"}}, "compatible": [{"app": ▸1}]"#,
            // It is not known either whether there is a cookie.
            #"{"type": "fixed", "release": {"app": "1"}}, "missingUnit": "assign", "sticky": ▸"yes""#,
            // Nor which name, domain or path it has, and so which other cookies it meets.
            #"\#(canary), "sticky": {"cookie": ▸7, "maxAge": 60}}, "s": {"strategy": \#(canary), "sticky": ▸{"maxAge": 60}"#,
            #"\#(canary), \#(cookie), "domain": ▸7}}, "s": {"strategy": \#(canary), \#(cookie)}"#,
            #"\#(canary), \#(cookie), "path": ▸null}}, "s": {"strategy": \#(canary), \#(cookie)}"#,
            #"{"type": ▸"cannary"}, \#(cookie)}}, "s": {"strategy": \#(canary), \#(cookie)}"#,
        ]
    )
    func hearsay(strategy: String) throws {
        let marked = MarkedText(#"{"schema": 1, "revision": 1, "rollouts": {"r": {"strategy": \#(strategy)}}}"#)
        let error = #expect(throws: PolicyError.self) { try RolloutPolicy(json: marked.text) }
        let problems = try #require(error).problems
        let found = problems.map { "\($0.line ?? 0):\($0.column ?? 0)" }
        #expect(found == marked.positions.map { "\($0.line):\($0.column)" })
    }

    private static let canary =
        #"{"type": "canary", "percent": 1, "stable": {"app": "1"}, "canary": {"app": "2"}}"#
    private static let cookie = #""sticky": {"cookie": "c", "maxAge": 60"#
    private static let variants = #"[{"name": "a", "weight": 1, "release": {"app": "1"}}]"#

    private func expectProblems(
        _ document: String,
        _ expected: [(PolicyProblem.Code, String)],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let marked = MarkedText(document)
        let error = #expect(throws: PolicyError.self, sourceLocation: sourceLocation) {
            try RolloutPolicy(json: marked.text)
        }
        let found = (error?.problems ?? []).map { "\($0.line ?? 0):\($0.column ?? 0) \($0.path) \($0.code)" }
        let due = zip(marked.positions, expected).map { place, problem in
            "\(place.line):\(place.column) \(problem.1) \(problem.0)"
        }
        #expect(found == due, "\(error?.description ?? "")", sourceLocation: sourceLocation)
    }
}
