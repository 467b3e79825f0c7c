/// Judges a canary: windows go in, verdicts and evidence come out.
///
///     var analysis = CanaryAnalysis(under: plan, at: .percent(5))
///     let judgement = analysis.judge(CanaryObservation(share: .percent(5), age: 15, reading: .window(window)))
///
/// An analysis is a pure value: the same observations give the same verdicts. It has no clock and no randomness. It belongs to
/// one rollout, epoch, salt, pair of releases and plan; another of these needs a new analysis.
///
/// What is promised, and what is not: <doc:progressing-a-canary>.
public struct CanaryAnalysis: Sendable {
    /// What is judged by.
    public let plan: ProgressionPlan

    private var share: Share
    /// Whether the share was lowered, and not raised since.
    private var isLowered = false
    private var harm: HarmTest
    private var gate: AdvanceGate
    private var thresholds: LatencyThresholds
    /// Whether each variant gets the units due to it: stable's factors, and the canary's.
    private var ratio = (stable: SampleRatio.Factors(), canary: SampleRatio.Factors())
    private var logMismatch = 0.0

    /// An analysis that begins with a stage at this share.
    public init(under plan: ProgressionPlan, at share: Share) {
        self.plan = plan
        self.share = share
        harm = HarmTest(percentiles: plan.latency.count, hasLimit: plan.limit != nil)
        gate = AdvanceGate(of: plan, after: share)
        thresholds = LatencyThresholds(plan.latency)
    }

    /// Takes in what was seen since the last time, and says what is to be done about the canary.
    ///
    /// A share unlike the last one begins a stage. O(metrics and percentiles of the plan).
    public mutating func judge(_ observation: CanaryObservation) -> CanaryJudgement {
        if observation.share != share { beginStage(at: observation.share) }
        var obstacle: String?
        var window: CanaryWindow?
        switch observation.reading {
        case .window(let counted):
            obstacle = plan.count == .nothing ? nil : counted.fault(for: plan)
            if obstacle == nil { window = counted }
        case .missing(let reason): obstacle = reason
        }
        if var seen = window, plan.count != .nothing {
            // Outcomes of this window were drawn under the share in force, whatever else.
            seen.weight = max(seen.weight, share)
            observe(seen)
        }
        let (verdict, reason) = verdict(at: observation.age, window)
        let detail: String? =
            switch reason {
            case .noData: obstacle
            case .noTraffic: window?.canary.requests == 0 ? "canary" : "stable"
            default: nil
            }
        let evidence = evidence
        return CanaryJudgement(
            verdict: verdict,
            reason: reason,
            detail: detail,
            share: share,
            next: plan.next(after: share),
            evidence: evidence,
            secondsToGo: evidence?.windowsToGo.map { $0 * Double(plan.interval) },
            counts: plan.count,
            trials: gate.total
        )
    }

    /// Begins a stage at a share, which may be the one that was judged last if there was another in between.
    mutating func beginStage(at share: Share) {
        isLowered = share < self.share
        self.share = share
        harm.restart()
        gate = AdvanceGate(of: plan, after: share)
        thresholds.beginStage()
    }

    // MARK: Observing

    private mutating func observe(_ window: CanaryWindow) {
        let tolerance = NullRate(plan.tolerance)
        let failures = window.failures(plan.count)
        // A window without outcomes on one side tells nothing, and must not bring wealth into play that it cannot use.
        if plan.count == .units || failures.isComparison(to: tolerance) { harm.restartIfDue() }
        harm.failures.multiply(by: failures, against: tolerance)
        for index in harm.latency.indices {
            guard let slow = thresholds.slow(at: index, in: window, plan.count) else { continue }
            let outcomes = BadOutcomes(
                canary: Double(slow.canary),
                stable: Double(slow.stable),
                trials: failures.trials
            )
            harm.latency[index].multiply(by: outcomes, against: tolerance)
        }
        let trials = window.trials(plan.count)
        if let limit = plan.limit, window.isSettled || plan.count == .requests {
            harm.limit?.multiply(by: trials.badOutcomes, against: NullRate(limit: limit))
        }
        harm.finishWindow()
        guard window.isSettled else { return }
        gate.observe(trials)
        thresholds.observe(window.stable)
        observeRatio(of: window)
    }

