import Testing

@testable import Rollout

/// Host rule, forced unit, assignment, draw, missing unit: each one decides only if all before it have nothing to say.
@Suite("Precedence table")
struct PrecedenceTableTests {
    /// Everything points to another variant, so the answer shows who gave it.
    private func rollout() -> RolloutDefinition {
        let names: [VariantName] = ["first", "hosted", "forced", "held", "drawn"]
        let weights = [0, 0, 0, 1, 999_999]
        let variants = zip(names, weights).map { WeightedVariant($0, weight: $1, release: ["app": $0.text]) }
        return RolloutDefinition(.abTest(variants), epoch: 5, hosts: ["h": "hosted"], forced: ["qa": "forced"])
    }

    private func decide(
        _ change: (inout RolloutDefinition) -> Void = { _ in },
        unit: String?,
        host: String?,
        epoch: UInt32?
    ) throws -> String {
        var rollout = rollout()
        change(&rollout)
        let router = try RolloutRouter(policy: RolloutPolicy(revision: 1, rollouts: ["r": rollout]))
        let held = epoch.flatMap { Assignment(variant: "held", of: "r", bucket: 999_999, epoch: $0, revision: 1) }
        let decision = try #require(router.rollout("r")).decision(for: unit, host: host, holding: held)
        return "\(decision.variant.name) \(decision.reason)"
    }

    @Test(
        "Truth table",
        arguments: [
            // The host decides whatever else there is, even for an assignment of a newer epoch.
            ("qa", "h", 5, "hosted host"), ("qa", "h", 6, "hosted host"), ("qa", "h", nil, "hosted host"),
            ("alice", "h", 5, "hosted host"), (nil, "h", 5, "hosted host"), (nil, "h", nil, "hosted host"),
            // Then the unit.
            ("qa", "other", 5, "forced forced"), ("qa", nil, 6, "forced forced"), ("qa", nil, nil, "forced forced"),
            // Then the assignment: of this epoch it holds, of a newer one this policy is late, of an older one it lost.
            ("alice", nil, 5, "held sticky"), (nil, nil, 5, "held sticky"), ("alice", "other", 5, "held sticky"),
            ("alice", nil, 6, "first stale"), (nil, nil, 6, "first stale"),
            ("alice", nil, 4, "drawn split"), (nil, nil, 4, "first missing_unit"),
            // Then the draw, or the rule for no unit.
            ("alice", nil, nil, "drawn split"), ("alice", "other", nil, "drawn split"),
            (nil, nil, nil, "first missing_unit"), ("", "other", nil, "first missing_unit"),
        ] as [(String?, String?, UInt32?, String)]
    )
    func table(unit: String?, host: String?, epoch: UInt32?, expected: String) throws {
        #expect(try decide(unit: unit, host: host, epoch: epoch) == expected)
    }

    @Test("Removing a rule restores the answer of the next one")
    func removal() throws {
        #expect(try decide({ $0.hosts = [:] }, unit: "qa", host: "h", epoch: 5) == "forced forced")
        #expect(try decide({ $0.forced = [:] }, unit: "qa", host: nil, epoch: 5) == "held sticky")
        #expect(try decide({ $0.forced = [:] }, unit: "qa", host: nil, epoch: nil) == "drawn split")
        #expect(try decide({ $0.epoch = 6 }, unit: "alice", host: nil, epoch: 5) == "drawn split")
    }

    @Test("A disabled variant gives way to the first: by host, unit and draw; its assignments lose")
    func disabled() throws {
        let all: (inout RolloutDefinition) -> Void = { $0.disabled = ["hosted", "forced", "held", "drawn"] }
        #expect(try decide(all, unit: "qa", host: "h", epoch: 5) == "first not_enrolled")
        #expect(try decide(all, unit: "qa", host: nil, epoch: 5) == "first not_enrolled")
        #expect(try decide(all, unit: "alice", host: nil, epoch: 5) == "first not_enrolled")
        #expect(try decide(all, unit: nil, host: nil, epoch: 5) == "first missing_unit")
        #expect(try decide({ $0.disabled = ["held"] }, unit: "alice", host: nil, epoch: 5) == "drawn split")
    }

    @Test("A draining variant keeps what it has and gets nobody new; disabled wins over draining")
    func draining() throws {
        let all: (inout RolloutDefinition) -> Void = { $0.draining = ["hosted", "forced", "held", "drawn"] }
        #expect(try decide(all, unit: "qa", host: "h", epoch: nil) == "hosted host")
        #expect(try decide(all, unit: "qa", host: nil, epoch: nil) == "forced forced")
        #expect(try decide(all, unit: "alice", host: nil, epoch: 5) == "held sticky")
        #expect(try decide(all, unit: "alice", host: nil, epoch: nil) == "first not_enrolled")
        let both: (inout RolloutDefinition) -> Void = {
            $0.draining = ["held"]
            $0.disabled = ["held"]
        }
        #expect(try decide(both, unit: "alice", host: nil, epoch: 5) == "drawn split")
    }

    @Test("A variant without a bucket loses its assignments, unless it drains")
    func withoutShare() throws {
        func decide(_ draining: Set<VariantName>) throws -> Decision {
            let strategy = RolloutStrategy.canary(.zero, stable: ["app": "1"], canary: ["app": "2"])
            let policy = RolloutPolicy(
                revision: 1,
                rollouts: ["r": RolloutDefinition(strategy, draining: draining)]
            )
            let held = Assignment(variant: "canary", of: "r", bucket: 7, epoch: 0, revision: 1)
            let handle = try #require(try RolloutRouter(policy: policy).rollout("r"))
            return handle.decision(for: "alice", holding: held)
        }
        #expect(try decide([]).reason == .split)
        #expect(try decide([]).variant.name == "stable")
        #expect(try decide(["canary"]).reason == .sticky)
        #expect(try decide(["canary"]).bucket == 7)
    }

    @Test("An assignment remembers decisions by draw, and no others")
    func remembering() throws {
        let rollout = rollout()
        let router = try RolloutRouter(policy: RolloutPolicy(revision: 9, rollouts: ["r": rollout]))
        let handle = try #require(router.rollout("r"))
        let drawn = handle.decision(for: "alice")
        let held = try #require(Assignment(remembering: drawn))
        #expect(held.bucket == drawn.bucket)
        #expect((held.epoch, held.revision) == (5, 9))
        #expect(handle.decision(for: nil, holding: held).variant == drawn.variant)
        #expect(Assignment(remembering: handle.decision(for: "qa")) == nil)
        #expect(Assignment(remembering: handle.decision(for: nil, host: "h")) == nil)
        #expect(Assignment(remembering: handle.decision(for: nil)) == nil)
        #expect(Assignment(variant: "a", of: "r", bucket: 1_000_000, epoch: 0, revision: 0) == nil)
        #expect(Assignment(variant: "a", of: "r", bucket: -1, epoch: 0, revision: 0) == nil)
        #expect(Assignment(variant: nil, of: "r", bucket: nil, epoch: 0, revision: 0)?.bucket == nil)
    }
}
