/// MurmurHash3_x86_32 by Austin Appleby.
struct Murmur3: BlockHash {
    private var hash: UInt32

    init(seed: UInt32) { hash = seed }

    @inline(__always)
    mutating func absorb(_ bytes: UnsafeRawBufferPointer) {
        // 16 loads of four bytes each, which are the 64 bytes of the precondition.
        for place in 0..<16 { unsafe mix(UInt32(truncatingIfNeeded: bytes.word32(at: 4 &* place))) }
    }

    @inline(__always)
    consuming func end(_ rest: UnsafeRawBufferPointer, count: Int) -> UInt32 {
        let place = unsafe rest.forEachWord32 { word in mix(word) }
        unsafe hash ^= Self.scrambled(rest.tail(from: place))
        hash ^= UInt32(truncatingIfNeeded: count)
        hash ^= hash &>> 16
        hash &*= 0x85EB_CA6B
        hash ^= hash &>> 13
        hash &*= 0xC2B2_AE35
        return hash ^ hash &>> 16
    }

    @inline(__always)
    private mutating func mix(_ word: UInt32) {
        hash ^= Self.scrambled(word)
        hash = (hash &<< 13 | hash &>> 19) &* 5 &+ 0xE654_6B64
    }

    /// A word on its way into the hash; 0 stays 0.
    @inline(__always)
    private static func scrambled(_ word: UInt32) -> UInt32 {
        let product = word &* 0xCC9E_2D51
        return (product &<< 15 | product &>> 17) &* 0x1B87_3593
    }
}
