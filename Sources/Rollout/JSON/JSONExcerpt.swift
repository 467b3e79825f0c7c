extension JSONValue {
    /// The value for a message that says what was found: its text on one line, at most 40 characters of it.
    ///
    /// Strings keep their quotation marks and their escapes, an array is `an array`, an object `an object`.
    package var excerpt: String {
        switch kind {
        case .object: "an object"
        case .array: "an array"
        case .null, .boolean, .number, .string: JSONExcerpt.line(of: tape.bytes[Int(node.start)..<Int(node.extent)])
        }
    }
}

/// Text from a document, made fit to stand in a message.
enum JSONExcerpt {
    private static let maximumLength = 40

    static func line(of text: ArraySlice<UInt8>) -> String {
        let isString = text.first == UInt8(ascii: "\"")
        // The mark of an omission, and a quotation mark that closes what is left.
        let ending = isString ? "…\"" : "…"
        // What comes after can only be cut off: a scalar has at most four bytes.
        let head = String(decoding: text.prefix(4 * maximumLength + 4), as: UTF8.self)
        var line = ""
        var length = 0
        var kept = ""
        for piece in pieces(of: head) {
            line += piece
            length += piece.unicodeScalars.count
            if length + ending.unicodeScalars.count <= maximumLength { kept = line }
            if length > maximumLength { return kept + ending }
        }
        return line
    }

    /// Controls, line separators and marks that turn the direction of the text: they would spoil the line they stand in.
    static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }

    /// The parts that are kept or cut as a whole: an escape, or one scalar.
    private static func pieces(of text: String) -> [String] {
        var pieces: [String] = []
        var scalars = text.unicodeScalars[...]
        while let scalar = scalars.popFirst() {
            if scalar == "\\", let letter = scalars.popFirst() {
                pieces.append("\\\(letter)" + (letter == "u" ? String(scalars.prefix(4)) : ""))
                if letter == "u" { scalars = scalars.dropFirst(4) }
            } else if isInvisible(scalar) {
                pieces.append(String(scalar).utf16.map(escape).joined())
            } else {
                pieces.append(String(scalar))
            }
        }
        return pieces
    }

    private static func escape(_ unit: UInt16) -> String {
        let number = String(unit, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - number.count) + number
    }
}
