/// A stated bucketing as the engine reads it: how to hash what, and what to make of the number.
///
///     word 0, bits  0 ...  7   the hash (`Code`)
///                   8 ... 15   the form of the text (`Form`)
///                  16          whether the number is signed
///                  17          whether it is scaled to the buckets; otherwise the remainder counts
///                  24 ... 31   how many bits the number has
///                  32 ... 47   the length of what stands before the unit, in bytes or code units
///                  48 ... 63   the length of what stands after it
///     word 1, bits  0 ... 31   the seed; of CRC-32 and FNV-1a, the value after what stands before the unit, which is then left out
///                  32 ... 63   how many buckets there are
///     then                     what stands before the unit, then what stands after it, each from a word of its own on: eight
///                              bytes to a word, or two code units
///
/// No buckets is the same as 1,000,000 of them to which the number is scaled.
struct StatedFunction {
    let image: PolicyImage
    let start: Int

    /// The hashes of `Bucketing.Hash` as numbers.
    enum Code: UInt8 {
        case murmur3, murmur2, crc32, fnv1a, fnv1aTwice, java31, md5, sha1, sha256, integer

        fileprivate init(_ hash: Bucketing.Hash) {
            self =
                switch hash {
                case .murmur3: .murmur3
                case .murmur2: .murmur2
                case .crc32: .crc32
                case .fnv1a: .fnv1a
                case .fnv1aTwice: .fnv1aTwice
                case .java31: .java31
                case .md5: .md5
                case .sha1: .sha1
                case .sha256: .sha256
                case .integer: .integer
                }
        }
    }

    /// What the hash gets.
    enum Form: UInt8 {
        /// What stands before the unit, the unit, what stands after it. The two CBOR forms differ from this by heads.
        case bytes
        case utf16, utf32
        /// The head of a text string as long as all of that comes first.
        case textString
        /// The head of a text string as long as the unit comes before it.
        case unitString
    }

    /// Where the words of the texts start.
    static let textOffset = 2

    /// Appends a bucketing to the words of a policy. Returns its offset.
    static func append(_ bucketing: Bucketing, to words: inout [UInt64]) -> Int {
        let (prefix, suffix) = bucketing.parts
        let form: Form
        var texts: [[UInt32]]
        switch bucketing.encoding {
        case .utf8, .cbor, .cborPair:
            let isPair = bucketing.encoding == .cborPair
            // An array of two, and the first of them, is the same for every unit.
            let head = isPair ? [0x82] + CBORHead(length: prefix.utf8.count).bytes : []
            form = isPair ? .unitString : bucketing.encoding == .cbor ? .textString : .bytes
            texts = [head + Array(prefix.utf8), Array(suffix.utf8)].map { $0.map(UInt32.init) }
        case .utf16:
            form = .utf16
            texts = [prefix, suffix].map { $0.utf16.map(UInt32.init) }
        case .utf32:
            form = .utf32
            texts = [prefix, suffix].map { $0.unicodeScalars.map(\.value) }
        }
        // The head of a text comes before all of it, and is only known with the unit.
        let first = form == .textString ? [] : texts[0]
        let handedOn = value(of: bucketing.hash, after: first)
        if handedOn != nil { texts[0].removeFirst(first.count) }
        let start = words.count
        var parameters = UInt64(Code(bucketing.hash).rawValue) | UInt64(form.rawValue) << 8
        if bucketing.isSigned { parameters |= 1 << 16 }
        let isScaled = bucketing.buckets == nil || bucketing.reduction == .scale
        // Of an integer, the remainder counts in every case.
        if isScaled, bucketing.hash != .integer { parameters |= 1 << 17 }
        parameters |= UInt64(bucketing.width) << 24 | UInt64(texts[0].count) << 32 | UInt64(texts[1].count) << 48
        words.append(parameters)
        words.append(UInt64(handedOn ?? bucketing.seed) | UInt64(bucketing.buckets ?? Share.bucketCount) << 32)
        let lanes = form == .utf16 || form == .utf32 ? 2 : 8
        for text in texts { words.append(contentsOf: packed(text, to: lanes)) }
        return start
    }

    /// The value of a hash that goes on from a value, after bytes or code units. Nil for hashes that do not.
    private static func value(of hash: Bucketing.Hash, after units: [UInt32]) -> UInt32? {
        switch hash {
        case .crc32:
            var hash = CRC32()
            for unit in units { hash.append(UInt64(unit), count: 1) }
            return hash.value
        case .fnv1a, .fnv1aTwice:
            var hash = FNV1a()
            for unit in units { hash.add(unit) }
            return hash.value
        case .murmur3, .murmur2, .java31, .md5, .sha1, .sha256, .integer:
            return nil
        }
    }

    /// Numbers in as many lanes of each word, the first one in the lowest bits.
    private static func packed(_ numbers: [UInt32], to lanes: Int) -> [UInt64] {
        var words = [UInt64](repeating: 0, count: (numbers.count + lanes - 1) / lanes)
        for (index, number) in numbers.enumerated() {
            words[index / lanes] |= UInt64(number) << UInt64(index % lanes * 64 / lanes)
        }
        return words
    }
}

/// The head of a CBOR text string in its shortest form (RFC 8949, 4.2).
struct CBORHead {
    /// The bytes from the lowest one on.
    let word: UInt64
    let count: Int
    /// What a length beyond 32 bits needs after the word.
    private let last: UInt8

    @inline(__always)
    init(length: Int) {
        let length = UInt64(truncatingIfNeeded: length)
        var last: UInt8 = 0
        switch length {
        case ..<24: (word, count) = (0x60 | length, 1)
        case ..<0x100: (word, count) = (0x78 | length &<< 8, 2)
        case ..<0x1_0000: (word, count) = (0x79 | (length.byteSwapped &>> 48) &<< 8, 3)
        case ..<0x1_0000_0000: (word, count) = (0x7A | (length.byteSwapped &>> 32) &<< 8, 5)
        default:
            (word, count) = (0x7B | length.byteSwapped &<< 8, 9)
            last = UInt8(truncatingIfNeeded: length)
        }
        self.last = last
    }

    /// The bytes as an array.
    var bytes: [UInt8] {
        (0..<min(count, 8)).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) } + (count > 8 ? [last] : [])
    }

    /// Adds the bytes to a message.
    @inline(__always)
    func append(to message: inout some MessagePieces) {
        message.append(word, count: min(count, 8))
        if count > 8 { message.append(UInt64(last), count: 1) }
    }
}
