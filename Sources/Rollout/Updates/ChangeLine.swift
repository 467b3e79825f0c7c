/// The state machine by which a router's policy changes, from the call to the record. There is no other way.
///
///     arrive --- the turn is free -----------------> decide --- nothing to do, or wrong ------------------> ended
///       |                                            ^    |---- only takes away, or no gates --> publish -> ended
///       |--- only takes away --> publish --> ended   |    |
///       |                                            |    '---- gates ---- all let it through -> publish -> ended
///       '--- wait ---- the turn comes ---------------'            '------- one refuses, or an interruption -> ended
///
/// Every arrow but "wait" and "gates" is taken under one lock, with the policy that runs at that moment. So
///
/// 1. a change is made on the policy that it replaces, and a gate is shown that same policy as the running one. While a
///    change is at its gates, only a change that takes away can be published, and it interrupts the first one under the
///    lock;
/// 2. a conflict is only possible if the caller expects a revision;
/// 3. the history has the changes in the order of their publication.
///
/// With a store, a change is decided only when it has the turn, and what the store holds comes first:
///
///     turn -> read the store -- holds what runs ----------> decide -> gates -> offer -- stored --> publish -> ended
///                    |                                        ^                  |
///                    '-- holds a later policy --> publish that, through the gates, <-- holds another one
///
/// A change that only takes away then waits for its turn like all others, but before them. It interrupts the change that
/// has the turn. At the gates that one ends. At the store it passes the turn on at once, and hears the store's answer without
/// it: the change was stored, and whoever has the turn reads and publishes it, or it was not, and was overtaken.
///
/// A follower may bring what the holder has stored before the holder knows that it has. That is no other change, and
/// interrupts nothing: it waits for the store's answer. Anything else that a follower brings and that only takes away
/// does interrupt, because the store may never answer.
///
/// If its time is up or its task is cancelled, a change is interrupted wherever it waits. If it has been given the turn
/// by then, it passes the turn on.
final class ChangeLine: Sendable {
    private struct State {
        /// The change that has the turn, or nil if the turn is free.
        var holder: Entry?
        /// Whether the holder waits for its gates or for the store, so that others may interrupt it. What it has published
        /// by then stays.
        var isInterruptible = false
        /// The policy that the holder offers to the store just now, or nil.
        var offered: RolloutPolicy?
        /// The changes that wait for a turn: by rank, otherwise in the order of arrival.
        var waiting: [Entry] = []
        /// Who is to hear of publications.
        var listeners: [@Sendable () -> Bool] = []
    }

    private struct Entry {
        let change: Change
        let rank: Rank
    }

    /// Who goes before whom.
    private enum Rank: Int, Comparable {
        case takingAway, rollback, other

        static func < (left: Rank, right: Rank) -> Bool { left.rawValue < right.rawValue }

        /// What it is to another change if one of this rank goes before it.
        var interruption: Interruption { self == .rollback ? .overtakenByRollback : .overtakenByTakingAway }
    }

    /// What a change does next, as decided under the lock.
    enum Step: Sendable {
        case wait
        case turn
        case pass(through: [any PolicyGate], from: RolloutPolicy, to: RolloutPolicy)
        case ended(Result<UInt32, UpdateError>)
    }

    let history: UpdateHistory
    let router: RouterState
    private let gates: [any PolicyGate]
    private let store: (any PolicyStore)?
    private let delivery: RecordDelivery
    private let isRecorded: Bool
    private let state = Lock(State())

    init(
        _ router: RouterState,
        gates: [any PolicyGate],
        recorders: [any UpdateRecorder],
        store: (any PolicyStore)?,
        remembering records: [UpdateRecord]
    ) {
        self.router = router
        self.gates = gates
        self.store = store
        history = UpdateHistory(
            startingWith: router.compiled,
            remembering: records,
            hasRecorders: !recorders.isEmpty
        )
        delivery = RecordDelivery(of: history, to: recorders)
        isRecorded = !recorders.isEmpty
        if isRecorded { Task { [delivery] in await delivery.run() } }
    }

