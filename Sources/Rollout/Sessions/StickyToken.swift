/// What a cookie's value says: 26 bytes of payload, all big-endian, before the 16 bytes of the tag.
///
///     version u8 = 1 | key id u8 | variant u32 | bucket u32 | epoch u32 | revision u32 | issued u32 | expires u32
///
/// No unit is in it: the tag binds the token to its unit without naming it.
struct StickyToken: Hashable, Sendable {
    static let version: UInt8 = 1

    var key: UInt8
    /// The variant, or "not enrolled".
    var variant: VariantTag
    /// The visitor's bucket.
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
    /// The payload of a token, or nil where its version is another.
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
