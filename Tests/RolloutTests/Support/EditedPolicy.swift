import Rollout

/// Policies of one rollout, `sms`, for tests of edits and updates.
enum EditedPolicy {
    static let v1: Release = [.app: "v1", .model: "v1"]
    static let v2: Release = [.app: "v2", .model: "v2"]
    static let v3: Release = [.app: "v3", .model: "v3"]

    static func fixed(_ release: Release = v1) -> RolloutPolicy { policy(.fixed(release)) }

    static func canary(_ percent: Double) -> RolloutPolicy {
        policy(.canary(.percent(percent), stable: v1, canary: v2))
    }

    static func shadow(_ percent: Double) -> RolloutPolicy {
        policy(.shadow(.percent(percent), primary: v1, shadow: v2))
    }

    /// An A/B test with variants `v0`, `v1`, … of these weights.
    static func test(_ weights: [Int], coverage: Share = .all) -> RolloutPolicy {
        let variants = weights.enumerated().map { index, weight in
            WeightedVariant(variant(index), weight: weight, release: [.model: "m\(index)"])
        }
        return policy(.abTest(variants, coverage: coverage))
    }

    static func policy(_ strategy: RolloutStrategy, revision: UInt32 = 1) -> RolloutPolicy {
        RolloutPolicy(revision: revision, rollouts: ["sms": RolloutDefinition(strategy)])
    }

    static func variant(_ index: Int) -> VariantName { VariantName("v\(index)") ?? .stable }
}

extension RolloutPolicy {
    /// The definition of `sms`; every policy of ``EditedPolicy`` has one.
    var sms: RolloutDefinition {
        get { rollouts["sms"] ?? RolloutDefinition(.fixed(EditedPolicy.v1)) }
        set { rollouts["sms"] = newValue }
    }

    /// The A/B test of `sms`; without one, a test fails on the empty variants.
    var smsTest: RolloutStrategy.ABTest {
        get { if case .abTest(let test) = sms.strategy { test } else { RolloutStrategy.ABTest([]) } }
        set { sms.strategy = .abTest(newValue) }
    }

    /// The policy after a change by hand, one revision up. Epochs stay as they are.
    func changed(_ edit: (inout RolloutPolicy) throws -> Void) rethrows -> RolloutPolicy {
        var next = self
        next.revision += 1
        try edit(&next)
        return next
    }
}
