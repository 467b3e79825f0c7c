/// What a cookie's value says: 26 bytes of payload, all big-endian, before the 16 bytes of the tag.
///
///     version u8 = 1 | key id u8 | variant u32 | bucket u32 | epoch u32 | revision u32 | issued u32 | expires u32
///
/// No unit is in it: the tag binds the token to its unit without naming the unit.
struct StickyToken: Hashable, Sendable {
    static let version: UInt8 = 1

    var key: UInt8
    /// The variant, or "not enrolled".
    var variant: VariantTag
    /// The visitor's bucket, or `Assignment.invitationBucket`.
    var bucket: UInt32
    var epoch: UInt32
    var revision: UInt32
    /// Unix seconds, a whole minute.
    var issued: UInt32
    /// Unix seconds.
    var expires: UInt32

    /// What the token tells the engine.
    var assignment: Assignment {
        Assignment(tag: variant, bucketField: bucket, epoch: epoch, revision: revision)
    }
}

extension StickyToken {
    /// The payload of a token, or nil if it is of another version.
    @inline(__always)
    init?(_ bytes: TokenBytes) {
        let (a, b, c, d, _, _) = bytes.words
        guard UInt8(truncatingIfNeeded: a >> 56) == Self.version else { return nil }
        key = UInt8(truncatingIfNeeded: a >> 48)
        variant = VariantTag(rawValue: UInt32(truncatingIfNeeded: a >> 16))
        bucket = UInt32(truncatingIfNeeded: a << 16 | b >> 48)
        epoch = UInt32(truncatingIfNeeded: b >> 16)
        revision = UInt32(truncatingIfNeeded: b << 16 | c >> 48)
        issued = UInt32(truncatingIfNeeded: c >> 16)
        expires = UInt32(truncatingIfNeeded: c << 16 | d >> 48)
    }

    /// The payload's bytes; the place of the tag is empty.
    var bytes: TokenBytes {
        TokenBytes(
            words: (
                UInt64(Self.version) << 56 | UInt64(key) << 48 | UInt64(variant.rawValue) << 16 | UInt64(bucket) >> 16,
                UInt64(bucket) << 48 | UInt64(epoch) << 16 | UInt64(revision) >> 16,
                UInt64(revision) << 48 | UInt64(issued) << 16 | UInt64(expires) >> 16,
                UInt64(expires) << 48, 0, 0
            )
        )
    }
}

/// Times are absolute, on the wall clock, and given by the caller: any `Int64` is a time.
extension StickyToken {
    /// How many seconds the clock that issued a token may be ahead.
    static let clockSkew: Int64 = 120

    /// A time in Unix seconds whose sums with what a token holds cannot overflow.
    ///
    /// The bounds lie far outside the times of any token, so every comparison comes out as with the time itself.
    static func clamped(_ now: UnixTime) -> Int64 { min(max(now.seconds, -(1 << 40)), 1 << 40) }

    /// Why the token has lost by the clock, or nil.
    ///
    /// - Parameters:
    ///   - now: Unix seconds, ``clamped(_:)``.
    ///   - maxAge: The life of an assignment as configured now, in seconds.
    /// - Returns: The first cause in the order of `TokenLoss`.
    @inline(__always)
    func loss(at now: Int64, maxAge: Int) -> TokenLoss? {
        if now >= Int64(expires) { return .expired }
        if now - Int64(issued) > Int64(maxAge) { return .outlived }
        if Int64(issued) > now + Self.clockSkew { return .issuedInFuture }
        return nil
    }

    /// When a token made now is issued and expires, or nil if 32 bits do not hold that: before 1970, after 2106.
    static func times(at now: Int64, maxAge: Int) -> (issued: UInt32, expires: UInt32)? {
        guard now >= 0, let issued = UInt32(exactly: now - now % 60),
            let expires = UInt32(exactly: Int64(issued) + Int64(maxAge))
        else { return nil }
        return (issued, expires)
    }
}

/// What a token's tag is made of: the purpose, the rollout, the scope and the unit, then the payload.
///
/// So a token of one rollout, scope or unit is worth nothing for another. The scope is `CookieRecord.scope(at:)`. Safe, because it is only made inside the closures
/// that lend the memory.
@safe struct TokenMessage: SignedMessage {
    private let rollout: UnsafeRawBufferPointer
    private let scope: UnsafeRawBufferPointer
    private let unit: UnsafeRawBufferPointer
    private let token: TokenBytes

    /// A message; no unit and no scope are no bytes.
    @inline(__always)
    init(
        _ token: TokenBytes,
        rollout: UnsafeRawBufferPointer,
        scope: UnsafeRawBufferPointer,
        unit: UnsafeRawBufferPointer
    ) {
        unsafe self.rollout = unsafe rollout
        unsafe self.scope = unsafe scope
        unsafe self.unit = unsafe unit
        self.token = token
    }

    @inline(__always)
    func write(to sink: inout some MessageSink) {
        sink.update(label: "rollout.sticky.v1")
        unsafe sink.update(counted: rollout)
        unsafe sink.update(counted: scope)
        unsafe sink.update(counted: unit)
        unsafe token.withPayload { payload in unsafe sink.update(payload) }
    }
}
