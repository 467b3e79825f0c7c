/// Why a change did not happen. The running policy is untouched.
public struct UpdateError: Error, Sendable {
    /// The kind of error, for programs.
    public let code: Code
    /// What is wrong and what to do about it, in full sentences.
    public let message: String
    /// The error behind this one: a `PolicyError`, a `FileError`, or what a source, an edit or a gate threw.
    public let underlying: (any Error)?
    /// The rollouts whose epochs are too low, and why, if the code is ``Code/needsEpoch``.
    public let epochDemands: [EpochDemand]

    /// The kind of an error. A minor release may add kinds.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The kind as a word, stable between releases.
        public let description: String

        init(_ description: String) { self.description = description }

        /// The new policy breaks a rule. The underlying `PolicyError` lists every problem.
        public static let invalid = Code("invalid")
        /// The file or the store that holds the new policy cannot be read.
        public static let unreadable = Code("unreadable")
        /// Another revision runs than the caller expected.
        public static let conflict = Code("conflict")
        /// A policy with the same revision and other content runs already.
        public static let revisionTaken = Code("revisionTaken")
        /// The change makes older assignments wrong, and the policy does not raise the epochs that void them.
        public static let needsEpoch = Code("needsEpoch")
        /// The closure that was to edit the policy threw.
        public static let editFailed = Code("editFailed")
        /// A gate or the store did not let the policy through.
        public static let refused = Code("refused")
        /// The time for the change was up.
        public static let timedOut = Code("timedOut")
        /// The task that made the change was cancelled.
        public static let cancelled = Code("cancelled")
        /// Another change went first: one that only takes away was published, or a rollback came.
        public static let overtaken = Code("overtaken")
        /// There is no store, or it holds no policy. ``RolloutUpdater/seed(by:because:now:within:)`` writes the running one.
        public static let missing = Code("missing")
        /// The store was not reached, so it did not take the change.
        public static let unreached = Code("unreached")
        /// The store was asked to take the change and did not answer. Whoever follows the store learns whether it did.
        public static let outcomeUnknown = Code("outcomeUnknown")
        /// The store holds something that this process cannot build on: no policy, an older one, or another one of the
        /// running revision.
        public static let unusableStore = Code("unusableStore")
        /// What the store had to hold beside the policy, it does not hold.
        public static let conditionFailed = Code("conditionFailed")
        /// The revision to go back to is not remembered.
        public static let unknownRevision = Code("unknownRevision")
    }

    init(_ code: Code, _ message: String, underlying: (any Error)? = nil, epochDemands: [EpochDemand] = []) {
        self.code = code
        self.message = message
        self.underlying = underlying
        self.epochDemands = epochDemands
    }
}

extension UpdateError {
    /// Whether the policy, or what the store holds beside it, is not what the caller took it for: look at what it says, and
    /// decide again. An HTTP service answers 409.
    ///
    /// An edit that failed is a conflict if its ``EditError`` is one.
    public var isConflict: Bool {
        switch code {
        case .conflict, .revisionTaken, .overtaken, .conditionFailed: true
        case .editFailed: (underlying as? EditError)?.isConflict ?? false
        default: false
        }
    }

    /// Whose part it is to do something about the error. Of a policy, an edit or a gate, it is what the error behind this
    /// one says.
    public var fault: Fault {
        switch code {
        case .invalid: faultBehind ?? .document
        case .editFailed: faultBehind ?? .caller
        case .refused: faultBehind ?? .gate
        case .needsEpoch: .document
        case .timedOut: .gate
        case .unreadable, .missing, .unreached, .outcomeUnknown, .unusableStore: .store
        default: .caller
        }
    }

    private var faultBehind: Fault? {
        switch underlying {
        case let error as PolicyError: error.fault
        case let error as EditError: error.fault
        case let error as GateRefusal: error.fault
        default: nil
        }
    }
}

extension UpdateError: Hashable {
    /// Whether both have the same code and the same message.
    public static func == (left: UpdateError, right: UpdateError) -> Bool {
        left.code == right.code && left.message == right.message
    }

    /// Feeds the code and the message.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(code)
        hasher.combine(message)
    }
}

extension UpdateError: CustomStringConvertible {
    /// The message.
    public var description: String { message }
}

extension UpdateError {
    /// - Parameters:
    ///   - error: What is wrong with the policy.
    ///   - revision: Its revision if the store holds it by now, or nil.
    /// - Returns: The error of a change whose policy cannot run.
    static func invalid(_ error: PolicyError, storedAs revision: UInt32? = nil) -> UpdateError {
        let stored = revision.map { "The store took revision \($0), but this process cannot run it. " } ?? ""
        return UpdateError(.invalid, stored + "The policy is invalid. \(error)", underlying: error)
    }

    static func unreadable(_ error: any Error) -> UpdateError {
        UpdateError(.unreadable, "The policy cannot be read. \(error)", underlying: error)
    }

    static func conflict(expected: UInt32, running: UInt32) -> UpdateError {
        UpdateError(
            .conflict,
            "Revision \(running) runs, and not \(expected) as expected: look at what it says, and base the change on it."
        )
    }

    static func revisionTaken(_ revision: UInt32) -> UpdateError {
        UpdateError(
            .revisionTaken,
            "Revision \(revision) runs already, with other content: give the new content a higher revision."
        )
    }

    static func needsEpoch(_ demands: [EpochDemand]) -> UpdateError {
        let lines = demands.map(\.description).joined(separator: "\n")
        return UpdateError(
            .needsEpoch,
            "Older assignments would get the wrong variant. \(lines)",
            epochDemands: demands
        )
    }

