import Testing

@testable import Rollout

@Suite("Changing the coverage of an A/B test")
struct CoverageTests {
    // MARK: Against a slow model

    /// Who owns the buckets between each two neighbouring places where that changes in one of the two policies.
    private static func owners(_ old: RolloutPolicy, _ new: RolloutPolicy) -> [Owned] {
        let (before, after) = (ranges(old), ranges(new))
        let edges = Set((before + after).flatMap { [$0.buckets.lowerBound, $0.buckets.upperBound] } + [0, 1_000_000])
        let sorted = edges.sorted()
        let (old, new) = (owners(of: before, from: sorted), owners(of: after, from: sorted))
        return sorted.indices.dropLast().map { index in
            Owned(buckets: sorted[index]..<sorted[index + 1], old: old[index], new: new[index])
        }
    }

    /// Who owns each of these buckets, which rise as the ranges of a valid policy do.
    private static func owners(of ranges: [AllocatedRange], from buckets: [Int]) -> [VariantName?] {
        var rest = ranges[...]
        return buckets.map { bucket in
            while let range = rest.first, range.buckets.upperBound <= bucket { rest.removeFirst() }
            return rest.first.flatMap { $0.buckets.contains(bucket) ? $0.variant : nil }
        }
    }

    private struct Owned {
        let buckets: Range<Int>
        let old: VariantName?
        let new: VariantName?
    }

    private static func ranges(_ policy: RolloutPolicy) -> [AllocatedRange] {
        policy.smsTest.allocation ?? policy.smsTest.declaredLayout(on: .own)
    }

    private static func counts(_ policy: RolloutPolicy) -> [Int] {
        var owned: [VariantName: Int] = [:]
        for range in ranges(policy) {
            if let variant = range.variant { owned[variant, default: 0] += range.buckets.count }
        }
        return policy.smsTest.variants.map { owned[$0.name] ?? 0 }
    }

    /// Nobody swaps, no bucket changes its owner without need, and the shares are exact.
    private static func check(_ old: RolloutPolicy, _ new: RolloutPolicy) throws {
        try new.validate()
        #expect(try RolloutPolicy(json: new.json) == new)
        let owned = owners(old, new)
        #expect(owned.allSatisfy { $0.old == $0.new || $0.old == nil || $0.new == nil }, "somebody swaps")
        let changed = owned.reduce(0) { $0 + ($1.old == $1.new ? 0 : $1.buckets.count) }
        let (before, after) = (counts(old), counts(new))
        #expect(changed == zip(before, after).reduce(0) { $0 + abs($1.0 - $1.1) })
        let movement = try MovementTests.kept(old.movement(to: new))
        // Rounding may take a bucket from a variant while others get some. Only a swap could spare that.
        let grows = new.smsTest.coverage > old.smsTest.coverage
        let against = zip(before, after).reduce(0) { $0 + max(0, grows ? $1.0 - $1.1 : $1.1 - $1.0) }
        #expect((0...against).contains(movement.moved - movement.minimum))
        let most = max(old.smsTest.coverage.buckets, new.smsTest.coverage.buckets)
        if most <= 1_000_000 - old.smsTest.variants.count {
            #expect(after == ReferenceEvaluator.largestRemainder(new.smsTest))
        }
    }

    /// Whether each old range has a bucket with its owner left, and nobody got buckets below the highest of its own.
    private static func showsTheWayBack(_ old: RolloutPolicy, _ new: RolloutPolicy) -> Bool {
        let (before, after) = (ranges(old), ranges(new))
        return before.allSatisfy { range in
            range.variant == nil
                || after.contains { $0.variant == range.variant && $0.buckets.overlaps(range.buckets) }
        }
            && owners(old, new).allSatisfy { part in
                let highest = before.last { $0.variant == part.new }?.buckets.upperBound ?? 0
                return part.new == nil || part.new == part.old || part.buckets.lowerBound >= highest
            }
    }

