/// The hash of a `String` in Java: h = 31 h + unit, over bytes or over code units.
struct Java31: CodeUnitHash {
    private(set) var value: UInt32 = 0

    @inline(__always)
    mutating func add(_ unit: UInt32) { value = value &* 31 &+ unit }

    /// Twice, neighbours become one number: first bytes in lanes of 16 bits, then those in lanes of 32 bits. No lane disturbs the
    /// one above, because 31 * 255 + 255 is less than 2^16, and 31^2 times that and that again is less than 2^32.
    @inline(__always)
    mutating func addEight(of text: UnsafeRawBufferPointer, at place: Int) {
        let word = unsafe text.word64(at: place)
        let bytes: UInt64 = 0x00FF_00FF_00FF_00FF
        let pairs = (word & bytes) &* 31 &+ (word &>> 8 & bytes)
        let numbers: UInt64 = 0x0000_FFFF_0000_FFFF
        let fours = (pairs & numbers) &* 961 &+ (pairs &>> 16 & numbers)
        let (first, last) = (UInt32(truncatingIfNeeded: fours), UInt32(truncatingIfNeeded: fours &>> 32))
        // 31^8 modulo 2^32, and 31^4.
        value = value &* 2_487_512_833 &+ first &* 923_521 &+ last
    }
}
