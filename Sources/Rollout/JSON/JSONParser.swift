/// Checks a text against RFC 8259, and lays its values out as nodes from front to back.
///
/// It does not recurse, and needs no stack of its own: it finds an open array or object again through its children's
/// `parent`. So the depth of a text costs nothing.
struct JSONParser {
    let bytes: [UInt8]
    private let maximumDepth: Int
    private(set) var nodes: [JSONNode] = []
    var offset = 0

    /// How many arrays and objects are open, and the innermost of them.
    private var depth = 0
    private var container = 0
    /// Whether the innermost one has just been opened, so that no comma belongs before its first child.
    private var isAtFirstChild = false
    private var keyOffset = 0
    private var isKeyEscaped = false

    init(_ bytes: [UInt8], maximumDepth: Int) {
        self.bytes = bytes
        self.maximumDepth = maximumDepth
        // One allocation for a text of the usual density, and little memory for a text that is a single long string.
        nodes.reserveCapacity(min(bytes.count / 8 + 4, 4_096))
    }

    mutating func parse() throws(JSONError) {
        if let message = ByteOrderMark.message(of: bytes) { throw failure(.byteOrderMark, message) }
        skipWhitespace()
        guard offset < bytes.count else { throw failure(.empty, "expected a value, found an empty text") }
        repeat {
            try readValue()
        } while try moveToNextValue()
        guard offset == bytes.count else { throw unexpected(.trailingText, expected: "the end of the text") }
    }

    private mutating func readValue() throws(JSONError) {
        switch current {
        case UInt8(ascii: "{"): try open(.object)
        case UInt8(ascii: "["): try open(.array)
        case UInt8(ascii: "\""):
            let start = offset
            let isEscaped = try readString()
            append(.string, from: start, extent: offset, isEscaped: isEscaped)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            let start = offset
            try readNumber()
            append(.number, from: start, extent: offset)
        case UInt8(ascii: "t"): try readWord("true", as: .boolean)
        case UInt8(ascii: "f"): try readWord("false", as: .boolean)
        case UInt8(ascii: "n"): try readWord("null", as: .null)
        default: throw unexpected(.unexpectedCharacter, expected: "a value")
        }
    }

    /// Closes what ends here, and stops before the next value with its key already read; false at the end of the root.
    private mutating func moveToNextValue() throws(JSONError) -> Bool {
        skipWhitespace()
        while depth > 0 {
            let isObject = nodes[container].kind == .object
            if current == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                close()
                skipWhitespace()
                continue
            }
            if !isAtFirstChild {
                guard current == UInt8(ascii: ",") else {
                    throw unexpected(.unexpectedCharacter, expected: isObject ? "',' or '}'" : "',' or ']'")
                }
                offset += 1
                skipWhitespace()
            }
            if isObject { try readKey(orEnd: isAtFirstChild) }
            isAtFirstChild = false
            return true
        }
        return false
    }

    private mutating func readKey(orEnd: Bool) throws(JSONError) {
        guard current == UInt8(ascii: "\"") else {
            throw unexpected(.unexpectedCharacter, expected: "a key in quotation marks" + (orEnd ? " or '}'" : ""))
        }
        keyOffset = offset
        isKeyEscaped = try readString()
        skipWhitespace()
        guard current == UInt8(ascii: ":") else { throw unexpected(.unexpectedCharacter, expected: "':'") }
        offset += 1
        skipWhitespace()
    }

    private mutating func readWord(_ word: String, as kind: JSONValue.Kind) throws(JSONError) {
        let start = offset
        for letter in word.utf8 {
            guard current == letter else { throw unexpected(.unexpectedCharacter, expected: "the word \(word)") }
            offset += 1
        }
        append(kind, from: start, extent: offset)
    }

    private mutating func open(_ kind: JSONValue.Kind) throws(JSONError) {
        guard depth < maximumDepth else {
            throw failure(.tooDeep, "arrays and objects are nested more than \(maximumDepth) deep, which is the limit")
        }
        let index = nodes.count
        append(kind, from: offset, extent: 0)
        container = index
        depth += 1
        offset += 1
        isAtFirstChild = true
    }

    private mutating func close() {
        nodes[container].next = UInt32(truncatingIfNeeded: nodes.count)
        container = Int(nodes[container].parent)
        depth -= 1
        offset += 1
        isAtFirstChild = false
    }

    /// Every number fits 32 bits: an offset because the text is limited, an index because a value takes at least one byte.
    private mutating func append(_ kind: JSONValue.Kind, from start: Int, extent: Int, isEscaped: Bool = false) {
        var label = UInt32(truncatingIfNeeded: keyOffset)
        if depth > 0 {
            if nodes[container].kind == .array { label = nodes[container].extent }
            nodes[container].extent += 1
        }
        nodes.append(
            JSONNode(
                start: UInt32(truncatingIfNeeded: start),
                extent: UInt32(truncatingIfNeeded: extent),
                parent: UInt32(truncatingIfNeeded: container),
                next: UInt32(truncatingIfNeeded: nodes.count + 1),
                label: label,
                kind: kind,
                isEscaped: isEscaped,
                isKeyEscaped: isKeyEscaped
            )
        )
    }
}

extension JSONParser {
    /// The next byte, or 0 at the end, which no rule of the grammar accepts.
    var current: UInt8 { offset < bytes.count ? bytes[offset] : 0 }

    mutating func skipWhitespace() {
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"): offset += 1
            default: return
            }
        }
    }
}
