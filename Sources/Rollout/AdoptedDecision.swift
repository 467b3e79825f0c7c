/// What a service makes of the decision that another one made for the same request.
public struct AdoptedDecision: Hashable, Sendable {
    /// The decision: the other service's variant in this service's release of it, or one made afresh.
    public let decision: Decision

    /// Why the decision was made afresh, or nil if it was adopted.
    public let taint: DecisionTaint?

    /// Whether this service and the other may serve releases that do not belong together.
    ///
    /// Leave such requests out of every comparison.
    public var isTainted: Bool { taint != nil }
}

/// Why the decision of another service was not adopted, in the order in which the causes are looked for. A minor release
/// may add causes.
public struct DecisionTaint: Hashable, Sendable, CaseIterable {
    /// The causes as the library tells them apart, in their order.
    enum Cause: UInt8, CaseIterable {
        case missing, malformed, duplicate
        case unknownKey, forged
        case expired, issuedInFuture
        case otherEpoch, unknownVariant
    }

    let cause: Cause

    init(_ cause: Cause) { self.cause = cause }

    /// There is no header, or it says nothing about the rollout.
    public static var missing: DecisionTaint { DecisionTaint(.missing) }
    /// The header is not a list as RFC 9651 and the contract define it.
    public static var malformed: DecisionTaint { DecisionTaint(.malformed) }
    /// The header speaks twice of the rollout.
    public static var duplicate: DecisionTaint { DecisionTaint(.duplicate) }
    /// Signed with a key that this service does not have.
    public static var unknownKey: DecisionTaint { DecisionTaint(.unknownKey) }
    /// The tag is wrong: forged, altered, or made for another unit.
    public static var forged: DecisionTaint { DecisionTaint(.forged) }
    /// Its time is over.
    public static var expired: DecisionTaint { DecisionTaint(.expired) }
    /// Issued more than two minutes from now: some clock is wrong.
    public static var issuedInFuture: DecisionTaint { DecisionTaint(.issuedInFuture) }
    /// Made in another epoch than this service's policy is in: one of the two is behind.
    public static var otherEpoch: DecisionTaint { DecisionTaint(.otherEpoch) }
    /// This service's policy has no such variant, or has it disabled.
    public static var unknownVariant: DecisionTaint { DecisionTaint(.unknownVariant) }

    /// Every cause, in order.
    public static var allCases: [DecisionTaint] { Cause.allCases.map(DecisionTaint.init) }
}

extension DecisionTaint: CustomStringConvertible {
    /// The cause in a few words.
    public var description: String {
        switch cause {
        case .missing: "missing"
        case .malformed: "malformed"
        case .duplicate: "duplicate"
        case .unknownKey: "unknown key"
        case .forged: "forged"
        case .expired: "expired"
        case .issuedInFuture: "issued in the future"
        case .otherEpoch: "other epoch"
        case .unknownVariant: "unknown variant"
        }
    }
}
