/// SHA-256 (FIPS 180-4), fed in pieces.
///
/// A value of 104 bytes that lives on the stack: no allocation and no reference counting, wherever the pieces are cut.
struct SHA256 {
    private var state: State
    /// The bytes of the block that is not full yet, in their order in memory.
    private var block = Block()
    /// How many bytes there were so far; its remainder by 64 is how many of them wait in `block`.
    private var count: UInt64

    /// The hash of nothing yet.
    init() { self.init(resuming: .initial, after: 0) }

    /// Goes on from a state reached after `count` bytes.
    ///
    /// - Precondition: `count` is a multiple of the block size.
    init(resuming state: State, after count: UInt64) {
        assert(count % 64 == 0, "a state is known at the end of a block only, not after \(count) bytes")
        self.state = state
        self.count = count
    }

    /// Adds bytes.
    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var rest = unsafe bytes
        let pending = pendingCount
        count &+= UInt64(truncatingIfNeeded: bytes.count)
        if pending > 0 {
            let taken = Swift.min(Block.size &- pending, bytes.count)
            // taken <= bytes.count, and pending + taken <= 64; both slices are checked all the same.
            unsafe block.write(UnsafeRawBufferPointer(rebasing: bytes[..<taken]), at: pending)
            guard pending &+ taken == Block.size else { return }
            compressBlock()
            unsafe rest = UnsafeRawBufferPointer(rebasing: bytes[taken...])
        }
        while rest.count >= Block.size {
            // Whole blocks are read where they are; rest has at least the 64 bytes `compress` reads.
            unsafe state.compress(rest)
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[Block.size...])
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

    /// The digest of all bytes so far, which ends the hash: a bit 1, zeros, and the count of bits in a block's last
    /// eight bytes.
    consuming func finalize() -> Digest {
        block.terminate(at: pendingCount)
        if pendingCount >= Block.size - 8 {
            compressBlock()
            block = Block()
        }
        block.setBitCount(count &<< 3)
        compressBlock()
        return Digest(state)
    }

    private var pendingCount: Int { Int(truncatingIfNeeded: count & 63) }

    private mutating func compressBlock() {
        unsafe block.withBytes { bytes in unsafe state.compress(bytes) }
    }
}

extension SHA256 {
    /// The digest of bytes that are all there.
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
