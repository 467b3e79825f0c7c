@testable import Rollout

/// Windows of a canary and of stable, drawn from seeds: each request goes to the canary with the probability of the share, and
/// fails with the rate of its variant.
struct SimulatedTraffic {
    var random: SplitMix64

    init(seed: UInt64) { random = SplitMix64(seed: seed) }

    /// How many of so many trials succeed, exactly: by the gaps between successes, which are geometric.
    mutating func binomial(_ trials: Int, _ probability: Double) -> Int {
        if probability <= 0 { return 0 }
        if probability > 0.5 { return trials - binomial(trials, 1 - probability) }
        let scale = 1 / ln1p(-probability)
        var (count, place) = (0, 0)
        while true {
            let gap = ln(1 - Double.random(in: 0..<1, using: &random)) * scale
            guard gap < Double(trials - place) else { return count }
            place += Int(gap) + 1
            if place > trials { return count }
            count += 1
        }
    }

    /// A settled window of so many requests at a share.
    mutating func window(_ requests: Int, share: Share, canary: Double, stable: Double) -> CanaryWindow {
        let toCanary = binomial(requests, share.fraction)
        let toStable = requests - toCanary
        return CanaryWindow(
            stable: VariantOutcomes(requests: toStable, failures: binomial(toStable, stable)),
            canary: VariantOutcomes(requests: toCanary, failures: binomial(toCanary, canary)),
            weight: share,
            isSettled: true
        )
    }
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
