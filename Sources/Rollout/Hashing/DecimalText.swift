/// The decimal text of an integer, held in registers: an integer unit is hashed as its text, so that 42 and "42" are
/// one unit, without a string or a buffer in between.
///
/// Up to 20 bytes (`-9223372036854775808`, `18446744073709551615`), the first in the least significant bits of
/// `first`, and zeros beyond the last.
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
        // The sentinel is the end of the last digit, so 0 keeps one.
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
        // upper > 0, so one of its digits is not zero.
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
        // 0 < upper <= 1844, what UInt64.max leaves, so one of its digits is not zero.
        let unused = Self.leadingZeroBits(digits)
        first = Self.word(digits | Self.zeros, middleText, from: unused)
        second = Self.word(middleText, lowerText, from: unused)
        third = lowerText &>> unused
        count = 24 &- Int(truncatingIfNeeded: unused &>> 3)
    }

    /// At most 19 digits have a minus before them, so the words have room for it.
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
        // 64 - bits in two steps: a single shift by 64, for bits = 0, would wrap to none.
        (low &>> bits) | ((high &<< 1) &<< (bits ^ 63))
    }

    /// The eight decimal digits of `value`, 0 ... 99,999,999, one a byte, the most significant in the lowest byte.
    ///
    /// Three times every lane is split in two: the quotient stays, the remainder goes to the upper half. Both at once:
    /// `(n << s) - q * ((d << s) - 1)` is `((n - q * d) << s) + q`.
    ///
    /// Claim: the lanes do not disturb each other. Because
    /// 1. a lane holds less than 10,000, then less than 100, when it is divided by 100, then by 10, and what remains
    ///    is less than the divisor, so nothing reaches the lane above;
    /// 2. `n * 10486 >> 20 == n / 100` for n < 10,000, and the product fits in 32 bits;
    /// 3. `n * 103 >> 10 == n / 10` for n < 100, and the product, at most 10,197, fits in 16 bits;
    /// 4. the masks remove what a shift brings down from the lane above.
    /// If it broke, digits would be wrong: the tests hold every group of four, in each place, against `String`.
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
