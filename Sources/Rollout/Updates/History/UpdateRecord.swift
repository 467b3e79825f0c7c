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

        static let all = [accepted, ignored, stopped, refused]
    }

    /// What tells the records of a process from those of others: a number that it drew at random.
    let processID: UInt64
    /// The attempt's number in that process. Number 1 is the policy that ran when the updater was made.
    public let number: Int
    /// The revision that was offered, or nil if there was no policy to have one.
    public let revision: UInt32?
    /// The revision that ran afterwards.
    public let running: UInt32
    /// Who made the change, or nil if nobody said.
    public internal(set) var author: String?
    /// Why the change was made, or nil if nobody said.
    public internal(set) var reason: String?
    /// When the change was made.
    public let time: UnixTime
    /// The gates that let the policy through, in their order.
    public let gates: [String]
    /// How the attempt ended.
    public let outcome: Outcome
    /// Why the change was refused, or nil if it was not.
    public internal(set) var error: UpdateError?
    /// The policy that was accepted. Nil if none was, and in the ``RolloutUpdater/history`` if it is no longer remembered.
    public internal(set) var policy: RolloutPolicy?

    /// What a rollback restored, or nil if the attempt was no rollback.
    var restored: Restoration?
    /// The process that made the attempt: 16 hexadecimal digits that it drew at random.
    public var process: String { hexadecimal(processID, digits: 16) }

    let old: PolicyDigest?
    let new: PolicyDigest?

    /// SHA-256 of the policy that ran before, in hexadecimal; nil at the start.
    public var oldDigest: String? { old?.text }

    /// SHA-256 of the policy that was offered, in hexadecimal; nil if an edit failed before there was one.
    public var newDigest: String? { new?.text }
}

extension UpdateRecord {
    /// The record with its policy, for a store that keeps the two apart.
    ///
    /// - Returns: The record, or nil if it is that of another policy. O(policy): its digest is made.
    public func completed(by policy: RolloutPolicy) -> UpdateRecord? {
        guard revision == policy.revision, newDigest == policy.digest else { return nil }
        var record = self
        record.policy = policy
        return record
    }
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

    /// Cuts the texts to what the history keeps, and drops the policy and the error behind the error.
    mutating func abridge() {
        policy = nil
        if let author { self.author = author.cut(to: Self.longestText) }
        if let reason { self.reason = reason.cut(to: Self.longestText) }
        if let error { self.error = UpdateError(error.code, error.message.cut(to: Self.longestText)) }
    }
}

extension String {
    /// The text, or as much of it as fits, with an ellipsis.
    fileprivate func cut(to limit: Int) -> String {
        if utf8.count <= limit { return self }
        return String(decoding: utf8.prefix(limit - 6), as: UTF8.self) + "…"
    }
}
