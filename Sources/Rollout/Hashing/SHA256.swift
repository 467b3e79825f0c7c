/// SHA-256 (FIPS 180-4), fed in pieces.
///
/// A value of 104 bytes that lives on the stack. It allocates nothing and counts no reference, no matter how the message is
/// cut into pieces.
struct SHA256 {
    private var state: State
    /// The block that is not full yet.
    private var block = MessageBlock()
    /// How many bytes there were so far. Its remainder by 64 says how many of them wait in `block`.
    private var count: UInt64

    /// A hash of no bytes yet.
    init() { self.init(resuming: .initial, after: 0) }

    /// Goes on from a state reached after `count` bytes.
    ///
    /// - Precondition: `count` is a multiple of the block size.
    init(resuming state: State, after count: UInt64) {
        assert(count % 64 == 0, "a state is known at the end of a block only, not after \(count) bytes")
        self.state = state
        self.count = count
    }

    /// Adds bytes. Most pieces of a message fit in the rest of the block, and are no more than a copy.
    @inline(__always)
    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        let pending = pendingCount
        guard bytes.count < MessageBlock.size &- pending else { return unsafe complete(with: bytes) }
        unsafe block.write(bytes, at: pending)
        count &+= UInt64(truncatingIfNeeded: bytes.count)
    }

    /// Adds bytes that complete the block, and perhaps more blocks.
    ///
    /// - Precondition: there are at least as many bytes as the block lacks.
    @inline(never)
    private mutating func complete(with bytes: UnsafeRawBufferPointer) {
        var rest = unsafe bytes
        let pending = pendingCount
        count &+= UInt64(truncatingIfNeeded: bytes.count)
        if pending > 0 {
            let taken = MessageBlock.size &- pending
            // taken <= bytes.count, and pending + taken == 64. Both slices are checked all the same.
            unsafe block.write(UnsafeRawBufferPointer(rebasing: bytes[..<taken]), at: pending)
            compressBlock()
            unsafe rest = UnsafeRawBufferPointer(rebasing: bytes[taken...])
        }
        while rest.count >= MessageBlock.size {
            // A whole block is not copied. `rest` has at least the 64 bytes that `compress` reads.
            unsafe state.compress(rest)
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[MessageBlock.size...])
        }
        unsafe block.write(rest, at: 0)
    }

    /// Adds one byte.
    mutating func update(_ byte: UInt8) {
        unsafe withUnsafeBytes(of: byte) { bytes in unsafe update(bytes) }
    }

    /// Adds four bytes, the most significant first.
    mutating func update(_ word: UInt32) {
        unsafe withUnsafeBytes(of: word.bigEndian) { bytes in unsafe update(bytes) }
    }

    /// Adds eight bytes, the most significant first.
    mutating func update(_ word: UInt64) {
        unsafe withUnsafeBytes(of: word.bigEndian) { bytes in unsafe update(bytes) }
    }

    /// Ends the hash and returns the digest of all bytes.
    consuming func finalize() -> Digest {
        var (state, block) = (state, block)
        state.compressLast(&block, count: count)
        return Digest(state)
    }

    private var pendingCount: Int { Int(truncatingIfNeeded: count & 63) }

    private mutating func compressBlock() {
        unsafe block.withBytes { bytes in unsafe state.compress(bytes) }
    }
}

extension SHA256 {
    /// The digest of a whole message.
    static func digest(_ bytes: UnsafeRawBufferPointer) -> Digest {
        var hash = SHA256()
        unsafe hash.update(bytes)
        return hash.finalize()
    }

    /// The digest as 32 bytes; allocates them.
    static func digest(_ bytes: [UInt8]) -> [UInt8] {
        unsafe bytes.withUnsafeBytes { bytes in unsafe digest(bytes) }.bytes
    }
}

extension SHA256 {
    /// 32 bytes as four words, the first byte in the first word's most significant bits.
    struct Digest: Equatable {
        let words: (UInt64, UInt64, UInt64, UInt64)

        init(_ state: State) {
            words = (
                Self.joined(state.a, state.b), Self.joined(state.c, state.d),
                Self.joined(state.e, state.f), Self.joined(state.g, state.h)
            )
        }

        /// The first half, if 128 bits are enough.
        var first16Bytes: (UInt64, UInt64) { (words.0, words.1) }

        /// The 32 bytes; allocates them.
        var bytes: [UInt8] {
            [words.0, words.1, words.2, words.3].flatMap { word in
                stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) }
            }
        }

        /// Not in constant time. Compare secret digests by ``HMACSHA256/isEqual16(_:_:)``.
        static func == (left: Digest, right: Digest) -> Bool { left.words == right.words }

        @inline(__always)
        private static func joined(_ high: UInt32, _ low: UInt32) -> UInt64 { UInt64(high) &<< 32 | UInt64(low) }
    }
}
