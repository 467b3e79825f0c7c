import Testing

@testable import Rollout

@Suite("Warnings")
struct PolicyWarningTests {
    /// A document that is allowed, with what is probably not meant behind the marks.
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let rollout: String
        let warnings: [String]

        init(_ name: String, _ rollout: String, _ warnings: String...) {
            (testDescription, self.rollout, self.warnings) = (name, rollout, warnings)
        }
    }

    private static let canary =
        #""strategy": {"type": "canary", "percent": 1, "stable": {"app": "1"}, "canary": {"app": "2"}}"#

    private static func cookie(_ domain: String, _ hosts: String) -> String {
        #"{\#(canary), "sticky": {"cookie": "c", "maxAge": 60, "domain": \#(domain)}, "hosts": {\#(hosts)}}"#
    }

    static let rows: [Row] = [
        Row("Nothing", "{\(canary)}"),
        Row(
            "A progression that waits for sessions",
            #"{\#(canary), "sticky": {"cookie": "c", "maxAge": ▸3600}, "progression": {"steps": [1, 5]}}"#,
            "sticky.maxAge: each step waits 3,600 s for the sessions of the one before to end, and all of them take at "
                + #"least 2 h: "pin": "bucket" moves sessions along, and then a step waits 60 s"#
        ),
        Row(
            "A progression that moves sessions along",
            #"{\#(canary), "sticky": {"cookie": "c", "maxAge": 3600, "pin": "bucket"}, "progression": {"steps": [1]}}"#
        ),
        Row(
            "A canary without a component",
            #"""
            {"strategy": {"type": "canary", "percent": 1, "stable": {"app": "1", "model": "1"}, "canary": ▸{"app": "2"}}}
            """#,
            #"strategy.canary: expected the components of "stable", "app", "model", found "app""#
        ),
        Row(
            "A shadow of another component",
            #"{"strategy": {"type": "shadow", "percent": 1, "primary": {"model": "1"}, "shadow": ▸{"modle": "1"}}}"#,
            #"strategy.shadow: expected the components of "primary", "model", found "modle""#
        ),
        Row(
            "Two of three variants",
            #"""
            {"strategy": {"type": "ab_test", "variants": [{"name": "a", "weight": 1, "release": {"x": "1"}},
              {"name": "b", "weight": 1, "release": ▸{"x": "1", "y": "1"}},
              {"name": "c", "weight": 1, "release": {"x": "2"}}, {"name": "d", "weight": 1, "release": ▸{"y": "1"}}]}}
            """#,
            #"strategy.variants[1].release: expected the components of "a", "x", found "x", "y""#,
            #"strategy.variants[3].release: expected the components of "a", "x", found "y""#
        ),
        Row(
            "A domain beside the only host",
            cookie(#"▸"a.example""#, #""b.example": "stable""#),
            #"sticky.domain: expected a domain around at least one of the hosts "b.example", found "a.example""#
        ),
        Row(
            "A domain below both hosts",
            cookie(#"▸".W.a.example""#, #""a.example": "stable", "xw.a.example": "canary""#),
            #"sticky.domain: expected a domain around at least one of the hosts "a.example" or "xw.a.example", "#
                + #"found "w.a.example""#
        ),
        Row(
            "A domain beside an address",
            cookie(#"▸"a.example""#, #""[::1]": "stable", "10.0.0.1": "stable""#),
            #"sticky.domain: expected a domain around at least one of the hosts "10.0.0.1" or "[::1]", found "a.example""#
        ),
        Row("A domain that is one of the hosts", cookie(#""a.example""#, #""A.example.:80": "stable", "b": "stable""#)),
        Row("A domain around one of the hosts", cookie(#""A.example""#, #""w.a.EXAMPLE": "stable", "b.c": "stable""#)),
        Row("A domain and no hosts", cookie(#""a.example""#, "")),
        Row("Hosts and no domain", cookie("null", #""a.example": "stable""#)),
        Row(
            "A dormant cookie",
            #"""
            {"strategy": {"type": "fixed", "release": {"app": "1"}}, "hosts": {"b.example": "stable"},
             "sticky": {"cookie": "c", "maxAge": 60, "domain": "a.example"}}
            """#
        ),
    ]

    @Test("name the place and the value, and refuse nothing", arguments: rows)
    func warning(row: Row) throws {
        let marked = MarkedText(
            """
            {"schema": 1, "revision": 1, "rollouts": {
              "r": \(row.rollout)
            }}
            """
        )
        let policy = try RolloutPolicy(json: marked.text)
        _ = try RolloutRouter(policy: policy)
        #expect(policy.warnings.map(\.description) == row.warnings.map { "rollouts.r.\($0)" })
        let located = policy.warnings(in: Array(marked.text.utf8))
        #expect(located.map(\.line) == marked.positions.map(\.line))
        #expect(located.map(\.column) == marked.positions.map(\.column))
        #expect(located.map(\.message) == policy.warnings.map(\.message))
    }

    @Test("come in order of rollouts, and trap on no policy that was never validated")
    func unvalidated() {
        let two = RolloutDefinition(.canary(.all, stable: ["a": "1"], canary: ["b": "1"]))
        let policy = RolloutPolicy(revision: 1, rollouts: ["b": two, "a": two, "0": RolloutDefinition(.abTest([]))])
        #expect(policy.warnings.map(\.path) == ["rollouts.a.strategy.canary", "rollouts.b.strategy.canary"])
        #expect(policy.warnings.map(\.code) == [.differentComponents, .differentComponents])
        #expect(policy.warnings(in: [UInt8(ascii: "{")]).map(\.line) == [nil, nil])
    }
}
