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
        // Of no coverage no range is due.
        #expect(problems(weights: [1, 1], owned: [], coverage: Share.zero).isEmpty)
        let none = problems(weights: [1, 1], owned: [])
        #expect(none.map(\.message) == ["the ranges end at 0, the coverage at 1000000"])
    }
}
