/// One attempt to change the policy of a router: who, when, why, from what to what, and what became of it.
public struct UpdateRecord: Sendable {
    /// What became of an attempt.
    public enum Outcome: Hashable, Sendable {
        /// The policy runs.
        case accepted
        /// The policy was of an older revision and changed nothing.
        case ignored
        /// The policy changed nothing, and this is why.
        case refused(UpdateError)
    }

    /// Counts the attempts on a router, from 1, which is the policy it started with.
    public let number: Int
    /// The revision that was offered, or nil where nothing could be read that has one.
    public let revision: UInt32?
    /// The revision that ran afterwards.
    public let running: UInt32
    /// Who, or nil where nobody said.
    public let author: String?
    /// Why, or nil where nobody said.
    public let reason: String?
    /// When, in Unix seconds by the caller's clock, or nil where it gave none.
    public let time: Int64?
    /// The gates that let the policy through, in their order.
    public let gates: [String]
    /// What became of it.
    public let outcome: Outcome

    let old: PolicyDigest?
    let new: PolicyDigest?

    /// SHA-256 of the policy that ran before, in hexadecimal; nil at the start.
    public var oldDigest: String? { old?.text }

    /// SHA-256 of the policy that was offered, in hexadecimal; nil where an edit failed before there was one.
    public var newDigest: String? { new?.text }
}

extension UpdateRecord: CustomStringConvertible {
    /// `revision 8 accepted, by ana, because healthy for an hour`.
    public var description: String {
        var text = revision.map { "revision \($0) " } ?? ""
        switch outcome {
        case .accepted: text += "accepted"
        case .ignored: text += "ignored, revision \(running) runs"
        case .refused(let error): text += "refused, revision \(running) runs: \(error)"
        }
        if let author { text += ", by \(author)" }
        if let reason { text += ", because \(reason)" }
        return text
    }
}

extension UpdateRecord {
    /// The record as canonical JSON on one line, for logs and stores.
    public var json: String {
        func text(_ value: String?) -> JSONTree { value.map { .string($0) } ?? .null }
        var members: [(key: String, value: JSONTree)] = [
            ("number", .integer(number)),
            ("revision", revision.map { .integer(Int($0)) } ?? .null),
            ("running", .integer(Int(running))),
            ("author", text(author)),
            ("reason", text(reason)),
            ("time", time.map { .integer(Int($0)) } ?? .null),
            ("gates", .array(gates.map { .string($0) })),
            ("oldDigest", text(oldDigest)),
            ("newDigest", text(newDigest)),
        ]
        switch outcome {
        case .accepted: members.append(("outcome", .string("accepted")))
        case .ignored: members.append(("outcome", .string("ignored")))
        case .refused(let error):
            members += [("outcome", .string("refused")), ("error", .string(error.description))]
        }
        return JSONTree.object(members).canonicalText
    }
}
