/// Changes what a router runs. Nothing else can.
///
///     let updater = RolloutUpdater(router, gates: [smokeTest, models], recorders: [log])
///
///     try await updater.update(because: "v2 loses orders") { try $0.abort(.sms) }
///     try await updater.update(by: "ana", because: "healthy") { try $0.setShare(of: .sms, to: .percent(25)) }
///     try await updater.rollback(of: .sms, because: "v2 loses orders")
///
/// A router, its handles and its snapshots only read. Whoever holds the updater may change what they run, in this
/// process alone. Other processes learn of a change only from the file or the store that they follow.
///
/// A router has one updater for the life of the process, so no change can bypass its gates and recorders.
///
/// Changes take turns. Each one waits until the change before it has ended. Then it is made on the policy that runs,
/// and it is published after every gate has let it through. Two kinds of change go first:
///
/// - A change that **only takes away** asks nobody. An abort, a variant that is disabled or draining, or a lower share
///   is published at once: before all changes that wait, and without asking a gate. If another change is at its gates
///   at that moment, that one fails as ``UpdateError/Code/overtaken``. A change only takes away if no unit moves to a
///   variant other than the first one, no rule changes, and nobody can get anything that nobody got before.
/// - A **rollback** goes before all other changes that wait. It also ends the change at its gates, unless that is a
///   rollback too, and then passes the gates itself.
///
/// Decisions wait for none of this.
public final class RolloutUpdater: Sendable {
    /// The router that this updater changes.
    public let router: RolloutRouter

    let changes: ChangeLine
    private let clock: any Clock<Duration>

    /// The updater of a router.
    ///
    /// - Parameters:
    ///   - router: The router to change.
    ///   - gates: The gates that every change has to pass, in this order. A change that only takes away asks none.
    ///   - recorders: Each hears of every attempt, beginning with the policy that runs now.
    ///   - store: What the policy is shared by with other processes, or nil if changes are this process's alone.
    ///   - records: What earlier processes recorded, oldest first, so that a restart forgets nothing: the ``history`` begins
    ///     with them, rollbacks find their policies, and epochs rise above theirs. Records of later revisions than the
    ///     running one, and of refused attempts, are only history. If no policy runs yet, that is judged by the first one.
    ///   - clock: Measures the time that a change may take.
    /// - Precondition: The router never had an updater.
    public init(
        _ router: RolloutRouter,
        gates: [any PolicyGate] = [],
        recorders: [any UpdateRecorder] = [],
        store: (any PolicyStore)? = nil,
        remembering records: [UpdateRecord] = [],
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        let isFirst = router.state.claimUpdater()
        precondition(
            isFirst,
            "a second RolloutUpdater for one router, which could bypass the gates of the first: share that"
        )
        self.router = router
        self.clock = clock
        changes = ChangeLine(
            router.state,
            gates: gates,
            recorders: recorders,
            store: store,
            remembering: records
        )
    }

    // MARK: Changing

    /// Replaces the policy in one step, for all rollouts and all threads.
    ///
    /// Revisions only rise. A policy with an older revision changes nothing, and the ``RolloutRouter/status`` counts
    /// it. The running policy itself changes nothing either. If a variant is to stand for something else than before,
    /// the rollout needs a higher epoch (``RolloutPolicy/epochDemands(from:)``).
    ///
    /// - Parameters:
    ///   - policy: The policy to run.
    ///   - expected: The revision that must be running when the policy takes its place, or nil for any.
    ///   - condition: What the store must still hold beside the policy, or nil for nothing.
    ///   - author: Who changes the policy, for the ``history``.
    ///   - reason: Why, for the ``history``.
    ///   - now: The time, for the ``history`` and the ``RolloutRouter/status``.
    ///   - limit: The time that the whole call may take, waiting and gates included, or nil for any.
    /// - Returns: The revision that runs afterwards.
    /// - Throws: `UpdateError`; the running policy is then untouched.
    @discardableResult
    public func update(
        to policy: RolloutPolicy,
        expecting expected: UInt32? = nil,
        requiring condition: StoreCondition? = nil,
        by author: String? = nil,
        because reason: String? = nil,
        now: UnixTime = .now,
        within limit: Duration? = nil
    ) async throws(UpdateError) -> UInt32 {
        let origin = UpdateOrigin(author: author, reason: reason, time: now)
        let change = Change(origin, offering: policy.revision, expecting: expected, requiring: condition)
        return try await changes.perform(change, within: limit, clock) { _ in policy }
    }

