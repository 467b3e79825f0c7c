/// SHA-1 (FIPS 180-4). It is here for compatibility only: messages with one SHA-1 have been made, so it protects nothing.
struct SHA1: BlockHash {
    private var a: UInt32 = 0x6745_2301
    private var b: UInt32 = 0xEFCD_AB89
    private var c: UInt32 = 0x98BA_DCFE
    private var d: UInt32 = 0x1032_5476
    private var e: UInt32 = 0xC3D2_E1F0

    static func lastWord(bits: UInt64) -> UInt64 { bits.bigEndian }

    var leadingBits: LeadingBits {
        LeadingBits(high: UInt64(a) &<< 32 | UInt64(b), low: UInt64(c) &<< 32 | UInt64(d))
    }

    /// Mixes in a block.
    @inline(never)
    mutating func absorb(_ bytes: UnsafeRawBufferPointer) {
        unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 80) { schedule in
            // Every load is within the 64 bytes of the precondition, and every place of the schedule below 80.
            for place in 0..<16 {
                unsafe schedule[place] = UInt32(truncatingIfNeeded: bytes.word32(at: 4 &* place)).byteSwapped
            }
            for place in 16..<80 {
                let sum =
                    unsafe schedule[place &- 3] ^ schedule[place &- 8] ^ schedule[place &- 14] ^ schedule[place &- 16]
                unsafe schedule[place] = Self.turned(sum, 1)
            }
            let before = self
            for place in 0..<20 { unsafe round(d ^ (b & (c ^ d)), schedule[place] &+ 0x5A82_7999) }
            for place in 20..<40 { unsafe round(b ^ c ^ d, schedule[place] &+ 0x6ED9_EBA1) }
            for place in 40..<60 { unsafe round((b & c) | (d & (b | c)), schedule[place] &+ 0x8F1B_BCDC) }
            for place in 60..<80 { unsafe round(b ^ c ^ d, schedule[place] &+ 0xCA62_C1D6) }
            a &+= before.a
            b &+= before.b
            c &+= before.c
            d &+= before.d
            e &+= before.e
        }
    }

    @inline(__always)
    private mutating func round(_ mixed: UInt32, _ keyedWord: UInt32) {
        let sum = Self.turned(a, 5) &+ mixed &+ e &+ keyedWord
        (e, d, c, b, a) = (d, c, Self.turned(b, 30), a, sum)
    }

    /// `word` turned to the left.
    @inline(__always)
    private static func turned(_ word: UInt32, _ distance: UInt32) -> UInt32 {
        word &<< distance | word &>> (32 &- distance)
    }
}
