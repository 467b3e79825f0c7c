import Rollout

/// Analyses of units that come back, by units and by requests: the units make requests at very different rates, and 1 % of them
/// fail half of theirs.
struct ReturningUnits: Sendable {
    /// How many units there are. As many requests are in a window, and a fifth more at the gate.
    var count = 5_000

    /// What an analysis by units came to, and one by requests of the same windows.
    struct Outcome: Sendable {
        var byUnits = false
        var byRequests = false
    }

    private func units(seed: UInt64) -> SimulatedUnits {
        SimulatedUnits(count, spread: 1.5, broken: 0.01, sound: 0.005, seed: seed)
    }

    /// Whether a harmless canary is taken back within so many windows.
    func takesBack(share: (_ progress: Double) -> Share, windows: Int, seed: UInt64) -> Outcome {
        var units = units(seed: seed)
        var present = share(0)
        var byUnits = CanaryAnalysis(under: ProgressionPlan(steps: [.percent(99)]), at: present)
        var byRequests = CanaryAnalysis(under: ProgressionPlan(steps: [.percent(99)], count: .requests), at: present)
        var outcome = Outcome()
        for index in 0..<windows {
            let next = share(Double(index) / Double(windows))
            if next != present {
                present = next
                units.beginStage()
            }
            let window = units.window(count, share: present)
            if byUnits.judge(window, at: present).verdict == .rollBack { outcome.byUnits = true }
            if byRequests.judge(window, at: present).verdict == .rollBack { outcome.byRequests = true }
        }
        return outcome
    }

    /// Whether a canary at the margin passes the last gate within so many windows at 50 %.
    func passesLastGate(windows: Int, seed: UInt64) -> Outcome {
        let share = Share.percent(50)
        var units = units(seed: seed)
        var byUnits = CanaryAnalysis(under: ProgressionPlan(steps: [share]), at: share)
        var byRequests = CanaryAnalysis(under: ProgressionPlan(steps: [share], count: .requests), at: share)
        var outcome = Outcome()
        for _ in 0..<windows {
            let window = units.window(count * 6 / 5, share: share) { 1.2 * $0 + 0.001 }
            if byUnits.judge(window, at: share).evidence?.isGateOpen == true { outcome.byUnits = true }
            if byRequests.judge(window, at: share).evidence?.isGateOpen == true { outcome.byRequests = true }
        }
        return outcome
    }
}
