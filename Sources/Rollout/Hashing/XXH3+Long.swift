/// Inputs over 240 bytes: eight lanes take in stripes of 64 bytes, and are scrambled after each block of 16 stripes.
extension XXH3 {
    private typealias Lanes = SIMD8<UInt64>

    private static var stripeSize: Int { 64 }
    /// 16 stripes. Each one moves on by 8 bytes in the secret, of whose 192 bytes the last 64 are for scrambling.
    private static var blockSize: Int { 16 * stripeSize }

    @inline(never)
    static func hashOver240(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        unsafe Secret.withBytes { secret in
            var lanes = Lanes(
                Prime32.third,
                Prime64.first,
                Prime64.second,
                Prime64.third,
                Prime64.fourth,
                Prime32.second,
                Prime64.fifth,
                Prime32.first
            )
            // Whole stripes that end before the last byte. The last stripe ends with the input, and may overlap them.
            let lastStripe = bytes.count &- stripeSize
            var offset = 0
            while offset < bytes.count &- 1 &- (stripeSize &- 1) {
                let inBlock = offset & (blockSize &- 1)
                unsafe accumulate(bytes, at: offset, secret, at: inBlock / 8, into: &lanes)
                offset &+= stripeSize
                // A block is scrambled only if a byte follows it, which the loop's condition has shown.
                if offset & (blockSize &- 1) == 0 { unsafe scramble(&lanes, secret) }
            }
            // 121 = 192 - 64 - 7: near the end of the secret, at an offset that no other stripe has.
            unsafe accumulate(bytes, at: lastStripe, secret, at: 121, into: &lanes)
            return unsafe merged(lanes, secret, count: bytes.count)
        }
    }

    /// Each lane gains the product of its keyed halves. The plain word goes to the neighbouring lane, so that it is not lost
    /// when a keyed half happens to be zero.
    @inline(__always)
    private static func accumulate(
        _ bytes: UnsafeRawBufferPointer,
        at offset: Int,
        _ secret: UnsafeRawBufferPointer,
        at secretOffset: Int,
        into lanes: inout Lanes
    ) {
        let data = unsafe words(bytes, at: offset)
        let keyed = unsafe data ^ words(secret, at: secretOffset)
        let swapped = Lanes(data[1], data[0], data[3], data[2], data[5], data[4], data[7], data[6])
        lanes &+= swapped &+ (keyed & 0xFFFF_FFFF) &* (keyed &>> 32)
    }

    @inline(__always)
    private static func scramble(_ lanes: inout Lanes, _ secret: UnsafeRawBufferPointer) {
        lanes ^= lanes &>> 47
        unsafe lanes ^= words(secret, at: 128)
        lanes &*= Lanes(repeating: Prime32.first)
    }

    @inline(__always)
    private static func merged(_ lanes: Lanes, _ secret: UnsafeRawBufferPointer, count: Int) -> UInt64 {
        let keyed = unsafe lanes ^ words(secret, at: 11)
        var sum = UInt64(truncatingIfNeeded: count) &* Prime64.first
        sum &+= foldedProduct(keyed[0], keyed[1])
        sum &+= foldedProduct(keyed[2], keyed[3])
        sum &+= foldedProduct(keyed[4], keyed[5])
        sum &+= foldedProduct(keyed[6], keyed[7])
        return avalanche(sum)
    }

    @inline(__always)
    private static func words(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Lanes {
        unsafe Lanes(
            bytes.word64(at: offset),
            bytes.word64(at: offset &+ 8),
            bytes.word64(at: offset &+ 16),
            bytes.word64(at: offset &+ 24),
            bytes.word64(at: offset &+ 32),
            bytes.word64(at: offset &+ 40),
            bytes.word64(at: offset &+ 48),
            bytes.word64(at: offset &+ 56)
        )
    }
}
