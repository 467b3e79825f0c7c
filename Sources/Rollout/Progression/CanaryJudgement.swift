/// What was seen of a canary since the last time.
public struct CanaryObservation: Hashable, Sendable {
    /// What was counted.
    public enum Reading: Hashable, Sendable {
        /// The outcomes of a window, of which there may be none.
        case window(CanaryWindow)
        /// There is no window this time, and why.
        case missing(String)
    }

    /// The share that is in force.
    public var share: Share
    /// For how many seconds it has been.
    public var age: Double
    /// What was counted.
    public var reading: Reading

    /// An observation at this share.
    public init(share: Share, age: Double, reading: Reading) {
        self.share = share
        self.age = age
        self.reading = reading
    }
}

/// What is to be done about a canary.
public enum CanaryVerdict: String, Hashable, Sendable, CaseIterable {
    /// Nothing yet.
    case hold
    /// It gets the next share.
    case advance
    /// It becomes the stable release.
    case promote
    /// It is taken back.
    case rollBack = "rollback"
}

/// Why a verdict is what it is.
public enum CanaryReason: String, Hashable, Sendable, CaseIterable {
    /// Taken back: it fails more often than stable.
    case failures
    /// Taken back: it is slow more often than stable.
    case latency
    /// Taken back: it fails more often than the plan's limit.
    case limit
    /// The deadline has passed before enough was shown, and the plan says what happens then.
    case inconclusive
    /// Others have lowered the share in this analysis, and nobody has raised it since.
    case lowered
    /// The share is 0: whoever starts a canary gives it its first share.
    case notStarted = "not started"
    /// Nothing was counted this time.
    case noData = "no data"
    /// The variants do not get the units that are due to them. One of them may hang.
    case mismatch
    /// There is some evidence of harm, though not enough to take the canary back.
    case suspicious
    /// Requests and sessions of an earlier share may still end.
    case settling
    /// The stage is younger than the plan wants.
    case dwelling
    /// The canary may go on, and the plan wants a person to say so, by making the edit.
    case confirmation
    /// A variant had no requests.
    case noTraffic = "no traffic"
    /// The evidence is not enough yet.
    case gathering
    /// The change that was due did not happen: a gate refused it, or another change came first.
    case refused
}

/// How large the evidence is, and how large it has to be.
public struct CanaryEvidence: Hashable, Sendable {
    /// The natural logarithm of the evidence that the canary does harm.
    public let logHarm: Double
    /// From here on the canary is taken back.
    public let logHarmNeeded: Double
    /// The probability of so much evidence of harm, at any time until now, from a canary that does none: at most this.
    public let p: Double
    /// The natural logarithm of the evidence that the canary is within the margin.
    public let logGate: Double
    /// From here on the canary goes on.
    public let logGateNeeded: Double
    /// About how many windows it takes until then, or nil if nobody can say.
    public let windowsToGo: Double?
    /// The natural logarithm of the evidence that the variants do not get the units due to them. From ln 1,000 on the canary
    /// goes on no more, and this falls no more. 0 under a plan that counts no units.
    public let logMismatch: Double

    /// The evidence of harm, cut at e^700.
    public var harm: Double { exponential(min(logHarm, 700)) }
    /// The evidence of harm from which on the canary is taken back.
    public var harmNeeded: Double { exponential(logHarmNeeded) }
    /// The evidence that the canary is within the margin, cut at e^700.
    public var gate: Double { exponential(min(logGate, 700)) }
    /// The evidence from which on the canary goes on.
    public var gateNeeded: Double { exponential(logGateNeeded) }
    /// The evidence that the variants do not get their units, cut at e^700.
    public var mismatch: Double { exponential(min(logMismatch, 700)) }
}

/// A verdict, and what it rests on.
public struct CanaryJudgement: Hashable, Sendable {
    /// What is to be done.
    public internal(set) var verdict: CanaryVerdict
    /// Why, or nil if the canary goes on because it may.
    public internal(set) var reason: CanaryReason?
    /// What more there is to say about the reason: which count makes no sense, which variant has no traffic, or who refused.
    public internal(set) var detail: String?
    /// The share that was judged.
    public let share: Share
    /// The share after it, or nil if promotion comes next.
    public let next: Share?
    /// The evidence, or nil if the plan is a schedule.
    public let evidence: CanaryEvidence?
    /// About how many seconds it takes until the canary may go on, or nil if nobody can say.
    public let secondsToGo: Double?

