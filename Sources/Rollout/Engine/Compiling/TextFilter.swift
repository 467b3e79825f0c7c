/// Tells of nearly every text that it is not among some others: one bit of at least sixteen a text is looked at.
///
///     2^n words: bit (hash mod 64) of word (hash / 64 mod 2^n) is set for each text
///
/// A record refers to it by one word: offset | (2^n - 1) << 32. Small, so that a decision for somebody else finds it in the
/// nearest cache; a text that is not there passes one time in sixteen at most.
enum TextFilter {
    /// Appends a filter to the words of a policy, and gives the word that refers to it.
    static func append(_ units: some Collection<UnitID>, to words: inout [UInt64]) -> UInt64 {
        guard !units.isEmpty else { return 0 }
        let count = 1 << (Int.bitWidth - ((units.count + 3) / 4 - 1).leadingZeroBitCount)
        let start = words.count
        words.append(contentsOf: repeatElement(0, count: count))
        for unit in units {
            let hash = XXH3.hash(unit.text)
            words[start + Int(truncatingIfNeeded: hash >> 6) & (count - 1)] |= 1 << (hash & 63)
        }
        return UInt64(start) | UInt64(count - 1) << 32
    }

    /// Whether a text of this hash may be there.
    @inline(__always)
    static func mayHold(_ hash: UInt64, in image: PolicyImage, filter: UInt64) -> Bool {
        let place = (hash &>> 6) & (filter &>> 32) &+ (filter & 0xFFFF_FFFF)
        return image[Int(truncatingIfNeeded: place)] &>> (hash & 63) & 1 != 0
    }
}
