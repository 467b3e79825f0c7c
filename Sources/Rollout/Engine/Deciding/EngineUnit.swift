/// A unit as the engine takes it: never empty, and hashed already.
protocol EngineUnit {
    /// XXH3-64 of the unit's bytes.
    var key: UInt64 { get }

    /// Calls the body with the unit's bytes, which only a rule that forces units asks for.
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result
}

/// A unit that lies in memory. Safe, because it is only made inside the closure that lends the memory.
@safe struct BorrowedUnit: EngineUnit {
    let key: UInt64
    private let bytes: UnsafeRawBufferPointer

    @inline(__always)
    init(_ bytes: UnsafeRawBufferPointer) {
        key = unsafe XXH3.hash(bytes)
        unsafe self.bytes = unsafe bytes
    }

    @inline(__always)
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result { unsafe body(bytes) }
}

/// A unit that is an integer, as its decimal text.
struct DecimalUnit: EngineUnit {
    let key: UInt64
    private let text: DecimalText

    @inline(__always)
    init(_ text: DecimalText) {
        key = XXH3.hash(text)
        self.text = text
    }

    @inline(__always)
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result { unsafe text.withBytes(body) }
}
