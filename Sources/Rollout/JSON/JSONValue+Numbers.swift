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
