/// A set of texts with an outcome each. A text is found by its hash and confirmed by its bytes.
///
///     index    2^n words, at most half of them used: upper half of the hash | offset of the entry, 0 if free
///     entry    outcome with a unit, outcome without one, length in bytes, then the bytes, eight to a word
///
/// A record refers to a table by one word: offset of the index | (2^n - 1) << 32, 0 for no table.
enum TextTable {
    struct Entry {
        let text: String
        let withUnit: Outcome
        let withoutUnit: Outcome
    }

    private static let hashMask: UInt64 = 0xFFFF_FFFF_0000_0000

    /// Appends a table to the words of a policy.
    ///
    /// - Parameters:
    ///   - entries: The texts and their outcomes.
    ///   - words: The policy's words.
    ///   - hash: The hash that ``find(_:hash:in:table:)`` will be given for a text.
    /// - Returns: The word that refers to it.
    static func append(
        _ entries: [Entry],
        to words: inout [UInt64],
        _ hash: (UnsafeRawBufferPointer) -> UInt64
    ) -> UInt64 {
        guard !entries.isEmpty else { return 0 }
        let exponent = Int.bitWidth - (2 * entries.count - 1).leadingZeroBitCount
        let index = words.count
        let mask = 1 << exponent - 1
        words.append(contentsOf: repeatElement(0, count: 1 << exponent))
        for entry in entries {
            let hash = unsafe entry.text.withUnitBytes(hash)
            var place = Int(truncatingIfNeeded: hash) & mask
            while words[index + place] != 0 { place = (place + 1) & mask }
            words[index + place] = hash & hashMask | UInt64(words.count)
            words.append(contentsOf: [entry.withUnit.word, entry.withoutUnit.word, UInt64(entry.text.utf8.count)])
            words.append(contentsOf: packed(entry.text.utf8))
        }
        return UInt64(index) | UInt64(mask) << 32
    }

    /// The offset of the entry for these bytes, or nil.
    ///
    /// **Claim:** the search ends, whatever the words say, because it makes at most as many steps as the image has words. In
    /// a table that is not torn it meets a free word before that, because half of them are free.
    @inline(__always)
    static func find(_ bytes: UnsafeRawBufferPointer, hash: UInt64, in image: PolicyImage, table: UInt64) -> Int? {
        let index = Int(truncatingIfNeeded: table & ~hashMask)
        let mask = Int(truncatingIfNeeded: table &>> 32) & image.mask
        var place = Int(truncatingIfNeeded: hash)
        var left = mask
        while true {
            let word = image[index &+ place & mask]
            if word == 0 { return nil }
            if (word ^ hash) & hashMask == 0 {
                let entry = Int(truncatingIfNeeded: word & ~hashMask)
                if unsafe holds(bytes, image, entry) { return entry }
            }
            if left == 0 { return nil }
            left &-= 1
            place &+= 1
        }
    }

    /// The outcome of an entry for a request with or without a unit.
    @inline(__always)
    static func outcome(of entry: Int, in image: PolicyImage, hasUnit: Bool) -> Outcome {
        Outcome(word: image[hasUnit ? entry : entry &+ 1])
    }

    @inline(__always)
    private static func holds(_ bytes: UnsafeRawBufferPointer, _ image: PolicyImage, _ entry: Int) -> Bool {
        guard image[entry &+ 2] == UInt64(bytes.count) else { return false }
        var text = entry &+ 3
        var offset = 0
        while bytes.count &- offset >= 8 {
            guard unsafe image[text] == bytes.word64(at: offset) else { return false }
            offset &+= 8
            text &+= 1
        }
        return unsafe offset == bytes.count || image[text] == bytes.rest(from: offset)
    }

    private static func packed(_ bytes: String.UTF8View) -> [UInt64] {
        var words = [UInt64](repeating: 0, count: (bytes.count + 7) / 8)
        for (index, byte) in bytes.enumerated() { words[index / 8] |= UInt64(byte) << UInt64(index % 8 * 8) }
        return words
    }
}

/// Tells quickly, by one bit, that a text is not among some others.
///
///     2^n words, at least 16 bits for each text: bit (hash mod 64) of word (hash / 64 mod 2^n) is set for each text
///
/// A text that is not there passes one time in sixteen at most, and is then looked up. A filter is small, so that a decision
/// for a unit that is not forced finds it in the nearest cache. A record refers to it by one word: offset | (2^n - 1) << 32.
@usableFromInline
enum TextFilter {
    /// Appends a filter to the words of a policy. Returns the word that refers to it.
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

    /// Appends a filter that every text passes. Returns the word that refers to it.
    static func appendOpen(to words: inout [UInt64]) -> UInt64 {
        words.append(.max)
        return UInt64(words.count - 1)
    }

    /// Whether a text of this hash may be there.
    @inlinable
    @inline(__always)
    static func mayHold(_ hash: UInt64, in image: PolicyImage, filter: UInt64) -> Bool {
        let place = (hash &>> 6) & (filter &>> 32) &+ (filter & 0xFFFF_FFFF)
        return image[Int(truncatingIfNeeded: place)] &>> (hash & 63) & 1 != 0
    }
}

/// Variants by their tags, with an outcome each: what an assignment holds, or what another service's decision names.
///
///     2^n pairs, at most half of them used: tag (0 if free), outcome
///
/// A record refers to a table by 48 bits of a word: offset | n << 32, 0 for no table.
enum TagTable {
    /// Appends a table to the words of a policy.
    ///
    /// - Parameters:
    ///   - variants: At least one; the table has room for all.
    ///   - words: The policy's words.
    ///   - outcome: What the variant at a place leads to, or nil if it is not in the table.
    /// - Returns: The word that refers to it.
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

    /// The outcome for a tag, or nil if the table has none. The search ends for the same reasons as in `TextTable.find`.
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
