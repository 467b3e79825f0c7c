import Rollout

/// Windows in which requests and sessions end that began under an earlier share, of a canary that does no harm.
enum UnsettledTraffic {
    /// Whether windows after 50 -> 5 % take a canary back: 1,500 requests each, of which 1 % time out, two windows later. An
    /// analysis that counts them is told that all windows are settled.
    static func takesBackAfterTimeouts(countsThem: Bool = false, seed: UInt64) -> Bool {
        var traffic = SimulatedTraffic(seed: seed)
        var analysis = CanaryAnalysis(
            under: ProgressionPlan(steps: [.percent(99)], count: .requests),
            at: .percent(50)
        )
        for index in 0..<60 {
            let share = Share.percent(index < 20 ? 50 : 5)
            let before = Share.percent(index < 22 ? 50 : 5)
            let late = traffic.binomial(1_500, 0.01)
            let toCanary = traffic.binomial(late, before.part)
            var window = traffic.window(1_500 - late, share: share, canary: 0, stable: 0)
            window.canary.requests += toCanary
            window.canary.failures += toCanary
            window.stable.requests += late - toCanary
            window.stable.failures += late - toCanary
            // A minute to settle is four windows.
            if 20..<24 ~= index, !countsThem { (window.isSettled, window.weight) = (false, .percent(50)) }
            if analysis.judge(window, at: share).verdict == .rollBack { return true }
        }
        return false
    }

    /// Whether windows after 1 -> 5 % take a canary back, beside sessions that keep their variant for 60 windows of 60,000
    /// requests. Sessions that began before fail 1 %, new ones 2 %, in both variants.
    static func takesBackAfterSessions(countsThem: Bool = false, seed: UInt64) -> Bool {
        let requests = 60_000
        var traffic = SimulatedTraffic(seed: seed)
        var analysis = CanaryAnalysis(under: ProgressionPlan(steps: [.percent(99)], count: .requests), at: .percent(1))
        for index in 0..<120 {
            let share = Share.percent(index < 30 ? 1 : 5)
            // In each window a sixtieth of the sessions that began before the change ends.
            let new = requests * min(max(index - 29, 0), 60) / 60
            let old = requests - new
            let canary = (old: traffic.binomial(old, 0.01), new: traffic.binomial(new, share.part))
            func side(_ old: Int, _ new: Int) -> VariantOutcomes {
                VariantOutcomes(
                    requests: old + new,
                    failures: traffic.binomial(old, 0.01) + traffic.binomial(new, 0.02)
                )
            }
            let window = CanaryWindow(
                stable: side(old - canary.old, new - canary.new),
                canary: side(canary.old, canary.new),
                weight: share,
                isSettled: countsThem || !(30..<90 ~= index)
            )
            if analysis.judge(window, at: share).verdict == .rollBack { return true }
        }
        return false
    }
}
