/// A hash that takes its message in blocks of 64 bytes.
protocol BlockHash {
    associatedtype Value

    /// Takes a whole block.
    ///
    /// - Precondition: there are at least 64 bytes.
    mutating func absorb(_ bytes: UnsafeRawBufferPointer)

    /// Takes the last `count % 64` bytes of a message of `count` bytes, and returns the hash.
    consuming func end(_ rest: UnsafeRawBufferPointer, count: Int) -> Value
}

/// A message that comes in pieces.
protocol MessagePieces {
    /// Adds bytes.
    mutating func append(_ bytes: UnsafeRawBufferPointer)

    /// Adds the first bytes of a word, the least significant one first: one to eight.
    mutating func append(_ word: UInt64, count: Int)
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
    consuming func end() -> Hash.Value {
        let (hash, pending, count) = (hash, pending, count)
        var block = block
        // pending < 64, which the slice checks all the same.
        return unsafe block.withBytes { bytes in
            unsafe hash.end(UnsafeRawBufferPointer(rebasing: bytes[..<pending]), count: count)
        }
    }
}

extension BlockHash {
    /// The hash of a message that lies in one piece. No byte of it is copied, but for what a digest needs in its last block.
    @inline(__always)
    consuming func value(of message: UnsafeRawBufferPointer) -> Value {
        var rest = unsafe message
        while rest.count >= MessageBlock.size {
            // `rest` has at least the 64 bytes that `absorb` reads.
            unsafe absorb(rest)
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[MessageBlock.size...])
        }
        return unsafe end(rest, count: message.count)
    }
}

/// A digest of the family of MD4: each block changes a state, and the last blocks hold the padding and the length.
protocol DigestState: BlockHash where Value == LeadingBits {
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

extension DigestState {
    /// Ends the message: its bytes are followed by a bit 1, zeros, and the number of its bits in the last eight bytes of a block.
    @inline(__always)
    mutating func compressLast(_ block: inout MessageBlock, count: UInt64) {
        let pending = Int(truncatingIfNeeded: count & 63)
        block.terminate(at: pending)
        if pending >= MessageBlock.size - 8 {
            unsafe block.withBytes { bytes in unsafe absorb(bytes) }
            block = MessageBlock()
        }
        block.setLastWord(Self.lastWord(bits: count &<< 3))
        unsafe block.withBytes { bytes in unsafe absorb(bytes) }
    }

    @inline(__always)
    consuming func end(_ rest: UnsafeRawBufferPointer, count: Int) -> LeadingBits {
        var block = MessageBlock()
        unsafe block.write(rest, at: 0)
        compressLast(&block, count: UInt64(truncatingIfNeeded: count))
        return leadingBits
    }
}

extension SHA256.State: DigestState {
    mutating func absorb(_ bytes: UnsafeRawBufferPointer) { unsafe compress(bytes) }

    static func lastWord(bits: UInt64) -> UInt64 { bits.bigEndian }

    var leadingBits: LeadingBits {
        let words = SHA256.Digest(self).first16Bytes
        return LeadingBits(high: words.0, low: words.1)
    }
}
