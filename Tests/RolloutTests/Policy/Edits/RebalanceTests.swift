import Rollout
import Testing

@Suite("Rebalancing an A/B test")
struct RebalanceTests {
    @Test(
        "Any sequence of edits moves the minimum, from who shrinks to who grows",
        arguments: [(2, 20), (3, 60), (5, 40), (10, 30), (30, 12), (100, 4)],
        [true, false]
    )
    func minimum(size: (variants: Int, edits: Int), drifts: Bool) throws {
        var random = SplitMix64(seed: UInt64(size.variants))
        var policy = EditedPolicy.test(Array(repeating: 500, count: size.variants), coverage: .percent(87.6543))
        for _ in 0..<size.edits {
            let weights = policy.smsTest.variants.map { variant in
                let drift = Int.random(in: -20...20, using: &random)
                let weight =
                    drifts ? min(max(variant.weight + drift, 1), 1_000) : Int.random(in: 0...1_000, using: &random)
                return (variant.name, weight)
            }
            let next = try policy.changed {
                try $0.rebalance("sms", weights: Dictionary(uniqueKeysWithValues: weights))
            }
            try next.validate()
            let movement = try MovementTests.kept(policy.movement(to: next))
            #expect(movement.moved == movement.minimum)
            #expect(Self.isWithinOneBucketOfTheDistance(movement.moved, policy.smsTest, next.smsTest))
            #expect((next.smsTest.allocation?.count ?? 0) <= 1_024)
            policy = next
        }
    }

    /// The total variation distance of the exact shares, against what moved.
    static func isWithinOneBucketOfTheDistance(
        _ moved: Int,
        _ old: RolloutStrategy.ABTest,
        _ new: RolloutStrategy.ABTest
    ) -> Bool {
        func due(_ test: RolloutStrategy.ABTest) -> [Double] {
            let total = Double(test.variants.map(\.weight).reduce(0, +))
            return test.variants.map { Double(test.coverage.buckets) * Double($0.weight) / total }
        }
        let distance = zip(due(old), due(new)).map { abs($0 - $1) }.reduce(0, +) / 2
        return abs(Double(moved) - distance) <= Double(old.variants.count)
    }

    @Test("The same weights, or their multiples, move nobody")
    func same() throws {
        let policy = try EditedPolicy.test([1, 2, 3]).changed { try $0.rebalance("sms", weights: ["v0": 7]) }
        let again = try policy.changed { try $0.rebalance("sms", weights: ["v0": 70, "v1": 20, "v2": 30]) }
        #expect(again.smsTest.allocation == policy.smsTest.allocation)
    }

    @Test("Going back to the declared layout writes no allocation")
    func contiguous() throws {
        let policy = try EditedPolicy.test([1, 1]).changed { try $0.rebalance("sms", weights: ["v0": 3]) }
        #expect(policy.smsTest.allocation == nil, "with two variants only the boundary moves")
    }

    @Test("If two variants touch, their boundary moves; otherwise a range is cut")
    func ranges() throws {
        let policy = try EditedPolicy.test([1, 1, 1, 1]).changed {
            try $0.rebalance("sms", weights: ["v0": 2, "v1": 0, "v2": 1, "v3": 1])
        }
        #expect(policy.smsTest.allocation == nil, "[v0 v1 v2 v3] becomes [v0 v2 v3]: the boundary moved")
        let apart = try EditedPolicy.test([2, 2, 2]).changed { try $0.rebalance("sms", weights: ["v0": 1, "v2": 3]) }
        #expect(
            apart.smsTest.allocation == [
                AllocatedRange("v0", 0..<166_667), AllocatedRange("v2", 166_667..<333_334),
                AllocatedRange("v1", 333_334..<666_667), AllocatedRange("v2", 666_667..<1_000_000),
            ]
        )
    }

    /// Each row: variants, edits, and how many ranges there are at most.
    @Test(
        "Over long sequences of edits the ranges stay few",
        arguments: [(2, 200, 2), (4, 200, 16), (8, 200, 64), (16, 120, 200)] as [(Int, Int, Int)]
    )
    func fewRanges(variants: Int, edits: Int, limit: Int) throws {
        var random = SplitMix64(seed: UInt64(variants))
        var policy = EditedPolicy.test(Array(repeating: 500, count: variants))
        var most = 0
        for _ in 0..<edits {
            // One or two variants gain or lose, as people edit.
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                let index = Int.random(in: 1..<variants, using: &random)
                let weight = Int.random(in: 0...1_000, using: &random)
                try policy.rebalance("sms", weights: [EditedPolicy.variant(index): weight])
            }
            let owners = policy.smsTest.allocation?.map(\.variant) ?? []
            #expect(zip(owners, owners.dropFirst()).allSatisfy { $0 != $1 }, "neighbours with one owner are one range")
            most = max(most, owners.count)
        }
        #expect(most <= limit)
    }

    /// Givers and takers that touch nowhere, in an allocation that has no range left: the minimum has no room.
    @Test("An edit that would pass 1,024 ranges is compacted, and says that it moves more")
    func compaction() throws {
        var policy = EditedPolicy.test(Array(repeating: 1_000, count: 256), coverage: Share(buckets: 262_144) ?? .all)
        // 1,024 ranges: of each variant three of 10 to 50 buckets, and one with all the rest.
        var (owned, end, ranges) = (Array(repeating: 0, count: 256), 0, [AllocatedRange]())
        for index in 0..<1_024 {
            let variant = index % 256
            let length = index < 768 ? 10 + index * 7 % 41 : 1_024 - owned[variant]
            ranges.append(AllocatedRange(EditedPolicy.variant(variant), end..<(end + length)))
            owned[variant] += length
            end += length
        }
        policy.smsTest.allocation = ranges
        try policy.validate()

        let next = try policy.changed { try $0.rebalance("sms", weights: ["v7": 950, "v100": 1_050]) }
        try next.validate()
        #expect((next.smsTest.allocation?.count ?? 0) < 1_024)
        let movement = try MovementTests.kept(policy.movement(to: next))
        #expect(movement.moved > movement.minimum)
        #expect(movement.moved < 60_000, "only the smallest ranges go")

        let last = try next.changed { try $0.rebalance("sms", weights: ["v7": 900, "v100": 1_100]) }
        let after = try MovementTests.kept(next.movement(to: last))
        #expect(after.moved == after.minimum, "with room again, the minimum again")
    }

    @Test(
        "Invalid weights are refused",
        arguments: [
            (["v9": 1], EditError.Code.unknownName), (["v0": -1], .badWeights), (["v0": 1_000_001], .badWeights),
            (["v0": 0, "v1": 0], .badWeights),
        ] as [([VariantName: Int], EditError.Code)]
    )
    func refused(weights: [VariantName: Int], code: EditError.Code) {
        var policy = EditedPolicy.test([1, 1])
        let error = #expect(throws: EditError.self) { try policy.rebalance("sms", weights: weights) }
        #expect(error?.code == code)
        #expect(policy == EditedPolicy.test([1, 1]))
    }

    @Test("A rollout that is already invalid is refused", arguments: [[], [0, 0], [-1, 2]])
    func invalid(weights: [Int]) {
        var policy = EditedPolicy.test(weights)
        let error = #expect(throws: EditError.self) { try policy.rebalance("sms", weights: [:]) }
        #expect(error?.code == .invalidRollout)
    }
}
