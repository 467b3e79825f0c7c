/// The decimal text of an integer, held in registers.
///
/// An integer unit is hashed as its text, so that 42 and "42" are one unit, without a string or a buffer in between. The text
/// has up to 20 bytes (`-9223372036854775808`, `18446744073709551615`). Its first byte is in the least significant bits of
/// `first`, and zeros follow the last byte.
struct DecimalText {
    private(set) var first: UInt64
    private(set) var second: UInt64 = 0
    private(set) var third: UInt64 = 0
    private(set) var count: Int

    @inline(__always)
    init(_ value: UInt64) {
        if value < 100_000_000 {
            self.init(upTo8Digits: value)
        } else if value < 10_000_000_000_000_000 {
            self.init(upTo16Digits: value)
        } else {
            self.init(over16Digits: value)
        }
    }

    @inline(__always)
    init(_ value: Int64) {
        self.init(value.magnitude)
        if value < 0 { prependMinus() }
    }

    /// - Precondition: `value` < 10^8.
    @inline(__always)
    init(upTo8Digits value: UInt64) {
        let digits = Self.eightDigits(value)
        // The added bit marks the last digit as used, so that 0 keeps one digit.
        let unused = Self.leadingZeroBits(digits | 1 &<< 56)
        first = (digits | Self.zeros) &>> unused
        count = 8 &- Int(truncatingIfNeeded: unused &>> 3)
    }

    /// - Precondition: 10^8 <= `value` < 10^16.
    @inline(__always)
    init(upTo16Digits value: UInt64) {
        let (upper, lower) = value.quotientAndRemainder(dividingBy: 100_000_000)
        let digits = Self.eightDigits(upper)
        let lowerText = Self.eightDigits(lower) | Self.zeros
        // upper > 0, so one of its digits is not 0.
        let unused = Self.leadingZeroBits(digits)
        first = Self.word(digits | Self.zeros, lowerText, from: unused)
        second = lowerText &>> unused
        count = 16 &- Int(truncatingIfNeeded: unused &>> 3)
    }

    /// - Precondition: 10^16 <= `value`.
    @inline(__always)
    init(over16Digits value: UInt64) {
        let (rest, lower) = value.quotientAndRemainder(dividingBy: 100_000_000)
        let (upper, middle) = rest.quotientAndRemainder(dividingBy: 100_000_000)
        let digits = Self.eightDigits(upper)
        let middleText = Self.eightDigits(middle) | Self.zeros
        let lowerText = Self.eightDigits(lower) | Self.zeros
        // 0 < upper <= 1844, which is what UInt64.max leaves. So one of its digits is not 0.
        let unused = Self.leadingZeroBits(digits)
        first = Self.word(digits | Self.zeros, middleText, from: unused)
        second = Self.word(middleText, lowerText, from: unused)
        third = lowerText &>> unused
        count = 24 &- Int(truncatingIfNeeded: unused &>> 3)
    }

    /// A minus stands before 19 digits at most, so the words have room for it.
    @inline(__always)
    private mutating func prependMinus() {
        third = (third &<< 8) | (second &>> 56)
        second = (second &<< 8) | (first &>> 56)
        first = (first &<< 8) | 0x2D
        count &+= 1
    }

    /// Eight times the digit zero.
    @inline(__always)
    private static var zeros: UInt64 { 0x3030_3030_3030_3030 }

    /// Eight times the number of zero bytes before the first digit that is not zero.
    @inline(__always)
    private static func leadingZeroBits(_ digits: UInt64) -> UInt64 {
        UInt64(truncatingIfNeeded: digits.trailingZeroBitCount) & 56
    }

    /// The eight bytes that start `bits` into `low` and go on in `high`.
    @inline(__always)
    static func word(_ low: UInt64, _ high: UInt64, from bits: UInt64) -> UInt64 {
        // 64 - bits in two steps: for bits = 0 a single shift by 64 would wrap to no shift at all.
        (low &>> bits) | ((high &<< 1) &<< (bits ^ 63))
    }