    private static func covering(_ buckets: Int, _ policy: RolloutPolicy) throws -> RolloutPolicy {
        try policy.changed { try $0.setCoverage(of: "sms", to: try #require(Share(buckets: buckets))) }
    }

    /// The policy with that coverage, or nil if it is refused, and rightly.
    private static func coveringUnlessAPlaceIsLost(_ buckets: Int, _ policy: RolloutPolicy) throws -> RolloutPolicy? {
        var due = policy.smsTest
        due.coverage = try #require(Share(buckets: buckets))
        let losers = zip(counts(policy), ReferenceEvaluator.largestRemainder(due)).count { $0.0 > 0 && $0.1 == 0 }
        do {
            let next = try covering(buckets, policy)
            let owners = counts(policy).count { $0 > 0 }
            #expect(losers == 0 || owners == 1 || buckets == policy.smsTest.coverage.buckets)
            return next
        } catch let error as EditError where error.code == .losesPlace {
            #expect(losers > 0)
            return nil
        }
    }

    @Test(
        "Up and down in any order nobody swaps, the fewest move, and the way back leads back",
        arguments: StressEffort.seeds(20, long: 300)
    )
    func anyOrder(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        // Small weights beside large ones, and coverages near each other, for the sake of rounding.
        let count = Int.random(in: 1...12, using: &random)
        let weights = (0..<count).map { _ in
            Int.random(in: 1...(Bool.random(using: &random) ? 9 : 1_000), using: &random)
        }
        let scale = [40, 1_000, 1_000_000 - count].randomElement(using: &random) ?? 40
        func coverage() -> Int { Int.random(in: 0...scale, using: &random) }
        var policy = EditedPolicy.test(weights, coverage: Share(buckets: coverage()) ?? .zero)
        var wayBack = 0
        // A few sequences show no way back in eight steps, and go on until they do.
        for step in 0..<40 where step < 8 || wayBack == 0 {
            if Int.random(in: 0..<4, using: &random) == 0 {
                let variant = EditedPolicy.variant(Int.random(in: 0..<count, using: &random))
                policy = try policy.changed {
                    try $0.rebalance("sms", weights: [variant: Int.random(in: 1...9, using: &random)])
                }
                try policy.validate()
            }
            guard let next = try Self.coveringUnlessAPlaceIsLost(coverage(), policy) else { continue }
            try Self.check(policy, next)
            let covered = policy.smsTest.coverage.buckets
            guard let back = try Self.coveringUnlessAPlaceIsLost(covered, next) else {
                policy = next
                continue
            }
            try Self.check(next, back)
            if Self.showsTheWayBack(policy, next) {
                wayBack += 1
                #expect(back.sms == policy.sms, "\(policy.json)\n\(next.json)")
            }
            policy = next
        }
        #expect(wayBack > 0)
    }

    @Test(
        "From 80 % to 40 % and back every unit has its variant again",
        arguments: [[1, 1], [1, 1, 1], [5, 0, 3, 90]]
    )
    func thereAndBack(weights: [Int]) throws {
        let policy = EditedPolicy.test(weights, coverage: .percent(80))
        let half = try Self.covering(400_000, policy)
        try Self.check(policy, half)
        #expect(half.smsTest.coverage == .percent(40))
        let back = try Self.covering(800_000, half)
        #expect(back.sms == policy.sms)
        let again = try Self.covering(800_000, Self.covering(600_000, Self.covering(200_000, back)))
        #expect(again.sms == policy.sms, "in several steps too")
    }

    @Test("Of two halves each gives back the end of its own, and the document says so by gaps")
    func halves() throws {
        let policy = try Self.covering(400_000, EditedPolicy.test([1, 1], coverage: .percent(80)))
        #expect(
            policy.smsTest.allocation == [
                AllocatedRange("v0", 0..<200_000), AllocatedRange(nil, 200_000..<400_000),
                AllocatedRange("v1", 400_000..<600_000), AllocatedRange(nil, 600_000..<1_000_000),
            ]
        )
        let ranges = #"["v0",0,200000],[null,200000,400000],["v1",400000,600000],[null,600000,1000000]"#
        #expect(policy.json.contains(#"{"allocation":[\#(ranges)],"type""#), "without a coverage")
        #expect(try RolloutPolicy(json: policy.json) == policy)
    }

    /// Lengths of ranges with their owners, in a notation that can be read: `v0 2, - 1, v1 2`.
    private static func text(_ policy: RolloutPolicy) -> String {
        let ranges = ranges(policy)
        let owned = ranges.last?.variant == nil ? ranges.dropLast() : ranges[...]
        return owned.map { "\($0.variant?.text ?? "-") \($0.buckets.count)" }.joined(separator: ", ")
    }

    @Test(
        "Every bucket is where it belongs",
        arguments: [
            ([1, 1], [4, 8], "v0 2, v1 4, v0 2"),
            ([1, 1], [4, 5], "v0 2, v1 2, v0 1"),
            ([1, 1], [5, 6], "v0 3, v1 3"),
            ([1, 2, 1], [4, 9], "v0 1, v1 2, v2 2, v0 1, v1 3"),
            ([1, 2, 1], [4, 9, 4], "v0 1, v1 2, v2 1"),
            ([1, 1], [4, 8, 7], "v0 2, v1 3, - 1, v0 2"),
            ([1, 1], [4, 8, 6], "v0 2, v1 3, - 1, v0 1"),
            ([1, 1], [4, 8, 6, 7, 8], "v0 2, v1 4, v0 2"),
            ([1, 1], [8, 4, 6], "v0 3, - 1, v1 3"),
            ([1, 1], [8, 4, 10], "v0 4, v1 5, v0 1"),
            ([0, 1, 0], [1, 999_999, 1_000_000], "v1 1000000"),
            ([3, 1], [8, 3, 8], "v0 6, v1 2"),
            ([3, 0], [8, 0, 8], "v0 8"),
            // If less is due although more is covered, one bucket goes back, to nobody.
            ([6, 6, 2], [10, 11], "v0 4, v1 4, v2 1, - 1, v0 1, v1 1"),
            ([6, 6, 2], [10, 11, 10], "v0 4, v1 4, v2 2"),
            // If more is due although less is covered, it comes from the far end.
            ([6, 6, 2], [11, 10], "v0 4, - 1, v1 4, - 1, v2 2"),
            ([6, 6, 2], [11, 10, 11], "v0 5, v1 5, v2 1"),
        ]
    )
    func exactRanges(weights: [Int], coverages: [Int], ranges: String) throws {
        var policy = EditedPolicy.test(weights, coverage: Share(buckets: coverages[0]) ?? .zero)
        for buckets in coverages.dropFirst() {
            let next = try Self.covering(buckets, policy)
            try Self.check(policy, next)
            policy = next
        }
        #expect(Self.text(policy) == ranges)
    }

    @Test("A variant without a gap behind its own takes the end of the largest one")
    func largestGap() throws {
        let policy = EditedPolicy.test([1, 1, 1], coverage: Share(buckets: 6) ?? .all).changed {
            $0.smsTest.allocation = [
                AllocatedRange("v1", 0..<2), AllocatedRange("v0", 2..<4), AllocatedRange(nil, 4..<999_998),
                AllocatedRange("v2", 999_998..<1_000_000),
            ]
        }
        try policy.validate()
        let next = try Self.covering(9, policy)
        try Self.check(policy, next)
        #expect(Self.text(next) == "v1 2, v0 3, - 999991, v2 1, v1 1, v2 2")
    }

    // MARK: Places

    @Test(
        "A coverage that would leave a variant without a bucket is refused, and the smallest that does not leads back",
        arguments: [
            (0, "at 0 % \"a\""),
            (1, "at 0.0001 % \"a\""),
            (2, "at 0.0002 % \"b\""),
        ]
    )
    func places(buckets: Int, words: String) throws {
        let variants = [("a", 1), ("b", 1), ("c", 2)].map { name, weight in
            WeightedVariant(VariantName(name) ?? .stable, weight: weight, release: [.model: name])
        }
        var policy = EditedPolicy.test([1])
        policy.smsTest = RolloutStrategy.ABTest(
            variants,
            coverage: .percent(80),
            allocation: [
                AllocatedRange("c", 0..<400_000), AllocatedRange("b", 400_000..<600_000),
                AllocatedRange("a", 600_000..<800_000),
            ]
        )
        let before = policy
        let error = #expect(throws: EditError.self) {
            try policy.setCoverage(of: "sms", to: try #require(Share(buckets: buckets)))
        }
        #expect(error?.code == .losesPlace)
        #expect(
            error?.description
                == "rollout \"sms\" (ab_test): \(words) would be left without a bucket, and its units could not find back; "
                + "set at least 0.0003 %, or disable variants to stop the test"
        )
        #expect(policy == before)
        let least = try Self.covering(3, policy)
        try Self.check(policy, least)
        #expect(try Self.covering(800_000, Self.covering(100_000, least)).sms == policy.sms)
    }

