import Rollout

/// Units of which the canary gets other than its due, and units that come back.
enum SampleMismatch {
    private static let plan = ProgressionPlan(steps: [.percent(99)])

    /// How many units it takes until the alarm, in windows of 100 of which the canary gets a part and is due 10 %; or nil if so
    /// many do not raise it.
    static func unitsUntilAlarm(canary part: Double, most: Int, seed: UInt64) -> Int? {
        let share = Share.percent(10)
        var traffic = SimulatedTraffic(seed: seed)
        var analysis = CanaryAnalysis(under: plan, at: share)
        for units in stride(from: 100, through: most, by: 100) {
            let toCanary = traffic.binomial(100, part)
            var window = CanaryWindow(
                stable: VariantOutcomes(requests: 100 - toCanary, failures: 0),
                canary: VariantOutcomes(requests: toCanary, failures: 0),
                weight: share,
                isSettled: true
            )
            window.countEachRequestAsUnit()
            if analysis.judge(window, at: share).reason == .mismatch { return units }
        }
        return nil
    }

    /// Whether 20,000 units that come back raise the alarm on a ramp, with 1,000 requests in each of 20 windows a step; if each
    /// of them counts once, or again whenever its variant changes.
    static func alarmsOnRamp(countsAgain: Bool = false, seed: UInt64) -> Bool {
        var units = SimulatedUnits(20_000, spread: 0, broken: 0, sound: 0, countsAgain: countsAgain, seed: seed)
        var analysis = CanaryAnalysis(under: plan, at: .percent(1))
        for share in [1, 5, 10, 25, 50].map(Share.percent) {
            units.beginStage()
            for _ in 0..<20 {
                let window = units.window(1_000, share: share)
                if analysis.judge(window, at: share).reason == .mismatch { return true }
            }
        }
        return false
    }
}
