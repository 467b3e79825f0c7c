/// A hash that takes words of 32 bits, and at the end up to three bytes.
protocol WordHash {
    /// Takes four bytes, the first one in the lowest bits.
    mutating func mix(_ word: UInt32)

    /// Takes the last `count % 4` bytes of a message of `count` bytes, the first one in the lowest bits, and returns the hash.
    consuming func end(_ rest: UInt32, count: Int) -> UInt32
}

/// Cuts a message that comes in pieces into words for a hash. Nothing is copied: what does not fill a word waits in a register.
struct WordFeed<Hash: WordHash>: StreamedHash {
    private var hash: Hash
    /// Up to three bytes that wait, the first one in the lowest bits.
    private var pending: UInt64 = 0
    private var count = 0

    @inline(__always)
    init(_ hash: Hash) { self.hash = hash }

    var value: UInt32 {
        @inline(__always) get { hash.end(UInt32(truncatingIfNeeded: pending), count: count) }
    }

    /// How many bits wait: 0, 8, 16 or 24.
    private var pendingBits: UInt64 {
        @inline(__always) get { UInt64(truncatingIfNeeded: count & 3) &* 8 }
    }

    @inline(__always)
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        let bits = pendingBits
        var place = 0
        while bytes.count &- place >= 8 {
            let word = unsafe bytes.word64(at: place)
            mixBoth(pending | word &<< bits)
            pending = Self.shifted(word, outBy: bits)
            place &+= 8
        }
        count &+= place
        if place < bytes.count { unsafe append(bytes.rest(from: place), count: bytes.count &- place) }
    }

    @inline(__always)
    mutating func append(_ word: UInt64, count added: Int) {
        let bits = pendingBits
        pending |= word &<< bits
        count &+= added
        let waiting = bits &+ 8 &* UInt64(truncatingIfNeeded: added)
        if waiting >= 64 {
            mixBoth(pending)
            pending = Self.shifted(word, outBy: bits)
        } else if waiting >= 32 {
            hash.mix(UInt32(truncatingIfNeeded: pending))
            pending = pending &>> 32
        }
    }

    @inline(__always)
    private mutating func mixBoth(_ words: UInt64) {
        hash.mix(UInt32(truncatingIfNeeded: words))
        hash.mix(UInt32(truncatingIfNeeded: words &>> 32))
    }

    /// What leaves a word at its upper end if it is shifted by so many bits, fewer than 64. By two shifts, because one by 64 is none.
    @inline(__always)
    private static func shifted(_ word: UInt64, outBy bits: UInt64) -> UInt64 { (word &>> 1) &>> (63 &- bits) }
}
