/// A JSON text, read strictly: RFC 8259 in UTF-8 and nothing else.
///
/// Reading checks the whole text and stops at the first error. Strings and numbers are kept as they are written and
/// resolved when asked for, so a document costs its text and 24 bytes for each value in it.
package struct JSONDocument: Sendable {
    private let storage: Storage

    /// Reads a text.
    ///
    /// - Parameters:
    ///   - bytes: The text in UTF-8, without a byte order mark.
    ///   - maximumBytes: The size of the largest text that is looked at; never more than 4 GiB.
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

    /// The values whose key stood in the same object before, in text order.
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
