import Testing

@testable import Rollout

@Suite("Policies as JSON")
struct PolicyJSONTests {
    @Test("A random policy comes back from its JSON as it was", arguments: StressEffort.seeds(3, long: 20))
    func roundTrip(seed: UInt64) throws {
        var random = RandomPolicy(seed: seed)
        for revision in 0..<15 as Range<UInt32> {
            let policy = random.stating(random.policy(revision: revision))
            let json = policy.json
            let again = try RolloutPolicy(json: json)
            #expect(again == policy)
            #expect(again.json.utf8.elementsEqual(json.utf8))
            #expect(again.digest == policy.digest)
        }
    }

    @Test("Where an editor finds the schema is no part of the policy")
    func schemaReference() throws {
        let text = #"{"$schema": "policy.schema.json", "# + Self.document.drop { $0 == "{" || $0.isWhitespace }
        #expect(try RolloutPolicy(json: text) == RolloutPolicy(json: Self.document))
        #expect(try RolloutPolicy(json: text).digest == Self.digest)
    }

    @Test("The canonical text has sorted keys, no spaces and no defaults")
    func canonical() throws {
        let policy = try RolloutPolicy(json: Self.document)
        #expect(policy.json == Self.canonicalText)
        #expect(try RolloutPolicy(json: Self.canonicalText) == policy)
        #expect(try RolloutPolicy(json: Array(Self.document.utf8)) == policy)
    }

    /// `python3 -c "import hashlib,sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"` of the text.
    @Test("The digest is the SHA-256 of the canonical text")
    func digest() throws {
        #expect(try RolloutPolicy(json: Self.document).digest == Self.digest)
    }

    @Test("Any change changes the digest")
    func digestOfChanges() throws {
        let policy = try RolloutPolicy(json: Self.document)
        var changes = Array(repeating: policy, count: 8)
        changes[0].revision += 1
        changes[1].environment = "cafe\u{301}"
        changes[2].rollouts["sms"]?.epoch += 1
        changes[3].rollouts["sms"]?.salt = nil
        changes[4].rollouts["ui"] = nil
        changes[5].rollouts["sms"]?.hosts["other.example"] = .canary
        changes[6].rollouts["sms"]?.draining = ["canary"]
        changes[7].rollouts["sms"]?.strategy = .canary(.percent(10), stable: ["app": "v1"], canary: ["app": "v3"])
        #expect(Set((changes + [policy]).map(\.digest)).count == 9)
        #expect(Set(changes + [policy]).count == 9)
    }