    /// What the trials are.
    public let counts: ProgressionPlan.Count
    /// What was tried at this share, since it has settled.
    public let trials: CanaryTrials

    /// The same, if the change that was due did not happen.
    func refused(because detail: String) -> CanaryJudgement {
        var held = self
        (held.verdict, held.reason, held.detail) = (.hold, .refused, detail)
        return held
    }
}

extension CanaryJudgement: CustomStringConvertible {
    /// The judgement with its figures, as it stands in the history:
    /// `25 %: 0.41 % of 120,000 fail against 0.4 % of 360,000, evidence 23.4 of 20`.
    public var description: String {
        let start = "\(share): "
        guard let evidence else { return start + (verdict == .hold ? why : "after its time in the schedule") }
        switch verdict {
        case .rollBack where reason != .inconclusive:
            return start
                + "\(why), evidence \(evidence.harm, of: evidence.harmNeeded)"
                + (trials == CanaryTrials() ? "" : "; since the share settled, \(rates)")
        case .rollBack: return start + "\(why); \(rates), evidence \(evidence.gate, of: evidence.gateNeeded)"
        case .advance, .promote:
            return start + "\(rates), evidence \(evidence.gate, of: evidence.gateNeeded)"
                + (reason == nil ? "" : "; \(why)")
        case .hold:
            let forecast = secondsToGo.map { ", about \(spelled(seconds: $0)) more" } ?? ""
            let side = trials.canary
            return start
                + "\(why); \(grouped(side.trials)) canary \(counts.rawValue), \(grouped(side.failures)) failed; "
                + "evidence \(evidence.gate, of: evidence.gateNeeded)" + (reason == .gathering ? forecast : "")
        }
    }

    private var why: String {
        guard let reason else { return verdict.rawValue }
        return reason.rawValue + (detail.map { " (\($0))" } ?? "")
    }

    private var rates: String {
        func spelled(_ side: CanaryTrials.Side) -> String {
            let rate = side.trials == 0 ? 0 : 100 * Double(side.failures) / Double(side.trials)
            return "\(significant(rate, digits: rate < 1 ? 2 : 3)) % of \(grouped(side.trials))"
        }
        return "\(spelled(trials.canary)) fail against \(spelled(trials.stable))"
    }
}

extension CanaryJudgement: Encodable {
    /// Encodes the judgement as an object of `verdict`, `why`, `percent`, `next`, `rollback` and `advance`.
    public func encode(to encoder: any Encoder) throws { try tree.encode(to: encoder) }

    /// The judgement as canonical JSON. Numbers have six significant digits.
    public var json: String { tree.canonicalText }

    package var tree: JSONTree {
        func number(_ value: Double) -> JSONTree { .number(significant(value, digits: 6)) }
        var members: [(key: String, value: JSONTree)] = [
            ("verdict", .string(verdict.rawValue)),
            ("why", reason.map { .string($0.rawValue) } ?? .null),
            ("percent", .number(share.percentText)),
            ("next", next.map { .number($0.percentText) } ?? .null),
            ("rollback", .null),
            ("advance", .null),
        ]
        if let detail { members.append(("detail", .string(detail))) }
        if let evidence {
            members[4].value = .object([
                ("evidence", number(evidence.harm)), ("needed", number(evidence.harmNeeded)), ("p", number(evidence.p)),
            ])
            members[5].value = .object([
                ("evidence", number(evidence.gate)), ("needed", number(evidence.gateNeeded)),
                ("windowsToGo", evidence.windowsToGo.map { .number(significant($0.rounded(.up), digits: 6)) } ?? .null),
            ])
        }
        return .object(members)
    }
}

extension DefaultStringInterpolation {
    fileprivate mutating func appendInterpolation(_ evidence: Double, of needed: Double) {
        appendInterpolation("\(significant(evidence, digits: 3)) of \(significant(needed, digits: 3))")
    }
}
