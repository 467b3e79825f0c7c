extension JSONParser {
    /// Reads one string, both quotation marks included; true if it contains an escape.
    mutating func readString() throws(JSONError) -> Bool {
        var isEscaped = false
        offset += 1
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                offset += 1
                return isEscaped
            case UInt8(ascii: "\\"):
                isEscaped = true
                try readEscape()
            case 0x00..<0x20:
                throw failure(.badString, "\(foundName) stands in a string and must be written as an escape")
            case 0x20..<0x80:
                offset += 1
            default:
                guard let length = JSONUTF8.scalarLength(at: offset, in: bytes) else { throw invalidUTF8() }
                offset += length
            }
        }
        throw unexpected(.badString, expected: "the closing quotation mark of a string")
    }

    private mutating func readEscape() throws(JSONError) {
        let start = offset
        offset += 1
        if JSONEscape.character(for: current) != nil {
            offset += 1
            return
        }
        let unit = try readHexUnit(ofEscapeAt: start)
        guard 0xD800...0xDFFF ~= unit else { return }
        // Half a pair is no character: no UTF-8 text can hold it, and so no key, version or unit.
        guard unit < 0xDC00 else { throw loneSurrogate(at: start) }
        let second = offset
        try requireSecondHalf(toHaveNext: UInt8(ascii: "\\"), ofPairAt: start)
        offset += 1
        try requireSecondHalf(toHaveNext: UInt8(ascii: "u"), ofPairAt: start)
        guard 0xDC00...0xDFFF ~= (try readHexUnit(ofEscapeAt: second)) else { throw loneSurrogate(at: start) }
    }

    private mutating func requireSecondHalf(toHaveNext byte: UInt8, ofPairAt start: Int) throws(JSONError) {
        guard current != byte else { return }
        guard offset < bytes.count else {
            throw unexpected(.badString, expected: "the second half of a pair of surrogate escapes")
        }
        throw loneSurrogate(at: start)
    }

    /// Reads the `u` and the four digits after a backslash.
    private mutating func readHexUnit(ofEscapeAt start: Int) throws(JSONError) -> UInt16 {
        guard current == UInt8(ascii: "u") else {
            throw badEscape(at: start, expected: "one of \" \\ / b f n r t u after the backslash")
        }
        offset += 1
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = JSONEscape.hexValue(of: current) else {
                throw badEscape(at: start, expected: "four hexadecimal digits after \\u")
            }
            unit = unit << 4 | digit
            offset += 1
        }
        return unit
    }

    /// Blames the whole escape instead of the character that spoiled it, unless the text ends or is not UTF-8 there.
    private mutating func badEscape(at start: Int, expected: String) -> JSONError {
        let error = unexpected(.badString, expected: expected)
        guard error.code == .badString else { return error }
        offset = start
        return failure(.badString, error.message)
    }

    private mutating func loneSurrogate(at start: Int) -> JSONError {
        offset = start
        return failure(.badString, "expected a pair of surrogate escapes, found only one half of it")
    }
}

/// The escapes of JSON strings: the parser checks them, the reader resolves them, the writer writes them.
enum JSONEscape {
    /// The character a short escape stands for, by the letter after its backslash.
    static func character(for letter: UInt8) -> UInt8? {
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): letter
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: nil
        }
    }

    /// The letter of a character's short escape, or nil if it has none; a slash needs none.
    static func letter(for character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): character
        case 0x08: UInt8(ascii: "b")
        case 0x0C: UInt8(ascii: "f")
        case 0x0A: UInt8(ascii: "n")
        case 0x0D: UInt8(ascii: "r")
        case 0x09: UInt8(ascii: "t")
        default: nil
        }
    }

    static func isForbiddenRaw(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    static func hexValue(of digit: UInt8) -> UInt16? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt16(digit - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt16(digit - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt16(digit - UInt8(ascii: "A") + 10)
        default: nil
        }
    }

    static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}

/// The UTF-8 bytes that a string of the text stands for: escapes resolved, up to the closing quotation mark.
///
/// It trusts the parser, which has checked every string by then.
struct JSONStringBytes: Sequence, IteratorProtocol {
    private let bytes: [UInt8]
    private var offset: Int
    /// What is left of the last escape.
    private var pending = UTF8.EncodedScalar()

    /// The string whose opening quotation mark is at that offset.
    init(of bytes: [UInt8], at offset: Int) {
        self.bytes = bytes
        self.offset = offset + 1
    }

    mutating func next() -> UInt8? {
        if !pending.isEmpty { return pending.removeFirst() }
        let byte = bytes[offset]
        if byte == UInt8(ascii: "\"") { return nil }
        guard byte == UInt8(ascii: "\\") else {
            offset += 1
            return byte
        }
        let letter = bytes[offset + 1]
        offset += 2
        if let character = JSONEscape.character(for: letter) { return character }
        pending = UTF8.encode(hexScalar()) ?? UTF8.encodedReplacementCharacter
        return pending.removeFirst()
    }

    /// The scalar of the `\u` escape, or pair of them, whose digits come next.
    private mutating func hexScalar() -> Unicode.Scalar {
        let unit = hexUnit()
        guard UTF16.isLeadSurrogate(unit) else { return Unicode.Scalar(unit) ?? "\u{FFFD}" }
        offset += 2
        let trail = hexUnit()
        return UTF16.decode(UTF16.EncodedScalar([unit, trail]))
    }

    private mutating func hexUnit() -> UInt16 {
        defer { offset += 4 }
        return bytes[offset..<offset + 4].reduce(0) { $0 << 4 | (JSONEscape.hexValue(of: $1) ?? 0) }
    }
}

/// Well-formed UTF-8, as table 3-7 of the Unicode standard defines it.
enum JSONUTF8 {
    /// How many bytes the scalar at that offset has, or nil if no well-formed scalar starts there.
    static func scalarLength(at offset: Int, in bytes: [UInt8]) -> Int? {
        let lead = bytes[offset]
        // The range of the second byte rules out overlong forms, surrogates and values above U+10FFFF.
        let length: Int
        let second: ClosedRange<UInt8>
        switch lead {
        case 0x00...0x7F: return 1
        case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return nil
        }
        guard offset + length <= bytes.count, second ~= bytes[offset + 1] else { return nil }
        for continuation in offset + 2..<max(offset + 2, offset + length)
        where !(0x80...0xBF ~= bytes[continuation]) {
            return nil
        }
        return length
    }
}
