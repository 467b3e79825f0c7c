/// MurmurHash2, 32 bits, by Austin Appleby. It begins with the length of the message.
struct Murmur2: WordHash {
    private static var multiplier: UInt32 { 0x5BD1_E995 }

    private var hash: UInt32

    init(seed: UInt32, count: Int) { hash = seed ^ UInt32(truncatingIfNeeded: count) }

    @inline(__always)
    consuming func end(_ rest: UInt32, count: Int) -> UInt32 {
        if count & 3 != 0 {
            hash ^= rest
            hash &*= Self.multiplier
        }
        hash ^= hash &>> 13
        hash &*= Self.multiplier
        return hash ^ hash &>> 15
    }

    @inline(__always)
    mutating func mix(_ word: UInt32) {
        var word = word &* Self.multiplier
        word ^= word &>> 24
        hash = hash &* Self.multiplier ^ word &* Self.multiplier
    }
}
