/// What a driver has before it: the canary or the test that the policy says, what went before, and the time.
///
/// It does nothing itself. Times are what has passed since the driver began, as far as that is believed.
struct ProgressionCourse: Sendable {
    /// What is driven.
    enum Subject: Sendable {
        case canary(CanaryCourse)
        case test(AdaptationCourse)
        /// Nothing, and why.
        case nothing(String)
    }

    private let id: RolloutID
    private var subject = Subject.nothing("the driver has not looked at the policy yet")
    /// What the policy said of the rollout when it was last followed, and whether its canary was stopped in this process.
    private var definition: RolloutDefinition?
    private(set) var isStopped = false
    /// What is known of the shares before the subject.
    private var past = EarlierShares()
    /// The last revision that was followed, or nil if none was.
    private(set) var revision: UInt32?
    private(set) var now = Duration.zero
    private let passed: @Sendable () -> Duration
    /// What had passed by the clock when this last caught up.
    private var caughtUp = Duration.zero
    var readings = ProgressionStatus.Readings()
    /// A change that was refused is not tried again before that, unless it takes a canary back.
    private var patience: (until: Duration, reason: String)?

    /// - Parameters:
    ///   - id: The rollout.
    ///   - passed: Says what has passed by the driver's clock.
    init(of id: RolloutID, timedBy passed: @escaping @Sendable () -> Duration) {
        (self.id, self.passed) = (id, passed)
    }

    /// Why there is nothing to drive, or nil if there is.
    var absence: String? {
        if case .nothing(let reason) = subject { reason } else { nil }
    }

    // MARK: Time

    /// Seconds from one evaluation to the next, or nil if there is nothing to evaluate.
    var interval: Duration? {
        switch subject {
        case .canary(let canary): canary.definition.progression.map { .seconds($0.interval) }
        case .test(let test): test.definition.adaptation.map { .seconds($0.interval) }
        case .nothing: nil
        }
    }

    /// Counts the time that has passed.
    ///
    /// A clock that jumps must not decide anything. So no time passes if it goes back, and at most two intervals if it goes far
    /// ahead: nothing that is evaluated rests or reads for longer than one. A change that is longer at its gates makes a stage
    /// appear younger than it is. While nothing is driven no age is counted, and all time that passes is believed.
    mutating func catchUp() {
        let time = passed()
        let elapsed = max(.zero, time - exchange(&caughtUp, with: time))
        now += interval.map { min(elapsed, $0 * 2) } ?? elapsed
    }

    // MARK: Following the policy

    /// Takes in a policy that runs, or ran since the last time.
    ///
    /// - Parameters:
    ///   - policy: The policy.
    ///   - isStopped: Whether this process serves the canary no more, whatever the policy says.
    mutating func follow(_ policy: RolloutPolicy, isStopped: Bool = false) {
        revision = policy.revision
        let definition = policy.rollouts[id]
        let before = exchange(&self.definition, with: definition)
        self.isStopped = isStopped
        switch subject {
        case .canary(var canary):
            if !isStopped, let definition {
                let share = canary.share
                if canary.follow(definition, at: now) {
                    // What was refused was another step.
                    if canary.share != share { patience = nil }
                    subject = .canary(canary)
                    return
                }
            }
            past = canary.past(at: now)
        case .test(var test):
            if let definition, test.follow(definition) {
                subject = .test(test)
                return
            }
        case .nothing:
            // A canary without a plan has a share, too.
            if let before, let share = before.canaryShare { past.note(share, of: before.epoch, until: now) }
        }
        patience = nil
        if isStopped {
            subject = .nothing("the canary is stopped in this process")
        } else if let definition, let canary = CanaryCourse(of: id, definition, after: past, at: now) {
            subject = .canary(canary)
        } else if let definition, let test = AdaptationCourse(of: id, definition) {
            subject = .test(test)
        } else {
            subject = .nothing(CanaryCourse.absence(in: definition))
        }
        past.epoch = definition?.epoch ?? past.epoch
    }

    // MARK: Judging

    /// What the source is to be asked for, or nil if nothing is read.
    mutating func stageToRead() -> OutcomeStage? {
        switch subject {
        case .canary(var canary):
            defer { subject = .canary(canary) }
            return canary.stageToRead(at: now)
        case .test(let test): return test.stageToRead
        case .nothing: return nil
        }
    }

