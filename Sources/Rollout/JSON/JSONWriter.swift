/// A JSON value to be written, with one canonical text.
///
/// The canonical text has no spaces, an object's keys in the order of their UTF-8 bytes, and only the escapes that JSON
/// demands: what Python's `json.dumps(x, sort_keys=True, separators=(",", ":"), ensure_ascii=False)` writes.
package enum JSONTree: Sendable {
    case null
    case boolean(Bool)
    case integer(Int)
    /// A number, as the text it is to have.
    case number(String)
    case string(String)
    case array([JSONTree])
    /// Members in any order; no two may have the same key.
    case object([(key: String, value: JSONTree)])

    package var canonicalBytes: [UInt8] {
        var writer = JSONWriter()
        writer.tree(self)
        return writer.bytes
    }

    package var canonicalText: String { String(decoding: canonicalBytes, as: UTF8.self) }

    /// Whether both are the same to the byte. To `==`, texts that look alike are the same.
    func says(the other: JSONTree) -> Bool { canonicalBytes == other.canonicalBytes }
}

extension JSONTree: Encodable {
    /// Encodes the value piece by piece, so that every encoder says what the canonical text says.
    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .null: try Optional<Bool>.none.encode(to: encoder)
        case .boolean(let value): try value.encode(to: encoder)
        case .integer(let value): try value.encode(to: encoder)
        case .number(let text): try Double(text).encode(to: encoder)
        case .string(let text): try text.encode(to: encoder)
        case .array(let elements): try elements.encode(to: encoder)
        case .object(let members):
            var container = encoder.container(keyedBy: TextKey.self)
            for member in members { try container.encode(member.value, forKey: TextKey(member.key)) }
        }
    }
}

/// A key that is any text.
struct TextKey: CodingKey {
    let stringValue: String

    init(_ text: String) { stringValue = text }

    init?(stringValue: String) { self.init(stringValue) }

    init?(intValue: Int) { nil }

    var intValue: Int? { nil }
}

extension JSONWriter {
    /// Writes a tree in its canonical form.
    package mutating func tree(_ tree: JSONTree) {
        switch tree {
        case .null: null()
        case .boolean(let value): boolean(value)
        case .integer(let value): integer(value)
        case .number(let text): number(text)
        case .string(let text): string(text)
        case .array(let elements):
            beginArray()
            for element in elements { self.tree(element) }
            endArray()
        case .object(let members):
            beginObject()
            // By bytes: `String <` has another order, and takes canonically equivalent keys for the same.
            for member in members.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
                key(member.key)
                self.tree(member.value)
            }
            endObject()
        }
    }
}

/// Writes JSON piece by piece to the end of a buffer, and inserts the commas.
///
/// Members come out in the order they are written. Nothing is allocated while the buffer has room, so one writer that is
/// emptied with ``removeAll()`` serves a stream of any length. The pieces must make up a document: the writer does not
/// check that.
package struct JSONWriter: Sendable {
    package private(set) var bytes: [UInt8] = []
    /// Whether something complete has been written, so that the next key or value needs a comma.
    private var needsComma = false

    /// An empty writer with room for so many bytes.
    package init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    /// Forgets what was written and keeps the room for it.
    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        needsComma = false
    }

    /// Ends a document with a line feed. The next one may follow, as in JSON Lines.
    package mutating func endLine() {
        bytes.append(UInt8(ascii: "\n"))
        needsComma = false
    }

    package mutating func beginObject() { open(UInt8(ascii: "{")) }

    package mutating func endObject() { close(UInt8(ascii: "}")) }

    package mutating func beginArray() { open(UInt8(ascii: "[")) }

    package mutating func endArray() { close(UInt8(ascii: "]")) }

    /// Writes the key of the value that comes next.
    package mutating func key(_ key: String) {
        separate()
        appendQuoted(key)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    package mutating func string(_ value: String) {
        separate()
        appendQuoted(value)
    }

    package mutating func integer(_ value: Int) {
        separate()
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        appendDigits(of: UInt64(value.magnitude))
    }

    /// Writes a number that is text already.
    package mutating func number(_ text: String) {
        separate()
        bytes.append(contentsOf: text.utf8)
    }

    package mutating func boolean(_ value: Bool) {
        separate()
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    package mutating func null() {
        separate()
        bytes.append(contentsOf: "null".utf8)
    }

    private mutating func open(_ bracket: UInt8) {
        separate()
        bytes.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func appendDigits(of value: UInt64) {
        var first = bytes.count
        var rest = value
        repeat {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit))
            rest = quotient
        } while rest > 0
        var last = bytes.count - 1
        while first < last {
            bytes.swapAt(first, last)
            first += 1
            last -= 1
        }
    }

    private mutating func appendQuoted(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        // Nearly every string needs no escape. To look through it in place and copy it as a block saves a third of the
        // time that a decision line takes. The buffer is used within the closure alone, as it must be.
        let isWritten = unsafe text.utf8.withContiguousStorageIfAvailable { buffer in
            guard unsafe !buffer.contains(where: JSONEscape.isForbiddenRaw) else { return false }
            unsafe bytes.append(contentsOf: buffer)
            return true
        }
        if isWritten != true {
            for byte in text.utf8 { appendEscaped(byte) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func appendEscaped(_ byte: UInt8) {
        guard JSONEscape.isForbiddenRaw(byte) else { return bytes.append(byte) }
        bytes.append(UInt8(ascii: "\\"))
        if let letter = JSONEscape.letter(for: byte) { return bytes.append(letter) }
        bytes.append(contentsOf: "u00".utf8)
        bytes.append(JSONEscape.hexDigit(byte >> 4))
        bytes.append(JSONEscape.hexDigit(byte & 0xF))
    }
}
