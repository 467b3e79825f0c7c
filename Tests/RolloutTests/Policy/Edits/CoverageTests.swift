import Testing

@testable import Rollout

@Suite("Changing the coverage of an A/B test")
struct CoverageTests {
    @Test(
        "Growing keeps every enrolled unit where it is, whatever was edited before",
        arguments: 0..<40 as Range<UInt64>
    )
    func growing(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let weights = (0..<Int.random(in: 1...12, using: &random)).map { _ in Int.random(in: 1...1_000, using: &random)
        }
        let start = Share(buckets: Int.random(in: 0...200_000, using: &random)) ?? .zero
        var policy = EditedPolicy.test(weights, coverage: start)
        var path = [policy]
        for _ in 0..<6 {
            let buckets = policy.smsTest.coverage.buckets + Int.random(in: 1...130_000, using: &random)
            let coverage = Share(buckets: buckets) ?? .all
            let next = try policy.edited { try $0.setCoverage(of: "sms", to: coverage) }
            try next.validate()
            #expect(next.smsTest.coverage == coverage)
            Self.expectNoSwaps(policy, next)
            policy = next
            path.append(policy)
        }
        // And back along the same way, to the ranges there were.
        for earlier in path.dropLast().reversed() {
            let next = try policy.edited { try $0.setCoverage(of: "sms", to: earlier.smsTest.coverage) }
            try next.validate()
            #expect(next.sms == earlier.sms)
            policy = next
        }
    }

    /// Of the buckets that are enrolled before and after, each keeps its owner.
    static func expectNoSwaps(_ old: RolloutPolicy, _ new: RolloutPolicy) {
        let shared = min(old.smsTest.coverage.buckets, new.smsTest.coverage.buckets)
        func owners(_ policy: RolloutPolicy) -> [Range<Int>: VariantName] {
            let ranges = policy.smsTest.allocation ?? policy.smsTest.declaredLayout
            var owners: [Range<Int>: VariantName] = [:]
            var start = 0
            for range in ranges where range.buckets.lowerBound < shared {
                owners[start..<min(range.buckets.upperBound, shared)] = range.variant
                start = range.buckets.upperBound
            }
            return owners
        }
        // A range that grows at the end of the old coverage is cut there, so equal dictionaries mean equal owners.
        #expect(owners(old) == owners(new))
    }

    @Test("To 0 and back is always possible")
    func none() throws {
        let policy = try EditedPolicy.test([1, 2], coverage: .percent(40)).edited {
            try $0.setCoverage(of: "sms", to: .zero)
        }
        try policy.validate()
        #expect(policy.smsTest.coverage == .zero)
        let back = try policy.edited { try $0.setCoverage(of: "sms", to: .percent(40)) }
        #expect(back.sms == EditedPolicy.test([1, 2], coverage: .percent(40)).sms)
    }

    @Test("Shrinking where units would have to be swapped is refused, and says what is possible")
    func swaps() throws {
        var policy = try EditedPolicy.test([1, 1], coverage: .percent(10)).edited {
            try $0.setCoverage(of: "sms", to: .percent(80))
        }
        let before = policy
        let error = #expect(throws: EditError.self) { try policy.setCoverage(of: "sms", to: .percent(40)) }
        #expect(error?.code == .needsSwap)
        #expect(
            error?.description
                == "rollout \"sms\" (ab_test): from 80 % to 40 % units would be swapped between variants; "
                + "without that it can shrink to 0 %, 10 %, or disable a variant"
        )
        #expect(policy == before)
    }

    @Test(
        "Only an A/B test has a coverage",
        arguments: [EditedPolicy.fixed(), EditedPolicy.canary(5), EditedPolicy.shadow(5)]
    )
    func strategies(policy: RolloutPolicy) {
        var policy = policy
        let error = #expect(throws: EditError.self) { try policy.setCoverage(of: "sms", to: .percent(40)) }
        #expect(error?.code == .wrongStrategy)
        #expect(error?.strategy == policy.sms.strategy.kind)
    }
}