    /// Judges by what the source has counted.
    ///
    /// - Parameters:
    ///   - reading: Nil if the plan reads nothing.
    ///   - status: Gets the verdict.
    /// - Returns: The change that is due, or nil for none.
    mutating func judge(_ reading: SourceReadings.Reading?, _ status: inout ProgressionStatus) -> ProgressionChange? {
        switch subject {
        case .canary(var canary):
            let judgement = canary.judge(reading, at: now, &readings)
            subject = .canary(canary)
            (status.canary, status.adaptation) = (judgement, nil)
            guard let operation = judgement.operation else { return nil }
            if judgement.verdict != .rollBack, let patience, now < patience.until {
                status.canary = judgement.refused(because: patience.reason)
                return nil
            }
            return ProgressionChange(operation, of: canary.definition, because: judgement.description)
        case .test(var test):
            guard let reading else { return nil }
            let judgement = test.judge(reading, &readings)
            subject = .test(test)
            (status.canary, status.adaptation) = (nil, judgement)
            if let patience, now < patience.until, judgement.weights != nil {
                status.adaptation = judgement.refused(because: patience.reason)
                return nil
            }
            return judgement.weights.map { weights in
                ProgressionChange(.rebalance(weights), of: test.definition, because: judgement.description)
            }
        case .nothing: return nil
        }
    }

    /// Notes that a change did not happen. What takes a canary back is tried again at once, and what was not made on what was
    /// judged is judged anew.
    mutating func refused(because error: UpdateError, _ status: inout ProgressionStatus) {
        let reason = error.message
        if !(error.underlying is ProgressionChange.Overtaken) { patience = (now + .seconds(60), reason) }
        switch subject {
        case .canary: status.canary = status.canary?.refused(because: reason)
        case .test: status.adaptation = status.adaptation?.refused(because: reason)
        case .nothing: break
        }
    }
}

extension CanaryJudgement {
    /// What the verdict asks for, or nil for nothing.
    fileprivate var operation: ProgressionChange.Operation? {
        switch verdict {
        case .hold: nil
        case .advance: next.map { .setShare($0) } ?? .promote
        case .promote: .promote
        case .rollBack: .abort
        }
    }
}

/// A change that a verdict asks for. It is made on what was judged, or not at all.
struct ProgressionChange: Sendable {
    enum Operation: Sendable {
        case setShare(Share)
        case promote
        case rebalance([VariantName: Int])
        case abort
    }

    let operation: Operation
    /// What the policy said of the rollout when it was judged.
    let judged: RolloutDefinition
    /// The sentence with figures.
    let reason: String

    init(_ operation: Operation, of judged: RolloutDefinition, because reason: String) {
        (self.operation, self.judged, self.reason) = (operation, judged, reason)
    }

    /// The rollout is not what was judged any more.
    struct Overtaken: Error, CustomStringConvertible {
        let id: RolloutID

        var description: String { "\(id) was changed after it was judged" }
    }

    /// Makes the change. A canary is taken back whatever its share and its plan are by now.
    ///
    /// - Parameters:
    ///   - policy: The policy that runs by now.
    ///   - id: The rollout.
    ///   - between: What the rollout was in each policy that ran since it was judged. Somebody may have changed it and changed
    ///     it back, and that is a change.
    /// - Throws: ``Overtaken`` if the rollout is not what was judged, or what the edit throws.
    func apply(to policy: inout RolloutPolicy, of id: RolloutID, after between: [RolloutDefinition?] = []) throws {
        let definition = policy.rollouts[id]
        let isSame =
            if case .abort = operation {
                definition.flatMap { CanaryCourse.Subject($0) } == CanaryCourse.Subject(judged)
            } else {
                (between + [definition]).allSatisfy { $0 == judged }
            }
        guard isSame else { throw Overtaken(id: id) }
        switch operation {
        case .setShare(let share): try policy.setShare(of: id, to: share)
        case .promote: try policy.promote(id)
        case .rebalance(let weights): try policy.rebalance(id, weights: weights)
        case .abort: try policy.abort(id)
        }
    }
}
