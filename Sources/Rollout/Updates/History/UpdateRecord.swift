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
        /// A variant of the running policy was stopped, in this process alone.
        public static let stopped = Outcome("stopped")
        /// The change failed; the ``UpdateRecord/error`` says why.
        public static let refused = Outcome("refused")
    }

    /// The process that made the attempt: 16 hexadecimal digits that it drew at random.
    public let process: String
    /// The attempt's number in that process. Number 1 is the policy that ran when the updater was made.
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
    /// The policy that was accepted. Nil if none was, and in the ``RolloutUpdater/history`` if it is no longer remembered.
    public internal(set) var policy: RolloutPolicy?

    /// What a rollback restored, or nil if the attempt was no rollback.
    var restored: Restoration?
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

    /// The record with its texts cut to what the history keeps, without the error behind the error, and without the
    /// policy.
    var abridged: UpdateRecord {
        UpdateRecord(
            process: process,
            number: number,
            revision: revision,
            running: running,
            author: author?.cut(to: Self.longestText),
            reason: reason?.cut(to: Self.longestText),
            time: time,
            gates: gates,
            outcome: outcome,
            error: error.map { UpdateError($0.code, $0.message.cut(to: Self.longestText)) },
            policy: nil,
            restored: restored,
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
