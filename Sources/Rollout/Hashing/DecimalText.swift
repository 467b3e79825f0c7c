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
            return
        }
        let (rest, last) = value.quotientAndRemainder(dividingBy: 100_000_000)
        if rest < 100_000_000 {
            self.init(upTo8Digits: rest, last: last)
            return
        }
        let (top, middle) = rest.quotientAndRemainder(dividingBy: 100_000_000)
        self.init(upTo4Digits: top, middle: middle, last: last)
    }

    @inline(__always)
    init(_ value: Int64) {
        self.init(value.magnitude)
        if value < 0 { prependMinus() }
    }

    @inline(__always)
    private init(upTo8Digits value: UInt64) {
        let digits = Self.eightDigits(value)
        // The sentinel is the end of the last digit, so 0 keeps one.
        let unused = Self.leadingZeroBits(digits | 1 &<< 56)
        first = (digits | Self.zeros) &>> unused
        count = 8 &- Int(truncatingIfNeeded: unused &>> 3)
    }

    @inline(__always)
    private init(upTo8Digits value: UInt64, last: UInt64) {
        let digits = Self.eightDigits(value)
        let lastText = Self.eightDigits(last) | Self.zeros
        // value > 0, so one of its digits is not zero.
        let unused = Self.leadingZeroBits(digits)
        first = Self.word(digits | Self.zeros, lastText, from: unused)
        second = lastText &>> unused
        count = 16 &- Int(truncatingIfNeeded: unused &>> 3)
    }

    @inline(__always)
    private init(upTo4Digits value: UInt64, middle: UInt64, last: UInt64) {
        let digits = Self.eightDigits(value)
        let middleText = Self.eightDigits(middle) | Self.zeros
        let lastText = Self.eightDigits(last) | Self.zeros
        // 0 < value <= 1844, what UInt64.max leaves, so one of its digits is not zero.
        let unused = Self.leadingZeroBits(digits)
        first = Self.word(digits | Self.zeros, middleText, from: unused)
        second = Self.word(middleText, lastText, from: unused)
        third = lastText &>> unused
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
    /// Claim: each step splits every lane in two without a borrow or carry between lanes. Because
    /// 1. a lane holds less than 10,000, then less than 100, when it is divided by 100, then by 10;
    /// 2. `n * 10486 >> 20 == n / 100` for n < 10,000, and the product fits in 32 bits: lanes do not meet;
    /// 3. `n * 103 >> 10 == n / 10` for n < 100, and the product, at most 10,197, fits in 16 bits;
    /// 4. the masks remove what a shift brings down from the lane above.
    /// The tests hold 2 and 3 against division for every n.
    @inline(__always)
    private static func eightDigits(_ value: UInt64) -> UInt64 {
        let (high, low) = value.quotientAndRemainder(dividingBy: 10_000)
        let fours = high | (low &<< 32)
        let hundreds = ((fours &* 10_486) &>> 20) & 0x0000_007F_0000_007F
        let twos = hundreds | ((fours &- hundreds &* 100) &<< 16)
        let tens = ((twos &* 103) &>> 10) & 0x000F_000F_000F_000F
        return tens | ((twos &- tens &* 10) &<< 8)
    }
}
