/// Reads the parts of a structured field (RFC 9651): bare items of every type, with keys in front of them, and inner lists.
/// If a part is missing or malformed, reading it gives nil.
///
/// Any bytes are a field. Reading never goes back, looks one byte ahead at most, and allocates nothing. Safe, because it is
/// only made inside the closure that lends the memory.
@safe struct StructuredFieldCursor {
    /// A bare item. A text is the range of its bytes in the field.
    enum Item {
        case integer(Int64)
        /// The characters between the quotes, escapes as they stand.
        case string(Range<Int>)
        case boolean(Bool)
        /// The characters between the colons.
        case bytes(Range<Int>)
        /// A decimal, token, date or display string, none of which a decision header has.
        case other
    }

    private let field: UnsafeRawBufferPointer
    private(set) var position = 0

    init(_ field: UnsafeRawBufferPointer) { unsafe self.field = unsafe field }

    var isAtEnd: Bool { unsafe position == field.count }

    /// The bytes of a part.
    subscript(range: Range<Int>) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: field[range])
    }

    private var next: UInt8? { isAtEnd ? nil : unsafe field[position] }

    /// Steps over a certain character; false if another one is there.
    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func skipSpaces() {
        while skip(" ") {}
    }

    /// Steps over what may stand around the comma of a list, and after its last member.
    mutating func skipOptionalWhitespace() {
        while skip(" ") || skip("\t") {}
    }
}

// MARK: Members

extension StructuredFieldCursor {
    /// A key with its value; one without a value is true.
    mutating func parameter() -> (key: Range<Int>, value: Item)? {
        skipSpaces()
        guard let key = key() else { return nil }
        guard skip("=") else { return (key, .boolean(true)) }
        return item().map { (key, $0) }
    }

    /// Steps over any parameters; false if they are malformed.
    mutating func skipParameters() -> Bool {
        while skip(";") {
            guard parameter() != nil else { return false }
        }
        return true
    }

    /// Steps over an inner list and its parameters; false if they are malformed.
    ///
    /// - Precondition: the opening parenthesis was stepped over.
    mutating func skipInnerList() -> Bool {
        while true {
            let start = position
            skipSpaces()
            if skip(")") { return skipParameters() }
            // A space, or the beginning of the list, parts items.
            guard unsafe position > start || field[start - 1] == UInt8(ascii: "(") else { return false }
            guard item() != nil, skipParameters() else { return false }
        }
    }

    /// A key: a lower-case letter or `*`, then those, digits, `_`, `-` and `.`.
    private mutating func key() -> Range<Int>? {
        let start = position
        while let byte = next, Self.isKey(byte, first: position == start) { position += 1 }
        return position > start ? start..<position : nil
    }

    private static func isKey(_ byte: UInt8, first: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "*"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."): !first
        default: false
        }
    }
}

// MARK: Bare items

extension StructuredFieldCursor {
    mutating func item() -> Item? {
        switch next {
        case UInt8(ascii: "\""): string()
        case UInt8(ascii: ":"): bytes()
        case UInt8(ascii: "?"): boolean()
        case UInt8(ascii: "@"): date()
        case UInt8(ascii: "%"): displayString()
        case .some(let byte) where Self.isLetter(byte) || byte == UInt8(ascii: "*"): token()
        default: number()
        }
    }

