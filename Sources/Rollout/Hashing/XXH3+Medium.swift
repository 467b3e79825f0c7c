/// Inputs of 17 to 240 bytes: sums of independent products, which the processor runs side by side.
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
