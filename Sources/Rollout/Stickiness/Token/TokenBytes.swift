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
/// Eight characters are six bytes, so the text is seven groups of 48 bits, each digits' values in one vector.
extension TokenBytes {
    static let textLength = PolicyLimits.tokenLength

    /// The bytes of a text, or nil for another length or a character that is no digit.
    init?(text: UnsafeRawBufferPointer) {
        guard text.count == Self.textLength else { return nil }
        var isText = true
        func group(_ index: Int) -> UInt64 {
            // Inside the text: 8 * 6 + 8 == 56.
            let characters = unsafe text.loadUnaligned(fromByteOffset: 8 * index, as: SIMD8<UInt8>.self)
            let digits = Self.digits(characters)
            isText = isText && digits.max() < 64
            return Self.joined(digits)
        }
        let groups = (group(0), group(1), group(2), group(3), group(4), group(5), group(6))
        guard isText else { return nil }
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

    /// The values of eight digits; 255 for what is no digit. Every lane takes all comparisons, so no branch depends on
    /// the text.
    @inline(__always)
    private static func digits(_ characters: SIMD8<UInt8>) -> SIMD8<UInt8> {
        func within(_ first: Unicode.Scalar, _ count: UInt8) -> SIMDMask<SIMD8<Int8>> {
            (characters &- UInt8(ascii: first)) .< count
        }
        var digits = SIMD8<UInt8>(repeating: 255)
        digits.replace(with: characters &- UInt8(ascii: "A"), where: within("A", 26))
        digits.replace(with: characters &- (UInt8(ascii: "a") - 26), where: within("a", 26))
        digits.replace(with: characters &+ (52 - UInt8(ascii: "0")), where: within("0", 10))
        digits.replace(with: 62, where: within("-", 1))
        digits.replace(with: 63, where: within("_", 1))
        return digits
    }

    /// Eight values of six bits in one of 48, the first in the most significant bits. Neighbours are joined three times:
    /// two to 12 bits in a lane of 16, two of those to 24 in a lane of 32, and those two.
    @inline(__always)
    private static func joined(_ digits: SIMD8<UInt8>) -> UInt64 {
        let lanes = unsafe UInt64(littleEndian: unsafeBitCast(digits, to: UInt64.self))
        let twos = (lanes & 0x00FF_00FF_00FF_00FF) << 6 | (lanes >> 8) & 0x00FF_00FF_00FF_00FF
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
