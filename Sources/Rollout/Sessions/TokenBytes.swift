/// The 42 bytes of a token in registers: six words, each with its first byte in the most significant bits. Of the last word
/// only two bytes are used.
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

/// The text of a token: base64url without padding. 42 bytes are 56 characters exactly, so there are no unused bits, and a
/// token has one text.
///
/// Eight characters are six bytes, so the text is seven groups of 48 bits.
extension TokenBytes {
    static let textLength = PolicyLimits.tokenLength

    /// The bytes of a text, or nil for another length or a character that is no digit.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - base64: ``Base64/url``. Requests bring it along, because the static constant is behind a call.
    init?(text: UnsafeRawBufferPointer, in base64: Base64 = .url) {
        guard text.count == Self.textLength else { return nil }
        @inline(__always) func group(_ index: Int) -> UInt64 {
            // Inside the text, because 8 * 6 + 8 == 56.
            unsafe UInt64(bitPattern: base64.bits(of: text, from: 8 * index))
        }
        let (a, b, c, d) = (group(0), group(1), group(2), group(3))
        let (e, f, g) = (group(4), group(5), group(6))
        guard Int64(bitPattern: a | b | c | d | e | f | g) >= 0 else { return nil }
        words = (a << 16 | b >> 32, b << 32 | c >> 16, c << 48 | d, e << 16 | f >> 32, f << 32 | g >> 16, g << 48)
    }

    /// The text.
    var text: String {
        let (a, b, c, d, e, f) = words
        let bytes = [a, b, c, d, e, f].flatMap { word in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) }
        }
        return Base64.url.encode(Array(bytes.prefix(42)))
    }
}
