/// Inputs of 0 to 16 bytes.
extension XXH3 {
    @inline(__always)
    static func hashUpTo16(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        let count = bytes.count
        if count > 8 {
            let first = unsafe bytes.word64(at: 0)
            return unsafe hash9To16(first: first, last: lastWord(bytes, first: first), count: count)
        }
        if count >= 4 {
            // Both loads stay inside the first eight bytes: count - 4 <= 4.
            return unsafe hash4To8(first: bytes.word32(at: 0), last: bytes.word32(at: count &- 4), count: count)
        }
        if count > 0 {
            return unsafe hash1To3(
                first: bytes.byte(at: 0),
                middle: bytes.byte(at: count &>> 1),
                last: bytes.byte(at: count &- 1),
                count: count
            )
        }
        return hashOfNothing
    }

    /// The last eight of 9 to 16 bytes, as one word.
    ///
    /// One load at `count - 8` would do, and costs more than the whole hash when the bytes are a small string's. Such
    /// a string lives in two registers and is spilled as two eight-byte stores just before it is read. A processor
    /// hands a load the bytes of one earlier store that covers it, but not of two: the load waits until both have
    /// left the store buffer, a dozen cycles. So no load here crosses offset 8. What lies at 8 and beyond is read
    /// as two overlapping halves (their common bits are equal, so `|` joins them), then moved up to make room for the
    /// end of `first`, which is already at hand.
    @inline(__always)
    private static func lastWord(_ bytes: UnsafeRawBufferPointer, first: UInt64) -> UInt64 {
        let count = bytes.count
        let tail: UInt64
        if count >= 12 {
            // 8 + 4 <= count, and count - 4 >= 8; (count - 12) * 8 is at most 32.
            tail =
                unsafe bytes.word32(at: 8)
                | (bytes.word32(at: count &- 4) &<< UInt64(truncatingIfNeeded: (count &- 12) &* 8))
        } else {
            // One to three bytes from offset 8 on, the middle one at half of them, as `hash1To3` takes them.
            let half = (count &- 8) &>> 1
            tail =
                unsafe bytes.byte(at: 8)
                | (bytes.byte(at: 8 &+ half) &<< UInt64(truncatingIfNeeded: half &* 8))
                | (bytes.byte(at: count &- 1) &<< UInt64(truncatingIfNeeded: (count &- 9) &* 8))
        }
        return lastWord(of: first, tail, count: count)
    }

    /// The last eight of the 9 to 16 bytes that `first` and `tail` hold from their least significant bits up.
    @inline(__always)
    static func lastWord(of first: UInt64, _ tail: UInt64, count: Int) -> UInt64 {
        // 8 * (16 - count) modulo 64: 56 for 9 bytes, 0 for 16. `first` moves down by 64 less that, in two steps
        // because a single shift by 64 would wrap to none.
        let distance = UInt64(truncatingIfNeeded: 0 &- count &* 8) & 63
        return (tail &<< distance) | ((first &>> 1) &>> (distance ^ 63))
    }
}

/// What is left once the bytes are in registers; shared with `DecimalText`, which never was in memory.
extension XXH3 {
    /// `avalancheXXH64(Secret.words.7 ^ Secret.words.8)`, written out for callers that compile it in.
    @inlinable
    @inline(__always)
    static var hashOfNothing: UInt64 { 0x2D06_8005_38D3_94C2 }

    /// Takes the first byte, the one at half the count, and the last.
    @inline(__always)
    static func hash1To3(first: UInt64, middle: UInt64, last: UInt64, count: Int) -> UInt64 {
        let secret = Secret.words.0
        let combined = (first &<< 16) | (middle &<< 24) | last | (UInt64(truncatingIfNeeded: count) &<< 8)
        return avalancheXXH64(combined ^ ((secret ^ (secret &>> 32)) & 0xFFFF_FFFF))
    }

    /// Takes the first and the last four bytes.
    @inline(__always)
    static func hash4To8(first: UInt64, last: UInt64, count: Int) -> UInt64 {
        let secret = Secret.words
        return avalancheRRMXMX((last | (first &<< 32)) ^ (secret.1 ^ secret.2), count: count)
    }

    /// Takes the first and the last eight bytes.
    @inline(__always)
    static func hash9To16(first: UInt64, last: UInt64, count: Int) -> UInt64 {
        let secret = Secret.words
        let low = first ^ (secret.3 ^ secret.4)
        let high = last ^ (secret.5 ^ secret.6)
        return avalanche(UInt64(truncatingIfNeeded: count) &+ low.byteSwapped &+ high &+ foldedProduct(low, high))
    }
}
