import Testing

@testable import Rollout

@Suite("Weights by efficacy")
struct EfficacyWeightsTests {
    private static func weights(_ successes: [Int], of trials: Int, under plan: AdaptationPlan = AdaptationPlan())
        -> EfficacyWeights
    {
        var weights = EfficacyWeights(under: plan, variants: successes.count)
        weights.observe(successes: successes, failures: successes.map { trials - $0 })
        return weights
    }

    @Test("Nothing moves until each variant has 100 outcomes, and for less than 1 % of the traffic")
    func still() {
        #expect(Self.weights([99, 9], of: 99).next(after: [5_000, 5_000]) == nil)
        #expect(Self.weights([100, 9], of: 100).next(after: [5_000, 5_000]) != nil)
        let even = Self.weights([500, 500], of: 1_000)
        #expect(even.next(after: [5_000, 5_000]) == nil)
        #expect(even.next(after: [1, 1]) == nil)
        #expect(even.next(after: [0, 0]) == nil)
        #expect(EfficacyWeights(under: AdaptationPlan(), variants: 0).next(after: []) == nil)
    }

    @Test("No more moves at once than the plan allows, and each variant keeps its floor")
    func bounds() {
        let clear = Self.weights([990, 10], of: 1_000)
        #expect(clear.next(after: [5_000, 5_000]) == [7_000, 3_000])
        #expect(clear.next(after: [1, 1]) == [7_000, 3_000])
        #expect(clear.next(after: [9_700, 300]) == [9_800, 200])
        let free = AdaptationPlan(floor: .zero, maxStep: .all)
        #expect(Self.weights([990, 10], of: 1_000, under: free).next(after: [5_000, 5_000]) == [10_000, 0])
    }

    @Test("What was seen long ago counts less")
    func forgetting() {
        var weights = EfficacyWeights(under: AdaptationPlan(forget: .percent(50)), variants: 2)
        weights.observe(successes: [900, 100], failures: [100, 900])
        for _ in 0..<12 { weights.observe(successes: [10, 90], failures: [90, 10]) }
        #expect(weights.bestProbabilities[1] > 0.99)
    }

    @Test(
        "Counts of any size give weights",
        arguments: [[Int.max, 0], [0, Int.max], [Int.max, Int.max], [-5, 1_000]]
    )
    func extremes(successes: [Int]) {
        var weights = EfficacyWeights(under: AdaptationPlan(), variants: 2)
        for _ in 0..<100 { weights.observe(successes: successes, failures: [1_000, 1_000]) }
        if let next = weights.next(after: [.max, 1]) { #expect(next.reduce(0, +) == 10_000) }
        #expect(weights.bestProbabilities.allSatisfy { $0.isFinite })
    }

    @Test("Counts for other variants are a programmer's mistake")
    func traps() async {
        await #expect(processExitsWith: .failure) {
            var weights = EfficacyWeights(under: AdaptationPlan(), variants: 2)
            weights.observe(successes: [1], failures: [1, 2])
        }
        await #expect(processExitsWith: .failure) {
            _ = EfficacyWeights(under: AdaptationPlan(), variants: 2).next(after: [1, 2, 3])
        }
    }
}
