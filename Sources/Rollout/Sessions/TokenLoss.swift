/// Why a token was not honoured, in the order in which the causes are looked for. A minor release may add causes.
public struct TokenLoss: Hashable, Sendable, CaseIterable {
    /// The causes as the library tells them apart, in their order.
    enum Cause: UInt8, CaseIterable {
        case malformed, unknownVersion, unknownKey, badTag
        case expired, outlived, issuedInFuture
        case olderEpoch, variantGone
        case contradicted
    }

    let cause: Cause

    init(_ cause: Cause) { self.cause = cause }

    /// The value is not 56 characters of base64url.
    public static var malformed: TokenLoss { TokenLoss(.malformed) }
    /// A version that this library does not know.
    public static var unknownVersion: TokenLoss { TokenLoss(.unknownVersion) }
    /// Signed with a key that this service does not have, or has no longer.
    public static var unknownKey: TokenLoss { TokenLoss(.unknownKey) }
    /// The tag is wrong: forged, or of another rollout, unit, or host (domain, if the cookie has one).
    public static var badTag: TokenLoss { TokenLoss(.badTag) }
    /// Its time is over.
    public static var expired: TokenLoss { TokenLoss(.expired) }
    /// Older than the policy now lets assignments grow.
    public static var outlived: TokenLoss { TokenLoss(.outlived) }
    /// Issued more than two minutes from now: some clock is wrong.
    public static var issuedInFuture: TokenLoss { TokenLoss(.issuedInFuture) }
    /// Of an older epoch: a rollback, a changed release or a new salt has voided it.
    public static var olderEpoch: TokenLoss { TokenLoss(.olderEpoch) }
    /// Its variant is gone, has no share left, or is disabled.
    public static var variantGone: TokenLoss { TokenLoss(.variantGone) }
    /// Another token in the same request is as valid, and says something else.
    public static var contradicted: TokenLoss { TokenLoss(.contradicted) }

    /// Every cause, in order.
    public static var allCases: [TokenLoss] { Cause.allCases.map(TokenLoss.init) }

    /// Whether the bucket of such a token may still be used: its tag was right, and its time made sense.
    var leavesBucket: Bool {
        switch cause {
        case .expired, .outlived, .olderEpoch, .variantGone: true
        case .malformed, .unknownVersion, .unknownKey, .badTag, .issuedInFuture, .contradicted: false
        }
    }
}

extension TokenLoss: CustomStringConvertible {
    /// The cause in a few words.
    public var description: String {
        switch cause {
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

/// How many tokens of one request have lost, by cause: four bits a cause, for at most five losses.
struct LossTally {
    private var counts: UInt64 = 0

    var isEmpty: Bool { counts == 0 }

    /// The cause that is looked for last, among those counted: that of the token that came furthest.
    var furthest: TokenLoss? {
        isEmpty ? nil : TokenLoss.Cause(rawValue: UInt8((63 - counts.leadingZeroBitCount) / 4)).map(TokenLoss.init)
    }

    mutating func count(_ loss: TokenLoss) { counts += 1 << (4 * UInt64(loss.cause.rawValue)) }

    subscript(loss: TokenLoss) -> Int { Int(counts >> (4 * UInt64(loss.cause.rawValue)) & 15) }
}
