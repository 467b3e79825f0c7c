/// HMAC-SHA256 (RFC 2104) under one key.
///
/// The key costs its two compressions once, here. A message of n bytes then costs the compressions of n + 9 bytes
/// and one more: up to 55 bytes two, up to 119 three. No allocation, no reference counting.
struct HMACSHA256 {
    private let inner: SHA256.State
    private let outer: SHA256.State

    /// A key of any length; one over 64 bytes stands for its digest, as the standard says.
    init(key: UnsafeRawBufferPointer) {
        var block = SHA256.Block()
        if key.count > SHA256.Block.size {
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

    /// The tag of a message that is all there.
    func tag(of message: UnsafeRawBufferPointer) -> SHA256.Digest {
        var context = begin()
        unsafe context.update(message)
        return context.finalize()
    }

    /// A message to be fed in pieces.
    @inline(__always)
    func begin() -> Context { Context(inner: inner, outer: outer) }

    private static func state(after block: SHA256.Block, maskedBy mask: UInt64) -> SHA256.State {
        var masked = block.xored(with: mask)
        var state = SHA256.State.initial
        unsafe masked.withBytes { bytes in unsafe state.compress(bytes) }
        return state
    }
}

extension HMACSHA256 {
    /// Whether two tags of 16 bytes are equal, in a time that does not depend on where they differ.
    ///
    /// Why it matters: whoever can time a comparison that stops at the first difference finds a valid tag byte by byte,
    /// in 16 times 256 tries. Here both words are always read and their differences joined before the only test. The
    /// language promises no timing, so the argument does not rest on that alone: the values are two whole words, and even
    /// an optimiser that tested them one by one would tell only whether all 64 bits of one are right, at 2^63
    /// tries a hit.
    @inline(__always)
    static func isEqual16(_ left: (UInt64, UInt64), _ right: (UInt64, UInt64)) -> Bool {
        ((left.0 ^ right.0) | (left.1 ^ right.1)) == 0
    }
}