    static func edit(_ error: any Error) -> UpdateError {
        UpdateError(.editFailed, "The edit failed. \(error)", underlying: error)
    }

    static func refused(by gate: String, _ error: any Error) -> UpdateError {
        UpdateError(.refused, "The gate \"\(gate)\" refused: \(error)", underlying: error)
    }

    static func refused(byStore store: String, _ error: any Error) -> UpdateError {
        UpdateError(.refused, "The store \"\(store)\" refused: \(error)", underlying: error)
    }

    /// - Parameters:
    ///   - interruption: What ended the change.
    ///   - gate: The gate that was preparing, or nil if none was.
    /// - Returns: The error of a change that ended early.
    static func ended(_ interruption: Interruption, at gate: String?) -> UpdateError {
        let place = gate.map { "while the gate \"\($0)\" prepared" } ?? "before the change was published"
        switch interruption {
        case .timedOut(let limit): return UpdateError(.timedOut, "The time was up \(place): the change had \(limit).")
        case .cancelled: return UpdateError(.cancelled, "The task was cancelled \(place).")
        case .overtakenBy(let revision):
            return UpdateError(
                .overtaken,
                "Revision \(revision) was published \(place), because it only takes away: "
                    + "look at what it says, and make the change again if it is still wanted."
            )
        case .overtakenByRollback:
            return UpdateError(
                .overtaken,
                "A rollback goes first, and came \(place): make the change again if it is still wanted."
            )
        case .overtakenByTakingAway:
            return UpdateError(
                .overtaken,
                "A change that only takes away goes first, and came \(place): look at what it says, and make the change "
                    + "again if it is still wanted."
            )
        }
    }

    static let noStore = UpdateError(
        .missing,
        "The updater has no store to seed, or to hold a condition: give it one when you make it."
    )

    static let nothingToSeed = UpdateError(
        .missing,
        "The router runs no policy yet, and revision 0 is no start for a fleet: "
            + "seed from a process whose router was made with the first policy."
    )

    /// - Parameter store: The ``PolicySource/name`` of a store.
    /// - Returns: What a store throws from ``PolicySource/next()`` if it holds no policy.
    public static func missing(in store: String) -> UpdateError {
        UpdateError(.missing, "The store \"\(store)\" holds no policy: write the running one with seed().")
    }

    static func unreached(_ store: String, _ error: any Error) -> UpdateError {
        unreached(store, because: "\(error)", error)
    }

    static func unreached(_ store: String, within limit: Duration) -> UpdateError {
        unreached(store, because: "it did not answer before the time was up: the change had \(limit).", nil)
    }

    private static func unreached(_ store: String, because reason: String, _ error: (any Error)?) -> UpdateError {
        UpdateError(
            .unreached,
            "The store \"\(store)\" was not reached, and did not take the change: \(reason)",
            underlying: error
        )
    }

    static func unknown(_ store: String, taking revision: UInt32, _ reason: String, _ error: (any Error)?)
        -> UpdateError
    {
        UpdateError(
            .outcomeUnknown,
            "The store \"\(store)\" was asked to take revision \(revision), and nobody knows whether it did: \(reason). "
                + "Read the store before you make the change again.",
            underlying: error
        )
    }

    static func unusable(_ store: String, _ reason: String, _ error: (any Error)? = nil) -> UpdateError {
        UpdateError(.unusableStore, "Nothing is written to the store \"\(store)\": \(reason)", underlying: error)
    }

    static func conditionFailed(_ store: String, _ condition: StoreCondition?) -> UpdateError {
        let version = condition?.version.map { "has not the version \"\($0)\"" } ?? "is there, and should not be"
        return UpdateError(
            .conditionFailed,
            "The store \"\(store)\" did not take the change, because \"\(condition?.key ?? "")\" \(version)."
        )
    }

    static func unknownRevision(_ revision: UInt32, remembered: [UInt32]) -> UpdateError {
        UpdateError(.unknownRevision, "Revision \(revision) is not remembered; \(choice(of: remembered)).")
    }

    static func nothingEarlier(of id: RolloutID, at revision: UInt32? = nil, remembered: [UInt32]) -> UpdateError {
        let missing = revision.map { "Revision \($0) has no rollout \"\(id)\"" }
        return UpdateError(
            .unknownRevision,
            "\(missing ?? "Nothing is remembered of \"\(id)\" before its last change"); \(choice(of: remembered))."
        )
    }

    private static func choice(of revisions: [UInt32]) -> String {
        revisions.isEmpty
            ? "none can be restored" : "\(revisions.map(String.init).joined(separator: ", ")) can be restored"
    }

    static let lastRevision = UpdateError.invalid(
        PolicyError(PolicyProblem(.outOfRange, at: "revision", "4,294,967,295 runs, and no revision comes after it"))
    )
}

extension UpdateError: Codable {
    private enum Key: String, CodingKey { case code, message, cause, epochDemands }

    /// Decodes an error with its code and its message. The error behind it and the demands are not kept, so the code alone
    /// says whose part it is.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        try self.init(Code(values.decode(String.self, forKey: .code)), values.decode(String.self, forKey: .message))
    }

    /// Encodes the error as an object of its `code` and its `message`, with the error behind it as `cause` if that can
    /// be encoded, and its `epochDemands` if there are any.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        try values.encode(code.description, forKey: .code)
        try values.encode(message, forKey: .message)
        if let cause = underlying as? any Encodable { try values.encode(cause, forKey: .cause) }
        if !epochDemands.isEmpty { try values.encode(epochDemands, forKey: .epochDemands) }
    }
}
