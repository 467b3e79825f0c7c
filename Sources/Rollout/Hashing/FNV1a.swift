/// FNV-1a of 32 bits by Glenn Fowler, Landon Curt Noll and Kiem-Phong Vo, over bytes or over code units.
struct FNV1a: CodeUnitHash {
    private(set) var value: UInt32

    /// - Parameter value: The hash of what came before.
    init(from value: UInt32 = 0x811C_9DC5) { self.value = value }

    /// Takes a byte or a code unit, which is xored whole.
    @inline(__always)
    mutating func add(_ unit: UInt32) { value = (value ^ unit) &* 0x0100_0193 }

    /// FNV-1a of the decimal text of a number.
    static func value(ofDecimal number: UInt32) -> UInt32 {
        let text = DecimalText(UInt64(number))
        var hash = FNV1a()
        hash.append(text.first, count: min(text.count, 8))
        var rest = text.second
        for _ in 8..<max(text.count, 8) {
            hash.add(UInt32(truncatingIfNeeded: rest & 0xFF))
            rest = rest &>> 8
        }
        return hash.value
    }
}