    /// Edits the running policy. The result gets the next revision, and the epochs that the edit demands.
    ///
    ///     try await updater.update(by: "ana", because: "healthy for an hour") { policy in
    ///         try policy.setShare(of: .sms, to: .percent(25))
    ///     }
    ///
    /// The edit is made on the policy that runs when its turn has come, so nothing of another writer is lost. If
    /// another change is under way when the call begins, the closure runs once more at that moment, to see whether it
    /// only takes away. With a store it always does, and once more each time that another process was faster. No other
    /// change is published while it runs, so it must not wait for one.
    ///
    /// Whoever has looked at a revision before they decide says so with `expecting:`. If another one runs by then, here or in the
    /// store, the edit fails as ``UpdateError/Code/conflict``.
    ///
    /// - Parameters:
    ///   - expected: The revision that the edit must be made on, or nil for any.
    ///   - condition: What the store must still hold beside the policy, or nil for nothing.
    ///   - author: Who changes the policy, for the ``history``.
    ///   - reason: Why, for the ``history``.
    ///   - now: The time, for the ``history`` and the ``RolloutRouter/status``.
    ///   - limit: The time that the whole call may take, waiting and gates included, or nil for any.
    ///   - edit: Changes the policy it is given. What it throws becomes the ``UpdateError/underlying`` error.
    /// - Returns: The revision that runs afterwards.
    /// - Throws: `UpdateError`; the running policy is then untouched.
    @discardableResult
    public func update(
        expecting expected: UInt32? = nil,
        requiring condition: StoreCondition? = nil,
        by author: String? = nil,
        because reason: String? = nil,
        now: UnixTime = .now,
        within limit: Duration? = nil,
        _ edit: (inout RolloutPolicy) throws -> Void
    ) async throws(UpdateError) -> UInt32 {
        let origin = UpdateOrigin(author: author, reason: reason, time: now)
        let change = Change(origin, expecting: expected, requiring: condition)
        return try await changes.perform(change, within: limit, clock) {
            [history = changes.history]
            running throws(UpdateError) in
            try running.edited(history.epochs, edit)
        }
    }

    /// Restores the earlier content of one rollout, and leaves all others alone.
    ///
    ///     try await updater.rollback(of: .sms, because: "v2 loses orders")
    ///
    /// Without a revision the rollout goes back to its content before its last change. A rollback does not count as a
    /// change, so a second call goes back further.
    ///
    /// The result is a new revision. The rollout's epoch rises, so no assignment from the time in between counts any
    /// more.
    ///
    /// - Parameters:
    ///   - id: The rollout.
    ///   - revision: The revision that has the content to restore, or nil for the content before the last change.
    ///   - expected: The revision that must be running when the policy takes its place, or nil for any.
    ///   - author: Who changes the policy, for the ``history``.
    ///   - reason: Why, for the ``history``. By default, that it is a rollback.
    ///   - now: The time, for the ``history`` and the ``RolloutRouter/status``.
    ///   - limit: The time that the whole call may take, waiting and gates included, or nil for any.
    /// - Returns: The new revision.
    /// - Throws: `UpdateError`; the running policy is then untouched. The error lists the revisions that can be
    ///   restored.
    @discardableResult
    public func rollback(
        of id: RolloutID,
        to revision: UInt32? = nil,
        expecting expected: UInt32? = nil,
        by author: String? = nil,
        because reason: String? = nil,
        now: UnixTime = .now,
        within limit: Duration? = nil
    ) async throws(UpdateError) -> UInt32 {
        try await restore(Restoration(id: id, revision: revision), expected, author, reason, now, limit)
    }

