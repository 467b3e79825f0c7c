/// The answer for one unit: which variant, why, and by which policy.
///
/// A decision is two words without references. It may be kept for ever, in any container, at no cost in reference
/// counting, and keeps no policy alive.
public struct Decision: Hashable, Sendable {
    /// An ``Outcome`` with the bucket filled in.
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
        return number == Outcome.none ? nil : Variant(number: VariantNumber(rawValue: number))
    }

    /// Why.
    public var reason: Reason {
        // Compiled outcomes hold no other codes; the fallback keeps the accessor total.
        Reason(rawValue: UInt8(truncatingIfNeeded: answer >> Outcome.reasonShift & Outcome.reasonMask)) ?? .retired
    }

    /// The bucket that was drawn or carried by the assignment, 0 ..< 1,000,000, or nil where none was.
    public var bucket: Int? {
        let bucket = UInt32(truncatingIfNeeded: answer >> Outcome.bucketShift)
        return bucket == Outcome.none ? nil : Int(bucket)
    }

    /// The revision of the policy that decided.
    public var revision: UInt32 { UInt32(truncatingIfNeeded: origin) }

    /// The epoch of the rollout in that policy.
    public var epoch: UInt32 { UInt32(truncatingIfNeeded: origin >> 32) }
}

extension Decision {
    /// The same decision as an assignment that pins the bucket gives it: `sticky` where the bucket is enrolled.
    @inline(__always)
    var keepingBucket: Decision {
        reason == .split ? Decision(answer: Outcome(word: answer).because(.sticky).word, origin: origin) : self
    }

    /// Why a unit got its variant.
    public enum Reason: UInt8, Hashable, Sendable, CaseIterable {
        /// The strategy has one answer for everybody.
        case fixed
        /// The unit's bucket lies in a range of the variant.
        case split
        /// The unit's bucket is outside the coverage, or the variant due is disabled or draining: the first variant.
        case notEnrolled
        /// A valid assignment.
        case sticky
        /// The policy forces this unit.
        case forced
        /// The policy forces this host.
        case host
        /// The request brought no unit: the first variant.
        case missingUnit
        /// The assignment is of a newer epoch than this policy: the first variant.
        case stale
        /// The rollout is no longer in the policy: the first variant it last had.
        case retired
    }
}

extension Decision.Reason: CustomStringConvertible {
    /// The reason as decision lines spell it: `split`, `not_enrolled`, …
    public var description: String {
        switch self {
        case .fixed: "fixed"
        case .split: "split"
        case .notEnrolled: "not_enrolled"
        case .sticky: "sticky"
        case .forced: "forced"
        case .host: "host"
        case .missingUnit: "missing_unit"
        case .stale: "stale"
        case .retired: "retired"
        }
    }
}

extension Decision {
    /// A named outcome of a rollout, with the release it carries.
    public struct Variant: Hashable, Sendable {
        let number: VariantNumber

        /// The variant's name. Free of reference counting up to 15 characters; longer ones count one reference.
        public var name: String { VariantRegistry.shared.name(number).text }

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
