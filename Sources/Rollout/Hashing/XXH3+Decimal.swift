extension XXH3 {
    /// The hash of the text, which is never written to memory: the same as that of its bytes.
    @inline(__always)
    static func hash(_ text: DecimalText) -> UInt64 {
        let count = text.count
        let first = text.first
        let bits = UInt64(truncatingIfNeeded: count &* 8)
        if count <= 3 {
            return hash1To3(
                first: first & 0xFF,
                middle: (first &>> (8 &* UInt64(truncatingIfNeeded: count &>> 1))) & 0xFF,
                last: (first &>> (bits &- 8)) & 0xFF,
                count: count
            )
        }
        if count <= 8 {
            return hash4To8(first: first & 0xFFFF_FFFF, last: first &>> (bits &- 32), count: count)
        }
        if count <= 16 {
            return hash9To16(first: first, last: lastWord(of: first, text.second, count: count), count: count)
        }
        return hash17To32(
            (first, text.second),
            (
                DecimalText.word(first, text.second, from: bits &- 128),
                DecimalText.word(text.second, text.third, from: bits &- 128)
            ),
            count: count
        )
    }
}
