/// MurmurHash2, 32 bits, by Austin Appleby. It begins with the length of the message.
struct Murmur2: BlockHash {
    private static var multiplier: UInt32 { 0x5BD1_E995 }

    private var hash: UInt32

    init(seed: UInt32, count: Int) { hash = seed ^ UInt32(truncatingIfNeeded: count) }

    @inline(__always)
    mutating func absorb(_ bytes: UnsafeRawBufferPointer) {
        // 16 loads of four bytes each, which are the 64 bytes of the precondition.
        for place in 0..<16 { unsafe mix(UInt32(truncatingIfNeeded: bytes.word32(at: 4 &* place))) }
    }

    @inline(__always)
    consuming func end(_ rest: UnsafeRawBufferPointer, count: Int) -> UInt32 {
        let place = unsafe rest.forEachWord32 { word in mix(word) }
        if place < rest.count {
            unsafe hash ^= rest.tail(from: place)
            hash &*= Self.multiplier
        }
        hash ^= hash &>> 13
        hash &*= Self.multiplier
        return hash ^ hash &>> 15
    }

    @inline(__always)
    private mutating func mix(_ word: UInt32) {
        var word = word &* Self.multiplier
        word ^= word &>> 24
        hash = hash &* Self.multiplier ^ word &* Self.multiplier
    }
}
