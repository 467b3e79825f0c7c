/// The UTF-8 bytes that a string of the text stands for: escapes resolved, up to the closing quotation mark.
///
/// It trusts the parser, which has checked every string before anybody looks into one.
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
