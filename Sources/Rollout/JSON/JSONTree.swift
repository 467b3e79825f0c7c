/// A JSON value to be written, with one canonical text.
///
/// The canonical text has no spaces, an object's keys in the order of their UTF-8 bytes, and only the escapes JSON
/// demands: what Python's `json.dumps(x, sort_keys=True, separators=(",", ":"), ensure_ascii=False)` writes.
package enum JSONTree: Sendable {
    case null
    case boolean(Bool)
    case integer(Int)
    /// A number in the text it shall have.
    case number(String)
    case string(String)
    case array([JSONTree])
    /// Members in any order; no two may have one key.
    case object([(key: String, value: JSONTree)])

    package var canonicalBytes: [UInt8] {
        var writer = JSONWriter()
        writer.tree(self)
        return writer.bytes
    }

    package var canonicalText: String { String(decoding: canonicalBytes, as: UTF8.self) }
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
            // By bytes: `String <` has another order, and takes canonically equivalent keys for one.
            for member in members.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
                key(member.key)
                self.tree(member.value)
            }
            endObject()
        }
    }
}