    @Test("If no smaller coverage keeps every variant, the refusal names none")
    func noPlaces() throws {
        var policy = EditedPolicy.test([1, 1_000_000], coverage: Share(buckets: 10) ?? .all)
        policy.smsTest.allocation = [AllocatedRange("v0", 0..<1), AllocatedRange("v1", 1..<10)]
        try policy.validate()
        let error = #expect(throws: EditError.self) { try policy.setCoverage(of: "sms", to: .percent(0.0005)) }
        #expect(error?.advice == "disable variants to stop the test")
    }

    // MARK: Just below 100 %

    @Test(
        "If too few buckets are left to round, the shares are exact within one, and still nobody swaps",
        arguments: [
            ([238_961, 238_961, 415, 976, 471, 238_961, 238_961, 238_961], 999_997, 1_000_000),
            ([322_269, 318, 322_269, 427], 999_999, 1_000_000),
            ([22_829, 22_829, 22_829, 457, 22_829, 1_000, 22_829, 405, 676, 61], 999_999, 1_000_000),
        ]
    )
    func rounding(weights: [Int], old: Int, new: Int) throws {
        let policy = EditedPolicy.test(weights, coverage: try #require(Share(buckets: old)))
        let next = try Self.covering(new, policy)
        try Self.check(policy, next)
        #expect(Self.counts(next) != ReferenceEvaluator.largestRemainder(next.smsTest))
        #expect(zip(Self.counts(policy), Self.counts(next)).allSatisfy { $0 <= $1 }, "nobody gives back")
        #expect(try Self.covering(old, next).sms == policy.sms)
    }

    @Test("If only a swap would round the shares, the edit is refused")
    func needsSwap() throws {
        var policy = EditedPolicy.test([652_398, 652_398, 230, 652_398, 226, 422, 800, 449])
        let before = policy
        let error = #expect(throws: EditError.self) { try policy.setCoverage(of: "sms", to: .percent(99.9998)) }
        #expect(error?.code == .needsSwap)
        #expect(
            error?.description
                == "rollout \"sms\" (ab_test): at 99.9998 % the shares cannot be rounded without moving a unit between "
                + "variants; set one that is a little lower"
        )
        #expect(policy == before)
        try Self.check(policy, Self.covering(999_990, policy))
    }

