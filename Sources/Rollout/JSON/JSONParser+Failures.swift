extension JSONParser {
    /// An error at the current offset.
    func failure(_ code: JSONError.Code, _ message: String) -> JSONError {
        var position = JSONPosition.start
        position.advance(over: 0..<offset, of: bytes)
        return JSONError(code: code, offset: offset, position: position, message: message)
    }

    /// What stands at the current offset instead of what was expected; that code, unless there is a plainer reason.
    func unexpected(_ code: JSONError.Code, expected: String) -> JSONError {
        guard offset < bytes.count else {
            return failure(.unexpectedEnd, "expected \(expected), found the end of the text")
        }
        guard JSONUTF8.scalarLength(at: offset, in: bytes) != nil else { return invalidUTF8() }
        return failure(code, "expected \(expected), found \(foundName)")
    }

    func invalidUTF8() -> JSONError {
        let byte = String(bytes[offset], radix: 16, uppercase: true)
        return failure(.invalidUTF8, "expected UTF-8, found the byte 0x\(byte) where none of its forms has it")
    }

    /// The scalar at the current offset in print: as itself where it can be seen, else by its number.
    var foundName: String {
        guard let length = JSONUTF8.scalarLength(at: offset, in: bytes),
            let scalar = String(decoding: bytes[offset..<offset + length], as: UTF8.self).unicodeScalars.first
        else { return "a broken character" }
        if scalar == "'" { return "\"'\"" }
        guard JSONExcerpt.isInvisible(scalar) || scalar == " " else { return "'\(scalar)'" }
        let number = String(scalar.value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - number.count)) + number
    }
}
