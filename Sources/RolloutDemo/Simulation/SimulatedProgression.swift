import Rollout

/// How a simulated canary ended.
struct SimulatedEnd {
    enum Outcome: String {
        case promoted
        case takenBack = "taken back"
        case open
    }

    var outcome = Outcome.open
    /// Minutes until then.
    var minutes = 0.0
    /// All that happened until then.
    var total = SimulatedTraffic.Counts()

    /// The canary's failures beyond those that stable would have had.
    var excess: Double { Double(total.canary.failures) - total.expected }
}

/// A canary that is moved by a plan, as ``CanaryAnalysis`` says.
struct SimulatedProgression {
    /// What was seen at the end of one window.
    struct Moment {
        let minute: Double
        /// The share that was judged, and what happened since it has been in force.
        let share: Share
        let stage: SimulatedTraffic.Counts
        let window: SimulatedTraffic.Counts
        let judgement: CanaryJudgement
    }

    private(set) var end = SimulatedEnd()
    private(set) var moments: [Moment] = []

    /// Runs a canary until it is promoted or taken back, or the time is over. Every request comes from a unit of its own.
    init(_ plan: ProgressionPlan, settling: Int, _ traffic: SimulatedTraffic, minutes: Int, seed: UInt64) {
        var stream = RequestStream(seed: seed)
        var share = plan.steps.first ?? .zero
        var analysis = CanaryAnalysis(under: plan, at: share)
        var stage = SimulatedTraffic.Counts()
        var (served, age) = (0, 0)
        for second in stride(from: plan.interval, through: 60 * minutes, by: plan.interval) {
            let due = traffic.rate * second / 60
            let minute = Double(second) / 60
            let window = traffic.serve(served..<due, of: &stream, at: share)
            served = due
            stage += window
            end.total += window
            let isSettled = age >= settling
            age += plan.interval
            let judgement = analysis.judge(
                CanaryObservation(
                    share: share,
                    age: Double(age),
                    // A share only rises here, so it is the largest that any outcome was drawn under.
                    reading: .window(window.canaryWindow(weight: share, isSettled: isSettled))
                )
            )
            moments.append(
                Moment(minute: minute, share: share, stage: stage, window: window, judgement: judgement)
            )
            end.minutes = minute
            switch judgement.verdict {
            case .hold: continue
            case .advance:
                share = plan.next(after: share) ?? share
                (stage, age) = (SimulatedTraffic.Counts(), 0)
            case .promote:
                end.outcome = .promoted
                return
            case .rollBack:
                end.outcome = .takenBack
                return
            }
        }
    }

    /// The moments at which the share, the verdict or its reason changed, and the last one.
    var turns: [Moment] {
        var turns: [Moment] = []
        for (index, moment) in moments.enumerated() {
            let next = index + 1 < moments.count ? moments[index + 1] : nil
            let isSame =
                next?.share == moment.share && next?.judgement.verdict == moment.judgement.verdict
                && next?.judgement.reason == moment.judgement.reason
            if !isSame { turns.append(moment) }
        }
        return turns
    }
}

extension SimulatedTraffic.Counts {
    fileprivate func canaryWindow(weight: Share, isSettled: Bool) -> CanaryWindow {
        CanaryWindow(stable: stable.side, canary: canary.side, weight: weight, isSettled: isSettled)
    }
}

extension SimulatedTraffic.Count {
    fileprivate var side: VariantOutcomes {
        let units = VariantOutcomes.Units(
            arrived: requests,
            entered: requests,
            enteredFailed: failures,
            failed: failures
        )
        return VariantOutcomes(requests: requests, failures: failures, units: units)
    }
}

/// The same canary under Flagger's rule: every minute a step of 10 % if at least 99 % of its requests succeeded, up to 50 % and then
/// promoted; taken back at the fifth minute in which fewer did.
enum FlaggerRule {
    static func run(_ traffic: SimulatedTraffic, minutes: Int, seed: UInt64) -> SimulatedEnd {
        var stream = RequestStream(seed: seed)
        var end = SimulatedEnd()
        var (percent, failedChecks) = (0, 0)
        for minute in 0..<minutes {
            let share = Share.percent(Double(percent))
            let counts = traffic.serve(minute * traffic.rate..<(minute + 1) * traffic.rate, of: &stream, at: share)
            end.total += counts
            end.minutes = Double(minute + 1)
            if percent > 0, counts.canary.rate > 0.01 {
                failedChecks += 1
                guard failedChecks < 5 else {
                    end.outcome = .takenBack
                    return end
                }
                continue
            }
            guard percent < 50 else {
                end.outcome = .promoted
                return end
            }
            percent += 10
        }
        return end
    }
}
