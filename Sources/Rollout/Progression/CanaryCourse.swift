/// A canary on its way: the share that is in force, what was read of it, and the analysis.
///
/// It belongs to one rollout, epoch, salt, pair of releases and plan. It has no clock: times are what the driver counts.
struct CanaryCourse: Sendable {
    /// What a verdict is about. One about another subject must not be written.
    struct Subject: Hashable, Sendable {
        let epoch: UInt32
        let salt: String?
        let stable: Release
        let canary: Release
    }

    /// What the policy says of the canary.
    private(set) var definition: RolloutDefinition
    private let subject: Subject
    private let id: RolloutID
    private let plan: ProgressionPlan
    private(set) var share: Share

    private var analysis: CanaryAnalysis
    private var readings = SourceReadings()
    private var shares: EarlierShares
    /// When the stage began.
    private var began: Duration
    /// Whether the stage began with the epoch. Then no session of an earlier share still counts.
    private var beganWithEpoch: Bool
    /// What the source is asked for.
    private var stage = UInt64.random(in: .min ... .max)
    /// Whether the source was asked for this stage only after the share had settled.
    private var isMarked = false
    /// A longer time to settle that the policy had until a short while ago: sessions that it pinned are still about until then.
    private var longer: (settling: Duration, until: Duration)?

    /// Nil if no canary is on its way there by a plan.
    ///
    /// - Parameters:
    ///   - id: The rollout.
    ///   - definition: What the policy says of it.
    ///   - past: What is known of the shares before.
    ///   - now: The time.
    init?(of id: RolloutID, _ definition: RolloutDefinition, after past: EarlierShares, at now: Duration) {
        guard let subject = Subject(definition), let share = definition.canaryShare, let plan = definition.progression
        else { return nil }
        (self.id, self.definition, self.subject, self.plan, self.share) = (id, definition, subject, plan, share)
        analysis = CanaryAnalysis(under: plan, at: share)
        began = now
        beganWithEpoch = past.epoch.map { $0 < subject.epoch } ?? false
        shares = past
        shares.epoch = subject.epoch
    }

    /// What is known of the shares once this has ended.
    func past(at now: Duration) -> EarlierShares {
        var past = shares
        past.note(share, of: subject.epoch, until: now)
        return past
    }

    /// Why there is no canary on its way by a plan.
    static func absence(in definition: RolloutDefinition?) -> String {
        guard let definition else { return "the policy has no such rollout" }
        switch definition.strategy {
        case .canary: break
        case .abTest: return "the A/B test has no plan: write \"adaptation\""
        case .fixed, .shadow:
            return "the rollout has no canary, its strategy is \"\(definition.strategy.kind.rawValue)\""
        }
        if definition.disabled.contains(.canary) { return "the canary was taken back, it is disabled" }
        if definition.draining.contains(.canary) { return "the canary is draining" }
        return "the canary has no plan: write \"progression\""
    }

    // MARK: Following the policy

    /// Takes in what the policy says now.
    ///
    /// - Returns: Whether the canary is still the same, under the same plan. If not, this is left as it was.
    mutating func follow(_ definition: RolloutDefinition, at now: Duration) -> Bool {
        guard Subject(definition) == subject, definition.progression == plan, let share = definition.canaryShare else {
            return false
        }
        let before = settling(at: now)
        self.definition = definition
        if settling(at: now) < before { longer = (before, until: now + .seconds(plan.settle)) }
        guard share != self.share else { return true }
        shares.note(self.share, of: subject.epoch, until: now)
        self.share = share
        (began, beganWithEpoch, isMarked) = (now, false, false)
        analysis.beginStage(at: share)
        return true
    }

    /// For how long outcomes of an earlier share may still come.
    private func settling(at now: Duration) -> Duration {
        let settling = Duration.seconds(plan.settling(beside: definition.sticky))
        guard let longer, now < longer.until else { return settling }
        return max(settling, longer.settling)
    }

    /// When the last of them has come.
    private func settled(at now: Duration) -> Duration {
        began + (beganWithEpoch ? .seconds(plan.settle) : settling(at: now))
    }

