/// XXH3-64 with seed 0 and the default secret: the hash of the contract, which every language has.
///
/// The result depends on the bytes alone, not on their alignment or the machine's byte order. Hashing allocates nothing and
/// counts no references, except for a string that is bridged from Objective-C, which is copied first. Up to 128 bytes, which
/// covers every usual unit, the code has no loop and is inlined into its caller. Longer inputs are hashed in functions of
/// their own.
@usableFromInline
enum XXH3 {
    /// The hash of `bytes`.
    ///
    /// - Complexity: O(n), without allocation.
    @inline(__always)
    static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        if let hash = unsafe hash(ofUpTo128: bytes) { return hash }
        if unsafe bytes.isEmpty { return hashOfNothing }
        return unsafe bytes.count <= 240 ? hash129To240(bytes) : hashOver240(bytes)
    }

    /// The hash of the text's UTF-8 bytes; no normalisation, nothing trimmed.
    ///
    /// The body is a local function, because a closure cannot ask to be inlined. The standard library calls it in two places,
    /// for a small string and for a stored one, and each place then keeps only the lengths that it can meet.
    @inline(__always)
    static func hash(_ text: String) -> UInt64 {
        @inline(__always)
        func hashed(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 { unsafe hash(UnsafeRawBufferPointer(bytes)) }
        if let hash = unsafe text.utf8.withContiguousStorageIfAvailable(hashed) { return hash }
        return hashOfCopy(text)
    }

    /// The hash of a string that is bridged from Objective-C, whose bytes are elsewhere.
    @inline(never)
    private static func hashOfCopy(_ text: String) -> UInt64 {
        unsafe text.withUnitBytes { bytes in unsafe hash(bytes) }
    }
}

/// Inputs of 1 to 128 bytes, without a call, so that whoever asks need not save a register.
extension XXH3 {
    /// Stands for a hash that is not known yet. A unit that has this hash is hashed twice, and nothing else comes of it.
    static var unknown: UInt64 { 0 }

    /// The hash of the bytes, or nil if there are none, or more than 128.
    @inline(__always)
    static func hash(ofUpTo128 bytes: UnsafeRawBufferPointer) -> UInt64? {
        if bytes.count <= 16 { return unsafe hashUpTo16(bytes) }
        return unsafe bytes.count <= 128 ? hash17To128(bytes) : nil
    }

    /// The hash of the text's UTF-8 bytes, or nil if there are none, or more than 128, or if they are not in one piece.
    @inline(__always)
    static func hash(ofUpTo128 text: String) -> UInt64? {
        @inline(__always)
        func hashed(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64? {
            unsafe hash(ofUpTo128: UnsafeRawBufferPointer(bytes))
        }
        return unsafe text.utf8.withContiguousStorageIfAvailable(hashed) ?? nil
    }
}

/// Inputs of 0 to 16 bytes.
extension XXH3 {
    @inline(__always)
    private static func hashUpTo16(_ bytes: UnsafeRawBufferPointer) -> UInt64? {
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
        return nil
    }

    /// The last eight of 9 to 16 bytes, as one word.
    ///
    /// One load at `count - 8` would do, but if the bytes are a small string's, it costs more than the whole hash. Such a
    /// string lives in two registers, and is spilled by two stores of eight bytes just before it is read. A processor can
    /// give a load the bytes of one earlier store that covers it, but not of two: then the load waits a dozen cycles until
    /// both stores have left the buffer. So no load here crosses offset 8. The bytes from there on are read as two
    /// overlapping halves. The bits that both have are equal, so `|` joins them. Then they are moved up to make room for
    /// the end of `first`, which is loaded already.
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
            // One to three bytes from offset 8 on: the first, the one at half of them, and the last, as in `hash1To3`.
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
        // 8 * (16 - count) modulo 64: 56 for 9 bytes, 0 for 16. `first` moves down by 64 less that. It does so in two steps,
        // because a single shift by 64 would wrap to no shift at all.
        let distance = UInt64(truncatingIfNeeded: 0 &- count &* 8) & 63
        return (tail &<< distance) | ((first &>> 1) &>> (distance ^ 63))
    }
}