    /// Takes a change through the machine.
    ///
    /// - Parameters:
    ///   - change: Who changes what, and on which conditions.
    ///   - limit: The time that the whole change may take.
    ///   - clock: Measures the time.
    ///   - make: Makes the new policy from the running one.
    /// - Returns: The revision that runs afterwards.
    /// - Throws: Why the change did not happen.
    func perform(
        _ change: Change,
        within limit: Duration?,
        _ clock: any Clock<Duration>,
        _ make: (RolloutPolicy) throws(UpdateError) -> RolloutPolicy
    ) async throws(UpdateError) -> UInt32 {
        let result = await change.watch.during(limit, clock) {
            let result = await run(change, make)
            await deliver(under: change.watch)
            return result
        }
        return try result.get()
    }

    /// Stops a variant in this process, at once and whoever has the turn: the policy stays the same to all changes.
    func stop(_ variant: VariantName, of id: RolloutID, _ origin: UpdateOrigin) async throws(UpdateError) {
        let failure = state.withLock { _ -> UpdateError? in
            let running = router.compiled
            var copy = running.policy
            do throws(EditError) {
                try copy.disable(variant, in: id)
            } catch {
                history.enter(.edit(error), at: nil, nil, origin, running: running)
                return .edit(error)
            }
            history.enter(stoppedIn: router.stop(variant, of: id), origin)
            return nil
        }
        await delivery.run()
        if let failure { throw failure }
    }

    /// Enters a change that failed before there was a policy.
    func refuse(_ error: UpdateError, from origin: UpdateOrigin) async {
        history.enter(error, at: nil, nil, origin, running: router.compiled)
        await delivery.run()
    }

    /// Has something called after each publication, under the lock, as long as it answers true.
    func whenPublished(_ call: @escaping @Sendable () -> Bool) { state.withLock { $0.listeners.append(call) } }

    private func run(
        _ change: Change,
        _ make: (RolloutPolicy) throws(UpdateError) -> RolloutPolicy
    ) async -> Result<UInt32, UpdateError> {
        if store == nil, change.condition != nil || change.seedsStore { return end(change, with: .noStore) }
        var step = arrive(change, make)
        if case .wait = step {
            if let interruption = await change.turn.value {
                state.withLock { state in state.waiting.removeAll { $0.change === change } }
                return end(change, with: .ended(interruption, at: nil))
            }
            step = .turn
        }
        if case .ended(let result) = step { return result }
        defer { leave(change) }
        if case .turn = step {
            if let store, !change.staysHere { return await run(change, make, through: store) }
            step = decide(change, make)
        }
        return await follow(step, of: change).result
    }

    // MARK: Transitions

    private func arrive(_ change: Change, _ make: (RolloutPolicy) throws(UpdateError) -> RolloutPolicy) -> Step {
        state.withLock { state in
            let isFree = state.holder == nil
            var rank = change.restoration == nil ? Rank.other : .rollback
            if store == nil {
                let step = decide(change, &state, hasTurn: isFree, make)
                guard case .wait = step else { return step }
            } else {
                if isOnlyTakingAway(change, make) { rank = .takingAway }
                if isFree {
                    give(Entry(change: change, rank: rank), &state)
                    return .turn
                }
            }
            change.watch.whenEnded { [turn = change.turn] in turn.fulfil($0) }
            let place = state.waiting.firstIndex { $0.rank > rank } ?? state.waiting.endIndex
            state.waiting.insert(Entry(change: change, rank: rank), at: place)
            if let holder = state.holder, rank < holder.rank, !isOffered(change, state, make) {
                interruptHolder(&state, rank.interruption)
            }
            return .wait
        }
    }

    /// Makes the new policy from the running one and judges it, for a change that has the turn.
    func decide(_ change: Change, _ make: (RolloutPolicy) throws(UpdateError) -> RolloutPolicy) -> Step {
        state.withLock { state in decide(change, &state, hasTurn: true, make) }
    }

