/// MurmurHash3_x86_32 by Austin Appleby.
struct Murmur3: WordHash {
    private var hash: UInt32

    init(seed: UInt32) { hash = seed }

    @inline(__always)
    consuming func end(_ rest: UInt32, count: Int) -> UInt32 {
        hash ^= Self.scrambled(rest)
        hash ^= UInt32(truncatingIfNeeded: count)
        hash ^= hash &>> 16
        hash &*= 0x85EB_CA6B
        hash ^= hash &>> 13
        hash &*= 0xC2B2_AE35
        return hash ^ hash &>> 16
    }

    @inline(__always)
    mutating func mix(_ word: UInt32) {
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
