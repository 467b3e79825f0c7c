/// A text and the nodes of its values: what the parser leaves and everything else reads.
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

    /// Whether the member's key is that one, byte by byte: `String ==` would take two ways of writing an é for one key.
    func hasKey(_ key: String, at member: Int) -> Bool {
        let offset = Int(nodes[member].label)
        if nodes[member].isKeyEscaped { return JSONStringBytes(of: bytes, at: offset).elementsEqual(key.utf8) }
        var position = offset + 1
        // The comparison cannot run past the end of the text: a key holds no bare quotation mark, and is followed by one.
        for byte in key.utf8 {
            guard bytes[position] == byte, byte != UInt8(ascii: "\"") else { return false }
            position += 1
        }
        return bytes[position] == UInt8(ascii: "\"")
    }

    /// Whether two members have one key, whichever escapes it is written with.
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