    /// Makes the new policy from the running one, judges it, and publishes it if nobody has to be asked.
    private func decide(
        _ change: Change,
        _ state: inout State,
        hasTurn: Bool,
        _ make: (RolloutPolicy) throws(UpdateError) -> RolloutPolicy
    ) -> Step {
        if let interruption = change.watch.interruption {
            return .ended(end(change, with: .ended(interruption, at: nil)))
        }
        let running = router.compiled
        let next: RolloutPolicy
        do throws(UpdateError) {
            next = try make(running.policy)
        } catch {
            // It may be right once the change under way has been published, so it waits. A rollback does not wait for
            // that.
            if !hasTurn, change.restoration == nil { return .wait }
            let revision = running.policy.revision
            // An edit that fails on another policy than its writer has seen says nothing about theirs.
            let cause = change.conflict(with: running.policy) ?? error
            return .ended(end(change, with: cause, at: revision < .max ? revision + 1 : nil))
        }
        switch Verdict(on: next, after: running.policy, change, history.epochs) {
        case .same: return .ended(.success(next.revision))
        case .older:
            router.countIgnored()
            history.enter(ignored: next, change.origin, running: running)
            return .ended(.success(running.policy.revision))
        case .wrong(let error):
            return hasTurn || change.restoration != nil ? .ended(end(change, with: error, next)) : .wait
        case .right:
            let isAtOnce = store == nil
            if isAtOnce, gates.isEmpty, hasTurn { return .ended(publish(change, &state, next, over: running)) }
            let onlyTakesAway = change.restoration == nil && next.onlyTakesAway(from: running.policy)
            if isAtOnce, onlyTakesAway {
                interruptHolder(&state, .overtakenBy(next.revision))
                return .ended(publish(change, &state, next, over: running))
            }
            if !hasTurn { return .wait }
            if !onlyTakesAway, let holder = state.holder, holder.change === change, holder.rank == .takingAway {
                // It only took away from what ran here when it came, and not from what the store holds.
                state.holder = Entry(change: change, rank: .other)
            }
            let rank = state.holder?.rank ?? (change.restoration == nil ? .other : .rollback)
            if let first = state.waiting.first, first.rank < rank {
                return .ended(end(change, with: .ended(first.rank.interruption, at: nil), next))
            }
            if state.holder == nil { state.holder = Entry(change: change, rank: rank) }
            state.isInterruptible = true
            return .pass(through: onlyTakesAway ? [] : gates, from: running.policy, to: next)
        }
    }

    /// How a decided change ended.
    enum Ending: Sendable {
        case ended(Result<UInt32, UpdateError>)
        /// The store holds something else, or nothing: the change has to be made anew.
        case overtaken(StoredPolicy?)

        /// How a change ended that was not offered to a store.
        var result: Result<UInt32, UpdateError> {
            guard case .ended(let result) = self else { preconditionFailure("overtaken at a store that was not asked") }
            return result
        }
    }

    /// Has the gates prepare, offers the policy to the store if there is an offer, and publishes it.
    ///
    /// - Parameters:
    ///   - step: What was decided.
    ///   - change: The change.
    ///   - offer: The store to offer the policy to, or nil for none.
    ///   - restored: What the policy restores, if another process made it by a rollback.
    /// - Returns: How the change ended.
    func follow(
        _ step: Step,
        of change: Change,
        offering offer: StoreOffer? = nil,
        restoring restored: Restoration? = nil
    ) async -> Ending {
        guard case .pass(let gates, let running, let next) = step else {
            guard case .ended(let result) = step else { preconditionFailure("a change with the turn waits for it") }
            return .ended(result)
        }
        let passage = await GatePassage(through: gates, from: running, to: next, under: change.watch)
        let passed = passage.passed.map(\.name)
        var hasTurn = true
        let answer: StoreOffer.Answer
        if let refusal = passage.refusal {
            answer = .failed(refusal)
        } else if let offer {
            state.withLock { $0.offered = next }
            answer = await offer.make(next, change, gates: passed, over: router.compiled, history) {
                // The gates hear of the next change after this one.
                await change.watch.bounded { await passage.finish(published: false) }
                hasTurn = false
                leave(change)
            }
        } else {
            answer = .none
        }
        let ending = state.withLock { state -> Ending in
            if hasTurn { state.offered = nil }
            switch answer {
            case .other(let stored):
                guard let interruption = change.watch.interruption, !hasTurn else { return .overtaken(stored) }
                return .ended(end(change, with: .ended(interruption, at: nil), next, gates: passed))
            case .failed(let error): return .ended(end(change, with: error, next, gates: passed))
            case .none:
                if let interruption = change.watch.interruption {
                    return .ended(end(change, with: .ended(interruption, at: nil), next, gates: passed))
                }
                return .ended(
                    publish(change, &state, next, gates: passed, over: router.compiled, restoring: restored)
                )
            case .stored(let record):
                // Whoever has the turn now reads it, and publishes it.
                guard hasTurn else { return .ended(.success(next.revision)) }
                return .ended(publish(change, &state, next, gates: passed, over: router.compiled, as: record))
            }
        }
        if hasTurn {
            var isPublished = false
            if case .ended(.success) = ending { isPublished = true }
            await change.watch.bounded { [isPublished] in await passage.finish(published: isPublished) }
        }
        return ending
    }

