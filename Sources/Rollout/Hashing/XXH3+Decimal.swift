extension XXH3 {
    /// The hash of the decimal text of `value`.
    ///
    /// Each range of lengths has a call of its own, so that the compiler knows the text's length about and keeps only
    /// what such texts need; up to eight digits, most identifiers that count up, are inlined.
    @inline(__always)
    static func hash(decimal value: UInt64) -> UInt64 {
        if value < 100_000_000 { return hash(DecimalText(upTo8Digits: value)) }
        return hashOver8Digits(value)
    }

    /// The hash of the decimal text of `value`.
    @inline(__always)
    static func hash(decimal value: Int64) -> UInt64 {
        if value >= 0 { return hash(decimal: value.magnitude) }
        return hashNegative(value)
    }

    @inline(never)
    private static func hashOver8Digits(_ value: UInt64) -> UInt64 {
        if value < 10_000_000_000_000_000 { return hash(DecimalText(upTo16Digits: value)) }
        return hash(DecimalText(over16Digits: value))
    }

    @inline(never)
    private static func hashNegative(_ value: Int64) -> UInt64 {
        hash(DecimalText(value))
    }

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
