/// A digest of the family of MD4: each block of 64 bytes changes a state, and the last blocks hold the padding and the length.
protocol BlockHash {
    /// Takes a whole block.
    ///
    /// - Precondition: there are at least 64 bytes.
    mutating func absorb(_ bytes: UnsafeRawBufferPointer)

    /// The number of the message's bits as the last eight bytes of the last block, in their order in memory.
    static func lastWord(bits: UInt64) -> UInt64

    /// The first 128 bits of the digest that the state is.
    var leadingBits: LeadingBits { get }
}

/// The first 128 bits of a digest, the first of them the most significant.
struct LeadingBits: Equatable {
    let high: UInt64
    let low: UInt64
}

/// A message that comes in pieces.
protocol MessagePieces {
    /// Adds bytes.
    mutating func append(_ bytes: UnsafeRawBufferPointer)

    /// Adds the first bytes of a word, the least significant one first: one to eight. The others are 0.
    mutating func append(_ word: UInt64, count: Int)
}

/// A hash of 32 bits that takes pieces of any length, and needs no block.
protocol StreamedHash: MessagePieces {
    /// The hash of all that was added.
    var value: UInt32 { get }
}

/// Cuts a message that comes in pieces into blocks for a hash. It lives on the stack, whatever the length of the message.
struct BlockFeed<Hash: BlockHash>: MessagePieces {
    private var hash: Hash
    private var block = MessageBlock()
    private var count = 0

    @inline(__always)
    init(_ hash: Hash) { self.hash = hash }

    private var pending: Int { count & (MessageBlock.size &- 1) }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        var rest = unsafe bytes
        while rest.count >= MessageBlock.size &- pending {
            let room = MessageBlock.size &- pending
            // room <= rest.count. Both slices are checked all the same.
            unsafe block.write(UnsafeRawBufferPointer(rebasing: rest[..<room]), at: pending)
            unsafe block.withBytes { block in unsafe hash.absorb(block) }
            count &+= room
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[room...])
        }
        unsafe block.write(rest, at: pending)
        count &+= rest.count
    }

    mutating func append(_ word: UInt64, count: Int) {
        unsafe withUnsafeBytes(of: word.littleEndian) { bytes in
            // The slice is checked against the word's eight bytes.
            unsafe append(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        }
    }

    /// The hash of all that was added.
    consuming func end() -> LeadingBits {
        let (hash, pending, count) = (hash, pending, count)
        var block = block
        // pending < 64, which the slice checks all the same.
        return unsafe block.withBytes { bytes in
            unsafe hash.end(UnsafeRawBufferPointer(rebasing: bytes[..<pending]), count: count)
        }
    }
}

extension BlockHash {
    /// The hash of a message that lies in one piece. No byte of it is copied, but for those in its last block.
    @inline(__always)
    consuming func value(of message: UnsafeRawBufferPointer) -> LeadingBits {
        var rest = unsafe message
        while rest.count >= MessageBlock.size {
            // `rest` has at least the 64 bytes that `absorb` reads.
            unsafe absorb(rest)
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[MessageBlock.size...])
        }
        return unsafe end(rest, count: message.count)
    }
}

extension BlockHash {
    /// Ends the message: its bytes are followed by a bit 1, zeros, and the number of its bits in the last eight bytes of a block.
    @inline(__always)
    mutating func compressLast(_ block: inout MessageBlock, count: UInt64) {
        block.terminate(at: Int(truncatingIfNeeded: count & 63))
        compressTerminated(&block, count: count)
    }

    /// Ends the message if the bit 1 follows its bytes already.
    @inline(__always)
    private mutating func compressTerminated(_ block: inout MessageBlock, count: UInt64) {
        if count & 63 >= MessageBlock.size - 8 {
            unsafe block.withBytes { bytes in unsafe absorb(bytes) }
            block = MessageBlock()
        }
        block.setLastWord(Self.lastWord(bits: count &<< 3))
        unsafe block.withBytes { bytes in unsafe absorb(bytes) }
    }

    /// Takes the last `count % 64` bytes of a message of `count` bytes, and returns the hash.
    @inline(__always)
    consuming func end(_ rest: UnsafeRawBufferPointer, count: Int) -> LeadingBits {
        var block = MessageBlock()
        unsafe block.begin(with: rest)
        compressTerminated(&block, count: UInt64(truncatingIfNeeded: count))
        return leadingBits
    }
}

extension SHA256.State: BlockHash {
    mutating func absorb(_ bytes: UnsafeRawBufferPointer) { unsafe compress(bytes) }

    static func lastWord(bits: UInt64) -> UInt64 { bits.bigEndian }

    var leadingBits: LeadingBits {
        let words = SHA256.Digest(self).first16Bytes
        return LeadingBits(high: words.0, low: words.1)
    }
}
