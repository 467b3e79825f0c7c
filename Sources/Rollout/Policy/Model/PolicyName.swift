/// A name in a policy: 1 to 64 of the characters `A-Z a-z 0-9 . _ -`.
///
/// Names are ASCII, so equality of text, of bytes and of what a person sees are one and the same.
///
/// A name is encoded as its text, also as a key of a dictionary. Text that is no name throws a `DecodingError`.
public protocol PolicyName: Hashable, Comparable, Sendable, Codable, CodingKeyRepresentable,
    ExpressibleByStringLiteral, CustomStringConvertible
{
    /// The name itself.
    var text: String { get }

    /// A name from run-time text, or nil if the text is no name.
    init?(_ text: String)
}

extension PolicyName {
    /// A name written in source; text that is no name is a programmer's mistake and traps.
    public init(stringLiteral text: String) {
        guard let name = Self(text) else {
            preconditionFailure("\"\(text)\" is no name: \(policyNameForm) are")
        }
        self = name
    }

    /// The name itself.
    public var description: String { text }

    /// Orders names by their bytes.
    public static func < (left: Self, right: Self) -> Bool { left.text < right.text }

    /// Decodes a name from its text.
    ///
    /// - Throws: `DecodingError` if the text is no name.
    public init(from decoder: any Decoder) throws {
        let text = try String(from: decoder)
        guard let name = Self(text) else { throw DecodingError.noName(text, at: decoder.codingPath) }
        self = name
    }

    /// Encodes the name as its text.
    public func encode(to encoder: any Encoder) throws { try text.encode(to: encoder) }

    /// The name as a key of a dictionary.
    public var codingKey: any CodingKey { TextKey(text) }

    /// A name from a key of a dictionary, or nil if the key is no name.
    public init?(codingKey: some CodingKey) { self.init(codingKey.stringValue) }
}

// What stands in a policy's text in the place of a name. A policy that holds one is refused, but not before everything else
// in it was judged.

extension RolloutID {
    init(asWritten text: String) { self.text = text }
}

extension VariantName {
    init(asWritten text: String) { self.text = text }
}

extension Release.Component {
    init(asWritten text: String) { self.text = text }
}

/// What a name is, as messages say it.
let policyNameForm = "1 ... 64 of the characters A-Z a-z 0-9 . _ -"

/// Whether the text is a name, judged by bytes: `String ==` would let U+212A pass for `K`.
func isPolicyName(_ text: String) -> Bool {
    1...64 ~= text.utf8.count
        && text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
}

extension DecodingError {
    /// What is thrown for text that is no name.
    static func noName(_ text: String, at path: [any CodingKey]) -> DecodingError {
        .invalid("expected a name, \(policyNameForm), found \(quoted(text))", at: path)
    }

    /// What is thrown for a value that is not allowed; the message says what is.
    static func invalid(_ message: String, at path: [any CodingKey]) -> DecodingError {
        .dataCorrupted(Context(codingPath: path, debugDescription: message))
    }
}
