extension SHA256 {
    /// The 64 bytes that one compression takes, as a value.
    struct Block {
        static var size: Int { 64 }

        /// Only room: the bytes are in memory order, so the words as such mean nothing.
        private var storage: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)

        /// Copies `bytes` to `offset`.
        ///
        /// - Precondition: they fit.
        @inline(__always)
        mutating func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
            // The destination is a slice by range, which traps where it would leave the block, so the copy is safe
            // even for a caller that breaks the precondition.
            unsafe withUnsafeMutableBytes(of: &storage) { block in
                let place = unsafe UnsafeMutableRawBufferPointer(rebasing: block[offset..<(offset + bytes.count)])
                unsafe place.copyMemory(from: bytes)
            }
        }

        /// Puts a digest at the start.
        mutating func write(_ digest: Digest) {
            storage.0 = digest.words.0.bigEndian
            storage.1 = digest.words.1.bigEndian
            storage.2 = digest.words.2.bigEndian
            storage.3 = digest.words.3.bigEndian
        }

        /// The block with `mask` laid over every eight bytes of it.
        func xored(with mask: UInt64) -> Block {
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

        /// Sets the padding's first byte at `offset` and clears what follows, the remains of an earlier block.
        mutating func terminate(at offset: Int) {
            // Subscripts by position, every one checked against the block's 64 bytes in debug builds; offset < 64
            // because it is a remainder by 64.
            unsafe withUnsafeMutableBytes(of: &storage) { block in
                unsafe block[offset] = 0x80
                let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: block[(offset + 1)...])
                unsafe rest.initializeMemory(as: UInt8.self, repeating: 0)
            }
        }

        mutating func setBitCount(_ count: UInt64) { storage.7 = count.bigEndian }

        @inline(__always)
        mutating func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
            // The pointer is used inside the closure only.
            unsafe withUnsafeBytes(of: &storage) { bytes in unsafe body(bytes) }
        }
    }
}
