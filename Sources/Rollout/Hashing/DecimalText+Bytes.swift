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
}
