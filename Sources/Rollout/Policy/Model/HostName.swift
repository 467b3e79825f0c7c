/// A host as rules compare it: ASCII letters in lower case, without port and trailing dot.
///
/// `HostName("Canary.Example:8443")`, `HostName("canary.example.")` and `HostName("canary.example")` are one host.
public struct HostName: Hashable, Sendable, Codable, CodingKeyRepresentable, ExpressibleByStringLiteral,
    CustomStringConvertible
{
    private let exact: ExactText

    /// The normalised host.
    public var text: String { exact.text }

    /// A host from the text of a policy or of a `Host` header.
    public init(_ text: String) {
        let bytes = Array(text.utf8)
        let end = unsafe bytes.withUnsafeBytes { bytes in unsafe Self.length(of: bytes) }
        exact = ExactText(text: String(decoding: bytes[..<end].map(Self.lowercased), as: UTF8.self))
    }

    /// A host written in source.
    public init(stringLiteral text: String) { self.init(text) }

    /// The normalised host.
    public var description: String { text }

    /// Decodes a host from its text, which need not be normalised.
    public init(from decoder: any Decoder) throws { try self.init(String(from: decoder)) }

    /// Encodes the normalised host as text.
    public func encode(to encoder: any Encoder) throws { try text.encode(to: encoder) }

    /// The normalised host as a key of a dictionary.
    public var codingKey: any CodingKey { TextKey(text) }

    /// A host from a key of a dictionary, which need not be normalised.
    public init(codingKey: some CodingKey) { self.init(codingKey.stringValue) }

    /// The length of the host within a `Host` header: all of it but a port and one trailing dot.
    ///
    /// A port is a colon and digits at the end; a host with several colons has one only after `]` (IPv6).
    @inline(__always)
    static func length(of bytes: UnsafeRawBufferPointer) -> Int {
        var end = bytes.count
        var digits = end
        while digits > 0, unsafe bytes[digits - 1] &- UInt8(ascii: "0") < 10 { digits -= 1 }
        if digits > 0, unsafe bytes[digits - 1] == UInt8(ascii: ":"), unsafe !isWithinAddress(bytes, digits - 1) {
            end = digits - 1
        }
        if end > 0, unsafe bytes[end - 1] == UInt8(ascii: ".") { end -= 1 }
        return end
    }

    /// Whether the colon at an offset separates groups of an IPv6 address that is not in brackets.
    private static func isWithinAddress(_ bytes: UnsafeRawBufferPointer, _ colon: Int) -> Bool {
        var place = colon
        if colon > 0, unsafe bytes[colon - 1] == UInt8(ascii: "]") { return false }
        while place > 0 {
            place -= 1
            if unsafe bytes[place] == UInt8(ascii: ":") { return true }
        }
        return false
    }

    /// Lower case for ASCII alone: hosts beyond ASCII travel as punycode.
    static func lowercased(_ byte: UInt8) -> UInt8 {
        UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
    }
}