    private mutating func observeRatio(of window: CanaryWindow) {
        guard plan.count == .units, let stable = window.stable.units, let canary = window.canary.units else { return }
        let units = stable.arrived + canary.arrived
        ratio.stable.multiply(count: stable.arrived, of: units, share: 1 - share.fraction)
        ratio.canary.multiply(count: canary.arrived, of: units, share: share.fraction)
        let evidence = SampleRatio.logEvidence(of: [ratio.stable, ratio.canary])
        // An alarm stays one.
        logMismatch = isMismatched ? max(logMismatch, evidence) : evidence
    }

    private var isMismatched: Bool { logMismatch >= SampleRatio.logAlarm }

    // MARK: Judging

    /// The first row of the table that applies decides.
    private func verdict(at age: Double, _ window: CanaryWindow?) -> (CanaryVerdict, CanaryReason?) {
        let isSchedule = plan.count == .nothing
        let isLate = plan.deadline.map { age > Double($0) } ?? false
        let isOpen = isSchedule || gate.logEvidence >= neededToAdvance
        if !isSchedule {
            // What was shown once stays shown: a gate may refuse to take the canary back now, and more traffic hide it.
            if harm.largestLogEvidence >= neededToRollBack { return (.rollBack, harm.causeOfLargest) }
            if isLate, plan.onDeadline == .abort, !isOpen, share > .zero, !isLowered {
                return (.rollBack, .inconclusive)
            }
        }
        if isLowered { return (.hold, .lowered) }
        if share == .zero { return (.hold, .notStarted) }
        if !isSchedule {
            guard let window else { return (.hold, .noData) }
            if isMismatched { return (.hold, .mismatch) }
            if harm.logEvidence >= neededToRollBack / 2 { return (.hold, .suspicious) }
            guard window.isSettled else { return (.hold, .settling) }
        }
        // An age that is no number is none.
        if !(age >= Double(plan.dwell)) { return (.hold, .dwelling) }
        if isOpen || isLate && plan.onDeadline == .advance {
            let isPromotion = plan.next(after: share) == nil
            if plan.confirm == .everything || plan.confirm == .promotion && isPromotion {
                return (.hold, .confirmation)
            }
            return (isPromotion ? .promote : .advance, isOpen ? nil : .inconclusive)
        }
        if isLate { return (.hold, .inconclusive) }
        if window?.canary.requests == 0 || window?.stable.requests == 0 { return (.hold, .noTraffic) }
        return (.hold, .gathering)
    }

    // A policy allows at most 20 %. A plan made in code may say more, and must not decide without data.
    private var neededToRollBack: Double { -ln(min(plan.falseRollback.fraction, 0.2)) }
    private var neededToAdvance: Double { -ln(min(plan.falseAdvance.fraction, 0.2)) }

    private var evidence: CanaryEvidence? {
        if plan.count == .nothing { return nil }
        return CanaryEvidence(
            logHarm: harm.largestLogEvidence >= neededToRollBack ? harm.largestLogEvidence : harm.logEvidence,
            logHarmNeeded: neededToRollBack,
            p: harm.p,
            logGate: gate.logEvidence,
            logGateNeeded: neededToAdvance,
            windowsToGo: gate.windowsToGo(until: neededToAdvance),
            logMismatch: logMismatch
        )
    }
}

extension CanaryWindow {
    /// The failures, as the test of harm holds them against trials.
    func failures(_ count: ProgressionPlan.Count) -> BadOutcomes {
        if count == .units, let stable = stable.units, let canary = canary.units {
            let arrived = Double(stable.arrived) + Double(canary.arrived)
            return BadOutcomes(
                canary: Double(canary.failed),
                stable: Double(stable.failed),
                trials: .weight(weight.fraction, outcomes: arrived)
            )
        }
        let trials = trials(.requests)
        var outcomes = trials.badOutcomes
        if !isSettled {
            let both = Double(trials.canary.trials) + Double(trials.stable.trials)
            let seen = both == 0 ? 0 : Double(trials.canary.trials) / both
            outcomes.trials = .weight(max(weight.fraction, seen), outcomes: both)
        }
        return outcomes
    }
}
