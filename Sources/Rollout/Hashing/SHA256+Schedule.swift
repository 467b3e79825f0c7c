extension SHA256 {
    /// The sixteen latest words of the message schedule.
    struct Schedule {
        private(set) var w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15: UInt32

        /// The block's words, the most significant byte first.
        ///
        /// - Precondition: there are at least 64 bytes.
        @inline(__always)
        init(_ bytes: UnsafeRawBufferPointer) {
            // Sixteen loads of four bytes each, within the 64 bytes of the precondition.
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

        /// Replaces each word by the one sixteen further on. In order, because a word needs those renewed just before.
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

        /// What a word gains from those 15, 7 and 2 before its successor.
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
