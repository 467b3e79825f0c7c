/// What is bucketed, as text: the id of a user, a session, a device. Equal only to the same UTF-8 bytes.
///
/// An integer is its decimal text: `UnitID(42) == "42"`. Nothing is trimmed, folded or normalised.
public struct UnitID: Hashable, Sendable, Codable, CodingKeyRepresentable, ExpressibleByStringLiteral,
    CustomStringConvertible
{
    private let exact: ExactText

    /// The id as text.
    public var text: String { exact.text }

    /// A unit from its text.
    public init(_ text: String) { exact = ExactText(text: text) }

    /// A unit from an integer, taken as its decimal text.
    public init(_ number: some BinaryInteger) { self.init(String(number)) }

    /// A unit written in source.
    public init(stringLiteral text: String) { self.init(text) }

    /// The id as text.
    public var description: String { text }

    /// Decodes a unit from its text.
    public init(from decoder: any Decoder) throws { try self.init(String(from: decoder)) }

    /// Encodes the unit as its text.
    public func encode(to encoder: any Encoder) throws { try text.encode(to: encoder) }

    /// The unit as a key of a dictionary.
    public var codingKey: any CodingKey { TextKey(text) }

    /// A unit from a key of a dictionary.
    public init(codingKey: some CodingKey) { self.init(codingKey.stringValue) }
}
