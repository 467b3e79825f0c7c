/// The first thing that makes a text no JSON document, and where it stands.
package struct JSONError: Error, Hashable, Sendable {
    package enum Code: String, Hashable, Sendable {
        /// The text has more bytes than allowed; nothing of it was read.
        case tooLarge
        /// Arrays and objects are nested deeper than allowed.
        case tooDeep
        /// Nothing but white space.
        case empty
        /// The text starts with U+FEFF, which RFC 8259 forbids to send.
        case byteOrderMark
        /// The text stops before its value is complete.
        case unexpectedEnd
        /// A character that the grammar does not allow in this place.
        case unexpectedCharacter
        /// A control character, an unknown escape or half a surrogate pair in a string.
        case badString
        /// A number that starts like one and is none: `01`, `1.`, `1e+`.
        case badNumber
        /// Bytes that are no UTF-8, overlong forms and surrogates included.
        case invalidUTF8
        /// Something follows the complete value.
        case trailingText
    }

    package let code: Code
    /// The byte where reading stopped; the length of the text where it ended too early.
    package let offset: Int
    package let position: JSONPosition
    /// What was found and what was expected, in one sentence without the position.
    package let message: String
}

extension JSONError: CustomStringConvertible {
    package var description: String { "line \(position.line), column \(position.column): \(message)" }
}
