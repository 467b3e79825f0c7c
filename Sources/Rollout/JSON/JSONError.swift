/// The first thing that keeps a text from being a JSON document, and its place.
package struct JSONError: Error, Hashable, Sendable {
    package enum Code: String, Hashable, Sendable {
        /// The text has more bytes than allowed; nothing of it was read.
        case tooLarge
        /// Arrays and objects are nested deeper than allowed.
        case tooDeep
        /// Nothing but white space.
        case empty
        /// The text starts with a byte order mark, which RFC 8259 forbids to send.
        case byteOrderMark
        /// The text stops before its value is complete.
        case unexpectedEnd
        /// A character that the grammar does not allow in this place.
        case unexpectedCharacter
        /// A control character, an unknown escape or half a surrogate pair in a string.
        case badString
        /// Something that starts like a number and is none: `01`, `1.`, `1e+`.
        case badNumber
        /// Bytes that are not UTF-8, overlong forms and surrogates included.
        case invalidUTF8
        /// Something follows the complete value.
        case trailingText
    }

    package let code: Code
    /// The byte where reading stopped; the length of the text if it ended too early.
    package let offset: Int
    package let position: JSONPosition
    /// What was found and what was expected, in one sentence without the position.
    package let message: String
}

extension JSONError: CustomStringConvertible {
    package var description: String { "line \(position.line), column \(position.column): \(message)" }
}

/// A place in a text as an editor shows it; both numbers start at 1.
///
/// The column counts Unicode scalars. LF, CRLF and a lone CR each end a line.
package struct JSONPosition: Hashable, Sendable {
    package var line: Int
    package var column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}

extension JSONPosition {
    static let start = JSONPosition(line: 1, column: 1)

    /// Moves from the start of the range to its end.
    mutating func advance(over range: Range<Int>, of bytes: [UInt8]) {
        for offset in range {
            switch bytes[offset] {
            case UInt8(ascii: "\n") where offset > 0 && bytes[offset - 1] == UInt8(ascii: "\r"):
                continue  // The carriage return has ended the line.
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                line += 1
                column = 1
            case 0x80..<0xC0:
                continue  // A continuation byte: its scalar has been counted.
            default:
                column += 1
            }
        }
    }
}

/// Positions by offset, without reading the text from its start for each: a long text may have thousands of problems.
struct JSONPositionIndex: Sendable {
    private static let stride = 4_096

    /// The positions of the offsets `stride`, `2 * stride`, …; a short text has none and costs nothing.
    private let marks: [JSONPosition]

    init(_ bytes: [UInt8]) {
        var marks: [JSONPosition] = []
        var position = JSONPosition.start
        var offset = 0
        while offset + Self.stride <= bytes.count {
            position.advance(over: offset..<offset + Self.stride, of: bytes)
            marks.append(position)
            offset += Self.stride
        }
        self.marks = marks
    }

    func position(of offset: Int, in bytes: [UInt8]) -> JSONPosition {
        let block = min(offset / Self.stride, marks.count)
        var position = block == 0 ? .start : marks[block - 1]
        position.advance(over: block * Self.stride..<offset, of: bytes)
        return position
    }
}

extension JSONParser {
    /// An error at the current offset.
    func failure(_ code: JSONError.Code, _ message: String) -> JSONError {
        var position = JSONPosition.start
        position.advance(over: 0..<offset, of: bytes)
        return JSONError(code: code, offset: offset, position: position, message: message)
    }

    /// What is at the current offset instead of what was expected. It has that code, unless there is a plainer reason.
    func unexpected(_ code: JSONError.Code, expected: String) -> JSONError {
        guard offset < bytes.count else {
            return failure(.unexpectedEnd, "expected \(expected), found the end of the text")
        }
        guard JSONUTF8.scalarLength(at: offset, in: bytes) != nil else { return invalidUTF8() }
        return failure(code, "expected \(expected), found \(foundName)")
    }

    func invalidUTF8() -> JSONError {
        let byte = hexadecimal(bytes[offset], digits: 1).uppercased()
        return failure(.invalidUTF8, "expected UTF-8, found the byte 0x\(byte) where none of its forms has it")
    }

    /// The scalar at the current offset in print: as itself if it can be seen, else by its number.
    var foundName: String {
        guard let length = JSONUTF8.scalarLength(at: offset, in: bytes),
            let scalar = String(decoding: bytes[offset..<offset + length], as: UTF8.self).unicodeScalars.first
        else { return "a broken character" }
        if scalar == "'" { return "\"'\"" }
        guard JSONExcerpt.isInvisible(scalar) || scalar == " " else { return "'\(scalar)'" }
        return "U+" + hexadecimal(scalar.value, digits: 4).uppercased()
    }
}
