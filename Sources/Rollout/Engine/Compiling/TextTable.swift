/// A set of texts with an outcome each: found by hash, confirmed by bytes.
///
///     index    2^n words, at most half of them used: upper half of the hash | offset of the entry, 0 for free
///     entry    outcome with a unit, outcome without one, length in bytes, then the bytes, eight to a word
///
/// A record refers to it by one word: offset of the index | n << 32, 0 for no table.
enum TextTable {
    struct Entry {
        let text: String
        let withUnit: Outcome
        let withoutUnit: Outcome
    }

    private static let hashMask: UInt64 = 0xFFFF_FFFF_0000_0000

    /// Appends a table to the words of a policy, and gives the word that refers to it.
    static func append(_ entries: [Entry], to words: inout [UInt64]) -> UInt64 {
        guard !entries.isEmpty else { return 0 }
        let exponent = Int.bitWidth - (2 * entries.count - 1).leadingZeroBitCount
        let index = words.count
        let mask = 1 << exponent - 1
        words.append(contentsOf: repeatElement(0, count: 1 << exponent))
        for entry in entries {
            let hash = XXH3.hash(entry.text)
            var place = Int(truncatingIfNeeded: hash) & mask
            while words[index + place] != 0 { place = (place + 1) & mask }
            words[index + place] = hash & hashMask | UInt64(words.count)
            words.append(contentsOf: [entry.withUnit.word, entry.withoutUnit.word, UInt64(entry.text.utf8.count)])
            words.append(contentsOf: packed(entry.text.utf8))
        }
        return UInt64(index) | UInt64(exponent) << 32
    }

    /// The offset of the entry for these bytes, or nil.
    ///
    /// **Claim:** the search ends, whatever the words say, because it makes at most as many steps as the image has words; in
    /// a table that is not torn it meets a free word, because half of them are free.
    @inline(__always)
    static func find(_ bytes: UnsafeRawBufferPointer, hash: UInt64, in image: PolicyImage, table: UInt64) -> Int? {
        let index = Int(truncatingIfNeeded: table & ~hashMask)
        let mask = (1 << Int(truncatingIfNeeded: table >> 32 & 31) - 1) & image.mask
        var place = Int(truncatingIfNeeded: hash) & mask
        for _ in 0...mask {
            let word = image[index + place]
            if word == 0 { return nil }
            if (word ^ hash) & hashMask == 0 {
                let entry = Int(truncatingIfNeeded: word & ~hashMask)
                if unsafe holds(bytes, image, entry) { return entry }
            }
            place = (place + 1) & mask
        }
        return nil
    }

    /// The outcome of an entry for a request with or without a unit.
    @inline(__always)
    static func outcome(of entry: Int, in image: PolicyImage, hasUnit: Bool) -> Outcome {
        Outcome(word: image[hasUnit ? entry : entry + 1])
    }

    private static func holds(_ bytes: UnsafeRawBufferPointer, _ image: PolicyImage, _ entry: Int) -> Bool {
        guard image[entry &+ 2] == UInt64(bytes.count) else { return false }
        var text = entry &+ 3
        var offset = 0
        while offset &+ 8 <= bytes.count {
            guard unsafe image[text] == bytes.word64(at: offset) else { return false }
            offset &+= 8
            text &+= 1
        }
        return unsafe offset == bytes.count || image[text] == rest(of: bytes, from: offset)
    }

    /// The bytes from an offset on, which are fewer than eight, as a word.
    private static func rest(of bytes: UnsafeRawBufferPointer, from offset: Int) -> UInt64 {
        guard bytes.count < 8 else {
            // The last eight bytes, less those before the offset.
            return unsafe bytes.word64(at: bytes.count &- 8) &>> UInt64((offset &+ 8 &- bytes.count) &* 8)
        }
        var rest: UInt64 = 0
        for index in offset..<bytes.count { unsafe rest |= bytes.byte(at: index) &<< UInt64((index &- offset) &* 8) }
        return rest
    }

    private static func packed(_ bytes: String.UTF8View) -> [UInt64] {
        var words = [UInt64](repeating: 0, count: (bytes.count + 7) / 8)
        for (index, byte) in bytes.enumerated() { words[index / 8] |= UInt64(byte) << UInt64(index % 8 * 8) }
        return words
    }
}
