import Rollout

/// A canary beside 6,000 requests a minute, moved by the default plan, by requests; and by Flagger's rule.
struct PlannedCanary: Sendable {
    let canary: Double
    let stable: Double

    struct End: Sendable {
        var isPromoted = false
        var isTakenBack = false
        var minutes = 0.0
        /// Failures of the canary, and how many it had before the last window.
        var failures = 0
        var failuresBefore = 0
    }

    /// Runs until the canary is promoted or taken back, and at most so many minutes.
    func run(minutes: Int, seed: UInt64) -> End {
        let plan = ProgressionPlan(steps: [1, 5, 25, 50].map(Share.percent), count: .requests)
        var traffic = SimulatedTraffic(seed: seed)
        var share = plan.steps[0]
        var analysis = CanaryAnalysis(under: plan, at: share)
        var end = End()
        var age = 0
        for second in stride(from: plan.interval, through: 60 * minutes, by: plan.interval) {
            var window = traffic.window(100 * plan.interval, share: share, canary: canary, stable: stable)
            // A share only rises here, so it is the largest that any outcome was drawn under.
            window.isSettled = age >= plan.settle
            age += plan.interval
            end.failuresBefore = end.failures
            end.failures += window.canary.failures
            end.minutes = Double(second) / 60
            let seen = CanaryObservation(share: share, age: Double(age), reading: .window(window))
            switch analysis.judge(seen).verdict {
            case .hold: continue
            case .advance: (share, age) = (plan.next(after: share) ?? share, 0)
            case .promote: end.isPromoted = true
            case .rollBack: end.isTakenBack = true
            }
            if end.isPromoted || end.isTakenBack { break }
        }
        return end
    }

    /// The same by Flagger's rule: every minute a step of 10 % if at least 99 % of the canary's requests succeeded, up to 50 %
    /// and then promoted; taken back at the fifth minute in which fewer did.
    func runByFlagger(minutes: Int, seed: UInt64) -> End {
        var traffic = SimulatedTraffic(seed: seed)
        var end = End()
        var (percent, failedChecks) = (0.0, 0)
        for minute in 1...minutes {
            let counts = traffic.window(6_000, share: .percent(percent), canary: canary, stable: stable).canary
            end.failures += counts.failures
            end.minutes = Double(minute)
            if 100 * counts.failures > counts.requests {
                failedChecks += 1
                end.isTakenBack = failedChecks == 5
            } else if percent >= 50 {
                end.isPromoted = true
            } else {
                percent += 10
            }
            if end.isPromoted || end.isTakenBack { break }
        }
        return end
    }
}
