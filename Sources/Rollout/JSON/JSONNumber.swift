extension JSONValue {
    /// The number as it is written, or nil for a value of another kind.
    package var numberText: String? {
        numberBytes.map { String(decoding: $0, as: UTF8.self) }
    }

    /// The number if it is written as an integer and fits the type; `1.0` and `1e3` are not, `-0` is 0.
    ///
    /// A type wider than 64 bits gets what fits 64.
    package func integer<Integer: FixedWidthInteger>(as type: Integer.Type) -> Integer? {
        guard var digits = numberBytes else { return nil }
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative { digits.removeFirst() }
        var magnitude: UInt64 = 0
        for digit in digits {
            guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
            let (product, tooLarge) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, tooLargeToo) = product.addingReportingOverflow(UInt64(digit - UInt8(ascii: "0")))
            guard !tooLarge, !tooLargeToo else { return nil }
            magnitude = sum
        }
        guard isNegative else { return Integer(exactly: magnitude) }
        guard magnitude <= Int64.min.magnitude else { return nil }
        return Integer(exactly: Int64(truncatingIfNeeded: 0 &- magnitude))
    }

    /// The number times 10 to the power of `scale` if that is an integer that fits, however the number is written.
    ///
    /// With scale 4, `10`, `10.0`, `1e1` and `100e-1` are all 100,000, and `0.00001` is nil. No floating point is
    /// involved, and the size of the exponent does not matter.
    package func decimal(scale: Int) -> Int? {
        guard let bytes = numberBytes else { return nil }
        return JSONDecimal(bytes).scaled(by: scale)
    }

    private var numberBytes: ArraySlice<UInt8>? {
        let node = node
        guard node.kind == .number else { return nil }
        return tape.bytes[Int(node.start)..<Int(node.extent)]
    }
}

/// A number of the text as `significand x 10^exponent`, with a significand that does not end in a zero.
///
/// In that form the sign of the exponent alone says whether a scaled number is an integer, and a significand that
/// overflows can never be part of a result that fits.
struct JSONDecimal {
    /// Never above 0, because that half of `Int` is the larger one; nil if it does not fit.
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

    /// Larger than any text is long, so that it decides alone; small enough that adding a text's length to it fits.
    private static let largestExponent = 1 << 40

    private mutating func append(_ digit: Int, after zeros: Int) {
        guard let significand = negatedSignificand else { return }
        let shifted = significand == 0 ? 0 : Self.shift(significand, by: zeros + 1)
        let sum = shifted?.subtractingReportingOverflow(digit)
        negatedSignificand = sum?.overflow == false ? sum?.partialValue : nil
    }

    /// A value other than 0, times a power of ten. It overflows, and the loop ends, after 19 places at most.
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

extension JSONParser {
    /// Reads one number. What may follow it is for the caller to say.
    mutating func readNumber() throws(JSONError) {
        if current == UInt8(ascii: "-") { offset += 1 }
        if current == UInt8(ascii: "0") {
            offset += 1
            guard !isAtDigit else { throw failure(.badNumber, "a number must not start with a zero and more digits") }
        } else {
            try readDigits()
        }
        if current == UInt8(ascii: ".") {
            offset += 1
            try readDigits()
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            offset += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { offset += 1 }
            try readDigits()
        }
    }

    private mutating func readDigits() throws(JSONError) {
        guard isAtDigit else { throw unexpected(.badNumber, expected: "a digit") }
        while isAtDigit { offset += 1 }
    }

    private var isAtDigit: Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= current }
}
