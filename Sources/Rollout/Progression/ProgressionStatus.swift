/// How far a progression is, as a value: for a status page, an operator, a log line.
public struct ProgressionStatus: Hashable, Sendable {
    /// The rollout.
    public let rollout: RolloutID
    /// Whether this process drives it: whether ``Progression/run(requiring:)`` is under way.
    public internal(set) var isRunning = false
    /// What the driver waits for, or nil if there is something to drive.
    public internal(set) var waiting: String?
    /// The last verdict on a canary, also after the canary has ended. Nil if there was none, or a test was judged since.
    public internal(set) var canary: CanaryJudgement?
    /// What was last said about the weights of an A/B test, also after the test has ended. Nil if nothing was, or a canary was
    /// judged since.
    public internal(set) var adaptation: AdaptationJudgement?
    /// Readings of which there was no use, since the driver was made.
    public internal(set) var readings = Readings()

    /// How many readings were of no use.
    public struct Readings: Hashable, Sendable {
        /// The source threw, or did not answer within the interval.
        public internal(set) var failed = 0
        /// A count could not be, or the totals were not newer than those before.
        public internal(set) var unusable = 0
        /// A count was lower than before: the source had started again. The next window begins there.
        public internal(set) var restarts = 0
    }

    init(of rollout: RolloutID, waiting: String) {
        self.rollout = rollout
        self.waiting = waiting
    }
}

extension ProgressionStatus: CustomStringConvertible {
    /// `sms: 25 %: gathering; 412 canary units, 2 failed; evidence 1.9 of 20, about 3 h 20 min more`.
    public var description: String {
        let text = waiting.map { "waiting: \($0)" } ?? canary?.description ?? adaptation?.description ?? ""
        return "\(rollout): \(text)" + (isRunning ? "" : " (not driven by this process)")
    }
}

extension ProgressionStatus: Encodable {
    /// Encodes the status as an object of `rollout`, `running`, `waiting`, `canary`, `adaptation` and `readings`, all of them
    /// always there.
    public func encode(to encoder: any Encoder) throws { try tree.encode(to: encoder) }

    /// The status as canonical JSON.
    public var json: String { tree.canonicalText }

    private var tree: JSONTree {
        .object([
            ("rollout", .string(rollout.description)),
            ("running", .boolean(isRunning)),
            ("waiting", waiting.map { .string($0) } ?? .null),
            ("canary", canary?.statusTree ?? .null),
            ("adaptation", adaptation?.tree ?? .null),
            (
                "readings",
                .object([
                    ("failed", .integer(readings.failed)), ("unusable", .integer(readings.unusable)),
                    ("restarts", .integer(readings.restarts)),
                ])
            ),
        ])
    }
}

extension CanaryJudgement {
    /// The judgement as `judge` prints it, with the counts it rests on and the sentence that goes into the history.
    fileprivate var statusTree: JSONTree {
        guard case .object(var members) = tree else { return tree }
        func counts(_ side: CanaryTrials.Side) -> JSONTree {
            .object([("trials", .integer(side.trials)), ("failures", .integer(side.failures))])
        }
        members.append(("count", .string(self.counts.rawValue)))
        members.append(("stable", counts(trials.stable)))
        members.append(("canary", counts(trials.canary)))
        members.append(("secondsToGo", secondsToGo.map { .number(significant($0.rounded(.up), digits: 6)) } ?? .null))
        members.append(("text", .string(description)))
        return .object(members)
    }
}
