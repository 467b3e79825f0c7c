/// Why a token was not honoured, in the order in which the causes are looked for.
public enum TokenLoss: UInt8, Hashable, Sendable, CaseIterable {
    /// The value is not 56 characters of base64url.
    case malformed
    /// A version that this library does not know.
    case unknownVersion
    /// Signed with a key that this service does not have, or has no longer.
    case unknownKey
    /// The tag is wrong: forged, or of another rollout, host or unit.
    case badTag
    /// Its time is over.
    case expired
    /// Older than the policy lets assignments grow now.
    case outlived
    /// Issued more than two minutes from now: some clock is wrong.
    case issuedInFuture
    /// Of an older epoch: a rollback, a changed release or a new salt has voided it.
    case olderEpoch
    /// Its variant is gone, has no share left, or is disabled.
    case variantGone
    /// Another token in the same request is as valid, and says something else.
    case contradicted

    /// Whether the bucket of such a token may still be used: the tag was right, and its time was at least not nonsense.
    var leavesBucket: Bool {
        switch self {
        case .expired, .outlived, .olderEpoch, .variantGone: true
        case .malformed, .unknownVersion, .unknownKey, .badTag, .issuedInFuture, .contradicted: false
        }
    }
}

extension TokenLoss: CustomStringConvertible {
    /// The cause in a few words.
    public var description: String {
        switch self {
        case .malformed: "malformed"
        case .unknownVersion: "unknown version"
        case .unknownKey: "unknown key"
        case .badTag: "bad tag"
        case .expired: "expired"
        case .outlived: "older than maxAge"
        case .issuedInFuture: "issued in the future"
        case .olderEpoch: "older epoch"
        case .variantGone: "variant gone"
        case .contradicted: "contradicted"
        }
    }
}
