import Testing

@testable import Rollout

@Suite("Shares and ranges")
struct MonotoneTests {
    /// What a rollout's allocation gives each bucket, asked of the engine by assignments that pin buckets.
    private func canaryEnd(_ buckets: Int) throws -> (inside: Decision, outside: Decision) {
        let share = try #require(Share(buckets: buckets))
        let rollout = RolloutDefinition(
            .canary(share, stable: ["app": "1"], canary: ["app": "2"]),
            sticky: StickyCookie(name: "c", maxAge: 60, pin: .bucket)
        )
        let snapshot = try RolloutRouter(policy: RolloutPolicy(revision: 1, rollouts: ["r": rollout])).snapshot()
        func decision(_ bucket: Int) throws -> Decision {
            let held = Assignment(variant: nil, of: "r", bucket: min(max(bucket, 0), 999_999), epoch: 0, revision: 1)
            return try #require(snapshot.decision(for: nil, in: "r", holding: held))
        }
        return (try decision(buckets - 1), try decision(buckets))
    }

    /// For every share, the canary ends at exactly that bucket. So it is `[0, p)`, and a smaller canary lies inside a larger.
    @Test("The canary of p owns the buckets below p and no other", arguments: 0..<5 as Range<UInt64>)
    func edges(seed: UInt64) throws {
        var random = RandomPolicy(seed: seed)
        let shares = [0, 1, 2, 4_095, 4_096, 4_097, 500_000, 999_999, 1_000_000]
        for buckets in shares + (0..<40).map({ _ in random.number(in: 0...1_000_000) }) {
            let (inside, outside) = try canaryEnd(buckets)
            #expect(inside.variant.name == (buckets > 0 ? "canary" : "stable"), "\(buckets)")
            #expect(outside.variant.name == (buckets < 1_000_000 ? "stable" : "canary"), "\(buckets)")
        }
    }

    @Test("The compiled draw has no edge but the share", arguments: [0, 1, 333_333, 524_288, 999_999, 1_000_000])
    func everyBucket(buckets: Int) {
        let (canary, stable) = (Outcome(word: 1), Outcome(word: 2))
        var segments: [Segment] = []
        segments.extend(to: buckets, canary)
        segments.extend(to: 1_000_000, stable)
        let bounds = NarrowDraw.packed(segments.map(\.upperBound))
        var changes = 0
        var before = NarrowDraw.standing(bounds, at: 0)
        for bucket in 1..<1_000_000 {
            let standing = NarrowDraw.standing(bounds, at: UInt64(bucket))
            if standing != before { changes += 1 }
            before = standing
        }
        #expect(changes == (0 < buckets && buckets < 1_000_000 ? 1 : 0))
    }

    @Test("Raising a share only adds units, lowering it only removes them", arguments: 0..<4 as Range<UInt64>)
    func units(seed: UInt64) throws {
        var random = RandomPolicy(seed: seed)
        let units = (0..<500).map { "user-\(seed)-\($0)" }
        let shares = (0..<12).map { _ in random.number(in: 0...1_000_000) }.sorted()
        func rollout(_ buckets: Int) -> RolloutDefinition {
            RolloutDefinition(.canary(Share(buckets: buckets) ?? .zero, stable: ["app": "1"], canary: ["app": "2"]))
        }
        let router = try RolloutRouter(policy: RolloutPolicy(revision: 0, rollouts: ["r": rollout(0)]))
        let handle = try #require(router.rollout("r"))
        var inside: Set<String> = []
        for (revision, buckets) in (shares + shares.reversed()).enumerated() {
            try router.update(to: RolloutPolicy(revision: UInt32(revision + 1), rollouts: ["r": rollout(buckets)]))
            let now = Set(units.filter { handle.decision(for: $0).variant.name == "canary" })
            let grows = revision < shares.count
            #expect(grows ? now.isSuperset(of: inside) : now.isSubset(of: inside))
            inside = now
        }
    }

    @Test("Weights are cut by largest remainder", arguments: StressEffort.seeds(8, long: 20))
    func largestRemainder(seed: UInt64) {
        var random = RandomPolicy(seed: seed)
        for _ in 0..<40 {
            let count = random.number(in: 1...256)
            let largest = random.pick([1, 3, 1_000, 1_000_000])
            var weights = (0..<count).map { _ in random.number(in: 0...largest) }
            weights[random.number(in: 0...count - 1)] += 1
            let variants = weights.map { WeightedVariant("v", weight: min($0, 1_000_000), release: ["app": "1"]) }
            let coverage = Share(buckets: random.pick([0, 1, 1_000_000, random.number(in: 0...1_000_000)])) ?? .all
            let test = RolloutStrategy.ABTest(variants, coverage: coverage)
            let counts = test.apportionment(on: .own).counts
            #expect(counts == ReferenceEvaluator.largestRemainder(test), "seed \(seed)")
            #expect(counts.reduce(0, +) == coverage.buckets)
            let sum = variants.reduce(0) { $0 + $1.weight }
            for (variant, count) in zip(variants, counts) {
                // Floor or ceil of the exact part.
                #expect((count * sum - coverage.buckets * variant.weight).magnitude < sum)
            }
        }
    }

    @Test(
        "Ties go to the earlier variant",
        arguments: [
            ([1, 1, 1], [333_334, 333_333, 333_333]),
            ([1, 1, 1, 1, 1, 1], [166_667, 166_667, 166_667, 166_667, 166_666, 166_666]),
            ([2, 1], [666_667, 333_333]), ([1, 2], [333_333, 666_667]), ([0, 7], [0, 1_000_000]),
        ]
    )
    func ties(weights: [Int], counts: [Int]) {
        let variants = weights.map { WeightedVariant("v", weight: $0, release: ["app": "1"]) }
        #expect(RolloutStrategy.ABTest(variants).apportionment(on: .own).counts == counts)
    }

    @Test("Ranges lie in declared order without holes, and variants without a bucket have none")
    func contiguous() {
        let variants = [("a", 1), ("none", 0), ("b", 2), ("c", 1)].map { name, weight in
            WeightedVariant(VariantName(name) ?? "x", weight: weight, release: ["app": "1"])
        }
        let test = RolloutStrategy.ABTest(variants, coverage: .percent(80))
        #expect(
            test.declaredLayout(on: .own) == [
                AllocatedRange("a", 0..<200_000), AllocatedRange("b", 200_000..<600_000),
                AllocatedRange("c", 600_000..<800_000),
            ]
        )
    }

    @Test("Lowering the coverage only takes units out", arguments: [(100.0, 80.0), (80, 30), (30, 0)])
    func coverage(high: Double, low: Double) throws {
        func decisions(_ percent: Double) throws -> [Decision] {
            let names: [VariantName] = ["control", "treatment"]
            let variants = names.map { WeightedVariant($0, weight: 1, release: ["app": $0.text]) }
            let strategy = RolloutStrategy.abTest(variants, coverage: .percent(percent))
            let policy = RolloutPolicy(revision: 1, rollouts: ["r": RolloutDefinition(strategy)])
            let handle = try #require(try RolloutRouter(policy: policy).rollout("r"))
            return (0..<2_000).map { handle.decision(for: $0) }
        }
        for (wide, narrow) in zip(try decisions(high), try decisions(low)) {
            #expect(wide.bucket == narrow.bucket)
            if narrow.reason == .split { #expect(wide.reason == .split) }
            if wide.reason == .notEnrolled { #expect(narrow.reason == .notEnrolled) }
            #expect((narrow.reason == .notEnrolled) == ((narrow.bucket ?? 0) >= Int(low * 10_000)))
        }
    }
}