    private mutating func string() -> Item? {
        position += 1
        let start = position
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return .string(start..<(position - 1))
            case UInt8(ascii: "\\"):
                guard skip("\"") || skip("\\") else { return nil }
            case 0x20...0x7E: break
            default: return nil
            }
        }
        return nil
    }

    /// Base64 with its padding or without any; the standard leaves it to the reader to accept that. Unused bits may be set.
    private mutating func bytes() -> Item? {
        position += 1
        let start = position
        while let byte = next, Self.isBase64Digit(byte) { position += 1 }
        let digits = position - start
        while skip("=") {}
        let padding = position - start - digits
        let isWhole = padding == 0 ? digits % 4 != 1 : padding <= 2 && (digits + padding) % 4 == 0
        guard isWhole, skip(":") else { return nil }
        return .bytes(start..<(position - 1))
    }

    private mutating func boolean() -> Item? {
        position += 1
        if skip("1") { return .boolean(true) }
        return skip("0") ? .boolean(false) : nil
    }

    /// An integer of at most 15 digits, or a decimal of at most 12 digits before the point and three after it.
    private mutating func number() -> Item? {
        let isNegative = skip("-")
        let start = position
        var value: Int64 = 0
        while let digit = digit() {
            guard position - start <= 15 else { return nil }
            value = value * 10 + Int64(digit)
        }
        let count = position - start
        guard count > 0 else { return nil }
        guard skip(".") else { return .integer(isNegative ? -value : value) }
        let point = position
        while digit() != nil {}
        return count <= 12 && 1...3 ~= position - point ? .other : nil
    }

    private mutating func digit() -> UInt8? {
        guard let byte = next, Self.isDigit(byte) else { return nil }
        position += 1
        return byte - UInt8(ascii: "0")
    }

    private mutating func date() -> Item? {
        position += 1
        guard case .integer = number() else { return nil }
        return .other
    }

    private mutating func token() -> Item? {
        while let byte = next, Self.isToken(byte) { position += 1 }
        return .other
    }

    /// UTF-8 between `%"` and `"`. Bytes that are not printable ASCII are escaped as `%` and two lower-case digits.
    private mutating func displayString() -> Item? {
        position += 1
        guard skip("\"") else { return nil }
        var text = UTF8Check()
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return text.isWhole ? .other : nil
            case UInt8(ascii: "%"):
                guard let high = lowerCaseDigit(), let low = lowerCaseDigit(), text.accepts(high << 4 | low)
                else { return nil }
            case 0x20...0x7E:
                guard text.accepts(byte) else { return nil }
            default: return nil
            }
        }
        return nil
    }

    /// A hexadecimal digit.
    private mutating func lowerCaseDigit() -> UInt8? {
        if let digit = digit() { return digit }
        guard let byte = next, UInt8(ascii: "a")...UInt8(ascii: "f") ~= byte else { return nil }
        position += 1
        return byte - UInt8(ascii: "a") + 10
    }

    private static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

    private static func isLetter(_ byte: UInt8) -> Bool { UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 }

    private static func isBase64Digit(_ byte: UInt8) -> Bool {
        isLetter(byte) || isDigit(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "/")
    }

    private static func isToken(_ byte: UInt8) -> Bool {
        if isLetter(byte) || isDigit(byte) { return true }
        switch byte {
        case UInt8(ascii: "!"), UInt8(ascii: "#")...UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"),
            UInt8(ascii: "-")...UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: "^")...UInt8(ascii: "`"),
            UInt8(ascii: "|"), UInt8(ascii: "~"):
            return true
        default: return false
        }
    }
}

/// Whether bytes that come one by one are UTF-8 (Unicode 17, table 3-7).
private struct UTF8Check {
    /// How many bytes of a character are still to come.
    private var missing = 0
    /// What the next of them may be.
    private var allowed: ClosedRange<UInt8> = 0x80...0xBF

    var isWhole: Bool { missing == 0 }

    mutating func accepts(_ byte: UInt8) -> Bool {
        if missing > 0 {
            guard allowed ~= byte else { return false }
            missing -= 1
            allowed = 0x80...0xBF
            return true
        }
        switch byte {
        case 0x00...0x7F: return true
        case 0xC2...0xDF: missing = 1
        case 0xE0...0xEF: missing = 2
        case 0xF0...0xF4: missing = 3
        default: return false
        }
        // Neither longer than need be, nor a surrogate, nor above U+10FFFF.
        switch byte {
        case 0xE0: allowed = 0xA0...0xBF
        case 0xED: allowed = 0x80...0x9F
        case 0xF0: allowed = 0x90...0xBF
        case 0xF4: allowed = 0x80...0x8F
        default: break
        }
        return true
    }
}
