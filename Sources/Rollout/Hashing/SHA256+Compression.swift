extension SHA256 {
    /// The eight words that go from block to block.
    struct State {
        var a, b, c, d, e, f, g, h: UInt32

        /// The fractional parts of the square roots of the first eight primes.
        static var initial: State {
            State(
                a: 0x6A09_E667,
                b: 0xBB67_AE85,
                c: 0x3C6E_F372,
                d: 0xA54F_F53A,
                e: 0x510E_527F,
                f: 0x9B05_688C,
                g: 0x1F83_D9AB,
                h: 0x5BE0_CD19
            )
        }

        /// Mixes in the first 64 bytes.
        ///
        /// All 64 rounds are unrolled. So the words change their roles by name and not by moves, the round constants are
        /// immediates of the instructions, and the schedule is sixteen variables that are renewed in place, not an array of
        /// 64.
        ///
        /// - Precondition: there are at least 64 bytes.
        @inline(never)
        mutating func compress(_ bytes: UnsafeRawBufferPointer) {
            // Every load is within the 64 bytes of the precondition: callers pass a block, or have compared the count.
            var schedule = unsafe Schedule(bytes)
            var next = self
            next.rounds(
                schedule,
                0x428A_2F98,
                0x7137_4491,
                0xB5C0_FBCF,
                0xE9B5_DBA5,
                0x3956_C25B,
                0x59F1_11F1,
                0x923F_82A4,
                0xAB1C_5ED5,
                0xD807_AA98,
                0x1283_5B01,
                0x2431_85BE,
                0x550C_7DC3,
                0x72BE_5D74,
                0x80DE_B1FE,
                0x9BDC_06A7,
                0xC19B_F174
            )
            schedule.renew()
            next.rounds(
                schedule,
                0xE49B_69C1,
                0xEFBE_4786,
                0x0FC1_9DC6,
                0x240C_A1CC,
                0x2DE9_2C6F,
                0x4A74_84AA,
                0x5CB0_A9DC,
                0x76F9_88DA,
                0x983E_5152,
                0xA831_C66D,
                0xB003_27C8,
                0xBF59_7FC7,
                0xC6E0_0BF3,
                0xD5A7_9147,
                0x06CA_6351,
                0x1429_2967
            )
            schedule.renew()
            next.rounds(
                schedule,
                0x27B7_0A85,
                0x2E1B_2138,
                0x4D2C_6DFC,
                0x5338_0D13,
                0x650A_7354,
                0x766A_0ABB,
                0x81C2_C92E,
                0x9272_2C85,
                0xA2BF_E8A1,
                0xA81A_664B,
                0xC24B_8B70,
                0xC76C_51A3,
                0xD192_E819,
                0xD699_0624,
                0xF40E_3585,
                0x106A_A070
            )
            schedule.renew()
            next.rounds(
                schedule,
                0x19A4_C116,
                0x1E37_6C08,
                0x2748_774C,
                0x34B0_BCB5,
                0x391C_0CB3,
                0x4ED8_AA4A,
                0x5B9C_CA4F,
                0x682E_6FF3,
                0x748F_82EE,
                0x78A5_636F,
                0x84C8_7814,
                0x8CC7_0208,
                0x90BE_FFFA,
                0xA450_6CEB,
                0xBEF9_A3F7,
                0xC671_78F2
            )
            a &+= next.a
            b &+= next.b
            c &+= next.c
            d &+= next.d
            e &+= next.e
            f &+= next.f
            g &+= next.g
            h &+= next.h
        }
    }
}

extension SHA256.State {
    /// Sixteen rounds, after which every word has its own name again.
    @inline(__always)
    mutating func rounds(
        _ w: SHA256.Schedule,
        _ k0: UInt32,
        _ k1: UInt32,
        _ k2: UInt32,
        _ k3: UInt32,
        _ k4: UInt32,
        _ k5: UInt32,
        _ k6: UInt32,
        _ k7: UInt32,
        _ k8: UInt32,
        _ k9: UInt32,
        _ k10: UInt32,
        _ k11: UInt32,
        _ k12: UInt32,
        _ k13: UInt32,
        _ k14: UInt32,
        _ k15: UInt32
    ) {
        Self.round(a, b, c, &d, e, f, g, &h, w.w0 &+ k0)
        Self.round(h, a, b, &c, d, e, f, &g, w.w1 &+ k1)
        Self.round(g, h, a, &b, c, d, e, &f, w.w2 &+ k2)
        Self.round(f, g, h, &a, b, c, d, &e, w.w3 &+ k3)
        Self.round(e, f, g, &h, a, b, c, &d, w.w4 &+ k4)
        Self.round(d, e, f, &g, h, a, b, &c, w.w5 &+ k5)
        Self.round(c, d, e, &f, g, h, a, &b, w.w6 &+ k6)
        Self.round(b, c, d, &e, f, g, h, &a, w.w7 &+ k7)
        Self.round(a, b, c, &d, e, f, g, &h, w.w8 &+ k8)
        Self.round(h, a, b, &c, d, e, f, &g, w.w9 &+ k9)
        Self.round(g, h, a, &b, c, d, e, &f, w.w10 &+ k10)
        Self.round(f, g, h, &a, b, c, d, &e, w.w11 &+ k11)
        Self.round(e, f, g, &h, a, b, c, &d, w.w12 &+ k12)
        Self.round(d, e, f, &g, h, a, b, &c, w.w13 &+ k13)
        Self.round(c, d, e, &f, g, h, a, &b, w.w14 &+ k14)
        Self.round(b, c, d, &e, f, g, h, &a, w.w15 &+ k15)
    }