    /// Restores the content of a whole revision.
    ///
    /// One policy holds everybody's rollouts, and the last change may be somebody else's. So the revision has to be
    /// named; ``rollback(of:to:expecting:by:because:now:within:)`` restores one rollout.
    ///
    /// The result is a new revision. The epoch of every rollout that changes rises, so no assignment from the time in
    /// between counts any more.
    ///
    /// - Parameters:
    ///   - revision: The revision to restore.
    ///   - expected: The revision that must be running when the policy takes its place, or nil for any.
    ///   - author: Who changes the policy, for the ``history``.
    ///   - reason: Why, for the ``history``. By default, that it is a rollback.
    ///   - now: The time, for the ``history`` and the ``RolloutRouter/status``.
    ///   - limit: The time that the whole call may take, waiting and gates included, or nil for any.
    /// - Returns: The new revision.
    /// - Throws: `UpdateError`; the running policy is then untouched. The error lists the revisions that can be
    ///   restored.
    @discardableResult
    public func rollback(
        to revision: UInt32,
        expecting expected: UInt32? = nil,
        by author: String? = nil,
        because reason: String? = nil,
        now: UnixTime = .now,
        within limit: Duration? = nil
    ) async throws(UpdateError) -> UInt32 {
        try await restore(Restoration(id: nil, revision: revision), expected, author, reason, now, limit)
    }

    /// Restores what an earlier policy said, from a copy that the caller has kept.
    ///
    ///     let kept = try RolloutPolicy(json: archive.document(of: 8))
    ///     try await updater.rollback(of: .sms, restoring: kept, because: "v2 loses orders")
    ///
    /// For revisions that the updater remembers no more (``policy(of:)``). It is a rollback like the others: the result is a
    /// new revision, epochs rise, and the ``history`` has the revision of the copy as what was restored. So a later rollback
    /// of a rollout to the content before its last change does not undo this one. It fails if nothing before that revision
    /// is remembered.
    ///
    /// - Parameters:
    ///   - id: The rollout, or nil for all of them.
    ///   - earlier: The policy that has the content to restore.
    ///   - expected: The revision that must be running when the policy takes its place, or nil for any.
    ///   - author: Who changes the policy, for the ``history``.
    ///   - reason: Why, for the ``history``. By default, that it is a rollback.
    ///   - now: The time, for the ``history`` and the ``RolloutRouter/status``.
    ///   - limit: The time that the whole call may take, waiting and gates included, or nil for any.
    /// - Returns: The new revision.
    /// - Throws: `UpdateError`; the running policy is then untouched.
    @discardableResult
    public func rollback(
        of id: RolloutID? = nil,
        restoring earlier: RolloutPolicy,
        expecting expected: UInt32? = nil,
        by author: String? = nil,
        because reason: String? = nil,
        now: UnixTime = .now,
        within limit: Duration? = nil
    ) async throws(UpdateError) -> UInt32 {
        let restoration = Restoration(id: id, revision: earlier.revision)
        return try await restore(restoration, from: earlier, expected, author, reason, now, limit)
    }

    private func restore(
        _ restoration: Restoration,
        from kept: RolloutPolicy? = nil,
        _ expected: UInt32?,
        _ author: String?,
        _ reason: String?,
        _ now: UnixTime,
        _ limit: Duration?
    ) async throws(UpdateError) -> UInt32 {
        let origin = UpdateOrigin(author: author, reason: reason ?? restoration.description, time: now)
        let change = Change(origin, expecting: expected, restoring: restoration)
        return try await changes.perform(change, within: limit, clock) {
            [history = changes.history]
            running throws(UpdateError) in
            try history.policy(restoring: restoration, from: kept, over: running)
        }
    }

