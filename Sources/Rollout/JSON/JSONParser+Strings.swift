extension JSONParser {
    /// Reads one string from its opening quotation mark to behind its closing one; true if it contains an escape.
    mutating func readString() throws(JSONError) -> Bool {
        var isEscaped = false
        offset += 1
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                offset += 1
                return isEscaped
            case UInt8(ascii: "\\"):
                isEscaped = true
                try readEscape()
            case 0x00..<0x20:
                throw failure(.badString, "\(foundName) stands in a string and must be written as an escape")
            case 0x20..<0x80:
                offset += 1
            default:
                guard let length = JSONUTF8.scalarLength(at: offset, in: bytes) else { throw invalidUTF8() }
                offset += length
            }
        }
        throw unexpected(.badString, expected: "the closing quotation mark of a string")
    }

    private mutating func readEscape() throws(JSONError) {
        let start = offset
        offset += 1
        if JSONEscape.character(for: current) != nil {
            offset += 1
            return
        }
        let unit = try readHexUnit(ofEscapeAt: start)
        guard 0xD800...0xDFFF ~= unit else { return }
        // Half a pair is no character: no UTF-8 text, and so no key, version or unit, can hold it.
        guard unit < 0xDC00 else { throw loneSurrogate(at: start) }
        let second = offset
        try requireSecondHalf(toHaveNext: UInt8(ascii: "\\"), ofPairAt: start)
        offset += 1
        try requireSecondHalf(toHaveNext: UInt8(ascii: "u"), ofPairAt: start)
        guard 0xDC00...0xDFFF ~= (try readHexUnit(ofEscapeAt: second)) else { throw loneSurrogate(at: start) }
    }

    private mutating func requireSecondHalf(toHaveNext byte: UInt8, ofPairAt start: Int) throws(JSONError) {
        guard current != byte else { return }
        guard offset < bytes.count else {
            throw unexpected(.badString, expected: "the second half of a pair of surrogate escapes")
        }
        throw loneSurrogate(at: start)
    }

    /// Reads the `u` and four digits behind a backslash.
    private mutating func readHexUnit(ofEscapeAt start: Int) throws(JSONError) -> UInt16 {
        guard current == UInt8(ascii: "u") else {
            throw badEscape(at: start, expected: "one of \" \\ / b f n r t u after the backslash")
        }
        offset += 1
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = JSONEscape.hexValue(of: current) else {
                throw badEscape(at: start, expected: "four hexadecimal digits after \\u")
            }
            unit = unit << 4 | digit
            offset += 1
        }
        return unit
    }

    /// Blames the whole escape, not the character in it that spoiled it, unless the text ends or is no UTF-8 there.
    private mutating func badEscape(at start: Int, expected: String) -> JSONError {
        let error = unexpected(.badString, expected: expected)
        guard error.code == .badString else { return error }
        offset = start
        return failure(.badString, error.message)
    }

    private mutating func loneSurrogate(at start: Int) -> JSONError {
        offset = start
        return failure(.badString, "expected a pair of surrogate escapes, found only one half of it")
    }
}
