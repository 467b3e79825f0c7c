/// Why one request gets what it gets: each rule of a rollout in order, what it saw, and which one decided.
///
///     print(sms.explanation(for: "alice", host: "canary.example"))
///
/// An explanation is a value made from one policy. It does not change when the policy does.
///
/// Making one takes a lock and allocates, and takes microseconds: O(ranges of the allocation + length of unit and
/// host). It is for a person who asks, on an administrator's page or a command line, and not for the path of a request.
public struct Explanation: Hashable, Sendable {
    /// The rollout.
    public let rollout: RolloutID
    /// How the rollout spreads units, or nil if the policy has no such rollout.
    public let strategy: RolloutStrategy.Kind?
    /// What is bucketed, or nil if the request brings no unit.
    public let unit: String?
    /// The value of the `Host` header as the request brings it, or nil if it brings none.
    public let host: String?
    /// The rules in the order of their precedence. Exactly one of them decides: the first one that has an answer.
    public let steps: [Step]
    /// Whether a copy goes to the shadow, and why, or nil if the strategy has no shadow. This step never decides.
    public let sampling: Step?
    /// The decision that the handle or the snapshot makes for the same request.
    public let decision: Decision
    /// The plan by which the canary earns its share, or nil for none. It decides nothing.
    public let progression: ProgressionPlan?
    /// The plan by which the weights follow how well the variants do, or nil for none. It decides nothing.
    public let adaptation: AdaptationPlan?

    /// A rule, what it saw, and what it makes of that.
    public struct Step: Hashable, Sendable {
        /// The rule.
        public let rule: Rule
        /// What the rule saw, in words: `the request names no host`.
        public let saw: String
        /// What the rule answers, or nil if it does not apply to the request.
        ///
        /// A rule after the one that decided may have an answer too: what the request would get otherwise.
        public let answer: Decision?
        /// Whether this rule decided.
        public let decides: Bool
        /// The draw behind the answer, or nil if the rule draws nothing.
        public let draw: Draw?
    }

    /// A rule of the precedence. A minor release may add rules.
    public struct Rule: Hashable, Sendable, CustomStringConvertible {
        /// The rule as JSON spells it: `host`, `forced`, `missing_unit`, …
        public let description: String
        /// The rule as the text form spells it.
        let title: String

        /// The policy has no such rollout. Then there is no other step.
        public static let absent = Rule(description: "absent", title: "no rollout")
        /// The policy names a variant for the request's host.
        public static let host = Rule(description: "host", title: "host rule")
        /// The policy names a variant for the unit.
        public static let forced = Rule(description: "forced", title: "forced unit")
        /// The request holds an assignment, from a cookie or a store.
        public static let assignment = Rule(description: "assignment", title: "assignment")
        /// The unit has to pass a draw before the rollout's own.
        public static let enrolment = Rule(description: "enrolment", title: "enrolment")
        /// The strategy answers, by a bucket if it draws units.
        public static let draw = Rule(description: "draw", title: "draw")
        /// The request brings no unit.
        public static let missingUnit = Rule(description: "missing_unit", title: "missing unit")
        /// The sampling of copies for a shadow.
        public static let shadow = Rule(description: "shadow", title: "shadow copy")
    }

    /// A bucket, where it came from, and who owns it.
    public struct Draw: Hashable, Sendable {
        /// The salt, as text. It has no part in a draw that is ``stated``.
        public let salt: String
        /// The hash of the salt.
        public let saltHash: UInt64
        /// Where the bucket comes from.
        let source: Source
        /// The bucket, 0 ..< 1,000,000.
        public let bucket: Int
        /// Who owns which buckets, in ascending order; together they are all 1,000,000.
        public let ranges: [Ownership]
        /// The index in ``ranges`` of the one that holds the bucket.
        let place: Int

        /// Where a bucket comes from.
        enum Source: Hashable, Sendable {
            /// The library's own hash of a unit, or an assignment, which has no key.
            case own(key: UInt64?)
            case stated(StatedDraw)
        }

        /// XXH3-64 of the unit, or nil if something else supplied the bucket: an assignment, or a stated bucketing.
        public var key: UInt64? {
            if case .own(let key) = source { key } else { nil }
        }

        /// What the rollout's own bucketing made of the unit, or nil if it states none, or an assignment supplied the bucket.
        public var stated: StatedDraw? {
            if case .stated(let draw) = source { draw } else { nil }
        }

        /// The range that holds the bucket.
        public var owner: Ownership { ranges[place] }
    }

    /// What a stated bucketing makes of a unit.
    public struct StatedDraw: Hashable, Sendable {
        /// The bucketing.
        public let bucketing: Bucketing
        /// The text that was hashed, the unit in its place.
        public let text: String
        /// The number that the hash gave, in hexadecimal after `0x`; of an integer unit its remainder.
        public let number: String
        /// Which of the bucketing's own buckets the number is, from 0 on.
        public let cell: Int

        init(_ bucketing: Bucketing, unit: String, _ result: StatedFunction.Result) {
            self.bucketing = bucketing
            let parts = bucketing.parts
            text = parts.prefix + unit + parts.suffix
            let digits = (result.number.width + 3) / 4
            let low = hexadecimal(result.number.low, digits: min(digits, 16))
            number = "0x" + (digits > 16 ? hexadecimal(result.number.high, digits: digits - 16) + low : low)
            cell = Int(result.cell)
        }
    }

    /// A range of buckets and its owner.
    public struct Ownership: Hashable, Sendable {
        /// The variant that owns the buckets, or nil if they belong to nobody: outside the coverage, or not copied.
        public let variant: VariantName?
        /// The buckets.
        public let buckets: Range<Int>
        /// Whether the owner is disabled, so that the first variant serves in its place.
        public let isDisabled: Bool
        /// Whether the owner is draining, so that the first variant serves in its place.
        public let isDraining: Bool
    }
}
