/// One attempt to change the policy of a router: who made it, when and why, what it changed, and how it ended.
public struct UpdateRecord: Sendable {
    /// How an attempt ended. A minor release may add outcomes.
    public struct Outcome: Hashable, Sendable, CustomStringConvertible {
        /// The outcome as a word, stable between releases.
        public let description: String

        init(_ description: String) { self.description = description }

        /// The policy runs.
        public static let accepted = Outcome("accepted")
        /// The policy had an older revision and changed nothing.
        public static let ignored = Outcome("ignored")
        /// The change failed; the ``UpdateRecord/error`` says why.
        public static let refused = Outcome("refused")
    }

    /// The attempt's number. Number 1 is the policy that ran when the updater was made.
    public let number: Int
    /// The revision that was offered, or nil if there was no policy to have one.
    public let revision: UInt32?
    /// The revision that ran afterwards.
    public let running: UInt32
    /// Who made the change, or nil if nobody said.
    public let author: String?
    /// Why the change was made, or nil if nobody said.
    public let reason: String?
    /// When the change was made.
    public let time: UnixTime
    /// The gates that let the policy through, in their order.
    public let gates: [String]
    /// How the attempt ended.
    public let outcome: Outcome
    /// Why the change was refused, or nil if it was not.
    public let error: UpdateError?

    let old: PolicyDigest?
    let new: PolicyDigest?

    /// SHA-256 of the policy that ran before, in hexadecimal; nil at the start.
    public var oldDigest: String? { old?.text }

    /// SHA-256 of the policy that was offered, in hexadecimal; nil if an edit failed before there was one.
    public var newDigest: String? { new?.text }
}

extension UpdateRecord: CustomStringConvertible {
    /// `revision 8 accepted, by ana, because healthy for an hour`.
    public var description: String {
        var text = revision.map { "revision \($0) " } ?? ""
        text += outcome.description
        if outcome != .accepted { text += ", revision \(running) runs" }
        if let error { text += ": \(error)" }
        if let author { text += ", by \(author)" }
        if let reason { text += ", because \(reason)" }
        return text
    }
}

extension UpdateRecord {
    /// The most bytes of a text that the history keeps.
    private static let longestText = 4_096

    /// The record with its texts cut to what the history keeps, and without the error behind the error.
    var abridged: UpdateRecord {
        UpdateRecord(
            number: number,
            revision: revision,
            running: running,
            author: author?.cut(to: Self.longestText),
            reason: reason?.cut(to: Self.longestText),
            time: time,
            gates: gates,
            outcome: outcome,
            error: error.map { UpdateError($0.code, $0.message.cut(to: Self.longestText)) },
            old: old,
            new: new
        )
    }
}

extension UpdateError {
    /// The code and the message, which are all of it that a record is written with.
    fileprivate var withoutCause: UpdateError { UpdateError(code, message) }
}

extension String {
    /// The text, or as much of it as fits, with an ellipsis.
    fileprivate func cut(to limit: Int) -> String {
        if utf8.count <= limit { return self }
        return String(decoding: utf8.prefix(limit - 6), as: UTF8.self) + "…"
    }
}

// MARK: Outside the process

extension UpdateRecord: Codable {
    private enum Key: String, CodingKey {
        case number, revision, running, author, reason, time, gates, outcome, error, oldDigest, newDigest
    }

    /// Decodes a record from an object, as ``json`` and ``encode(to:)`` write it. The error behind the error is not
    /// kept.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        func digest(_ key: Key) throws -> PolicyDigest? {
            try values.decodeIfPresent(String.self, forKey: key).map(PolicyDigest.init(text:))
        }
        try self.init(
            number: values.decode(Int.self, forKey: .number),
            revision: values.decodeIfPresent(UInt32.self, forKey: .revision),
            running: values.decode(UInt32.self, forKey: .running),
            author: values.decodeIfPresent(String.self, forKey: .author),
            reason: values.decodeIfPresent(String.self, forKey: .reason),
            time: values.decode(UnixTime.self, forKey: .time),
            gates: values.decode([String].self, forKey: .gates),
            outcome: Outcome(values.decode(String.self, forKey: .outcome)),
            error: values.decodeIfPresent(UpdateError.self, forKey: .error),
            old: digest(.oldDigest),
            new: digest(.newDigest)
        )
    }

    /// Encodes the record as an object with all its keys. A value that is missing is null.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        try values.encode(number, forKey: .number)
        try values.encode(revision, forKey: .revision)
        try values.encode(running, forKey: .running)
        try values.encode(author, forKey: .author)
        try values.encode(reason, forKey: .reason)
        try values.encode(time, forKey: .time)
        try values.encode(gates, forKey: .gates)
        try values.encode(outcome.description, forKey: .outcome)
        try values.encode(error?.withoutCause, forKey: .error)
        try values.encode(oldDigest, forKey: .oldDigest)
        try values.encode(newDigest, forKey: .newDigest)
    }

    /// The record as canonical JSON on one line, for logs and stores. A JSON decoder reads it back.
    public var json: String {
        func text(_ value: String?) -> JSONTree { value.map { .string($0) } ?? .null }
        return JSONTree.object([
            ("number", .integer(number)),
            ("revision", revision.map { .integer(Int($0)) } ?? .null),
            ("running", .integer(Int(running))),
            ("author", text(author)),
            ("reason", text(reason)),
            ("time", .integer(Int(time.seconds))),
            ("gates", .array(gates.map { .string($0) })),
            ("outcome", .string(outcome.description)),
            (
                "error",
                error.map { .object([("code", .string($0.code.description)), ("message", .string($0.message))]) }
                    ?? .null
            ),
            ("oldDigest", text(oldDigest)),
            ("newDigest", text(newDigest)),
        ]).canonicalText
    }
}
