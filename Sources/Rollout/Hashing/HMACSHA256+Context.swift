extension HMACSHA256 {
    /// A message on its way to its tag, put together from pieces without a buffer for the whole.
    ///
    /// Pieces leave no trace of where they were cut: a caller that joins texts of variable length says their lengths
    /// too.
    struct Context {
        private var message: SHA256
        private let outer: SHA256.State

        init(inner: SHA256.State, outer: SHA256.State) {
            message = SHA256(resuming: inner, after: 64)
            self.outer = outer
        }

        /// Adds one byte.
        mutating func update(_ byte: UInt8) { message.update(byte) }

        /// Adds four bytes, the most significant first.
        mutating func update(_ word: UInt32) { message.update(word) }

        /// Adds eight bytes, the most significant first.
        mutating func update(_ word: UInt64) { message.update(word) }

        /// Adds bytes.
        mutating func update(_ bytes: UnsafeRawBufferPointer) { unsafe message.update(bytes) }

        /// The tag of all pieces so far.
        consuming func finalize() -> SHA256.Digest {
            var block = SHA256.Block()
            block.write(message.finalize())
            block.terminate(at: 32)
            block.setBitCount((64 + 32) * 8)
            var state = outer
            unsafe block.withBytes { bytes in unsafe state.compress(bytes) }
            return SHA256.Digest(state)
        }
    }
}
