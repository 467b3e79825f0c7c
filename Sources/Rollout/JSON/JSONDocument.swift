/// A JSON text, read strictly: RFC 8259 in UTF-8 and nothing else.
///
/// Reading checks the whole text and stops at the first error. Strings and numbers are kept as they are written, and
/// resolved when somebody asks for them: a document costs its text and 24 bytes for each value in it.
package struct JSONDocument: Sendable {
    private let storage: Storage

    /// Reads a text.
    ///
    /// - Parameters:
    ///   - bytes: The text in UTF-8, without a byte order mark.
    ///   - maximumBytes: The size of the largest text that is read; never more than 4 GiB.
    ///   - maximumDepth: How deep arrays and objects may be nested; a document that is one flat array has depth 1.
    /// - Throws: The first error in the text.
    package init(
        parsing bytes: [UInt8],
        maximumBytes: Int = 16 << 20,
        maximumDepth: Int = 32
    ) throws(JSONError) {
        let limit = min(maximumBytes, Int(UInt32.max))
        guard bytes.count <= limit else {
            throw JSONError(
                code: .tooLarge,
                offset: 0,
                position: .start,
                message: "expected at most \(grouped(limit)) bytes of text, found more"
            )
        }
        var parser = JSONParser(bytes, maximumDepth: maximumDepth)
        try parser.parse()
        storage = Storage(JSONTape(bytes: bytes, nodes: parser.nodes))
    }

    package var root: JSONValue { JSONValue(storage, 0) }

    /// The values whose key occurs in the same object before them, in text order.
    ///
    /// A caller that must not guess which of two values was meant reports all of them.
    package var duplicates: [JSONValue] { storage.keys.duplicates.map { JSONValue(storage, Int($0)) } }

    /// What all values of a document share. A class, so that passing a value costs one reference count.
    final class Storage: Sendable {
        let tape: JSONTape
        let positions: JSONPositionIndex
        let keys: JSONKeyIndex

        init(_ tape: JSONTape) {
            self.tape = tape
            positions = JSONPositionIndex(tape.bytes)
            keys = JSONKeyIndex(of: tape)
        }
    }
}

/// A text and the nodes of its values: the parser writes it, and everything else reads it.
struct JSONTape: Sendable {
    let bytes: [UInt8]
    let nodes: [JSONNode]

    /// The string whose opening quotation mark is at that offset, escapes resolved.
    func string(at offset: Int, isEscaped: Bool) -> String {
        if isEscaped { return String(decoding: Array(JSONStringBytes(of: bytes, at: offset)), as: UTF8.self) }
        var end = offset + 1
        while bytes[end] != UInt8(ascii: "\"") { end += 1 }
        return String(decoding: bytes[offset + 1..<end], as: UTF8.self)
    }

    func key(of member: Int) -> String {
        string(at: Int(nodes[member].label), isEscaped: nodes[member].isKeyEscaped)
    }

    /// Whether the member has that key, byte by byte: `String ==` would take two ways of writing an é for one key.
    func hasKey(_ key: String, at member: Int) -> Bool {
        let offset = Int(nodes[member].label)
        if nodes[member].isKeyEscaped { return JSONStringBytes(of: bytes, at: offset).elementsEqual(key.utf8) }
        var position = offset + 1
        // The comparison cannot run past the end of the text: a key holds no bare quotation mark, and one follows it.
        for byte in key.utf8 {
            guard bytes[position] == byte, byte != UInt8(ascii: "\"") else { return false }
            position += 1
        }
        return bytes[position] == UInt8(ascii: "\"")
    }

    /// Whether two members have the same key, whatever escapes it is written with.
    func haveSameKey(_ first: Int, _ second: Int) -> Bool {
        var (left, right) = (Int(nodes[first].label), Int(nodes[second].label))
        if nodes[first].isKeyEscaped || nodes[second].isKeyEscaped {
            return JSONStringBytes(of: bytes, at: left).elementsEqual(JSONStringBytes(of: bytes, at: right))
        }
        repeat {
            left += 1
            right += 1
            guard bytes[left] == bytes[right] else { return false }
        } while bytes[left] != UInt8(ascii: "\"")
        return true
    }
}

/// One value of the text. The nodes lie in text order in one flat array. So a document of millions of values is one
/// allocation, and a value's descendants are the nodes between it and its `next`.
///
/// Offsets have 32 bits: a node is 24 bytes, and no text of 4 GiB or more is read.
struct JSONNode: Sendable {
    /// The offset of the value's first byte.
    let start: UInt32
    /// Of a scalar: the offset after its last byte. Of an array or object: how many children it has.
    var extent: UInt32
    /// The array or object that holds the value; the root, node 0, holds itself.
    let parent: UInt32
    /// The node after the value and all that is in it.
    var next: UInt32
    /// Of an object's member: the offset of its key's opening quotation mark. Of an array's element: its index.
    let label: UInt32
    let kind: JSONValue.Kind
    /// Whether the string value contains a backslash; a string without one is copied as it is.
    let isEscaped: Bool
    /// Whether the key does.
    let isKeyEscaped: Bool
}
