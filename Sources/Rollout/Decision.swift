/// The answer for one unit: which variant, why, and by which policy.
///
/// A decision is two words without references. It may be kept for ever in any container: that counts no reference, and keeps
/// no policy alive.
public struct Decision: Hashable, Sendable {
    /// An outcome of the engine with the bucket filled in.
    @usableFromInline let answer: UInt64
    /// The revision in the low half, the epoch in the high half.
    @usableFromInline let origin: UInt64

    @inlinable
    init(answer: UInt64, origin: UInt64) {
        self.answer = answer
        self.origin = origin
    }

    /// What the unit gets.
    public var variant: Variant {
        Variant(number: VariantNumber(rawValue: UInt32(truncatingIfNeeded: answer & Outcome.fieldMask)))
    }

    /// Where a copy of the request goes, or nil for no copy.
    public var shadow: Variant? {
        let number = UInt32(truncatingIfNeeded: answer >> Outcome.shadowShift & Outcome.fieldMask)
        return number == Outcome.absent ? nil : Variant(number: VariantNumber(rawValue: number))
    }

    /// Why the unit gets its variant.
    public var reason: Reason {
        // Compiled outcomes hold no other codes; the fallback keeps the accessor total.
        let code = Reason.Code(rawValue: UInt8(truncatingIfNeeded: answer >> Outcome.reasonShift & Outcome.reasonMask))
        return Reason(code: code ?? .absent)
    }

    /// The bucket that was drawn or carried by the assignment, 0 ..< 1,000,000, or nil if there was none.
    public var bucket: Int? {
        let bucket = UInt32(truncatingIfNeeded: answer >> Outcome.bucketShift)
        return bucket == Outcome.absent ? nil : Int(bucket)
    }

    /// The revision of the policy that decided.
    public var revision: UInt32 { UInt32(truncatingIfNeeded: origin) }

    /// The epoch of the rollout in that policy.
    public var epoch: UInt32 { UInt32(truncatingIfNeeded: origin >> 32) }
}

extension Decision {
    /// The decision that an assignment makes of this one if it pins the bucket: `sticky` if the bucket is enrolled.
    @inline(__always)
    var keepingBucket: Decision {
        reason == .split ? Decision(answer: Outcome(word: answer).because(.sticky).word, origin: origin) : self
    }
}

extension Decision {
    /// Why a unit got its variant.
    ///
    /// Later versions may add reasons, so a `switch` over them needs a `default`.
    public struct Reason: Hashable, Sendable {
        /// The number of a reason in an outcome of the engine: below 15, which has another meaning there.
        enum Code: UInt8, CaseIterable {
            case fixed, split, notEnrolled, sticky, forced, host, missingUnit, stale, absent
        }

        let code: Code

        /// The strategy has one answer for everybody.
        public static var fixed: Reason { Reason(code: .fixed) }
        /// The unit's bucket lies in a range of the variant.
        public static var split: Reason { Reason(code: .split) }
        /// The first variant, because the unit's bucket is outside the coverage, or its variant is disabled or draining.
        public static var notEnrolled: Reason { Reason(code: .notEnrolled) }
        /// A valid assignment holds the variant.
        public static var sticky: Reason { Reason(code: .sticky) }
        /// The policy forces this unit.
        public static var forced: Reason { Reason(code: .forced) }
        /// The policy forces this host.
        public static var host: Reason { Reason(code: .host) }
        /// The first variant, because the request brought no unit.
        public static var missingUnit: Reason { Reason(code: .missingUnit) }
        /// The first variant, because the assignment is of a newer epoch than this policy.
        public static var stale: Reason { Reason(code: .stale) }
        /// The handle's default, or the first variant that the rollout last had, because the policy lacks the rollout.
        public static var absent: Reason { Reason(code: .absent) }
    }
}

extension Decision.Reason: CustomStringConvertible {
    /// The reason as decision lines spell it: `split`, `not_enrolled`, …
    public var description: String {
        switch code {
        case .fixed: "fixed"
        case .split: "split"
        case .notEnrolled: "not_enrolled"
        case .sticky: "sticky"
        case .forced: "forced"
        case .host: "host"
        case .missingUnit: "missing_unit"
        case .stale: "stale"
        case .absent: "absent"
        }
    }
}

extension Decision {
    /// A named outcome of a rollout, with the release it carries.
    public struct Variant: Hashable, Sendable {
        let number: VariantNumber

        /// The variant's name. Counts no reference for a name of up to 15 characters, and one for a longer name.
        public var name: VariantName { VariantRegistry.shared.name(number) }

        /// The versions to serve. Counts a reference: for code off the hot path.
        public var release: Release { VariantRegistry.shared.release(number) }

        /// The rollout that the variant belongs to.
        public var rollout: RolloutID { VariantRegistry.shared.rollout(number) }
    }
}

extension Decision: CustomStringConvertible {
    /// The decision in a few words: `canary (app v2) by split, bucket 31337, revision 7`.
    public var description: String {
        var text = "\(variant.name) (\(variant.release)) by \(reason)"
        if let bucket { text += ", bucket \(bucket)" }
        if let shadow { text += ", copied to \(shadow.name) (\(shadow.release))" }
        return text + ", revision \(revision)"
    }
}

extension Decision: Encodable {
    /// Encodes the decision with the keys of a decision line.
    ///
    /// They are `rollout`, `variant`, `release`, `reason`, `bucket`, `revision`, `epoch` and `shadow`, all of them always
    /// there; no bucket and no shadow are null. A shadow has a `variant` and a `release`.
    public func encode(to encoder: any Encoder) throws { try tree.encode(to: encoder) }

    var tree: JSONTree {
        .object([
            ("rollout", .string(variant.rollout.text)),
            ("variant", .string(variant.name.text)),
            ("release", PolicyWriter.tree(of: variant.release)),
            ("reason", .string(reason.description)),
            ("bucket", bucket.map { .integer($0) } ?? .null),
            ("revision", .integer(Int(revision))),
            ("epoch", .integer(Int(epoch))),
            ("shadow", shadow.map { Self.tree(ofShadow: $0) } ?? .null),
        ])
    }

    private static func tree(ofShadow shadow: Variant) -> JSONTree {
        .object([("variant", .string(shadow.name.text)), ("release", PolicyWriter.tree(of: shadow.release))])
    }
}
