import Rollout

/// An A/B test whose weights follow how well its variants do: 100 updates of 500 requests.
struct AdaptedTest: Sendable {
    /// How often each variant succeeds, in the first half of the time and in the second.
    let first: [Double]
    let second: [Double]

    init(_ first: [Double], then second: [Double]? = nil) {
        self.first = first
        self.second = second ?? first
    }

    /// How many successes fewer than if each request had met the best variant. The weights are even at first, and stay so if
    /// they are not adapted.
    func regret(isAdapted: Bool = true, seed: UInt64) -> Double {
        var traffic = SimulatedTraffic(seed: seed)
        var efficacy = EfficacyWeights(under: AdaptationPlan(), variants: first.count)
        var weights = Array(repeating: 10_000 / first.count, count: first.count)
        var regret = 0.0
        for update in 0..<100 {
            let rates = update < 50 ? first : second
            let best = rates.max() ?? 0
            var (left, leftWeight) = (500, weights.reduce(0, +))
            var (successes, failures) = ([Int](), [Int]())
            for (rate, weight) in zip(rates, weights) {
                let requests = traffic.binomial(left, Double(weight) / Double(leftWeight))
                (left, leftWeight) = (left - requests, leftWeight - weight)
                regret += Double(requests) * (best - rate)
                successes.append(traffic.binomial(requests, rate))
                failures.append(requests - (successes.last ?? 0))
            }
            efficacy.observe(successes: successes, failures: failures)
            if isAdapted, let next = efficacy.next(after: weights) { weights = next }
        }
        return regret
    }
}