    /// One round. It changes `d` and `h`; the other words only change their roles.
    @inline(__always)
    private static func round(
        _ a: UInt32,
        _ b: UInt32,
        _ c: UInt32,
        _ d: inout UInt32,
        _ e: UInt32,
        _ f: UInt32,
        _ g: UInt32,
        _ h: inout UInt32,
        _ keyedWord: UInt32
    ) {
        // The standard's choice and majority, each with one operation fewer.
        let choice = g ^ (e & (f ^ g))
        let majority = (a & b) | (c & (a | b))
        let sum = h &+ keyedWord &+ choice &+ (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25))
        d &+= sum
        h = sum &+ majority &+ (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22))
    }

    /// `word` turned to the right.
    @inline(__always)
    static func rotated(_ word: UInt32, _ distance: UInt32) -> UInt32 {
        (word &>> distance) | (word &<< (32 &- distance))
    }
}

extension SHA256 {
    /// The sixteen latest words of the message schedule.
    struct Schedule {
        private(set) var w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15: UInt32

        /// The block's words, the most significant byte first.
        ///
        /// - Precondition: there are at least 64 bytes.
        @inline(__always)
        init(_ bytes: UnsafeRawBufferPointer) {
            // Sixteen loads of four bytes each, which are the 64 bytes of the precondition.
            w0 = unsafe Self.word(bytes, at: 0)
            w1 = unsafe Self.word(bytes, at: 4)
            w2 = unsafe Self.word(bytes, at: 8)
            w3 = unsafe Self.word(bytes, at: 12)
            w4 = unsafe Self.word(bytes, at: 16)
            w5 = unsafe Self.word(bytes, at: 20)
            w6 = unsafe Self.word(bytes, at: 24)
            w7 = unsafe Self.word(bytes, at: 28)
            w8 = unsafe Self.word(bytes, at: 32)
            w9 = unsafe Self.word(bytes, at: 36)
            w10 = unsafe Self.word(bytes, at: 40)
            w11 = unsafe Self.word(bytes, at: 44)
            w12 = unsafe Self.word(bytes, at: 48)
            w13 = unsafe Self.word(bytes, at: 52)
            w14 = unsafe Self.word(bytes, at: 56)
            w15 = unsafe Self.word(bytes, at: 60)
        }

        /// Replaces each word by the one that comes sixteen later. The order matters: a word needs those renewed just before.
        @inline(__always)
        mutating func renew() {
            w0 &+= Self.renewal(w1, w9, w14)
            w1 &+= Self.renewal(w2, w10, w15)
            w2 &+= Self.renewal(w3, w11, w0)
            w3 &+= Self.renewal(w4, w12, w1)
            w4 &+= Self.renewal(w5, w13, w2)
            w5 &+= Self.renewal(w6, w14, w3)
            w6 &+= Self.renewal(w7, w15, w4)
            w7 &+= Self.renewal(w8, w0, w5)
            w8 &+= Self.renewal(w9, w1, w6)
            w9 &+= Self.renewal(w10, w2, w7)
            w10 &+= Self.renewal(w11, w3, w8)
            w11 &+= Self.renewal(w12, w4, w9)
            w12 &+= Self.renewal(w13, w5, w10)
            w13 &+= Self.renewal(w14, w6, w11)
            w14 &+= Self.renewal(w15, w7, w12)
            w15 &+= Self.renewal(w0, w8, w13)
        }

        /// What a word gains from the words that come 15, 7 and 2 before its successor.
        @inline(__always)
        private static func renewal(_ early: UInt32, _ middle: UInt32, _ late: UInt32) -> UInt32 {
            let first = State.rotated(early, 7) ^ State.rotated(early, 18) ^ (early &>> 3)
            let second = State.rotated(late, 17) ^ State.rotated(late, 19) ^ (late &>> 10)
            return first &+ middle &+ second
        }

        @inline(__always)
        private static func word(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt32 {
            // Safe as long as offset + 4 <= bytes.count, which the initialiser's precondition gives.
            unsafe UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        }
    }
}