    @Test(
        "A share is read exactly, however it is written",
        arguments: [
            ("0", 0), ("-0", 0), ("0.0", 0), ("0e999999999999999999999", 0), ("1e1", 100_000), ("1E+1", 100_000),
            ("100e-1", 100_000), ("100.0", 1_000_000), ("100", 1_000_000), ("33.3333", 333_333), ("0.0001", 1),
            ("0.00010000000000000000000000", 1), ("99.9999", 999_999),
            ("10.00001", nil), ("33.33333", nil), ("1e400", nil), ("1e-400", nil), ("100.0001", nil), ("-0.0001", nil),
            ("99.99999999999999999999", nil), ("0.00009999999999999999", nil), ("18446744073709551616", nil),
        ] as [(String, Int?)]
    )
    func shares(number: String, buckets: Int?) throws {
        let document = MarkedText(
            #"""
            {"schema": 1, "revision": 1, "rollouts": {"r": {"strategy":
              {"type": "canary", "percent": ▸\#(number), "stable": {"app": "1"}, "canary": {"app": "2"}}}}}
            """#
        )
        guard let buckets else {
            let error = #expect(throws: PolicyError.self) { try RolloutPolicy(json: document.text) }
            #expect(error?.problems.map(\.code) == [.outOfRange])
            #expect(error?.problems.first?.column == document.positions.first?.column)
            #expect(
                error?.problems.first?.message
                    == "expected a percentage in 0 ... 100, a multiple of 0.0001, found \(number)"
            )
            return
        }
        let strategy = try RolloutPolicy(json: document.text).rollouts["r"]?.strategy
        let share = try #require(Share(buckets: buckets))
        #expect(strategy == .canary(share, stable: ["app": "1"], canary: ["app": "2"]))
    }

    @Test(
        "An integer is written as one",
        arguments: [
            ("0", 0), ("-0", 0), ("4294967295", 4_294_967_295), ("0.0", nil), ("1e3", nil), ("4294967296", nil),
        ] as [(String, UInt32?)]
    )
    func integers(number: String, epoch: UInt32?) {
        let document = """
            {"schema": 1, "revision": 1, "rollouts": {"r": {"epoch": \(number), \(PolicyFlaw.canary)}}}
            """
        let policy = try? RolloutPolicy(json: document)
        #expect(policy?.rollouts["r"]?.epoch == epoch)
    }

    @Test("Texts that look alike stay what they are")
    func normalisation() throws {
        let policy = try RolloutPolicy(
            json: """
                {"schema": 1, "revision": 1, "environment": "cafe\u{301}", "rollouts": {"r": {\(PolicyFlaw.canary),
                  "salt": "caf\u{E9}", "forced": {"caf\u{E9}": "stable", "cafe\u{301}": "canary"}}}}
                """
        )
        let rollout = try #require(policy.rollouts["r"])
        #expect(rollout.forced.count == 2)
        #expect(rollout.forced["cafe\u{301}"] == .canary)
        #expect(policy.environment?.unicodeScalars.count == 5)
        var other = policy
        other.environment = "caf\u{E9}"
        #expect(other != policy)
        #expect(try RolloutPolicy(json: policy.json) == policy)
    }

    static let document = #"""
        {"schema": 1, "revision": 7, "environment": "caf\u00e9", "rollouts": {
          "ui": {"strategy": {"type": "fixed", "release": {"app": "v3"}}, "epoch": 0, "disabled": [], "draining": [],
                 "hosts": {}, "forced": {}, "missingUnit": "first"},
          "sms": {"strategy": {"type": "canary", "percent": 1e1, "stable": {"app": "v1"}, "canary": {"app": "v2"}},
            "salt": "sms-2026-11", "epoch": 3, "hosts": {"Canary.Example:8443": "canary"}, "forced": {"\ud83d\ude00": "canary"},
            "sticky": {"cookie": "sms", "maxAge": 3600, "pin": "variant", "secure": true, "sameSite": "Lax", "path": "/",
                       "domain": null}},
          "ab": {"strategy": {"type": "ab_test", "coverage": 100, "variants": [
            {"name": "b", "weight": 2, "release": {"model": "2", "app": "1"}},
            {"name": "a", "weight": 1, "release": {"model": "1", "app": "1"}}]}, "compatible": [
            {"model": "2", "app": "1"}, {"app": "1", "model": "1"}]}}}
        """#

    static let canonicalText = [
        #"{"environment":"café","revision":7,"rollouts":{"#,
        #""ab":{"compatible":[{"app":"1","model":"2"},{"app":"1","model":"1"}],"strategy":{"type":"ab_test","variants":["#,
        #"{"name":"b","release":{"app":"1","model":"2"},"weight":2},"#,
        #"{"name":"a","release":{"app":"1","model":"1"},"weight":1}]}},"#,
        #""sms":{"epoch":3,"forced":{"😀":"canary"},"hosts":{"canary.example":"canary"},"salt":"sms-2026-11","#,
        #""sticky":{"cookie":"sms","maxAge":3600},"#,
        #""strategy":{"canary":{"app":"v2"},"percent":10,"stable":{"app":"v1"},"type":"canary"}},"#,
        #""ui":{"strategy":{"release":{"app":"v3"},"type":"fixed"}}},"schema":1}"#,
    ].joined()

    static let digest = "754aa0291fea7331f632b55b19aae7f9bad74be64299aa01cdeab0cdf7234eb9"
}
