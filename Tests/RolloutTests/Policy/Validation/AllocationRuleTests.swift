import Testing

@testable import Rollout

@Suite("A written allocation")
struct AllocationRuleTests {
    private func problems(weights: [Int], owned: [Int], coverage: Share = .all) -> [PolicyProblem] {
        let names: [VariantName] = ["a", "b", "c"]
        let variants = zip(names, weights).map { WeightedVariant($0, weight: $1, release: ["app": "1"]) }
        var from = 0
        let ranges = zip(names, owned).compactMap { name, count in
            defer { from += count }
            return count > 0 ? AllocatedRange(name, from..<from + count) : nil
        }
        let strategy = RolloutStrategy.abTest(.init(variants, coverage: coverage, allocation: ranges))
        do throws(PolicyError) {
            try RolloutPolicy(revision: 1, rollouts: ["r": RolloutDefinition(strategy)]).validate()
            return []
        } catch {
            return error.problems
        }
    }

    @Test(
        "agrees with the weights within one bucket a variant",
        arguments: [
            ([1, 1], [500_000, 500_000], true), ([1, 1], [500_001, 499_999], true),
            ([1, 1], [499_999, 500_001], true), ([1, 1], [500_002, 499_998], false),
            ([1, 1], [1_000_000, 0], false), ([0, 1], [1, 999_999], true), ([0, 1], [2, 999_998], false),
            // A third is 333,333 1/3: 333,333 and 333,334 are near enough, 333,332 and 333,335 are not.
            ([1, 1, 1], [333_333, 333_333, 333_334], true), ([1, 1, 1], [333_334, 333_334, 333_332], false),
            ([1, 1, 1], [333_335, 333_333, 333_332], false),
        ]
    )
    func agreement(weights: [Int], owned: [Int], isValid: Bool) {
        let problems = problems(weights: weights, owned: owned)
        #expect(problems.isEmpty == isValid)
        #expect(problems.allSatisfy { $0.code == .badAllocation && $0.path == "rollouts.r.strategy.allocation" })
    }

    private func problems(_ ranges: [AllocatedRange], coverage: Share) -> [String] {
        let variants = (["a", "b"] as [VariantName]).map { WeightedVariant($0, weight: 1, release: ["app": "1"]) }
        let strategy = RolloutStrategy.abTest(.init(variants, coverage: coverage, allocation: ranges))
        do throws(PolicyError) {
            try RolloutPolicy(revision: 1, rollouts: ["r": RolloutDefinition(strategy)]).validate()
            return []
        } catch {
            return error.problems.map(\.message)
        }
    }

    @Test("may have gaps anywhere, and then goes on to the last bucket and enrols what the coverage says")
    func gaps() {
        let ranges = [
            AllocatedRange(nil, 0..<100_000), AllocatedRange("a", 100_000..<300_000),
            AllocatedRange(nil, 300_000..<400_000), AllocatedRange("b", 400_000..<600_000),
            AllocatedRange(nil, 600_000..<1_000_000),
        ]
        #expect(problems(ranges, coverage: .percent(40)).isEmpty)
        #expect(problems(ranges, coverage: .percent(50)) == ["the ranges enrol 400,000 buckets, the coverage 500,000"])
        #expect(
            problems(ranges.dropLast(), coverage: .percent(40))
                == ["the ranges end at 600000, and with a gap among them they have to go on to 1000000"]
        )
        #expect(problems([AllocatedRange(nil, 0..<1_000_000)], coverage: .zero).isEmpty)
        let lopsided = [
            AllocatedRange("a", 0..<300_000), AllocatedRange(nil, 300_000..<900_000),
            AllocatedRange("b", 900_000..<1_000_000),
        ]
        #expect(
            problems(lopsided, coverage: .percent(40)) == [
                #""a" owns 300,000 buckets, by its weight about 200,000 are due"#,
                #""b" owns 100,000 buckets, by its weight about 200,000 are due"#,
            ]
        )
    }

    @Test("with gaps says by itself what is covered, so a document leaves the coverage out")
    func document() throws {
        let text = """
            {"schema": 1, "revision": 1, "rollouts": {"r": {"strategy": {"type": "ab_test", "variants": [
              {"name": "a", "weight": 1, "release": {"app": "1"}}, {"name": "b", "weight": 1, "release": {"app": "2"}}],
              "allocation": [["a", 0, 100000], [null, 100000, 200000], ["b", 200000, 300000], [null, 300000, 1000000]]
            }}}}
            """
        let policy = try RolloutPolicy(json: text)
        guard case .abTest(let test) = policy.rollouts["r"]?.strategy else { Issue.record("\(policy)"); return }
        #expect(test.coverage == .percent(20))
        #expect(!policy.json.contains("coverage"))
        #expect(try RolloutPolicy(json: policy.json) == policy)
        let router = try RolloutRouter(policy: policy)
        let handle = try #require(router.rollout("r"))
        var reasons: [VariantName: Set<Decision.Reason>] = [:]
        for unit in 0..<2_000 {
            let decision = handle.decision(for: unit)
            let bucket = try #require(decision.bucket)
            reasons[decision.variant.name, default: []].insert(decision.reason)
            let isEnrolled = bucket < 100_000 || (200_000..<300_000).contains(bucket)
            #expect(decision.reason == (isEnrolled ? .split : .notEnrolled))
        }
        #expect(reasons == ["a": [.split, .notEnrolled], "b": [.split]])
        let gap = try #require((0..<2_000).first { (100_000..<200_000).contains(handle.decision(for: $0).bucket ?? 0) })
        #expect("\(handle.explanation(for: "\(gap)"))".contains("belongs to nobody: it is outside the coverage"))
    }

    @Test("is measured against the coverage, and every variant that has too many or too few is named")
    func sentences() throws {
        let half = try #require(Share(buckets: 500_000))
        #expect(problems(weights: [3, 1], owned: [375_000, 125_000], coverage: half).isEmpty)
        #expect(
            problems(weights: [3, 1], owned: [125_000, 375_000], coverage: half).map(\.message) == [
                #""a" owns 125,000 buckets, by its weight about 375,000 are due"#,
                #""b" owns 375,000 buckets, by its weight about 125,000 are due"#,
            ]
        )
        // Without coverage no range is due.
        #expect(problems(weights: [1, 1], owned: [], coverage: Share.zero).isEmpty)
        let none = problems(weights: [1, 1], owned: [])
        #expect(none.map(\.message) == ["the ranges end at 0, the coverage at 1000000"])
    }
}