    // MARK: Limits

    @Test("Past 1,024 ranges the smallest are merged, and the movement says that units move")
    func manyRanges() throws {
        var policy = EditedPolicy.test(Array(repeating: 1, count: 256), coverage: .percent(10))
        for percent in [20.0, 30, 40] {
            let next = try policy.changed { try $0.setCoverage(of: "sms", to: .percent(percent)) }
            try Self.check(policy, next)
            policy = next
        }
        #expect((1_000...1_024).contains(policy.smsTest.allocation?.count ?? 0))
        let next = try policy.changed { try $0.setCoverage(of: "sms", to: .percent(50)) }
        try next.validate()
        #expect((next.smsTest.allocation?.count ?? 0) < 1_024)
        let movement = try MovementTests.kept(policy.movement(to: next))
        #expect(movement.moved > movement.minimum)
    }

    @Test("The same coverage changes nothing, whatever the ranges are")
    func same() throws {
        var policy = EditedPolicy.test([1, 1], coverage: .percent(80))
        policy.smsTest.allocation = [AllocatedRange("v0", 0..<400_001), AllocatedRange("v1", 400_001..<800_000)]
        let before = policy
        try policy.setCoverage(of: "sms", to: .percent(80))
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
        #expect(error?.rollout == "sms" && error?.strategy == policy.sms.strategy.kind)
    }
}