/// The part that works on registers. `DecimalText` shares it, because it never was in memory.
extension XXH3 {
    /// `avalancheXXH64(Secret.words.7 ^ Secret.words.8)`, written out for callers that inline it.
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

/// Inputs of 17 to 240 bytes: sums of independent products, which the processor computes side by side.
extension XXH3 {
    /// 17 to 128 bytes: pairs of 16 bytes from both ends towards the middle, where they may overlap.
    ///
    /// Every pair is within bounds: the one at `16 * n` from the front and its mirror at `count - 16 * (n + 1)` are
    /// read only when `count > 32 * n`, so that both offsets lie in `0 ... count - 16`.
    @inline(__always)
    static func hash17To128(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        let secret = Secret.words
        let count = bytes.count
        var sum = UInt64(truncatingIfNeeded: count) &* Prime64.first
        sum &+= unsafe mixed(bytes, at: 0, secret.0, secret.1)
        sum &+= unsafe mixed(bytes, at: count &- 16, secret.2, secret.3)
        guard count > 32 else { return avalanche(sum) }
        sum &+= unsafe mixed(bytes, at: 16, secret.4, secret.5)
        sum &+= unsafe mixed(bytes, at: count &- 32, secret.6, secret.7)
        guard count > 64 else { return avalanche(sum) }
        sum &+= unsafe mixed(bytes, at: 32, secret.8, secret.9)
        sum &+= unsafe mixed(bytes, at: count &- 48, secret.10, secret.11)
        guard count > 96 else { return avalanche(sum) }
        sum &+= unsafe mixed(bytes, at: 48, secret.12, secret.13)
        sum &+= unsafe mixed(bytes, at: count &- 64, secret.14, secret.15)
        return avalanche(sum)
    }

    /// 17 to 32 bytes that are in registers: the first and the last 16 of them.
    @inline(__always)
    static func hash17To32(_ first: (UInt64, UInt64), _ last: (UInt64, UInt64), count: Int) -> UInt64 {
        let secret = Secret.words
        return avalanche(
            UInt64(truncatingIfNeeded: count) &* Prime64.first
                &+ foldedProduct(first.0 ^ secret.0, first.1 ^ secret.1)
                &+ foldedProduct(last.0 ^ secret.2, last.1 ^ secret.3)
        )
    }

    /// 129 to 240 bytes: 16 bytes a step from the front, the steps past the eighth under a secret shifted by 3.
    @inline(never)
    static func hash129To240(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        unsafe Secret.withBytes { secret in
            let count = bytes.count
            var sum = UInt64(truncatingIfNeeded: count) &* Prime64.first
            for step in 0..<8 {
                unsafe sum &+= mixed(bytes, at: 16 &* step, secret, at: 16 &* step)
            }
            sum = avalanche(sum)
            for step in 8..<(count / 16) {
                unsafe sum &+= mixed(bytes, at: 16 &* step, secret, at: 16 &* (step &- 8) &+ 3)
            }
            // 119 = 136 - 17, the smallest secret the reference allows less one step and a byte.
            unsafe sum &+= mixed(bytes, at: count &- 16, secret, at: 119)
            return avalanche(sum)
        }
    }

    @inline(__always)
    private static func mixed(
        _ bytes: UnsafeRawBufferPointer,
        at offset: Int,
        _ secret: UnsafeRawBufferPointer,
        at secretOffset: Int
    ) -> UInt64 {
        unsafe mixed(
            bytes,
            at: offset,
            secret.word64(at: secretOffset),
            secret.word64(at: secretOffset &+ 8)
        )
    }

    /// The folded product of the 16 bytes at `offset`, each half under its word of the secret.
    @inline(__always)
    private static func mixed(
        _ bytes: UnsafeRawBufferPointer,
        at offset: Int,
        _ lowSecret: UInt64,
        _ highSecret: UInt64
    ) -> UInt64 {
        unsafe foldedProduct(bytes.word64(at: offset) ^ lowSecret, bytes.word64(at: offset &+ 8) ^ highSecret)
    }
}
