/// A name in a policy: 1 to 64 of the characters `A-Z a-z 0-9 . _ -`.
///
/// Names are ASCII, so equality of text, of bytes and of what a person sees are one and the same.
public protocol PolicyName: Hashable, Comparable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The name itself.
    var text: String { get }

    /// A name from run-time text, or nil where the text is no name.
    init?(_ text: String)
}

extension PolicyName {
    /// A name written in source; text that is no name is a programmer's mistake and traps.
    public init(stringLiteral text: String) {
        guard let name = Self(text) else {
            preconditionFailure("\"\(text)\" is no name: 1 to 64 of the characters A-Z a-z 0-9 . _ - are")
        }
        self = name
    }

    /// The name itself.
    public var description: String { text }

    /// Orders names by their bytes.
    public static func < (left: Self, right: Self) -> Bool { left.text < right.text }
}

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
