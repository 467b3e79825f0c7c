extension String {
    /// Calls `body` with the string's UTF-8 bytes, as they are.
    ///
    /// A native string is not copied: the bytes are its storage, or for up to 15 bytes a spill of the two words that it
    /// consists of. Only a string that is bridged from Objective-C on Apple systems is copied first, which allocates.
    ///
    /// `utf8.withContiguousStorageIfAvailable` comes first because it borrows. `withUTF8` needs a mutable copy, which was
    /// measured to be several times slower than the hash itself. For a hash alone use `XXH3.hash`, which is inlined where
    /// this function calls its closure.
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

/// Words as the hash reads them: the byte at the lowest address is the least significant one, on every machine.
///
/// **Claim:** no load leaves the buffer. Because every caller has compared its offset with `count`; each path of `XXH3` states
/// its range of lengths. If that broke, the tests of lengths would trap in a debug build, where the buffer's own loads check
/// their bounds, and stop under the address sanitizer. This is why the buffer's loads are used and not the bare pointer's.
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

    /// The bytes from `offset` on as a word: one to seven, `offset` being a multiple of eight.
    @inline(__always)
    func rest(from offset: Int) -> UInt64 {
        if count >= 8 {
            // The last eight bytes, less those before the offset. The shift is 8 to 56.
            return unsafe word64(at: count &- 8) &>> UInt64(truncatingIfNeeded: (offset &+ 8 &- count) &* 8)
        }
        var rest: UInt64 = 0
        var index = count
        while index > offset {
            index &-= 1
            unsafe rest = rest &<< 8 | byte(at: index)
        }
        return rest
    }

    /// Whether no byte is above 0x7F.
    @inline(__always)
    var isASCII: Bool {
        let others: UInt64 = 0x8080_8080_8080_8080
        guard count >= 8 else { return unsafe isEmpty || rest(from: 0) & others == 0 }
        var offset = 0
        while count &- offset > 16 {
            if unsafe (word64(at: offset) | word64(at: offset &+ 8)) & others != 0 { return false }
            offset &+= 16
        }
        if count &- offset > 8, unsafe word64(at: offset) & others != 0 { return false }
        // The last eight bytes, some of them for the second time.
        return unsafe word64(at: count &- 8) & others == 0
    }

    /// The byte at `offset`, widened.
    @inline(__always)
    func byte(at offset: Int) -> UInt64 {
        // Safe as long as offset < count: the claim above.
        unsafe UInt64(loadUnaligned(fromByteOffset: offset, as: UInt8.self))
    }
}
