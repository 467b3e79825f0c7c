/// The 64 bytes that a hash takes at once, as a value on the stack.
struct MessageBlock {
    static var size: Int { 64 }

    /// Room for the bytes, in their order in memory; the words mean nothing as numbers.
    private var storage: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)

    /// Puts bytes at the start of a block of zeros, and the first byte of the padding behind them. By words, because a call that
    /// copies a few bytes takes longer than that.
    ///
    /// - Precondition: there are fewer than 64 bytes.
    @inline(__always)
    mutating func begin(with bytes: UnsafeRawBufferPointer) {
        // A debug build checks each store against the block's 64 bytes.
        unsafe withUnsafeMutableBytes(of: &storage) { block in
            var place = 0
            while bytes.count &- place >= 8 {
                unsafe block.storeBytes(of: bytes.word64(at: place).littleEndian, toByteOffset: place, as: UInt64.self)
                place &+= 8
            }
            // Fewer than eight bytes are left, so that one more has room in their word.
            let rest = unsafe place < bytes.count ? bytes.rest(from: place) : 0
            let last = rest | 0x80 &<< UInt64(truncatingIfNeeded: 8 &* (bytes.count &- place))
            unsafe block.storeBytes(of: last.littleEndian, toByteOffset: place, as: UInt64.self)
        }
    }

    /// Copies `bytes` to `offset`.
    ///
    /// - Precondition: they fit.
    @inline(__always)
    mutating func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
        // The destination is a slice by range, which traps if it would leave the block. So the copy is safe even if a
        // caller breaks the precondition.
        unsafe withUnsafeMutableBytes(of: &storage) { block in
            let place = unsafe UnsafeMutableRawBufferPointer(rebasing: block[offset..<(offset + bytes.count)])
            unsafe place.copyMemory(from: bytes)
        }
    }

    /// Puts a digest at the start.
    mutating func write(_ digest: SHA256.Digest) {
        storage.0 = digest.words.0.bigEndian
        storage.1 = digest.words.1.bigEndian
        storage.2 = digest.words.2.bigEndian
        storage.3 = digest.words.3.bigEndian
    }

    /// The block with `mask` laid over every eight bytes of it.
    func xored(with mask: UInt64) -> MessageBlock {
        var block = self
        block.storage.0 ^= mask
        block.storage.1 ^= mask
        block.storage.2 ^= mask
        block.storage.3 ^= mask
        block.storage.4 ^= mask
        block.storage.5 ^= mask
        block.storage.6 ^= mask
        block.storage.7 ^= mask
        return block
    }

    /// Sets the first byte of the padding at `offset`, and clears the rest, which is left over from an earlier block.
    mutating func terminate(at offset: Int) {
        // offset < 64, because it is a remainder by 64; debug builds check each subscript against the block's 64 bytes.
        unsafe withUnsafeMutableBytes(of: &storage) { block in
            unsafe block[offset] = 0x80
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: block[(offset + 1)...])
            unsafe rest.initializeMemory(as: UInt8.self, repeating: 0)
        }
    }

    /// Sets the last eight bytes, in the order that the word has in memory.
    mutating func setLastWord(_ word: UInt64) { storage.7 = word }

    @inline(__always)
    mutating func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        // The pointer is used inside the closure only.
        unsafe withUnsafeBytes(of: &storage) { bytes in unsafe body(bytes) }
    }
}
