import Rollout

/// A canary that climbs by the gates alone, whatever else would hold it or take it back.
struct SteppedCanary: Sendable {
    let canary: Double
    let stable: Double

    /// How many windows of 6,000 requests it takes to be promoted, or nil if so many do not do.
    func windowsUntilPromotion(most: Int, seed: UInt64) -> Int? {
        let plan = ProgressionPlan(steps: [1, 5, 10, 25, 50].map(Share.percent), count: .requests, settle: 0, dwell: 0)
        var traffic = SimulatedTraffic(seed: seed)
        var share = plan.steps[0]
        var analysis = CanaryAnalysis(under: plan, at: share)
        for count in 1...most {
            let window = traffic.window(6_000, share: share, canary: canary, stable: stable)
            let judgement = analysis.judge(window, at: share)
            guard judgement.evidence?.isGateOpen == true else { continue }
            guard let next = judgement.next else { return count }
            share = next
        }
        return nil
    }
}
