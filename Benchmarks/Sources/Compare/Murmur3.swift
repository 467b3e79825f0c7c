/// MurmurHash3_x86_32, as one writes it from its description.
enum Murmur3 {
    static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
        var hash: UInt32 = 0
        var offset = 0
        while offset + 4 <= bytes.count {
            let word = unsafe UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: offset, as: UInt32.self)
            hash = rotated(hash ^ mixed(UInt32(littleEndian: word)), by: 13) &* 5 &+ 0xE654_6B64
            offset += 4
        }
        var tail: UInt32 = 0
        for index in (offset..<bytes.count).reversed() { unsafe tail = tail << 8 | UInt32(bytes[index]) }
        if offset < bytes.count { hash ^= mixed(tail) }
        hash ^= UInt32(truncatingIfNeeded: bytes.count)
        hash = (hash ^ hash >> 16) &* 0x85EB_CA6B
        hash = (hash ^ hash >> 13) &* 0xC2B2_AE35
        return hash ^ hash >> 16
    }

    @inline(__always)
    private static func mixed(_ word: UInt32) -> UInt32 { rotated(word &* 0xCC9E_2D51, by: 15) &* 0x1B87_3593 }

    @inline(__always)
    private static func rotated(_ word: UInt32, by distance: UInt32) -> UInt32 {
        word &<< distance | word &>> (32 &- distance)
    }
}
