/// The hash contract: from a unit's bytes to its bucket, if the rollout states no other way.
///
///     key    = XXH3-64(unit)
///     salted = key xor XXH3-64("rollout", one 0 byte, salt)
///     point  = the high xor the low half of salted x 0x9E3779B97F4A7C15
///     bucket = the high half of point x 1,000,000
extension Bucketing {
    /// The salt of a further draw, which is independent of the rollout's own.
    static func derivedSalt(_ salt: String, _ purpose: String) -> String { "\(salt)\u{0}\(purpose)" }

    /// The hash of a salt.
    ///
    /// The word before the salt keeps units and salts apart. Without it a unit whose id equals the salt would cancel the
    /// salt out and always land in bucket 0, and unit a under salt b would draw as unit b under salt a.
    static func saltHash(_ salt: String) -> UInt64 { XXH3.hash("rollout\u{0}\(salt)") }

    /// The bucket of a hashed unit, 0 ..< 1,000,000.
    ///
    /// **Claim:** the bucket is below 1,000,000, because the high half of `point * n` is floor(point * n / 2^64), and
    /// point < 2^64. Each bucket gets floor or ceil of 2^64 / 1,000,000 points, so were points drawn evenly, a bucket's
    /// chance would be off by less than one part in 10^13.
    @inlinable
    @inline(__always)
    static func bucket(ofKey key: UInt64, saltHash: UInt64) -> UInt64 {
        point(ofKey: key, saltHash: saltHash).multipliedFullWidth(by: UInt64(Share.bucketCount)).high
    }

    /// The point of a hashed unit.
    @inlinable
    @inline(__always)
    static func point(ofKey key: UInt64, saltHash: UInt64) -> UInt64 {
        let product = (key ^ saltHash).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return product.high ^ product.low
    }

    /// The lowest point whose bucket is this one, 0 ..< 1,000,000: 2^64 * bucket / 1,000,000, rounded up.
    static func lowestPoint(ofBucket bucket: Int) -> UInt64 {
        let count = UInt64(Share.bucketCount)
        let (quotient, remainder) = count.dividingFullWidth((UInt64(bucket), 0))
        return remainder == 0 ? quotient : quotient + 1
    }
}
