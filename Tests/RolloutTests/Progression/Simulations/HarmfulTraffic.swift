import Rollout

/// Traffic on which a canary fails more often than stable.
struct HarmfulTraffic: Sendable {
    let stable: Double
    let canary: Double
    /// Requests in a window.
    let window: Int
    var share = Share.percent(10)
    /// For so many windows the canary fails no more often than stable.
    var healthyWindows = 0

    /// How many requests it takes from the first harm until the canary is taken back, and at most so many.
    func requestsUntilRollback(_ count: ProgressionPlan.Count, most: Int, seed: UInt64) -> Int {
        var traffic = SimulatedTraffic(seed: seed)
        var analysis = CanaryAnalysis(under: ProgressionPlan(steps: [.percent(99)], count: count), at: share)
        var requests = -healthyWindows * window
        while requests < most {
            let isHarmful = requests >= 0
            var seen = traffic.window(window, share: share, canary: isHarmful ? canary : stable, stable: stable)
            if count == .units { seen.countEachRequestAsUnit() }
            requests += window
            if analysis.judge(seen, at: share).verdict == .rollBack { break }
        }
        return requests
    }
}