    // MARK: Reading

    /// What the source is to be asked for, or nil if the plan reads none.
    mutating func stageToRead(at now: Duration) -> OutcomeStage? {
        if plan.count == .nothing { return nil }
        if !isMarked, now >= settled(at: now) {
            isMarked = true
            stage = .random(in: .min ... .max)
        }
        return OutcomeStage(of: id, epoch: subject.epoch, releases: subject.releases, id: stage)
    }

    /// Judges the canary by what the source has counted.
    ///
    /// - Parameters:
    ///   - reading: What the source was asked for, when, and what it answered, or why there is no answer. Nil if the plan
    ///     reads none.
    ///   - now: The time.
    ///   - tally: Counts readings that are of no use.
    /// - Returns: The verdict, with what it rests on.
    mutating func judge(
        _ reading: SourceReadings.Reading?,
        at now: Duration,
        _ tally: inout ProgressionStatus.Readings
    ) -> CanaryJudgement {
        let seconds = (now - began) / .seconds(1)
        let observed: CanaryObservation.Reading
        do throws(SourceReadings.Missing) {
            guard let reading else { throw SourceReadings.Missing(reason: "the plan reads nothing") }
            observed = .window(try window(reading, at: now, &tally))
        } catch {
            observed = .missing(error.reason)
        }
        return analysis.judge(CanaryObservation(share: share, age: seconds, reading: observed))
    }

    private mutating func window(
        _ reading: SourceReadings.Reading,
        at now: Duration,
        _ tally: inout ProgressionStatus.Readings
    ) throws(SourceReadings.Missing) -> CanaryWindow {
        if reading.stage.epoch != subject.epoch || reading.stage.releases != subject.releases {
            throw SourceReadings.Missing(reason: "the canary has changed while the source was read")
        }
        let window = try readings.window(reading, counting: plan.count, percentiles: plan.latency.count, &tally)
        let none = VariantOutcomes(requests: 0, failures: 0)
        let largest = shares.largest(
            from: window.start - settling(at: now),
            orOfEarlierEpochsFrom: window.start - .seconds(plan.settle),
            epoch: subject.epoch
        )
        return CanaryWindow(
            stable: window.variants[.stable] ?? none,
            canary: window.variants[.canary] ?? none,
            weight: max(share, largest),
            isSettled: isMarked && window.stage == stage && window.start >= settled(at: now)
        )
    }
}

extension CanaryCourse.Subject {
    fileprivate var releases: [VariantName: Release] { [.stable: stable, .canary: canary] }

    /// Nil if the rollout has no canary that is in service.
    init?(_ definition: RolloutDefinition) {
        guard case .canary(_, let stable, let canary) = definition.strategy,
            definition.disabled.isDisjoint(with: [.canary]), definition.draining.isDisjoint(with: [.canary])
        else { return nil }
        self.init(epoch: definition.epoch, salt: definition.salt, stable: stable, canary: canary)
    }
}

extension RolloutDefinition {
    /// The share of the canary, if there is one.
    var canaryShare: Share? {
        if case .canary(let share, _, _) = strategy { share } else { nil }
    }
}

/// The shares that a canary had before, each with the time when it was last seen in force.
struct EarlierShares: Sendable {
    /// The epoch of the rollout when it was last seen, or nil if it never was.
    var epoch: UInt32?
    private var entries: [(share: Share, epoch: UInt32, until: Duration)] = []

    /// Sessions live no longer than this.
    private static let longest = Duration.seconds(PolicyLimits.maxAge.upperBound)

    mutating func note(_ share: Share, of epoch: UInt32, until time: Duration) {
        entries.removeAll { ($0.share, $0.epoch) == (share, epoch) || $0.until < time - Self.longest }
        entries.append((share, epoch, time))
    }

    /// The largest of those that were in force at a time or later; of earlier epochs, at another time or later.
    func largest(from start: Duration, orOfEarlierEpochsFrom late: Duration, epoch: UInt32) -> Share {
        entries.lazy.filter { $0.until >= ($0.epoch < epoch ? late : start) }.map(\.share).max() ?? .zero
    }
}
