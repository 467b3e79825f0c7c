/// The 42 bytes of a token in registers: six words, each with its first byte in the most significant bits; of the last
/// word only two bytes are used.
struct TokenBytes: Sendable {
    typealias Words = (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)

    var words: Words

    /// The last 16 bytes.
    var tag: AuthenticationTag {
        get { AuthenticationTag(words: (words.3 << 16 | words.4 >> 48, words.4 << 16 | words.5 >> 48)) }
        set {
            let (high, low) = newValue.words
            words.3 = words.3 & ~(1 << 48 - 1) | high >> 16
            words.4 = high << 48 | low >> 16
            words.5 = low << 48
        }
    }

    /// Calls the body with the first 26 bytes, those that are signed.
    @inline(__always)
    func withPayload<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        var memory = (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian)
        return unsafe withUnsafeBytes(of: &memory) { bytes in
            unsafe body(UnsafeRawBufferPointer(rebasing: bytes[..<26]))
        }
    }
}

/// The text of a token: base64url without padding (RFC 4648, section 5). 42 bytes are 56 characters exactly, so there are
/// no unused bits, and a token has one text.
///
/// Eight characters are six bytes, so the text is seven groups of 48 bits, each read as one word of eight lanes.
extension TokenBytes {
    static let textLength = PolicyLimits.tokenLength

    /// The bytes of a text, or nil for another length or a character that is no digit.
    init?(text: UnsafeRawBufferPointer) {
        guard text.count == Self.textLength else { return nil }
        var valid = ~0 as UInt64
        func group(_ index: Int) -> UInt64 {
            // Inside the text: 8 * 6 + 8 == 56.
            let digits = unsafe Self.digits(text.word64(at: 8 * index))
            valid &= digits.valid
            return Self.joined(digits.values)
        }
        let groups = (group(0), group(1), group(2), group(3), group(4), group(5), group(6))
        guard valid & Self.topBits == Self.topBits else { return nil }
        words = (
            groups.0 << 16 | groups.1 >> 32, groups.1 << 32 | groups.2 >> 16, groups.2 << 48 | groups.3,
            groups.4 << 16 | groups.5 >> 32, groups.5 << 32 | groups.6 >> 16, groups.6 << 48
        )
    }

    /// The text's characters.
    var text: [UInt8] {
        let (a, b, c, d, e, f) = words
        let groups = [a >> 16, a << 32 | b >> 32, b << 16 | c >> 48, c, d >> 16, d << 32 | e >> 32, e << 16 | f >> 48]
        return groups.flatMap { group in
            stride(from: 42, through: 0, by: -6).map { Self.character(UInt8(truncatingIfNeeded: group >> $0 & 63)) }
        }
    }

    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let topBits: UInt64 = 0x8080_8080_8080_8080

    /// The values of eight digits, one a lane, and a set top bit in every lane that holds a digit. No branch and no look-up
    /// depends on the text.
    ///
    /// **Claim:** no lane reaches into the next. Because
    /// 1. the characters are cut to 7 bits (the eighth makes a lane invalid), so a lane is at most 127;
    /// 2. to compare with a bound k, 128 - k is added, at most 83: the top bit is then set where the character is k or
    ///    more;
    /// 3. exactly one of the five offsets is added to a digit, at most 96, and none to what is no digit.
    @inline(__always)
    private static func digits(_ characters: UInt64) -> (values: UInt64, valid: UInt64) {
        let lanes = characters & ~topBits
        func isAtLeast(_ bound: UInt64) -> UInt64 { lanes &+ ones &* (128 - bound) }
        func within(_ range: ClosedRange<Unicode.Scalar>) -> UInt64 {
            isAtLeast(UInt64(range.lowerBound.value)) & ~isAtLeast(UInt64(range.upperBound.value) + 1) & topBits
        }
        let (upper, lower, digit) = (within("A"..."Z"), within("a"..."z"), within("0"..."9"))
        let (minus, underscore) = (within("-"..."-"), within("_"..."_"))
        // Offsets modulo 128, which takes a digit's character to its value: 0, 26, 52, 62 and 63 for the first of each.
        // One statement a class: as one expression they took the compiler longer than all the rest of the library.
        var offsets: UInt64 = upper >> 7 &* 63
        offsets |= lower >> 7 &* 57
        offsets |= digit >> 7 &* 4
        offsets |= minus >> 7 &* 17
        offsets |= underscore >> 7 &* 96
        let isDigit: UInt64 = upper | lower | digit | minus | underscore
        return ((lanes &+ offsets) & ~topBits, isDigit & ~characters)
    }

    /// Eight values of six bits in one of 48, the first in the most significant bits. Neighbours are joined three times:
    /// two to 12 bits in a lane of 16, two of those to 24 in a lane of 32, and those two.
    @inline(__always)
    private static func joined(_ values: UInt64) -> UInt64 {
        let twos = (values & 0x00FF_00FF_00FF_00FF) << 6 | (values >> 8) & 0x00FF_00FF_00FF_00FF
        let fours = (twos & 0x0000_FFFF_0000_FFFF) << 12 | (twos >> 16) & 0x0000_FFFF_0000_FFFF
        return (fours & 0xFFFF_FFFF) << 24 | fours >> 32
    }

    private static func character(_ digit: UInt8) -> UInt8 {
        switch digit {
        case 0..<26: UInt8(ascii: "A") + digit
        case 26..<52: UInt8(ascii: "a") + digit - 26
        case 52..<62: UInt8(ascii: "0") + digit - 52
        case 62: UInt8(ascii: "-")
        default: UInt8(ascii: "_")
        }
    }
}
