/// MurmurHash2, 32 bits, by Austin Appleby. It begins with the length of the message.
struct Murmur2: BlockHash {
    private static var multiplier: UInt32 { 0x5BD1_E995 }

    private var hash: UInt32

    init(seed: UInt32, count: Int) { hash = seed ^ UInt32(truncatingIfNeeded: count) }

    @inline(__always)
    mutating func absorb(_ bytes: UnsafeRawBufferPointer) {
        // 16 loads of four bytes each, which are the 64 bytes of the precondition.
        for place in 0..<16 { unsafe mix(bytes.word32(at: 4 &* place)) }
    }

    @inline(__always)
    consuming func end(_ block: inout MessageBlock, count: Int) -> UInt32 {
        let pending = count & 63
        unsafe block.withBytes { bytes in
            // Whole words before `pending`, and then up to three bytes; pending < 64.
            for place in 0..<(pending &>> 2) { unsafe mix(bytes.word32(at: 4 &* place)) }
            guard pending & 3 > 0 else { return }
            for place in pending & ~3..<pending {
                unsafe hash ^=
                    UInt32(truncatingIfNeeded: bytes.byte(at: place)) &<< UInt32(truncatingIfNeeded: 8 &* (place & 3))
            }
            hash &*= Self.multiplier
        }
        hash ^= hash &>> 13
        hash &*= Self.multiplier
        return hash ^ hash &>> 15
    }

    @inline(__always)
    private mutating func mix(_ word: UInt64) {
        var word = UInt32(truncatingIfNeeded: word) &* Self.multiplier
        word ^= word &>> 24
        hash = hash &* Self.multiplier ^ word &* Self.multiplier
    }
}
