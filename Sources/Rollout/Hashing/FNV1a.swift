/// FNV-1a of 32 bits by Glenn Fowler, Landon Curt Noll and Kiem-Phong Vo, over bytes or over code units.
struct FNV1a: CodeUnitHash {
    private(set) var value: UInt32 = 0x811C_9DC5

    /// Takes a byte or a code unit, which is xored whole.
    @inline(__always)
    mutating func add(_ unit: UInt32) { value = (value ^ unit) &* 0x0100_0193 }

    /// FNV-1a of the decimal text of a number.
    static func value(ofDecimal number: UInt32) -> UInt32 {
        let text = DecimalText(UInt64(number))
        var hash = FNV1a()
        var (first, second) = (text.first, text.second)
        for _ in 0..<text.count {
            hash.add(UInt32(truncatingIfNeeded: first & 0xFF))
            first = first &>> 8 | second &<< 56
            second = second &>> 8
        }
        return hash.value
    }
}
