/// Divides buckets by weights, in whole numbers.
///
/// **Claim:** nothing here overflows for at most 1,000,000 buckets and weights whose sum is at most 10^12. Because every
/// product is at most 10^6 x 10^12, and 64 bits hold 9 x 10^18.
struct Apportionment {
    let buckets: Int
    let weights: [Int]
    let total: Int

    /// - Precondition: No weight is negative, and their sum is 1 ... 10^12.
    init(_ buckets: Int, by weights: [Int]) {
        self.buckets = buckets
        self.weights = weights
        total = weights.reduce(0, +)
    }

    /// The buckets due to each weight, by largest remainder.
    ///
    /// Each gets the floor of its exact part, and the largest remainders get one more; if two are equal, the earlier one
    /// does. So the counts add up to all buckets.
    var counts: [Int] {
        let parts = weights.map { (buckets * $0).quotientAndRemainder(dividingBy: total) }
        let left = buckets - parts.reduce(0) { $0 + $1.quotient }
        let order = parts.indices.sorted { (parts[$1].remainder, $0) < (parts[$0].remainder, $1) }
        var counts = parts.map(\.quotient)
        for index in order.prefix(left) { counts[index] += 1 }
        return counts
    }

    /// Counts within bounds, as near to the exact parts as these allow, or nil if one would be more than a bucket off.
    ///
    /// Whoever lies furthest above its part gives first, and whoever lies furthest below it takes first. O(weights) for each
    /// bucket that the bounds cut off from ``counts``.
    func counts(within bounds: [ClosedRange<Int>]) -> [Int]? {
        var counts = zip(counts, bounds).map { min(max($0, $1.lowerBound), $1.upperBound) }
        while true {
            let left = buckets - counts.reduce(0, +)
            if left == 0 { return counts.indices.allSatisfy { isDue(counts[$0], at: $0) } ? counts : nil }
            let above = counts.indices.map { excess(of: counts[$0], at: $0) }
            let next =
                left > 0
                ? counts.indices.filter { counts[$0] < bounds[$0].upperBound }.min { above[$0] < above[$1] }
                : counts.indices.filter { counts[$0] > bounds[$0].lowerBound }.max { above[$0] < above[$1] }
            guard let next else { return nil }
            counts[next] += left.signum()
        }
    }

    /// How far a count lies above the exact part of a weight, times the sum of all weights; negative if below.
    func excess(of count: Int, at index: Int) -> Int { count * total - buckets * weights[index] }

    /// Whether a count is the exact part of a weight, within one bucket.
    func isDue(_ count: Int, at index: Int) -> Bool { excess(of: count, at: index).magnitude <= total }
}
