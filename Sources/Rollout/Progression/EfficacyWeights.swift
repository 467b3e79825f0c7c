/// Weights for the variants of an A/B test by how likely each is to be the best: Thompson sampling (Biometrika 25, 1933) as a
/// split (Scott, Appl. Stoch. Models Bus. Ind. 26, 2010).
///
/// Each interval adds successes and failures, and forgets a part of those before, so that a variant that became worse loses its
/// traffic in time. The weights are advice: no bound on any error goes with them.
///
///     var weights = EfficacyWeights(under: AdaptationPlan(), variants: 3)
///     weights.observe(successes: [480, 95, 101], failures: [20, 5, 3])
///     let next = weights.next(after: [8_000, 1_000, 1_000])
public struct EfficacyWeights: Hashable, Sendable {
    /// What is adapted by.
    public let plan: AdaptationPlan

    private var successes: [Double]
    private var failures: [Double]

    /// The sum of all weights.
    static let total = 10_000
    /// Nothing moves until each variant has so many outcomes.
    private static let leastOutcomes = 100.0
    private static let points = 1_024

    /// No outcomes yet, of so many variants.
    ///
    /// - Precondition: The number is not negative.
    public init(under plan: AdaptationPlan, variants: Int) {
        self.plan = plan
        successes = Array(repeating: 0, count: variants)
        failures = successes
    }

    /// Takes in the outcomes of an interval. What is negative counts as 0.
    ///
    /// - Precondition: There is one count of each kind for each variant.
    public mutating func observe(successes: [Int], failures: [Int]) {
        precondition(
            successes.count == self.successes.count && failures.count == self.failures.count,
            "\(self.successes.count) variants, and \(successes.count) successes and \(failures.count) failures"
        )
        let kept = 1 - plan.forget.fraction
        for index in self.successes.indices {
            self.successes[index] = kept * self.successes[index] + Double(max(0, successes[index]))
            self.failures[index] = kept * self.failures[index] + Double(max(0, failures[index]))
        }
    }

    /// The weights that come next.
    ///
    /// - Parameter running: The weights in force, one for each variant.
    /// - Returns: Weights whose sum is 10,000, or nil if nothing should move: a variant has too few outcomes, or what is due
    ///   differs by less than 1 % of the traffic.
    public func next(after running: [Int]) -> [Int]? {
        precondition(running.count == successes.count, "\(successes.count) variants, and \(running.count) weights")
        guard isInformed else { return nil }
        let total = running.reduce(0.0) { $0 + Double($1) }
        guard total > 0 else { return nil }
        let present = running.map { Double($0) / total }
        var due = weights
        // So many outcomes, or variants, that no `Double` tells them apart.
        guard due.allSatisfy(\.isFinite) else { return nil }
        let distance = zip(due, present).reduce(0) { $0 + abs($1.0 - $1.1) } / 2
        if distance < 0.01 { return nil }
        let part = min(1, plan.maxStep.fraction / distance)
        due = zip(present, due).map { $0 + part * ($1 - $0) }
        return Self.apportion(Self.total, by: due)
    }

    /// Whether each variant has outcomes enough.
    var isInformed: Bool { zip(successes, failures).allSatisfy { $0 + $1 >= Self.leastOutcomes } }

    /// The probability of each variant that it is the best, above a floor that each of them keeps.
    var weights: [Double] {
        let floor = plan.floor.fraction
        return bestProbabilities.map { floor + (1 - Double(successes.count) * floor) * $0 }
    }

    /// The probability of each variant that its rate of success is the highest, each rate with a uniform prior.
    ///
    /// By the midpoints of 1,024 equal parts of the range in which any of the rates may lie: the density of each rate there, times
    /// the probability that all others are lower. O(variants squared) for each point.
    var bestProbabilities: [Double] {
        let rates = zip(successes, failures).map { Rate(a: 1 + $0, b: 1 + $1) }
        let lower = max(0, rates.map { $0.mean - 10 * $0.deviation }.min() ?? 0)
        let upper = min(1, rates.map { $0.mean + 10 * $0.deviation }.max() ?? 1)
        let width = (upper - lower) / Double(Self.points)
        let points = (0..<Self.points).map { point -> Double in lower + width * (Double(point) + 0.5) }
        let densities = rates.map { $0.densities(at: points) }
        let distributions = densities.map { density in
            var sum = 0.0
            return density.map { part in
                defer { sum += part }
                return sum + part / 2
            }
        }
        var best = rates.map { _ in 0.0 }
        for own in rates.indices {
            var parts = densities[own]
            for (other, distribution) in distributions.enumerated() where other != own {
                for point in points.indices { parts[point] *= distribution[point] }
            }
            best[own] = parts.reduce(0, +)
        }
        let sum = best.reduce(0, +)
        for index in best.indices { best[index] /= sum }
        return best
    }

    /// Integers in proportion to parts, by largest remainder; if two are equal, the earlier gets more.
    static func apportion(_ total: Int, by parts: [Double]) -> [Int] {
        let sum = parts.reduce(0, +)
        let exact = parts.map { Double(total) * $0 / sum }
        var counts = exact.map { Int($0.rounded(.down)) }
        let order = exact.indices.sorted {
            let (left, right) = (exact[$0] - exact[$0].rounded(.down), exact[$1] - exact[$1].rounded(.down))
            return left == right ? $0 < $1 : left > right
        }
        for index in order.prefix(max(0, total - counts.reduce(0, +))) { counts[index] += 1 }
        return counts
    }
}

/// What is known of a rate: a beta distribution.
private struct Rate {
    let a: Double
    let b: Double

    var mean: Double { a / (a + b) }
    var deviation: Double { (a * b / ((a + b) * (a + b) * (a + b + 1))).squareRoot() }

    /// The density at points that lie evenly, so that all add up to 1.
    func densities(at points: [Double]) -> [Double] {
        // 0 times the logarithm of 0 is 0 here.
        let logs = points.map { (a == 1 ? 0 : (a - 1) * ln($0)) + (b == 1 ? 0 : (b - 1) * ln1p(-$0)) }
        let largest = logs.max() ?? 0
        let densities = logs.map { exponential($0 - largest) }
        let sum = densities.reduce(0, +)
        return densities.map { $0 / sum }
    }
}
