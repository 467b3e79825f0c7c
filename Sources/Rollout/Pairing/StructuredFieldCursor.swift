/// Reads the parts of a structured field (RFC 9651) that a decision header is made of: strings, integers, booleans and
/// byte sequences, with keys in front of them. A part that is not there, or of another kind, is nil.
///
/// Any bytes are a field. No step looks at a byte twice but for one ahead, and nothing is allocated. Safe, because it is
/// only made inside the closure that lends the memory.
@safe struct StructuredFieldCursor {
    /// A bare item; texts as where they are.
    enum Item {
        case integer(Int64)
        /// The characters between the quotes, escapes as they stand.
        case string(Range<Int>)
        case boolean(Bool)
        /// The characters between the colons.
        case bytes(Range<Int>)
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

    /// Steps over a certain character; false where it is not there.
    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func skipSpaces() {
        while skip(" ") {}
    }

    /// Steps over what may stand round the comma of a list.
    mutating func skipOptionalWhitespace() {
        while skip(" ") || skip("\t") {}
    }

    /// A key: a lower-case letter or `*`, then those, digits, `_`, `-` and `.`.
    mutating func key() -> Range<Int>? {
        let start = position
        while let byte = next, Self.isKey(byte, first: position == start) { position += 1 }
        return position > start ? start..<position : nil
    }

    mutating func item() -> Item? {
        switch next {
        case UInt8(ascii: "\""): string()
        case UInt8(ascii: ":"): bytes()
        case UInt8(ascii: "?"): boolean()
        default: integer()
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

    private mutating func bytes() -> Item? {
        position += 1
        let start = position
        while let byte = next {
            position += 1
            if byte == UInt8(ascii: ":") { return .bytes(start..<(position - 1)) }
        }
        return nil
    }

    private mutating func boolean() -> Item? {
        position += 1
        if skip("1") { return .boolean(true) }
        return skip("0") ? .boolean(false) : nil
    }

    /// At most 15 digits, as the standard has it.
    private mutating func integer() -> Item? {
        let isNegative = skip("-")
        let start = position
        var value: Int64 = 0
        while let byte = next, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte, position - start < 15 {
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
            position += 1
        }
        return position > start ? .integer(isNegative ? -value : value) : nil
    }

    private static func isKey(_ byte: UInt8, first: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "*"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."): !first
        default: false
        }
    }
}
