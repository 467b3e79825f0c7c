/// The plan by which a canary earns its share: from step to step while it does no harm, and back if it does.
///
/// The steps alone are a complete plan. A plan by itself changes no decision and raises no epoch. With the strategies `fixed`
/// and `shadow` it waits for a canary.
///
/// Percentages are exact, as a ``Share`` is: a multiple of 0.0001 in 0 ... 100. Times are whole seconds.
public struct ProgressionPlan: Hashable, Sendable {
    /// What the tests count.
    public enum Count: String, Hashable, Sendable, CaseIterable {
        /// Units, each once: right however the outcomes of one unit depend on each other.
        case units
        /// Requests: right only if they fail independently of each other, as when each unit is a single request.
        case requests
        /// Nothing: the plan is a schedule, and each step ends when it has lasted ``ProgressionPlan/dwell``.
        case nothing
    }

    /// What happens to a stage that is older than the deadline.
    public enum DeadlineAction: String, Hashable, Sendable, CaseIterable {
        /// It is judged on.
        case hold
        /// The canary is taken back.
        case abort
        /// The canary goes on, although nothing was shown.
        case advance
    }

    /// What a person has to confirm by making the edit.
    public enum Confirmation: String, Hashable, Sendable, CaseIterable {
        /// Nothing.
        case nothing
        /// The promotion.
        case promotion
        /// Every advance and the promotion.
        case everything
    }

    /// How much worse than stable a canary may be: relative to stable's rate, and in percentage points beyond that.
    public struct Margin: Hashable, Sendable {
        /// In percent of stable's rate.
        public var relative: Share
        /// In percentage points.
        public var absolute: Share

        /// A margin of these two parts, which add up.
        public init(relative: Share, absolute: Share) {
            self.relative = relative
            self.absolute = absolute
        }

        /// No worse at all.
        public static let zero = Margin(relative: .zero, absolute: .zero)
    }

    /// The shares by which the canary rises, 1 ... 32 of them, above 0 and below 100 %, rising. After the last one it is promoted.
    public var steps: [Share]
    /// What the tests count.
    public var count: Count
    /// Seconds from one reading to the next, 1 ... 3,600. Not less than the period of the source that is read.
    public var interval: Int
    /// Seconds for which requests of an earlier share may still end, 0 ... 86,400. Not less than the longest request takes.
    public var settle: Int
    /// Seconds that a step lasts at least, 0 ... 604,800.
    public var dwell: Int
    /// Seconds after which a stage is late, at most 34,560,000, or nil for never.
    public var deadline: Int?
    /// What happens to a stage that is late.
    public var onDeadline: DeadlineAction
    /// What a person has to confirm.
    public var confirm: Confirmation
    /// What a canary may cost all users together, at the next share, for it to go on.
    public var margin: Margin
    /// What a canary may be worse without being taken back.
    public var tolerance: Margin
    /// The rate of failures that a canary must stay below whatever stable does, or nil for none.
    public var limit: Share?
    /// The percentiles of latency that are compared, at most 8, in 1 ... 99.9 %, rising.
    public var latency: [Share]
    /// The probability with which a harmless canary may be taken back, above 0, at most 20 %.
    public var falseRollback: Share
    /// The probability with which a canary beyond the margin may go on, above 0, at most 20 %.
    public var falseAdvance: Share

    /// A plan with the defaults of the policy document.
    public init(
        steps: [Share],
        count: Count = .units,
        interval: Int = 15,
        settle: Int = 60,
        dwell: Int = 300,
        deadline: Int? = nil,
        onDeadline: DeadlineAction = .hold,
        confirm: Confirmation = .nothing,
        margin: Margin = Margin(relative: .percent(20), absolute: .percent(0.1)),
        tolerance: Margin = .zero,
        limit: Share? = nil,
        latency: [Share] = [],
        falseRollback: Share = .percent(1),
        falseAdvance: Share = .percent(5)
    ) {
        self.steps = steps
        self.count = count
        self.interval = interval
        self.settle = settle
        self.dwell = dwell
        self.deadline = deadline
        self.onDeadline = onDeadline
        self.confirm = confirm
        self.margin = margin
        self.tolerance = tolerance
        self.limit = limit
        self.latency = latency
        self.falseRollback = falseRollback
        self.falseAdvance = falseAdvance
    }

    /// The smallest step above a share, or nil if promotion comes next.
    public func next(after share: Share) -> Share? { steps.first { $0 > share } }

    /// Seconds until nothing of an earlier share is under way any more: a cookie that pins the variant keeps a visitor where an
    /// earlier share put them, for as long as it lives.
    package func settling(beside cookie: StickyCookie?) -> Int {
        guard let cookie, cookie.pin == .variant else { return settle }
        return max(settle, cookie.maxAge)
    }
}

extension Share {
    /// The share as a number in 0 ... 1.
    package var fraction: Double { Double(buckets) / Double(Share.bucketCount) }
}
