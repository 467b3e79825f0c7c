/// MD5 (RFC 1321). It is here for compatibility only: two messages with one MD5 are found in seconds, so it protects nothing.
struct MD5: BlockHash {
    private var a: UInt32 = 0x6745_2301
    private var b: UInt32 = 0xEFCD_AB89
    private var c: UInt32 = 0x98BA_DCFE
    private var d: UInt32 = 0x1032_5476

    static func lastWord(bits: UInt64) -> UInt64 { bits.littleEndian }

    var leadingBits: LeadingBits {
        LeadingBits(
            high: UInt64(a.byteSwapped) &<< 32 | UInt64(b.byteSwapped),
            low: UInt64(c.byteSwapped) &<< 32 | UInt64(d.byteSwapped)
        )
    }

    /// Mixes in a block. All 64 steps are written out, as in the standard: the constants are immediates of the instructions.
    @inline(never)
    mutating func absorb(_ bytes: UnsafeRawBufferPointer) {
        // Every load is within the 64 bytes of the precondition: its offset is four times one of 0 ... 15.
        let before = self
        func word(_ place: Int) -> UInt32 { unsafe UInt32(truncatingIfNeeded: bytes.word32(at: 4 &* place)) }

        Self.step(&a, b, Self.choice(b, c, d), word(0) &+ 0xD76A_A478, 7)
        Self.step(&d, a, Self.choice(a, b, c), word(1) &+ 0xE8C7_B756, 12)
        Self.step(&c, d, Self.choice(d, a, b), word(2) &+ 0x2420_70DB, 17)
        Self.step(&b, c, Self.choice(c, d, a), word(3) &+ 0xC1BD_CEEE, 22)
        Self.step(&a, b, Self.choice(b, c, d), word(4) &+ 0xF57C_0FAF, 7)
        Self.step(&d, a, Self.choice(a, b, c), word(5) &+ 0x4787_C62A, 12)
        Self.step(&c, d, Self.choice(d, a, b), word(6) &+ 0xA830_4613, 17)
        Self.step(&b, c, Self.choice(c, d, a), word(7) &+ 0xFD46_9501, 22)
        Self.step(&a, b, Self.choice(b, c, d), word(8) &+ 0x6980_98D8, 7)
        Self.step(&d, a, Self.choice(a, b, c), word(9) &+ 0x8B44_F7AF, 12)
        Self.step(&c, d, Self.choice(d, a, b), word(10) &+ 0xFFFF_5BB1, 17)
        Self.step(&b, c, Self.choice(c, d, a), word(11) &+ 0x895C_D7BE, 22)
        Self.step(&a, b, Self.choice(b, c, d), word(12) &+ 0x6B90_1122, 7)
        Self.step(&d, a, Self.choice(a, b, c), word(13) &+ 0xFD98_7193, 12)
        Self.step(&c, d, Self.choice(d, a, b), word(14) &+ 0xA679_438E, 17)
        Self.step(&b, c, Self.choice(c, d, a), word(15) &+ 0x49B4_0821, 22)

        Self.step(&a, b, Self.choice(d, b, c), word(1) &+ 0xF61E_2562, 5)
        Self.step(&d, a, Self.choice(c, a, b), word(6) &+ 0xC040_B340, 9)
        Self.step(&c, d, Self.choice(b, d, a), word(11) &+ 0x265E_5A51, 14)
        Self.step(&b, c, Self.choice(a, c, d), word(0) &+ 0xE9B6_C7AA, 20)
        Self.step(&a, b, Self.choice(d, b, c), word(5) &+ 0xD62F_105D, 5)
        Self.step(&d, a, Self.choice(c, a, b), word(10) &+ 0x0244_1453, 9)
        Self.step(&c, d, Self.choice(b, d, a), word(15) &+ 0xD8A1_E681, 14)
        Self.step(&b, c, Self.choice(a, c, d), word(4) &+ 0xE7D3_FBC8, 20)
        Self.step(&a, b, Self.choice(d, b, c), word(9) &+ 0x21E1_CDE6, 5)
        Self.step(&d, a, Self.choice(c, a, b), word(14) &+ 0xC337_07D6, 9)
        Self.step(&c, d, Self.choice(b, d, a), word(3) &+ 0xF4D5_0D87, 14)
        Self.step(&b, c, Self.choice(a, c, d), word(8) &+ 0x455A_14ED, 20)
        Self.step(&a, b, Self.choice(d, b, c), word(13) &+ 0xA9E3_E905, 5)
        Self.step(&d, a, Self.choice(c, a, b), word(2) &+ 0xFCEF_A3F8, 9)
        Self.step(&c, d, Self.choice(b, d, a), word(7) &+ 0x676F_02D9, 14)
        Self.step(&b, c, Self.choice(a, c, d), word(12) &+ 0x8D2A_4C8A, 20)

        Self.step(&a, b, b ^ c ^ d, word(5) &+ 0xFFFA_3942, 4)
        Self.step(&d, a, a ^ b ^ c, word(8) &+ 0x8771_F681, 11)
        Self.step(&c, d, d ^ a ^ b, word(11) &+ 0x6D9D_6122, 16)
        Self.step(&b, c, c ^ d ^ a, word(14) &+ 0xFDE5_380C, 23)
        Self.step(&a, b, b ^ c ^ d, word(1) &+ 0xA4BE_EA44, 4)
        Self.step(&d, a, a ^ b ^ c, word(4) &+ 0x4BDE_CFA9, 11)
        Self.step(&c, d, d ^ a ^ b, word(7) &+ 0xF6BB_4B60, 16)
        Self.step(&b, c, c ^ d ^ a, word(10) &+ 0xBEBF_BC70, 23)
        Self.step(&a, b, b ^ c ^ d, word(13) &+ 0x289B_7EC6, 4)
        Self.step(&d, a, a ^ b ^ c, word(0) &+ 0xEAA1_27FA, 11)
        Self.step(&c, d, d ^ a ^ b, word(3) &+ 0xD4EF_3085, 16)
        Self.step(&b, c, c ^ d ^ a, word(6) &+ 0x0488_1D05, 23)
        Self.step(&a, b, b ^ c ^ d, word(9) &+ 0xD9D4_D039, 4)
        Self.step(&d, a, a ^ b ^ c, word(12) &+ 0xE6DB_99E5, 11)
        Self.step(&c, d, d ^ a ^ b, word(15) &+ 0x1FA2_7CF8, 16)
        Self.step(&b, c, c ^ d ^ a, word(2) &+ 0xC4AC_5665, 23)

        Self.step(&a, b, c ^ (b | ~d), word(0) &+ 0xF429_2244, 6)
        Self.step(&d, a, b ^ (a | ~c), word(7) &+ 0x432A_FF97, 10)
        Self.step(&c, d, a ^ (d | ~b), word(14) &+ 0xAB94_23A7, 15)
        Self.step(&b, c, d ^ (c | ~a), word(5) &+ 0xFC93_A039, 21)
        Self.step(&a, b, c ^ (b | ~d), word(12) &+ 0x655B_59C3, 6)
        Self.step(&d, a, b ^ (a | ~c), word(3) &+ 0x8F0C_CC92, 10)
        Self.step(&c, d, a ^ (d | ~b), word(10) &+ 0xFFEF_F47D, 15)
        Self.step(&b, c, d ^ (c | ~a), word(1) &+ 0x8584_5DD1, 21)
        Self.step(&a, b, c ^ (b | ~d), word(8) &+ 0x6FA8_7E4F, 6)
        Self.step(&d, a, b ^ (a | ~c), word(15) &+ 0xFE2C_E6E0, 10)
        Self.step(&c, d, a ^ (d | ~b), word(6) &+ 0xA301_4314, 15)
        Self.step(&b, c, d ^ (c | ~a), word(13) &+ 0x4E08_11A1, 21)
        Self.step(&a, b, c ^ (b | ~d), word(4) &+ 0xF753_7E82, 6)
        Self.step(&d, a, b ^ (a | ~c), word(11) &+ 0xBD3A_F235, 10)
        Self.step(&c, d, a ^ (d | ~b), word(2) &+ 0x2AD7_D2BB, 15)
        Self.step(&b, c, d ^ (c | ~a), word(9) &+ 0xEB86_D391, 21)

        a &+= before.a
        b &+= before.b
        c &+= before.c
        d &+= before.d
    }

    @inline(__always)
    private static func step(
        _ a: inout UInt32,
        _ b: UInt32,
        _ mixed: UInt32,
        _ word: UInt32,
        _ distance: UInt32
    ) {
        let sum = a &+ mixed &+ word
        a = b &+ (sum &<< distance | sum &>> (32 &- distance))
    }

    /// The bits of `yes` where `which` has ones, and those of `no` where it has zeros.
    @inline(__always)
    private static func choice(_ which: UInt32, _ yes: UInt32, _ no: UInt32) -> UInt32 { no ^ (which & (yes ^ no)) }
}
