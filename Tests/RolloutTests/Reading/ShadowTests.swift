import Testing

@testable import Rollout

@Suite("Shadow")
struct ShadowTests {
    private func handle(
        _ percent: Double,
        _ change: (inout RolloutDefinition) -> Void = { _ in }
    ) throws -> RolloutHandle {
        let strategy = RolloutStrategy.shadow(.percent(percent), primary: ["model": "r1"], shadow: ["model": "r2"])
        var definition = RolloutDefinition(strategy)
        change(&definition)
        let policy = RolloutPolicy(revision: 1, rollouts: ["r": definition])
        return try #require(try RolloutRouter(policy: policy).rollout("r"))
    }

    @Test("No share of copies changes what the primary answers", arguments: [0, 0.0001, 25, 99.9999, 100])
    func primary(percent: Double) throws {
        let (handle, silent) = (try handle(percent), try handle(0))
        for unit in 0..<2_000 {
            let (decision, other) = (handle.decision(for: unit), silent.decision(for: unit))
            #expect(decision.variant == other.variant)
            #expect(decision.reason == .fixed)
            #expect(decision.bucket == nil)
            #expect(decision.revision == other.revision)
        }
        #expect(handle.decision(for: nil).shadow == nil)
        #expect(handle.decision(for: nil).reason == .fixed)
    }

    @Test("A smaller sample is inside a larger one")
    func nested() throws {
        var inside: Set<Int> = []
        for percent in [0, 0.01, 1, 10, 25, 50, 100] {
            let handle = try handle(percent)
            let sample = Set((0..<3_000).filter { handle.decision(for: $0).shadow != nil })
            #expect(sample.isSuperset(of: inside))
            inside = sample
        }
        #expect(inside.count == 3_000)
    }

    @Test("Copies go to the shadow's release")
    func release() throws {
        let decision = try handle(100).decision(for: "alice")
        #expect(decision.shadow?.name == "shadow")
        #expect(decision.shadow?.release == ["model": "r2"])
        #expect(decision.description == "primary (model r1) by fixed, copied to shadow (model r2), revision 1")
    }

    @Test("Rules show as the reason, and copies are still sampled")
    func rules() throws {
        let ruled = try handle(50) { definition in
            definition.hosts = ["h": .primary]
            definition.forced = ["qa": .primary, "qb": .primary]
        }
        let plain = try handle(50)
        for unit in ["qa", "qb"] {
            #expect(ruled.decision(for: unit).reason == .forced)
            #expect(ruled.decision(for: unit).shadow?.name == plain.decision(for: unit).shadow?.name)
        }
        for unit in (0..<200).map(String.init) {
            let decision = ruled.decision(for: unit, host: "H:80")
            #expect(decision.reason == .host)
            #expect(decision.variant.name == "primary")
            #expect(decision.shadow?.name == plain.decision(for: unit).shadow?.name)
        }
        #expect(ruled.decision(for: nil, host: "h").shadow == nil)
        #expect(ruled.decision(for: nil, host: "h").reason == .host)
    }

    @Test("A shadow that is disabled or draining gets no copies")
    func disabled() throws {
        let disabled = try handle(100) { $0.disabled = ["shadow"] }
        let draining = try handle(100) { $0.draining = ["shadow"] }
        for handle in [disabled, draining] {
            #expect(handle.decision(for: "alice").shadow == nil)
            #expect(handle.decision(for: "alice").reason == .fixed)
        }
    }

    @Test("Assignments mean nothing to a shadow, not even one of a newer epoch")
    func assignments() throws {
        let handle = try handle(100)
        let held = Assignment(variant: "shadow", of: "r", bucket: 1, epoch: 9, revision: 9)
        #expect(handle.decision(for: "alice", holding: held) == handle.decision(for: "alice"))
        #expect(handle.decision(for: nil, holding: held) == handle.decision(for: nil))
    }
}