    /// The eight decimal digits of `value`, 0 ... 99,999,999, one a byte, the most significant in the lowest byte.
    ///
    /// Three times each lane is split in two: the quotient stays, and the remainder goes to the upper half. One expression
    /// does both: `(n << s) - q * ((d << s) - 1)` is `((n - q * d) << s) + q`.
    ///
    /// **Claim:** the lanes do not disturb each other. Because
    /// 1. a lane holds less than 10,000 when it is divided by 100, and less than 100 when it is divided by 10. The remainder
    ///    is less than the divisor, so nothing reaches the lane above;
    /// 2. `n * 10486 >> 20 == n / 100` for n < 10,000, and the product fits in 32 bits;
    /// 3. `n * 103 >> 10 == n / 10` for n < 100, and the product, at most 10,197, fits in 16 bits;
    /// 4. the masks remove what a shift brings down from the lane above.
    /// If it broke, digits would be wrong. The tests compare every group of four digits, in each place, with `String`.
    @inline(__always)
    private static func eightDigits(_ value: UInt64) -> UInt64 {
        let upper = value / 10_000
        let fours = (value &<< 32) &- upper &* ((10_000 &<< 32) &- 1)
        let hundreds = ((fours &* 10_486) &>> 20) & 0x0000_007F_0000_007F
        let twos = (fours &<< 16) &- hundreds &* ((100 &<< 16) &- 1)
        let tens = ((twos &* 103) &>> 10) & 0x000F_000F_000F_000F
        return (twos &<< 8) &- tens &* ((10 &<< 8) &- 1)
    }
}

extension DecimalText {
    /// Calls `body` with the text's bytes, in a buffer on the stack.
    @inline(__always)
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        var words = (first.littleEndian, second.littleEndian, third.littleEndian)
        // count <= 20 of the 24 bytes, all of them initialised.
        return unsafe withUnsafeBytes(of: &words) { bytes in
            unsafe body(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        }
    }
}

extension XXH3 {
    /// The hash of the decimal text of `value`.
    ///
    /// Each range of lengths has a call of its own, so that the compiler knows the range and keeps only what such texts need.
    /// Up to eight digits, which most identifiers that count up have, are inlined.
    @inline(__always)
    static func hash(decimal value: UInt64) -> UInt64 {
        if value < 100_000_000 { return hash(DecimalText(upTo8Digits: value)) }
        return hashOver8Digits(value)
    }

    /// The hash of the decimal text of `value`.
    @inline(__always)
    static func hash(decimal value: Int64) -> UInt64 {
        if value >= 0 { return hash(decimal: value.magnitude) }
        return hashNegative(value)
    }

    @inline(never)
    private static func hashOver8Digits(_ value: UInt64) -> UInt64 {
        if value < 10_000_000_000_000_000 { return hash(DecimalText(upTo16Digits: value)) }
        return hash(DecimalText(over16Digits: value))
    }

    @inline(never)
    private static func hashNegative(_ value: Int64) -> UInt64 {
        hash(DecimalText(value))
    }

    /// The hash of the text: the same as that of its bytes, although the text is never written to memory.
    @inline(__always)
    static func hash(_ text: DecimalText) -> UInt64 {
        let count = text.count
        let first = text.first
        let bits = UInt64(truncatingIfNeeded: count &* 8)
        if count <= 3 {
            return hash1To3(
                first: first & 0xFF,
                middle: (first &>> (8 &* UInt64(truncatingIfNeeded: count &>> 1))) & 0xFF,
                last: (first &>> (bits &- 8)) & 0xFF,
                count: count
            )
        }
        if count <= 8 {
            return hash4To8(first: first & 0xFFFF_FFFF, last: first &>> (bits &- 32), count: count)
        }
        if count <= 16 {
            return hash9To16(first: first, last: lastWord(of: first, text.second, count: count), count: count)
        }
        return hash17To32(
            (first, text.second),
            (
                DecimalText.word(first, text.second, from: bits &- 128),
                DecimalText.word(text.second, text.third, from: bits &- 128)
            ),
            count: count
        )
    }
}
