/// Words as the hash reads them: the byte at the lowest address is the least significant, on every machine.
///
/// Claim: no load leaves the buffer. Because every caller names its bound: an offset it has compared with `count`
/// (each path of `XXH3` states its range of lengths). If that broke, the sanitizer run of the length tests would
/// stop, and a debug build traps: the buffer's own loads check their bounds there, which is why they are used
/// instead of the bare pointer's.
extension UnsafeRawBufferPointer {
    /// The eight bytes at `offset`, which need no alignment.
    @inline(__always)
    func word64(at offset: Int) -> UInt64 {
        // Safe as long as offset + 8 <= count: the claim above.
        unsafe UInt64(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// The four bytes at `offset`, widened.
    @inline(__always)
    func word32(at offset: Int) -> UInt64 {
        // Safe as long as offset + 4 <= count: the claim above.
        unsafe UInt64(UInt32(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    }

    /// The byte at `offset`, widened.
    @inline(__always)
    func byte(at offset: Int) -> UInt64 {
        // Safe as long as offset < count: the claim above.
        unsafe UInt64(loadUnaligned(fromByteOffset: offset, as: UInt8.self))
    }
}
