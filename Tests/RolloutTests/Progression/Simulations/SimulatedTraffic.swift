import Rollout

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Windows of a canary and of stable, drawn from seeds: each request goes to the canary with the probability of the share, and
/// fails with the rate of its variant.
struct SimulatedTraffic {
    var random: SplitMix64

    init(seed: UInt64) { random = SplitMix64(seed: seed) }

    mutating func uniform() -> Double { Double.random(in: 0..<1, using: &random) }

    /// A normal variable of mean 0 and variance 1 (Box and Muller).
    mutating func normal() -> Double {
        let radius = (-2 * log(1 - uniform())).squareRoot()
        return radius * cos(2 * .pi * uniform())
    }

    /// How many of so many trials succeed, exactly.
    mutating func binomial(_ trials: Int, _ probability: Double) -> Int {
        if trials <= 0 || probability <= 0 { return 0 }
        if probability > 0.5 { return trials - binomial(trials, 1 - probability) }
        return Double(trials) * probability < 10
            ? binomialByGaps(trials, probability) : binomialFromMode(trials, probability)
    }

    /// By the gaps between successes, which are geometric. Takes a step for each success.
    private mutating func binomialByGaps(_ trials: Int, _ probability: Double) -> Int {
        let scale = 1 / log1p(-probability)
        var (count, place) = (0, 0)
        while true {
            let gap = log(1 - uniform()) * scale
            guard gap < Double(trials - place) else { return count }
            place += Int(gap) + 1
            count += 1
        }
    }

    /// By a point on the axis of probability, on which the likeliest count lies first, and its neighbours follow to both sides.
    /// Takes a step for each count nearer to the likeliest one.
    private mutating func binomialFromMode(_ trials: Int, _ probability: Double) -> Int {
        let mode = Int(Double(trials + 1) * probability)
        let ways = lgamma(Double(trials + 1)).0 - lgamma(Double(mode + 1)).0 - lgamma(Double(trials - mode + 1)).0
        let likeliest = exp(ways + Double(mode) * log(probability) + Double(trials - mode) * log1p(-probability))
        let odds = probability / (1 - probability)
        var rest = uniform() - likeliest
        if rest < 0 { return mode }
        var (low, high) = (mode, mode)
        var (lower, higher) = (likeliest, likeliest)
        while low > 0 || high < trials {
            if high < trials {
                higher *= Double(trials - high) / Double(high + 1) * odds
                high += 1
                rest -= higher
                if rest < 0 { return high }
            }
            if low > 0 {
                lower *= Double(low) / (Double(trials - low + 1) * odds)
                low -= 1
                rest -= lower
                if rest < 0 { return low }
            }
        }
        // All probabilities add up to a little less than 1, for want of digits.
        return mode
    }

    /// A settled window of so many requests at a share.
    mutating func window(_ requests: Int, share: Share, canary: Double, stable: Double) -> CanaryWindow {
        let toCanary = binomial(requests, share.part)
        let toStable = requests - toCanary
        return CanaryWindow(
            stable: VariantOutcomes(requests: toStable, failures: binomial(toStable, stable)),
            canary: VariantOutcomes(requests: toCanary, failures: binomial(toCanary, canary)),
            weight: share,
            isSettled: true
        )
    }
}

extension Share {
    /// The share as a number in 0 ... 1.
    var part: Double { Double(buckets) / 1_000_000 }
}

extension CanaryWindow {
    /// Says that each request came from a unit of its own.
    mutating func countEachRequestAsUnit() {
        for side in [\CanaryWindow.stable, \.canary] {
            let (requests, failures) = (self[keyPath: side].requests, self[keyPath: side].failures)
            self[keyPath: side].units = VariantOutcomes.Units(
                arrived: requests,
                entered: requests,
                enteredFailed: failures,
                failed: failures
            )
        }
    }
}

extension CanaryAnalysis {
    /// Judges a window of a stage that is as old as any plan wants.
    mutating func judge(_ window: CanaryWindow, at share: Share) -> CanaryJudgement {
        judge(CanaryObservation(share: share, age: 1e6, reading: .window(window)))
    }
}

extension CanaryEvidence {
    /// Whether the gate is open.
    var isGateOpen: Bool { logGate >= logGateNeeded }
}
