/// The variants that an assignment may hold, by tag.
///
///     2^n pairs, at most half of them used: tag (0 for free), outcome
///
/// A record refers to it by 48 bits of a word: offset | n << 32, 0 for no table.
enum TagTable {
    /// Appends a table to the words of a policy, and gives the word that refers to it.
    ///
    /// - Parameters:
    ///   - variants: At least one; the table has room for all.
    ///   - words: The policy's words.
    ///   - outcome: What the variant at a place leads to, or nil if it is not in the table.
    /// - Returns: The word.
    static func append(
        _ variants: [RegisteredVariant],
        to words: inout [UInt64],
        _ outcome: (Int) -> Outcome?
    ) -> UInt64 {
        let exponent = Int.bitWidth - (2 * variants.count - 1).leadingZeroBitCount
        let start = words.count
        let mask = 1 << exponent - 1
        words.append(contentsOf: repeatElement(0, count: 2 << exponent))
        for (place, variant) in variants.enumerated() {
            guard let outcome = outcome(place) else { continue }
            let tag = variant.tag.rawValue
            var pair = Int(tag) & mask
            while words[start + 2 * pair] != 0 { pair = (pair + 1) & mask }
            words[start + 2 * pair] = UInt64(tag)
            words[start + 2 * pair + 1] = outcome.word
        }
        return UInt64(start) | UInt64(exponent) << 32
    }

    /// The outcome for a tag, or nil where the variant is gone, evicted or disabled. Ends as `TextTable.find` does.
    static func outcome(for tag: VariantTag, in image: PolicyImage, table: UInt64) -> Outcome? {
        guard table << 16 != 0, tag != .notEnrolled else { return nil }
        let start = Int(truncatingIfNeeded: table & 0xFFFF_FFFF)
        let mask = (1 << Int(truncatingIfNeeded: table >> 32 & 15) - 1) & image.mask
        var place = Int(tag.rawValue) & mask
        for _ in 0...mask {
            let found = image[start + 2 * place]
            if found == UInt64(tag.rawValue) { return Outcome(word: image[start + 2 * place + 1]) }
            if found == 0 { return nil }
            place = (place + 1) & mask
        }
        return nil
    }
}
