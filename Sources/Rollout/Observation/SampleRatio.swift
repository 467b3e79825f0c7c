/// Whether variants get the units that are due to them: the test of sample ratios (Lindon, Malek, NeurIPS 2022).
///
/// The test may be asked after every unit, and as often as anybody likes.
///
/// **Claim:** as long as each unit comes to each variant with the probability due, the evidence ever reaches 1,000 with a
/// probability of at most 0.1 %. Because
/// 1. a unit multiplies the factor of a variant of share w and a tilt t by t / (1 + w (t - 1)) if it comes to the variant, and
///    by 1 / (1 + w (t - 1)) if not: on average by 1, whatever came before;
/// 2. the evidence is the mean of such products, over all variants and tilts, so it is expected to stay at 1;
/// 3. what is not negative and expected to stay at 1 ever reaches 1,000 with a probability of at most 1 / 1,000 (Ville).
///
/// A unit must count once, however many requests it makes: units that return would make any difference look certain.
package enum SampleRatio {
    /// The units that came to variants while their shares were the same.
    package struct Stage: Sendable {
        /// How many different units came to each variant.
        package var counts: [Int]
        /// The share that is due to each variant, in any measure: the weights are divided by their sum.
        package var weights: [Double]

        /// Counts and weights of the same variants, in one order.
        package init(counts: [Int], weights: [Double]) {
            self.counts = counts
            self.weights = weights
        }
    }

    /// The evidence from which on the ratio is wrong.
    package static let alarm = 1_000.0

    /// Its natural logarithm.
    static let logAlarm = ln(alarm)

    /// How many times as many, or as few, units a variant may get: the deviations that are looked for.
    private static let tilts: [Double] = {
        let few = [0.25, 0.5, 0.7, 0.8, 0.87, 0.91, 0.94, 0.96, 0.975, 0.985]
        return few + few.map { 1 / $0 }
    }()

    /// What stages say of one variant: the logarithm of its factor for each tilt, 0 before there is any stage.
    package struct Factors: Sendable {
        fileprivate var logs = Array(repeating: 0.0, count: tilts.count)

        /// Factors of nothing.
        package init() {}

        /// Takes in a stage.
        ///
        /// - Parameters:
        ///   - count: How many units came to the variant.
        ///   - units: How many came to all variants.
        ///   - share: The share due to the variant, 0 ... 1.
        package mutating func multiply(count: Int, of units: Int, share: Double) {
            for (index, tilt) in tilts.enumerated() {
                logs[index] += Double(count) * ln(tilt) - Double(units) * ln1p((tilt - 1) * share)
            }
        }
    }

    /// The natural logarithm of the evidence that the factors of all variants hold; 0 of none.
    package static func logEvidence(of variants: [Factors]) -> Double {
        let logs = variants.flatMap(\.logs)
        guard let largest = logs.max() else { return 0 }
        let sum = logs.reduce(0) { $0 + exponential($1 - largest) }
        return largest + ln(sum / Double(logs.count))
    }

    /// The natural logarithm of the evidence that stages of the same variants hold; 0 of none. O(stages * variants).
    package static func logEvidence(_ stages: [Stage]) -> Double {
        var variants = Array(
            repeating: Factors(),
            count: stages.map { min($0.counts.count, $0.weights.count) }.min() ?? 0
        )
        for stage in stages {
            let (units, due) = (stage.counts.reduce(0, +), stage.weights.reduce(0, +))
            guard due > 0 else { continue }
            for index in variants.indices {
                variants[index].multiply(count: stage.counts[index], of: units, share: stage.weights[index] / due)
            }
        }
        return logEvidence(of: variants)
    }

    /// The evidence as a number to be shown. It passes every `Double` within minutes of an outage, so it is cut.
    package static func evidence(_ stages: [Stage]) -> Double { exponential(min(logEvidence(stages), 700)) }
}

extension RolloutDefinition {
    /// How many buckets are drawn into each variant, reason `split`, in declared order; none under a strategy that does not
    /// draw. For a valid definition.
    package var drawnBuckets: [Int] { strategy.draws ? Allocation(self).drawnBuckets : [] }
}