    /// Serves a variant no more in this process alone, for when the store cannot be reached and waiting is worse.
    ///
    /// The first variant serves in its place at once, by whatever rule it was reached, as if the policy disabled it. The
    /// policy stays as it is, so later changes are made on it as everywhere. The stop ends when the rollout's epoch rises,
    /// as an abort does for everybody, or when the process ends. The ``RolloutRouter/status`` shows it.
    ///
    /// Asks no gate and no store, and waits for no other change.
    ///
    /// - Parameters:
    ///   - variant: Any variant but the first.
    ///   - id: The rollout.
    ///   - author: Who stops it, for the ``history``.
    ///   - reason: Why, for the ``history``. By default, what was stopped.
    ///   - now: The time, for the ``history``.
    /// - Throws: `UpdateError` if the running policy has no such rollout or variant, or it is the first variant.
    public func stop(
        _ variant: VariantName,
        of id: RolloutID,
        by author: String? = nil,
        because reason: String? = nil,
        now: UnixTime = .now
    ) async throws(UpdateError) {
        let reason = reason ?? "\(variant) of \(id) is stopped in this process"
        try await changes.stop(variant, of: id, UpdateOrigin(author: author, reason: reason, time: now))
    }

    /// Writes the running policy to a store that holds none. A store that holds one keeps it, and this process runs it
    /// if it is later than its own.
    ///
    /// An empty store takes no other change, because it may be empty by mistake: call this once, for a new fleet, from a
    /// process that runs a policy above revision 0.
    ///
    /// - Parameters:
    ///   - author: Who fills the store, for the store's own history.
    ///   - reason: Why.
    ///   - now: The time, for the ``history``.
    ///   - limit: The time that the whole call may take, or nil for any.
    /// - Returns: The revision that runs afterwards.
    /// - Throws: `UpdateError` if the updater has no store, if the store cannot be reached, or if what it holds may not run
    ///   here.
    @discardableResult
    public func seed(
        by author: String? = nil,
        because reason: String? = nil,
        now: UnixTime = .now,
        within limit: Duration? = nil
    ) async throws(UpdateError) -> UInt32 {
        let change = Change(UpdateOrigin(author: author, reason: reason, time: now), seedingStore: true)
        return try await changes.perform(change, within: limit, clock) { running in running }
    }

    // MARK: Looking back

    /// The latest attempts to change the policy, oldest first: up to 32 that were accepted, and up to 32 others.
    ///
    /// Texts of more than 4,096 bytes are cut in the history. Recorders get them whole. O(records).
    public var history: [UpdateRecord] { changes.history.records }

    /// The policy of a revision that ran, or nil if it is no longer remembered.
    ///
    /// The updater remembers the policies of the latest 32 accepted changes, as far as they take no more than 64 MiB
    /// together. It always remembers the running policy and the one before.
    public func policy(of revision: UInt32) -> RolloutPolicy? { changes.history.policy(of: revision) }

    // MARK: For what brings policies in

    /// Runs a policy that was read from JSON, and so is not validated again, however often it is offered. Refusals that are
    /// known are in the history already, from an earlier attempt. A change that stays here is not offered to the store.
    func offer(
        _ policy: RolloutPolicy,
        from origin: UpdateOrigin,
        within limit: Duration?,
        stayingHere staysHere: Bool = false,
        isKnown: @escaping @Sendable (UpdateError) -> Bool = { _ in false }
    ) async throws(UpdateError) -> UInt32 {
        let change = Change(
            origin,
            offering: policy.revision,
            isValid: true,
            stayingHere: staysHere,
            isKnown: isKnown
        )
        return try await changes.perform(change, within: limit, clock) { _ in policy }
    }

    /// Enters a policy that could not be read in the history.
    func refuse(_ error: UpdateError, from origin: UpdateOrigin) async { await changes.refuse(error, from: origin) }

    /// Has something called after each publication, under the lock of the changes, as long as it answers true.
    func whenPublished(_ call: @escaping @Sendable () -> Bool) { changes.whenPublished(call) }
}
