/// Where a fleet keeps its policy: a directory, a database, etcd.
///
/// A ``RolloutUpdater`` with a store offers every change to it, after the gates and before the change is published. So a
/// change runs nowhere unless the store took it, and every process that follows the store comes to run it.
///
/// A store holds the bytes of one policy, and gives each content a version. It replaces the content only if that still
/// has the version that the writer has read, in one step for all processes.
///
/// A store is also a ``PolicySource``, so that a ``PolicyFollower`` can follow it. It hands out what it holds. If it can tell of
/// changes, give it a ``PolicySource/next()`` of its own that waits for them.
public protocol PolicyStore: PolicySource {
    /// What the store holds, or nil if it holds no policy.
    ///
    /// - Throws: Why the store cannot be read; the error's description becomes part of the change's error.
    func read() async throws -> StoredPolicy?

    /// Replaces what the store holds, if nobody else has replaced it since.
    ///
    /// The policy and the record come to be stored together or not at all. The task is cancelled if the change ends
    /// early; the change has then failed as ``UpdateError/Code/outcomeUnknown``, whatever the answer.
    ///
    /// - Parameters:
    ///   - policy: The JSON of the policy to store.
    ///   - record: What the history of the store is to say about it: an ``UpdateRecord`` as JSON.
    ///   - version: The version that the store must still hold, or nil if it must hold nothing.
    ///   - condition: What else must hold in the same step, or nil for nothing.
    /// - Returns: What became of it.
    func swap(
        _ policy: [UInt8],
        record: [UInt8],
        expecting version: String?,
        requiring condition: StoreCondition?
    ) async -> StoreAnswer
}

extension PolicyStore {
    /// The bytes that the store holds.
    ///
    /// - Throws: Why the store cannot be read, or that it holds no policy.
    public func next() async throws -> [UInt8]? {
        guard let stored = try await read() else { throw UpdateError.missing(in: name) }
        return stored.bytes
    }
}

/// What a ``PolicyStore`` holds.
public struct StoredPolicy: Hashable, Sendable {
    /// The bytes of the policy, as somebody stored them.
    public var bytes: [UInt8]
    /// The version of the content, in the store's own words. Two contents never have the same version.
    public var version: String
    /// The record that was stored with the policy, or nil if the store does not give it back. It tells a rollback from
    /// other changes, so that the next rollback in any process goes back further. It also tells a writer's own change from
    /// the same change of another process (``StoreAnswer/other(_:)``).
    public var record: [UInt8]?

    /// What a store holds.
    ///
    /// - Parameters:
    ///   - bytes: The bytes of the policy.
    ///   - version: The version of the content.
    ///   - record: The record that was stored with the policy, or nil if it is not at hand.
    public init(_ bytes: [UInt8], version: String, record: [UInt8]? = nil) {
        self.bytes = bytes
        self.version = version
        self.record = record
    }

    /// What the policy restores, if the record says that it is a rollback.
    var restored: Restoration? { parsedRecord?.restored }

    /// Whether the record that was stored with the policy is this one.
    func isOf(_ draft: UpdateRecord) -> Bool {
        parsedRecord.map { $0.processID == draft.processID && $0.number == draft.number } ?? false
    }

    private var parsedRecord: UpdateRecord? { record.flatMap { try? UpdateRecord(json: $0) } }
}

/// Something beside the policy that a store must still hold when it takes a change, such as the key of an election that
/// only its leader holds.
public struct StoreCondition: Hashable, Sendable {
    /// What is looked at, in the store's own words: a key, a file.
    public var key: String
    /// The version that it must have, or nil if it must not be there.
    public var version: String?

    /// A condition.
    ///
    /// - Parameters:
    ///   - key: What is looked at.
    ///   - version: The version that it must have, or nil if it must not be there.
    public init(_ key: String, at version: String?) {
        self.key = key
        self.version = version
    }
}

/// What became of a policy that was offered to a ``PolicyStore``.
public enum StoreAnswer: Sendable {
    /// The store holds the policy now.
    case stored
    /// The store holds something else than the writer expected, or nothing, and keeps that.
    ///
    /// If the answer to a swap is lost, a store may repeat the swap. It then finds its own first attempt, and answers with
    /// that. The updater knows its policy and its record, and takes this for ``stored``. So give the record back: without
    /// it, the edit is made again on its own result. If a store that repeats a swap finds anything else, the first attempt
    /// may have been stored and replaced since. The answer is then ``unknown(_:)``.
    case other(StoredPolicy?)
    /// The condition does not hold. The store keeps what it held.
    case conditionFailed
    /// The store takes no such policy: it is too large, for example. Give a ``GateRefusal`` to say whose part it is to do
    /// something about it.
    case refused(any Error)
    /// The store was not reached, so it did not take the policy.
    case unreached(any Error)
    /// The store was asked and did not answer, so nobody knows whether it took the policy.
    case unknown(any Error)
}
