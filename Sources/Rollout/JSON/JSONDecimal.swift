/// A number of the text as `significand x 10^exponent`, where the significand does not end in a zero.
///
/// That form answers whether a scaled number is an integer by the sign of its exponent alone, and a significand that
/// overflows can never be a part of a result that fits.
struct JSONDecimal {
    /// Not above 0, as that half of `Int` is the larger one; nil if it does not fit.
    private var negatedSignificand: Int? = 0
    private var exponent = 0
    private var isNegative = false

    /// Reads the text of a number that the parser has accepted.
    init(_ text: some Sequence<UInt8>) {
        var zeros = 0
        var isFraction = false
        var isExponent = false
        var isExponentNegative = false
        var writtenExponent = 0
        for byte in text {
            switch byte {
            case UInt8(ascii: "-") where isExponent: isExponentNegative = true
            case UInt8(ascii: "-"): isNegative = true
            case UInt8(ascii: "+"): continue
            case UInt8(ascii: "."): isFraction = true
            case UInt8(ascii: "e"), UInt8(ascii: "E"): isExponent = true
            case let digit where isExponent:
                writtenExponent = min(writtenExponent * 10 + Int(digit - UInt8(ascii: "0")), Self.largestExponent)
            case let digit:
                if isFraction { exponent -= 1 }
                if digit == UInt8(ascii: "0") {
                    zeros += 1
                } else {
                    append(Int(digit - UInt8(ascii: "0")), after: zeros)
                    zeros = 0
                }
            }
        }
        exponent += zeros + (isExponentNegative ? -writtenExponent : writtenExponent)
    }

    func scaled(by scale: Int) -> Int? {
        guard let significand = negatedSignificand else { return nil }
        if significand == 0 { return 0 }
        let power = exponent + scale
        guard power >= 0, let result = Self.shift(significand, by: power) else { return nil }
        return isNegative ? result : Int(exactly: result.magnitude)
    }

    /// Larger than any text is long, so it decides alone; small enough that adding a text's length to it fits.
    private static let largestExponent = 1 << 40

    private mutating func append(_ digit: Int, after zeros: Int) {
        guard let significand = negatedSignificand else { return }
        let shifted = significand == 0 ? 0 : Self.shift(significand, by: zeros + 1)
        let sum = shifted?.subtractingReportingOverflow(digit)
        negatedSignificand = sum?.overflow == false ? sum?.partialValue : nil
    }

    /// A value that is not 0 times a power of ten; it overflows, and the loop ends, after 19 places at most.
    private static func shift(_ value: Int, by places: Int) -> Int? {
        var result = value
        for _ in 0..<places {
            let (product, isTooLarge) = result.multipliedReportingOverflow(by: 10)
            if isTooLarge { return nil }
            result = product
        }
        return result
    }
}
