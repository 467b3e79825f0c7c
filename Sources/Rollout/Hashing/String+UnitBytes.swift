extension String {
    /// Calls `body` with the string's UTF-8 bytes, as they are.
    ///
    /// A native string costs no copy: its storage, or for up to 15 bytes a spill of the two words it consists of. Only
    /// a string bridged from elsewhere (Objective-C on Apple systems) is copied first, which allocates.
    ///
    /// `utf8.withContiguousStorageIfAvailable` comes first because it borrows: `withUTF8` needs a mutable copy, which
    /// was measured several times slower than the hash itself. A hash alone is `XXH3.hash`, which is
    /// inlined where this calls its closure.
    @inline(__always)
    func withUnitBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        // The buffer is used inside the closure only, as its owner asks.
        let result = unsafe utf8.withContiguousStorageIfAvailable { bytes in
            unsafe body(UnsafeRawBufferPointer(bytes))
        }
        if let result { return result }
        return unsafe withCopiedUnitBytes(body)
    }

    @inline(never)
    private func withCopiedUnitBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        var native = self
        // The buffer is used inside the closure only, as its owner asks.
        return native.withUTF8 { bytes in unsafe body(UnsafeRawBufferPointer(bytes)) }
    }
}
