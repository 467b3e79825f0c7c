extension DecimalText {
    /// Calls `body` with the text's bytes, in a buffer on the stack.
    @inline(__always)
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        var words = (first.littleEndian, second.littleEndian, third.littleEndian)
        // count <= 20 of the 24 bytes, all of them initialised.
        return unsafe withUnsafeBytes(of: &words) { bytes in
            unsafe body(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        }
    }

    /// Calls `body` with the decimal text of `value`.
    @inline(__always)
    static func withDecimalBytes<Result>(_ value: Int64, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe DecimalText(value).withBytes(body)
    }

    /// Calls `body` with the decimal text of `value`.
    @inline(__always)
    static func withDecimalBytes<Result>(_ value: UInt64, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe DecimalText(value).withBytes(body)
    }
}
