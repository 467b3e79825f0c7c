/// Whose part it is to do something about an error, so that a service can pass the error on without reading its text.
/// A minor release may add parts.
public struct Fault: Hashable, Sendable, CustomStringConvertible {
    /// The part as a word, stable between releases.
    public let description: String

    private init(_ description: String) { self.description = description }

    /// Whoever made the change: it makes no sense for what runs, or came too late. An HTTP service answers 400, or 409 if
    /// it is a conflict.
    public static let caller = Fault("caller")
    /// Whoever wrote the policy: it breaks a rule. An HTTP service answers 422.
    public static let document = Fault("document")
    /// A gate: it refused, or took too long. An HTTP service answers 503.
    public static let gate = Fault("gate")
    /// Where policies are kept: a file or a store failed. An HTTP service answers 503.
    public static let store = Fault("store")
    /// This process: it remembers as many names as it can, and has to be restarted. An HTTP service answers 503.
    public static let process = Fault("process")
}

extension Fault: Codable {
    /// Decodes a word, also one of a later release.
    public init(from decoder: any Decoder) throws {
        try self.init(decoder.singleValueContainer().decode(String.self))
    }

    /// Encodes the word.
    public func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        try value.encode(description)
    }
}
