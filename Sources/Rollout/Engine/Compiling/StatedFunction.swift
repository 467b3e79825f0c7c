/// A stated bucketing as the engine reads it: how to hash what, and what to make of the number.
///
///     word 0, bits  0 ...  7   the hash (`Code`)
///                   8 ... 15   the form of the text (`Form`)
///                  16          whether the number is signed
///                  17          whether it is scaled to the buckets; otherwise the remainder counts
///                  24 ... 31   how many bits the number has
///                  32 ... 47   the length of what stands before the unit, in bytes or code units
///                  48 ... 63   the length of what stands after it
///     word 1, bits  0 ... 31   the seed
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
        var texts: [[UInt64]]
        var lengths: [Int]
        switch bucketing.encoding {
        case .utf8, .cbor, .cborPair:
            let isPair = bucketing.encoding == .cborPair
            // An array of two, and the first of them, is the same for every unit.
            let head = isPair ? [0x82] + CBORHead(length: prefix.utf8.count).bytes : []
            let parts = [head + Array(prefix.utf8), Array(suffix.utf8)]
            form = isPair ? .unitString : bucketing.encoding == .cbor ? .textString : .bytes
            (texts, lengths) = (parts.map { packed($0, to: 8) }, parts.map(\.count))
        case .utf16:
            let parts = [Array(prefix.utf16), Array(suffix.utf16)]
            form = .utf16
            (texts, lengths) = (parts.map { packed($0, to: 2) }, parts.map(\.count))
        case .utf32:
            let parts = [prefix, suffix].map { $0.unicodeScalars.map(\.value) }
            form = .utf32
            (texts, lengths) = (parts.map { packed($0, to: 2) }, parts.map(\.count))
        }
        let start = words.count
        var parameters = UInt64(Code(bucketing.hash).rawValue) | UInt64(form.rawValue) << 8
        if bucketing.isSigned { parameters |= 1 << 16 }
        if bucketing.buckets == nil || bucketing.reduction == .scale { parameters |= 1 << 17 }
        parameters |= UInt64(bucketing.width) << 24 | UInt64(lengths[0]) << 32 | UInt64(lengths[1]) << 48
        words.append(parameters)
        words.append(UInt64(bucketing.seed) | UInt64(bucketing.buckets ?? Share.bucketCount) << 32)
        for text in texts { words.append(contentsOf: text) }
        return start
    }

    /// Numbers in as many lanes of each word, the first one in the lowest bits.
    private static func packed(_ numbers: [some BinaryInteger], to lanes: Int) -> [UInt64] {
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
