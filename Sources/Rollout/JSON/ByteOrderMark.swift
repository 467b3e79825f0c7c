/// What some editors and shells write before a text to say how it is encoded. Nobody sees it, and no text here may have it.
enum ByteOrderMark {
    private static let marks: [(bytes: [UInt8], encoding: String)] = [
        ([0xEF, 0xBB, 0xBF], "UTF-8 (EF BB BF)"),
        ([0xFF, 0xFE, 0x00, 0x00], "UTF-32 (FF FE 00 00)"), ([0x00, 0x00, 0xFE, 0xFF], "UTF-32 (00 00 FE FF)"),
        ([0xFF, 0xFE], "UTF-16 (FF FE)"), ([0xFE, 0xFF], "UTF-16 (FE FF)"),
    ]

    /// What a message says of a text that starts with a byte order mark, or nil if it does not.
    static func message(of text: some Collection<UInt8>) -> String? {
        // No text that is right starts with a byte of a mark.
        guard let first = text.first, first == 0x00 || first >= 0xEF else { return nil }
        guard let mark = marks.first(where: { text.starts(with: $0.bytes) }) else { return nil }
        return "expected UTF-8 without a byte order mark, found the byte order mark of \(mark.encoding)"
    }
}
