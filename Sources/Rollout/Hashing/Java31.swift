/// The hash of a `String` in Java: h = 31 h + unit, over bytes or over code units.
struct Java31: CodeUnitHash {
    private(set) var value: UInt32 = 0

    @inline(__always)
    mutating func add(_ unit: UInt32) { value = value &* 31 &+ unit }
}
