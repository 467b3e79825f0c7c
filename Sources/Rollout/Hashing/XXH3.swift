/// XXH3-64 with seed 0 and the default secret: the hash of the contract, which every language has.
///
/// The result is a function of the bytes alone: of neither their alignment nor the machine's byte order. Hashing
/// allocates nothing and counts no references. Up to 128 bytes, which is every usual unit, the code is straight-line
/// and inlined into its caller; longer inputs leave for functions of their own.
@usableFromInline
enum XXH3 {
    /// The hash of `bytes`.
    ///
    /// - Complexity: O(n), without allocation.
    @inline(__always)
    static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        if bytes.count <= 16 { return unsafe hashUpTo16(bytes) }
        if bytes.count <= 128 { return unsafe hash17To128(bytes) }
        if bytes.count <= 240 { return unsafe hash129To240(bytes) }
        return unsafe hashOver240(bytes)
    }

    /// The hash of the text's UTF-8 bytes; no normalisation, nothing trimmed.
    ///
    /// A local function and not a closure, because only a function can ask to be inlined: the standard library calls it
    /// in two places, for a small string and for a stored one, and each then keeps only its own lengths.
    @inline(__always)
    static func hash(_ text: String) -> UInt64 {
        @inline(__always)
        func hashed(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 { unsafe hash(UnsafeRawBufferPointer(bytes)) }
        if let hash = unsafe text.utf8.withContiguousStorageIfAvailable(hashed) { return hash }
        return hashOfCopy(text)
    }

    /// The hash of a string whose bytes are elsewhere, bridged from Objective-C.
    @inline(never)
    private static func hashOfCopy(_ text: String) -> UInt64 {
        unsafe text.withUnitBytes { bytes in unsafe hash(bytes) }
    }
}
