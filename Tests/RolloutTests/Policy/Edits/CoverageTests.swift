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
            let next = try policy.changed { try $0.setCoverage(of: "sms", to: coverage) }
            try next.validate()
            #expect(next.smsTest.coverage == coverage)
            Self.expectNoSwaps(policy, next)
            policy = next
            path.append(policy)
        }
        // And back along the same way, to the ranges there were.
        for earlier in path.dropLast().reversed() {
            let next = try policy.changed { try $0.setCoverage(of: "sms", to: earlier.smsTest.coverage) }
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

    /// Lengths of ranges with their owners, in a notation that can be read: `v0 2, v1 2`.
    private static func text(_ policy: RolloutPolicy) -> String {
        let ranges = policy.smsTest.allocation ?? policy.smsTest.declaredLayout
        return ranges.map { "\($0.variant) \($0.buckets.count)" }.joined(separator: ", ")
    }

    private static func buckets(_ weights: [Int], _ buckets: Int) throws -> RolloutPolicy {
        EditedPolicy.test(weights, coverage: try #require(Share(buckets: buckets)))
    }

    @Test(
        "Every bucket is where it belongs",
        arguments: [
            ([1, 1], [4, 8], "v0 2, v1 2, v0 2, v1 2"),
            ([1, 1], [4, 5], "v0 2, v1 2, v0 1"),
            ([1, 1], [5, 6], "v0 3, v1 3"),
            ([1, 2, 1], [4, 9], "v0 1, v1 2, v2 1, v0 1, v1 3, v2 1"),
            ([1, 2, 1], [4, 9, 4], "v0 1, v1 2, v2 1"),
            ([1, 1], [4, 8, 7], "v0 2, v1 2, v0 2, v1 1"),
            ([1, 1], [4, 8, 6], "v0 2, v1 2, v0 2"),
            ([1, 1], [4, 8, 5, 6, 8], "v0 2, v1 2, v0 1, v1 1, v0 1, v1 1"),
            ([1, 1], [4, 5, 9], "v0 2, v1 2, v0 1, v1 2, v0 2"),
            ([0, 1, 0], [1, 999_999, 1_000_000], "v1 1000000"),
        ]
    )
    func exactRanges(weights: [Int], coverages: [Int], ranges: String) throws {
        var policy = try Self.buckets(weights, try #require(coverages.first))
        for buckets in coverages.dropFirst() {
            try policy.setCoverage(of: "sms", to: try #require(Share(buckets: buckets)))
            try policy.validate()
        }
        #expect(Self.text(policy) == ranges)
    }

    /// What is due may shrink for a variant although the coverage grows. It keeps what it owns, so others get less than is
    /// due to them by largest remainder: whoever lies furthest above the exact share, and of two the earlier one.
    @Test(
        "Whoever lies furthest above its due gives up the surplus",
        arguments: [
            ([6, 6, 2], 10, 11, [4, 5, 2]), ([9, 3, 8, 8], 4, 6, [2, 1, 1, 2]), ([12, 2, 6, 11], 6, 8, [3, 1, 1, 3]),
            ([7, 5, 9, 1, 7], 14, 15, [3, 3, 5, 1, 3]), ([2, 7, 12, 12], 6, 10, [1, 2, 3, 4]),
        ]
    )
    func surplus(weights: [Int], old: Int, new: Int, owned: [Int]) throws {
        let policy = try Self.buckets(weights, old).changed {
            try $0.setCoverage(of: "sms", to: try #require(Share(buckets: new)))
        }
        try policy.validate()
        let counts = (policy.smsTest.allocation ?? []).reduce(into: [:]) {
            $0[$1.variant, default: 0] += $1.buckets.count
        }
        #expect(weights.indices.map { counts[EditedPolicy.variant($0)] } == owned)
    }

    @Test(
        "A variant may be one bucket off its due, and no more",
        arguments: [(5, true), (4, true), (3, false), (2, true), (1, true), (0, true)]
    )
    func oneBucketOff(buckets: Int, isPossible: Bool) throws {
        // Of [v0 3, v1 3] what is left is [3, 1] where [2, 2] are due, or [3, 0] where 1.5 each are due.
        let share = try #require(Share(buckets: buckets))
        var policy = try Self.buckets([1, 1], 6)
        if isPossible {
            try policy.setCoverage(of: "sms", to: share)
            try policy.validate()
            #expect(policy.smsTest.coverage == share)
        } else {
            let error = #expect(throws: EditError.self) { try policy.setCoverage(of: "sms", to: share) }
            #expect(error?.code == .needsSwap)
            policy.smsTest.coverage = share
            policy.smsTest.allocation = [AllocatedRange("v0", 0..<3)]
            let invalid = #expect(throws: PolicyError.self) { try policy.validate() }
            #expect(invalid?.problems.map(\.code) == [.badAllocation, .badAllocation])
        }
    }

    @Test("Past 1,024 ranges the smallest are merged, and the movement says that units move")
    func manyRanges() throws {
        var policy = EditedPolicy.test(Array(repeating: 1, count: 256), coverage: .percent(10))
        for percent in [20.0, 30, 40] {
            let next = try policy.changed { try $0.setCoverage(of: "sms", to: .percent(percent)) }
            try next.validate()
            Self.expectNoSwaps(policy, next)
            policy = next
        }
        #expect(policy.smsTest.allocation?.count == 1_024)
        let next = try policy.changed { try $0.setCoverage(of: "sms", to: .percent(50)) }
        try next.validate()
        #expect((next.smsTest.allocation?.count ?? 0) < 1_024)
        let matrix = try MovementTests.kept(policy.movement(to: next)).matrix
        let swapped = matrix.reduce(0) { sum, row in
            sum + row.value.reduce(0) { $0 + ($1.key == row.key || row.key == "v0" ? 0 : $1.value) }
        }
        #expect(swapped > 0)
    }

    @Test("To 0 and back is always possible")
    func none() throws {
        let policy = try EditedPolicy.test([1, 2], coverage: .percent(40)).changed {
            try $0.setCoverage(of: "sms", to: .zero)
        }
        try policy.validate()
        #expect(policy.smsTest.coverage == .zero)
        let back = try policy.changed { try $0.setCoverage(of: "sms", to: .percent(40)) }
        #expect(back.sms == EditedPolicy.test([1, 2], coverage: .percent(40)).sms)
    }

    @Test("Shrinking where units would have to be swapped is refused, and says what is possible")
    func swaps() throws {
        var policy = try EditedPolicy.test([1, 1], coverage: .percent(10)).changed {
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
