import Testing

@testable import Rollout

@Suite("Edits of random rollouts")
struct EditPropertyTests {
    /// An edit with random arguments, and what must hold between the rollout before and after it.
    struct Operation: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let edit: @Sendable (inout RolloutPolicy, inout SplitMix64) throws -> Void
        let holds: @Sendable (RolloutDefinition, RolloutDefinition) -> Bool
    }

    static let operations: [Operation] = [
        Operation("setShare", { try $0.setShare(of: "sms", to: share(&$1)) }) { old, new in
            keepsEpoch(old, new) && movesOneWay(old, new)
        },
        Operation("promote", { policy, _ in try policy.promote("sms") }) { old, new in
            Set(releases(new)) == [old.strategy.variants[1].release] && old.disabled.isDisjoint(with: ["canary"])
        },
        Operation("abort", { policy, _ in try policy.abort("sms") }) { old, new in
            Allocation(new).reachable == [0]
        },
        Operation("startCanary", { try $0.startCanary(of: "sms", serving: release(&$1), to: share(&$1)) }) { old, new in
            new.strategy.variants[0].release == old.strategy.variants[0].release && !new.disabled.contains("canary")
        },
        Operation("startShadow", { try $0.startShadow(of: "sms", serving: release(&$1), to: share(&$1)) }) { old, new in
            Set(releases(new)) == [old.strategy.variants[0].release] && !new.disabled.contains("shadow")
        },
        Operation("promoteShadow", { policy, _ in try policy.promoteShadow("sms") }) { old, new in
            Set(releases(new)) == [old.strategy.variants[1].release] && new.epoch == old.epoch + 1
        },
        Operation("setRelease", { try $0.setRelease(of: variant($0, &$1), in: "sms", to: release(&$1)) }) { old, new in
            Allocation(new).runs == Allocation(old).runs && (new == old) == (new.epoch == old.epoch)
        },
        Operation("setSalt", { try $0.setSalt(of: "sms", to: salt(&$1)) }) { old, new in
            new.strategy == old.strategy && (old.salt ?? "sms" == new.salt ?? "sms") == (old.epoch == new.epoch)
        },
        Operation("force", { try $0.force("u", to: variant($0, &$1), in: "sms") }) { old, new in
            new.forced["u"] != nil && new.strategy == old.strategy && new.epoch == old.epoch
        },
        Operation("unforce", { policy, _ in try policy.unforce("u", in: "sms") }) { old, new in
            old.forced["u"] != nil && new.forced["u"] == nil && new.strategy == old.strategy
        },
        Operation("setHost", { try $0.setHost("h.example", to: variant($0, &$1), in: "sms") }) { old, new in
            new.hosts["h.example"] != nil && new.strategy == old.strategy && new.epoch == old.epoch
        },
        Operation("removeHost", { policy, _ in try policy.removeHost("H.example:80", from: "sms") }) { old, new in
            old.hosts["h.example"] != nil && new.hosts["h.example"] == nil && new.strategy == old.strategy
        },
        Operation(
            "addVariant",
            { try $0.addVariant(WeightedVariant("new", weight: weight(&$1), release: release(&$1)), to: "sms") }
        ) { old, new in
            keepsEpoch(old, new) && movesLeast(old, new) && new.strategy.variants.last?.name == "new"
        },
        Operation("removeVariant", { try $0.removeVariant(variant($0, &$1), from: "sms") }) { old, new in
            keepsEpoch(old, new) && movesLeast(old, new)
                && new.strategy.variants.count == old.strategy.variants.count - 1
        },
        Operation(
            "rollBack",
            { policy, random in
                let earlier = EditPropertyTests.policy(using: &random)
                try policy.rollBack("sms", to: earlier)
            }
        ) { old, new in
            new.epoch == old.epoch || new.epoch == old.epoch + 1 && new.strategy.variants.count > 0
        },
        Operation("disable", { try $0.disable(variant($0, &$1), in: "sms") }) { old, new in
            new.disabled.isSuperset(of: old.disabled) && new.strategy == old.strategy
        },
        Operation("enable", { try $0.enable(variant($0, &$1), in: "sms") }) { old, new in
            new.disabled.isSubset(of: old.disabled) && new.epoch == old.epoch
        },
        Operation("drain", { try $0.drain(variant($0, &$1), in: "sms") }) { old, new in
            new.draining.isSuperset(of: old.draining) && new.epoch == old.epoch
        },
        Operation("undrain", { try $0.undrain(variant($0, &$1), in: "sms") }) { old, new in
            new.draining.isSubset(of: old.draining) && new.epoch == old.epoch
        },
        Operation("rebalance", { try $0.rebalance("sms", weights: [variant($0, &$1): weight(&$1)]) }) { old, new in
            keepsEpoch(old, new) && movesLeast(old, new)
        },
        Operation("setCoverage", { try $0.setCoverage(of: "sms", to: share(&$1)) }) { old, new in
            new.epoch == old.epoch && swapsNobody(old, new)
        },
    ]

    @Test("Each gives a valid policy and keeps its promise, or refuses and changes nothing", arguments: operations)
    func property(operation: Operation) throws {
        let name = operation.testDescription.utf8
        var random = SplitMix64(seed: name.reduce(0) { ($0 * 31 + UInt64($1)) % 1_000_003 })
        var (done, refused) = (0, 0)
        for _ in 0..<300 {
            var policy = Self.policy(using: &random)
            policy.rollouts["other"] = RolloutDefinition(.fixed(EditedPolicy.v1), epoch: 7)
            var next = policy
            do {
                try operation.edit(&next, &random)
                done += 1
            } catch {
                #expect(next == policy && (error as? EditError)?.advice.isEmpty == false, "\(error)")
                refused += 1
                continue
            }
            try next.validate()
            #expect(next.epochDemands(from: policy).isEmpty)
            #expect(next.rollouts["other"] == policy.rollouts["other"])
            #expect(operation.holds(policy.sms, next.sms), "\(policy.json)\n\(next.json)")
        }
        #expect(done > 20 && refused + done == 300, "\(done) of 300 were not refused")
    }

    // MARK: What must hold

    /// An edit that leaves nothing to a disabled variant aborts it. Nothing else raises the epoch here.
    private static func keepsEpoch(_ old: RolloutDefinition, _ new: RolloutDefinition) -> Bool {
        let names = old.strategy.variants.map(\.name)
        let isAbort = names.contains { new.hasAborted($0) && !old.hasAborted($0) }
        return new.epoch == (isAbort ? old.epoch + 1 : old.epoch)
    }

    private static func releases(_ definition: RolloutDefinition) -> [Release] {
        let served = RolloutMovement(from: definition, to: definition, id: "sms").matrix
        return definition.strategy.variants.filter { served[$0.name] != nil }.map(\.release)
    }

    /// Units go to the second variant or come from it, never both.
    private static func movesOneWay(_ old: RolloutDefinition, _ new: RolloutDefinition) -> Bool {
        let matrix = RolloutMovement(from: old, to: new, id: "sms").matrix
        return matrix.count { from, row in row.keys.contains { $0 != from } } <= 1
    }

    private static func movesLeast(_ old: RolloutDefinition, _ new: RolloutDefinition) -> Bool {
        let (before, after) = (inService(old), inService(new))
        let movement = RolloutMovement(from: before, to: after, id: "sms")
        return movement.moved == movement.minimum
    }

    /// Of the buckets that are enrolled before and after, each keeps its owner: all that moves is the first variant's.
    private static func swapsNobody(_ old: RolloutDefinition, _ new: RolloutDefinition) -> Bool {
        let first = old.strategy.variants[0].name
        return RolloutMovement(from: inService(old), to: inService(new), id: "sms").matrix.allSatisfy { from, row in
            row.keys.allSatisfy { $0 == from || $0 == first || from == first }
        }
    }

    /// The allocation alone, as if all variants were in service.
    private static func inService(_ definition: RolloutDefinition) -> RolloutDefinition {
        var definition = definition
        definition.disabled = []
        definition.draining = []
        return definition
    }

    // MARK: Random rollouts and arguments

    private static func share(_ random: inout SplitMix64) -> Share {
        Share(buckets: [0, 1, 250_000, 999_999, 1_000_000].randomElement(using: &random) ?? 0) ?? .zero
    }

    private static func weight(_ random: inout SplitMix64) -> Int { .random(in: 0...9, using: &random) }

    private static func salt(_ random: inout SplitMix64) -> String? {
        ["sms", "a", "b", nil].randomElement(using: &random) ?? nil
    }

    private static func release(_ random: inout SplitMix64) -> Release {
        [.app: "v\(Int.random(in: 1...3, using: &random))"]
    }

    private static func variant(_ policy: RolloutPolicy, _ random: inout SplitMix64) -> VariantName {
        policy.sms.strategy.variants.map(\.name).randomElement(using: &random) ?? .stable
    }

    private static func policy(using random: inout SplitMix64) -> RolloutPolicy {
        let (one, two) = (release(&random), release(&random))
        let strategy: RolloutStrategy
        switch Int.random(in: 0..<4, using: &random) {
        case 0: strategy = .fixed(one)
        case 1: strategy = .canary(share(&random), stable: one, canary: two)
        case 2: strategy = .shadow(share(&random), primary: one, shadow: two)
        default:
            let weights = (0..<Int.random(in: 1...4, using: &random)).map { _ in weight(&random) }
            strategy = EditedPolicy.test([1] + weights, coverage: share(&random)).sms.strategy
        }
        var definition = RolloutDefinition(strategy, salt: Bool.random(using: &random) ? "a" : nil, epoch: 3)
        let (names, rest) = (strategy.variants.map(\.name), strategy.variants.map(\.name).dropFirst())
        if Bool.random(using: &random) { definition.forced["u"] = names.first }
        if Bool.random(using: &random) { definition.hosts["h.example"] = names.filter { $0 != .shadow }.last }
        definition.disabled = Set(rest.filter { _ in Int.random(in: 0..<4, using: &random) == 0 })
        definition.draining = Set(rest.filter { _ in Int.random(in: 0..<4, using: &random) == 0 })
        return RolloutPolicy(revision: 1, rollouts: ["sms": definition])
    }
}

extension EditPropertyTests.Operation {
    fileprivate init(
        _ name: String,
        _ edit: @escaping @Sendable (inout RolloutPolicy, inout SplitMix64) throws -> Void,
        holds: @escaping @Sendable (RolloutDefinition, RolloutDefinition) -> Bool
    ) {
        (testDescription, self.edit, self.holds) = (name, edit, holds)
    }
}
