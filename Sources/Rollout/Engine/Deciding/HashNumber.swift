/// A number of up to 128 bits that a hash gave.
struct HashNumber: Hashable {
    let high: UInt64
    let low: UInt64
    /// How many bits it has. A signed number can be 2 to this power.
    let width: Int

    @inline(__always)
    init(high: UInt64, low: UInt64, width: Int) {
        (self.high, self.low, self.width) = (high, low, width)
    }

    /// The first bits of a digest.
    @inline(__always)
    init(_ bits: LeadingBits, width: Int) {
        if width <= 64 {
            // In a torn image there may be no bits at all. Then it does not matter which number this is.
            self.init(high: 0, low: bits.high &>> (64 &- width), width: width)
            return
        }
        // In a torn image there may be more than 128 bits, and a shift to the left.
        let distance = 128 &- width
        self.init(
            high: bits.high >> distance,
            low: bits.low >> distance | bits.high << (64 &- distance),
            width: width
        )
    }

    /// The remainder of a division. The divisor is not 0.
    @inline(__always)
    func remainder(dividingBy divisor: UInt64) -> UInt64 {
        if high == 0 { return low % divisor }
        // The quotient has 64 bits, because what stands in its upper half is a remainder.
        return divisor.dividingFullWidth((high % divisor, low)).remainder
    }

    /// The integer part of number * count / 2^width.
    @inline(__always)
    func scaled(to count: UInt64) -> UInt64 {
        let lower = low.multipliedFullWidth(by: count)
        // By two shifts, because one by 64 is none.
        if width <= 64 { return (lower.low &>> (width &- 1)) &>> 1 | lower.high &<< (64 &- width) }
        let upper = high.multipliedFullWidth(by: count)
        let (middle, carry) = upper.low.addingReportingOverflow(lower.high)
        let top = upper.high &+ (carry ? 1 : 0)
        return middle >> (width &- 64) | top << (128 &- width)
    }
}

/// A unit that is the decimal text of an integer of 64 bits, as `String` spells it: no sign but a minus, no zeros before it.
struct IntegerUnit {
    private let isNegative: Bool
    private let magnitude: UInt64

    init?(_ text: UnsafeRawBufferPointer) {
        guard 1...20 ~= text.count else { return nil }
        isNegative = unsafe text[0] == UInt8(ascii: "-")
        let start = isNegative ? 1 : 0
        guard start < text.count else { return nil }
        // "0" is the only text that begins with a zero, and "-0" is none.
        if unsafe text[start] == UInt8(ascii: "0"), text.count > 1 { return nil }
        var magnitude: UInt64 = 0
        for place in start..<text.count {
            let digit = unsafe text[place] &- UInt8(ascii: "0")
            let (tenfold, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tenfold.addingReportingOverflow(UInt64(digit))
            guard digit < 10, !overflow, !carry else { return nil }
            magnitude = sum
        }
        if isNegative, magnitude > 1 << 63 { return nil }
        self.magnitude = magnitude
    }

    /// The remainder of a division, never negative. The divisor is not 0.
    func remainder(dividingBy divisor: UInt64) -> UInt64 {
        let remainder = magnitude % divisor
        return isNegative && remainder > 0 ? divisor &- remainder : remainder
    }
}
