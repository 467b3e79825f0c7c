extension SHA256 {
    /// 32 bytes as four words, the first byte in the first word's most significant bits.
    struct Digest: Equatable {
        let words: (UInt64, UInt64, UInt64, UInt64)

        init(_ state: State) {
            words = (
                Self.joined(state.a, state.b), Self.joined(state.c, state.d),
                Self.joined(state.e, state.f), Self.joined(state.g, state.h)
            )
        }

        /// The first half, for where 128 bits are enough.
        var first16Bytes: (UInt64, UInt64) { (words.0, words.1) }

        /// The 32 bytes; allocates them.
        var bytes: [UInt8] {
            [words.0, words.1, words.2, words.3].flatMap { word in
                stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) }
            }
        }

        /// Not in constant time; a secret digest is compared by ``HMACSHA256/isEqual16(_:_:)``.
        static func == (left: Digest, right: Digest) -> Bool { left.words == right.words }

        @inline(__always)
        private static func joined(_ high: UInt32, _ low: UInt32) -> UInt64 { UInt64(high) &<< 32 | UInt64(low) }
    }
}
