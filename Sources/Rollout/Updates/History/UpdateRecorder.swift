/// Hears of every attempt to change a router's policy: for a log, a durable store, a metric.
///
/// Records come one at a time and in order, on the thread of some update, after the update took effect and outside the
/// writers' lock; no update returns before its record was taken. So a slow recorder makes updates slow, and decisions
/// never.
///
/// - Important: A recorder must not update the router it records.
public protocol UpdateRecorder: Sendable {
    /// Takes a record. What fails here is the recorder's own affair: the update has happened.
    func record(_ record: UpdateRecord)
}

extension RolloutRouter {
    /// The attempts to change the policy that are remembered, oldest first: of those accepted and of all others the last
    /// 32 each. The first is the policy the router started with, until it is forgotten.
    public var history: [UpdateRecord] { state.journal.records }

    /// A policy that ran earlier, or nil where it is not remembered: what ``rollback(to:from:by:because:now:)`` would
    /// restore.
    public func policy(ofRevision revision: UInt32) -> RolloutPolicy? { state.journal.policy(of: revision) }

    /// Hands every record to a recorder from now on, and first those that are remembered.
    public func add(_ recorder: some UpdateRecorder) { state.journal.add(recorder) }
}
