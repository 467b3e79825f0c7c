import Rollout
import Testing

@Suite("Rolling a policy back to an earlier one")
struct EarlierPolicyTests {
    private static let earlier: RolloutPolicy = {
        var policy = EditedPolicy.canary(10)
        policy.environment = "production"
        policy.rollouts["ui"] = RolloutDefinition(.fixed(EditedPolicy.v1), epoch: 4)
        return policy
    }()

    private static func policy(_ change: (inout RolloutPolicy) throws -> Void) rethrows -> RolloutPolicy {
        var policy = earlier
        try change(&policy)
        return policy
    }

    @Test("All of it: the content comes back, the revision stays, and epochs rise where something changes")
    func all() throws {
        let earlier = Self.earlier
        var policy = try Self.policy { policy in
            policy.revision = 9
            policy.environment = "staging"
            try policy.promote("sms")
            try policy.startCanary(of: "sms", serving: EditedPolicy.v3, to: .percent(5))
            policy.rollouts["fresh"] = RolloutDefinition(.fixed(EditedPolicy.v1))
        }
        let epoch = policy.sms.epoch
        let running = policy
        try policy.rollBack(to: earlier)
        #expect(policy.revision == 9)
        #expect(policy.environment == "production")
        #expect(policy.sms.strategy == earlier.sms.strategy)
        #expect(policy.sms.epoch == epoch + 1)
        #expect(policy.rollouts["ui"]?.epoch == 4, "it did not change")
        #expect(policy.rollouts["fresh"] == nil)
        policy.revision = 10
        #expect(policy.epochDemands(from: running).isEmpty)
    }

    @Test("One rollout: the others stay, even those that changed")
    func one() throws {
        var policy = try Self.policy { policy in
            try policy.setShare(of: "sms", to: .percent(50))
            try policy.setRelease(of: "stable", in: "ui", to: EditedPolicy.v2)
            policy.environment = nil
        }
        let before = policy
        try policy.rollBack("sms", to: Self.earlier)
        #expect(policy.sms == Self.policy { $0.sms.epoch = 1 }.sms)
        #expect(policy.rollouts["ui"] == before.rollouts["ui"])
        #expect(policy.environment == nil)
    }

    @Test("A rollout that was removed comes back above its earlier epoch")
    func removed() throws {
        var policy = Self.policy { $0.rollouts["ui"] = nil }
        try policy.rollBack("ui", to: Self.earlier)
        #expect(policy.rollouts["ui"] == RolloutDefinition(.fixed(EditedPolicy.v1), epoch: 5))
        policy.rollouts["ui"] = nil
        try policy.rollBack(to: Self.earlier)
        #expect(policy.rollouts["ui"]?.epoch == 5)
    }

    @Test("Back to what is there already changes nothing")
    func same() throws {
        var policy = Self.policy { $0.sms.epoch = 7 }
        let before = policy
        try policy.rollBack(to: Self.earlier)
        #expect(policy == before)
    }

    @Test("A rollout that the earlier policy lacks, and an epoch that cannot rise, are refused")
    func refused() throws {
        var policy = Self.policy { $0.sms.epoch = .max }
        policy.sms.salt = "other"
        let before = policy
        let unknown = #expect(throws: EditError.self) { try policy.rollBack("sns", to: Self.earlier) }
        #expect(unknown?.code == .unknownRollout)
        #expect(
            unknown?.description == "rollout \"sns\": the earlier policy has no such rollout; it has \"sms\" or \"ui\""
        )
        let exhausted = #expect(throws: EditError.self) { try policy.rollBack(to: Self.earlier) }
        #expect(exhausted?.code == .epochsExhausted)
        #expect(policy == before)
    }
}
