/// Why the decision of another service was not adopted.
public enum DecisionTaint: UInt8, Hashable, Sendable, CaseIterable {
    /// There is no header, or it says nothing about the rollout.
    case missing
    /// The header is no list as RFC 9651 and the contract have it.
    case malformed
    /// The header speaks twice of the rollout.
    case duplicate
    /// Signed with a key that this service does not have.
    case unknownKey
    /// The tag is wrong: forged, altered, or made for another unit.
    case forged
    /// Its time is over.
    case expired
    /// Issued more than two minutes from now: some clock is wrong.
    case issuedInFuture
    /// Made in another epoch than this service's policy is in: one of the two is behind.
    case otherEpoch
    /// This service's policy has no such variant, or has it disabled.
    case unknownVariant
}

extension DecisionTaint: CustomStringConvertible {
    /// The cause in a few words.
    public var description: String {
        switch self {
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