    /// Passes the turn on to the first change that still wants it.
    func leave(_ change: Change) {
        state.withLock { state in
            guard state.holder?.change === change else { return }
            state.holder = nil
            state.offered = nil
            while !state.waiting.isEmpty {
                let next = state.waiting.removeFirst()
                if next.change.turn.fulfil(nil) { return give(next, &state) }
            }
        }
    }

    private func give(_ entry: Entry, _ state: inout State) {
        state.holder = entry
        state.isInterruptible = store != nil
    }

    private func interruptHolder(_ state: inout State, _ interruption: Interruption) {
        if state.isInterruptible { state.holder?.change.watch.end(interruption) }
    }

    private func isOnlyTakingAway(
        _ change: Change,
        _ make: (RolloutPolicy) throws(UpdateError) -> RolloutPolicy
    ) -> Bool {
        let running = router.compiled.policy
        guard change.restoration == nil, let next = try? make(running),
            case .right = Verdict(on: next, after: running, change, history.epochs)
        else { return false }
        return next.onlyTakesAway(from: running)
    }

    /// Whether a change brings what the holder offers to the store just now.
    private func isOffered(
        _ change: Change,
        _ state: State,
        _ make: (RolloutPolicy) throws(UpdateError) -> RolloutPolicy
    ) -> Bool {
        guard let offered = state.offered, change.revision == offered.revision else { return false }
        return (try? make(router.compiled.policy)) == offered
    }

    // MARK: Endings

    private func publish(
        _ change: Change,
        _ state: inout State,
        _ next: RolloutPolicy,
        gates: [String] = [],
        over running: CompiledPolicy,
        restoring restored: Restoration? = nil,
        as record: UpdateRecord? = nil
    ) -> Result<UInt32, UpdateError> {
        do throws(PolicyError) {
            let published = try router.publish(next, appliedAt: change.origin.time)
            let (origin, restoration) = (change.origin, change.restoration ?? restored)
            history.enter(published, origin, gates: gates, restoring: restoration, over: running, as: record)
            state.listeners.removeAll { !$0() }
            return .success(next.revision)
        } catch {
            let stored = record == nil ? nil : next.revision
            return end(change, with: .invalid(error, storedAs: stored), next, gates: gates)
        }
    }

    func end(
        _ change: Change,
        with error: UpdateError,
        _ policy: RolloutPolicy? = nil,
        at revision: UInt32? = nil,
        gates: [String] = []
    ) -> Result<UInt32, UpdateError> {
        if change.isKnown(error) { return .failure(error) }
        let offered = policy?.revision ?? revision ?? change.revision
        history.enter(error, at: offered, policy, change.origin, gates: gates, running: router.compiled)
        return .failure(error)
    }

    /// Returns when the recorders have taken what there is to record, or the change has been interrupted.
    private func deliver(under watch: ChangeWatch) async {
        if isRecorded { await watch.bounded { [delivery] in await delivery.run() } }
    }
}
