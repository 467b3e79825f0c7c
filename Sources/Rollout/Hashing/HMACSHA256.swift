/// HMAC-SHA256 (RFC 2104) under one key.
///
/// The key costs two compressions, once, when this value is made. A message of n bytes then costs the compressions of n + 9
/// bytes and one more: two up to 55 bytes, three up to 119. Tags allocate nothing and count no reference.
struct HMACSHA256 {
    private let inner: SHA256.State
    private let outer: SHA256.State

    /// A key of any length. A key over 64 bytes is replaced by its digest, as the standard says.
    init(key: UnsafeRawBufferPointer) {
        var block = MessageBlock()
        if key.count > MessageBlock.size {
            unsafe block.write(SHA256.digest(key))
        } else {
            unsafe block.write(key, at: 0)
        }
        inner = Self.state(after: block, maskedBy: 0x3636_3636_3636_3636)
        outer = Self.state(after: block, maskedBy: 0x5C5C_5C5C_5C5C_5C5C)
    }

    /// A key of any length.
    init(key: [UInt8]) {
        self = unsafe key.withUnsafeBytes { key in unsafe HMACSHA256(key: key) }
    }

    /// The tag of a whole message.
    func tag(of message: UnsafeRawBufferPointer) -> SHA256.Digest {
        var context = begin()
        unsafe context.update(message)
        return context.finalize()
    }

    /// Begins a message that comes in pieces.
    @inline(__always)
    func begin() -> Context { Context(inner: inner, outer: outer) }

    private static func state(after block: MessageBlock, maskedBy mask: UInt64) -> SHA256.State {
        var masked = block.xored(with: mask)
        var state = SHA256.State.initial
        unsafe masked.withBytes { bytes in unsafe state.compress(bytes) }
        return state
    }
}

extension HMACSHA256 {
    /// Whether two tags of 16 bytes are equal, in a time that does not depend on where they differ.
    ///
    /// This matters because an attacker who can time a comparison that stops at the first difference finds a valid tag byte by
    /// byte, in 16 times 256 tries. Here both words are always read, and their differences are joined before the only test.
    /// The language promises no timing, so the argument does not rest on that alone: even if an optimiser tested the two words
    /// one by one, the time would tell only whether all 64 bits of one word are right, and that takes 2^63 tries on average.
    @inline(__always)
    static func isEqual16(_ left: (UInt64, UInt64), _ right: (UInt64, UInt64)) -> Bool {
        ((left.0 ^ right.0) | (left.1 ^ right.1)) == 0
    }
}

extension HMACSHA256 {
    /// A message that is put together from pieces, without a buffer for the whole.
    ///
    /// The tag does not depend on how the message is cut. So a caller that joins texts of variable length must add their
    /// lengths too.
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
            var block = MessageBlock()
            block.write(message.finalize())
            block.terminate(at: 32)
            block.setLastWord(SHA256.State.lastWord(bits: (64 + 32) * 8))
            var state = outer
            unsafe block.withBytes { bytes in unsafe state.compress(bytes) }
            return SHA256.Digest(state)
        }
    }
}
