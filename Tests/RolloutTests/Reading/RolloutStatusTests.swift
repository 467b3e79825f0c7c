import Foundation
import Testing

@testable import Rollout

@Suite("Status and errors")
struct RolloutStatusTests {
    private static let v1: Release = ["app": "v1", "model": "m1"]

    private func router() throws -> RolloutRouter {
        let names: [VariantName] = ["control", "treatment", "late"]
        let test = RolloutStrategy.abTest(
            zip(names, [1, 1, 2]).map { WeightedVariant($0, weight: $1, release: ["model": $0.text]) },
            coverage: .percent(80)
        )
        return try RolloutRouter(
            policy: RolloutPolicy(
                revision: 7,
                environment: "production",
                rollouts: [
                    "sms": RolloutDefinition(.canary(.percent(12.5), stable: Self.v1, canary: ["app": "v2"]), epoch: 3),
                    "ranker": RolloutDefinition(.shadow(.percent(10), primary: Self.v1, shadow: ["model": "m2"])),
                    "ui": RolloutDefinition(.fixed(["app": "v3"])),
                    "recommender": RolloutDefinition(test, disabled: ["treatment"], draining: ["late"]),
                ]
            ),
            now: 1_800_000_000
        )
    }

    @Test("The status as JSON holds what a status page needs")
    func json() async throws {
        let router = try router()
        try await RolloutUpdater(router).update(to: RolloutPolicy(revision: 1, rollouts: [:]))
        let digest = router.snapshot().policy.digest
        let expected = [
            #"{"appliedAt":1800000000,"digest":"\#(digest)","environment":"production","ignoredUpdates":1,"revision":7,"#,
            #""rollouts":{"ranker":{"epoch":0,"strategy":"shadow","variants":["#,
            #"{"disabled":false,"draining":false,"name":"primary","percent":100,"release":{"app":"v1","model":"m1"},"stopped":false},"#,
            #"{"disabled":false,"draining":false,"name":"shadow","percent":10,"release":{"model":"m2"},"stopped":false}]},"#,
            #""recommender":{"epoch":0,"strategy":"ab_test","variants":["#,
            #"{"disabled":false,"draining":false,"name":"control","percent":100,"release":{"model":"control"},"stopped":false},"#,
            #"{"disabled":true,"draining":false,"name":"treatment","percent":0,"release":{"model":"treatment"},"stopped":false},"#,
            #"{"disabled":false,"draining":true,"name":"late","percent":0,"release":{"model":"late"},"stopped":false}]},"#,
            #""sms":{"epoch":3,"strategy":"canary","variants":["#,
            #"{"disabled":false,"draining":false,"name":"stable","percent":87.5,"release":{"app":"v1","model":"m1"},"stopped":false},"#,
            #"{"disabled":false,"draining":false,"name":"canary","percent":12.5,"release":{"app":"v2"},"stopped":false}]},"#,
            #""ui":{"epoch":0,"strategy":"fixed","variants":["#,
            #"{"disabled":false,"draining":false,"name":"stable","percent":100,"release":{"app":"v3"},"stopped":false}]}}}"#,
        ]
        #expect(router.status.json == expected.joined())
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        #expect(String(decoding: try encoder.encode(router.status), as: UTF8.self) == expected.joined())
        #expect(throws: Never.self) { try JSONDocument(parsing: Array(router.status.json.utf8)) }
    }

    @Test("The status holds the same as values")
    func values() throws {
        let router = try router()
        let status = router.status
        #expect(status.revision == 7 && status.environment == "production" && status.appliedAt == 1_800_000_000)
        #expect(status.digest == router.snapshot().policy.digest)
        #expect(status.rollouts.map(\.id) == ["ranker", "recommender", "sms", "ui"])
        #expect(status.rollouts.map(\.epoch) == [0, 0, 3, 0])
        let variants = status.rollouts[1].variants
        #expect(variants.map(\.isDisabled) == [false, true, false])
        #expect(variants.map(\.isDraining) == [false, false, true])
    }

    @Test("A policy without a label has the environment null")
    func nulls() throws {
        let router = try RolloutRouter(policy: RolloutPolicy(revision: 0, rollouts: [:]), now: -1)
        let digest = router.snapshot().policy.digest
        #expect(
            router.status.json
                == #"{"appliedAt":-1,"digest":"\#(digest)","environment":null,"ignoredUpdates":0,"revision":0,"rollouts":{}}"#
        )
        #expect(router.status == router.status)
    }

    @Test("Errors say what is wrong, where, and what to do")
    func descriptions() {
        #expect(
            UpdateError.conflict(expected: 7, running: 8).description
                == "Revision 8 runs, and not 7 as expected: look at what it says, and base the change on it."
        )
        #expect(
            UpdateError.revisionTaken(8).description
                == "Revision 8 runs already, with other content: give the new content a higher revision."
        )
        let error = #expect(throws: PolicyError.self) {
            try RolloutPolicy(json: "{\"schema\": 1, \"revision\": -1,\n \"rollouts\": {}, \"a b\": 0}")
        }
        let lines = """
            line 1, column 27: revision: expected an integer in 0 ... 4,294,967,295, found -1
            line 2, column 18: ["a b"]: unknown key; expected "$schema", "schema", "revision", "environment", "rollouts" or "removed"
            """
        #expect(error?.description == lines)
        if let error { #expect(UpdateError.invalid(error).description == "The policy is invalid. " + lines) }
        let wrong = RolloutPolicy(revision: 1, rollouts: ["r": RolloutDefinition(.fixed([:]))])
        #expect(
            #expect(throws: PolicyError.self) { try wrong.validate() }?.description
                == "rollouts.r.strategy.release: expected a release with at least one component, found none"
        )
        let syntax = #expect(throws: PolicyError.self) { try RolloutPolicy(json: "nul") }
        #expect(syntax?.description == "line 1, column 4: expected the word null, found the end of the text")
    }

    @Test("Reasons are spelled as decision lines have them")
    func reasons() {
        #expect(
            Decision.Reason.Code.allCases.map { Decision.Reason(code: $0).description } == [
                "fixed", "split", "not_enrolled", "sticky", "forced", "host", "missing_unit", "stale", "absent",
            ]
        )
    }
}
