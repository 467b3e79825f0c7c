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
/// If its time is up or its task is cancelled, a change is interrupted wherever it waits. If it has been given the turn
/// by then, it passes the turn on.
final class ChangeLine: Sendable {
    private struct State {
        /// The change that has the turn, or nil if the turn is free.
        var holder: Change?
        /// Whether the holder waits for its gates, so that others may interrupt it.
        var isAtGates = false
        /// The changes that wait for a turn: rollbacks before all others, otherwise in the order of arrival.
        var waiting: [Change] = []
        /// Who is to hear of publications.
        var listeners: [@Sendable () -> Bool] = []
    }

    /// What a change does next, as decided under the lock.
    private enum Step: Sendable {
        case wait
        case gates(from: RolloutPolicy, to: RolloutPolicy)
        case ended(Result<UInt32, UpdateError>)
    }

    let history: UpdateHistory
    private let router: RouterState
    private let gates: [any PolicyGate]
    private let delivery: RecordDelivery
    private let isRecorded: Bool
    private let state = Lock(State())

    init(_ router: RouterState, gates: [any PolicyGate], recorders: [any UpdateRecorder]) {
        self.router = router
        self.gates = gates
        history = UpdateHistory(startingWith: router.compiled, hasRecorders: !recorders.isEmpty)
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
        var step = arrive(change, make)
        if case .wait = step {
            if let interruption = await change.turn.value {
                state.withLock { state in state.waiting.removeAll { $0 === change } }
                return end(change, with: .ended(interruption, at: nil))
            }
            step = state.withLock { state in decide(change, &state, hasTurn: true, make) }
        }
        defer { leave(change) }
        switch step {
        case .wait: preconditionFailure("a change that has the turn need not wait for it")
        case .ended(let result): return result
        case .gates(let running, let next): return await pass(change, from: running, to: next)
        }
    }

    // MARK: Transitions

    private func arrive(_ change: Change, _ make: (RolloutPolicy) throws(UpdateError) -> RolloutPolicy) -> Step {
        state.withLock { state in
            let isFree = state.holder == nil
            let step = decide(change, &state, hasTurn: isFree, make)
            guard case .wait = step else { return step }
            change.watch.whenEnded { [turn = change.turn] in turn.fulfil($0) }
            guard change.restoration != nil else {
                state.waiting.append(change)
                return step
            }
            state.waiting.insert(
                change,
                at: state.waiting.firstIndex { $0.restoration == nil } ?? state.waiting.endIndex
            )
            if state.holder?.restoration == nil { interruptHolder(&state, .overtakenByRollback) }
            return step
        }
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
            return .ended(end(change, with: error, at: revision < .max ? revision + 1 : nil))
        }
        switch verdict(on: next, after: running.policy, change) {
        case .same: return .ended(.success(next.revision))
        case .older:
            router.countIgnored()
            history.enter(ignored: next, change.origin, running: running)
            return .ended(.success(running.policy.revision))
        case .wrong(let error):
            return hasTurn || change.restoration != nil ? .ended(end(change, with: error, next)) : .wait
        case .right:
            if gates.isEmpty, hasTurn { return .ended(publish(change, &state, next, gates: [], over: running)) }
            if change.restoration == nil, next.onlyTakesAway(from: running.policy) {
                interruptHolder(&state, .overtakenBy(next.revision))
                return .ended(publish(change, &state, next, gates: [], over: running))
            }
            if !hasTurn { return .wait }
            if change.restoration == nil, state.waiting.first?.restoration != nil {
                return .ended(end(change, with: .ended(.overtakenByRollback, at: nil), next))
            }
            state.holder = change
            state.isAtGates = true
            return .gates(from: running.policy, to: next)
        }
    }

    /// Has the gates prepare, and publishes the policy unless one refuses or the change is interrupted.
    private func pass(
        _ change: Change,
        from running: RolloutPolicy,
        to next: RolloutPolicy
    ) async -> Result<UInt32, UpdateError> {
        let passage = await GatePassage(through: gates, from: running, to: next, under: change.watch)
        let result = state.withLock { state -> Result<UInt32, UpdateError> in
            state.isAtGates = false
            let passed = passage.passed.map(\.name)
            if let refusal = passage.refusal { return end(change, with: refusal, next, gates: passed) }
            if let interruption = change.watch.interruption {
                return end(change, with: .ended(interruption, at: nil), next, gates: passed)
            }
            return publish(change, &state, next, gates: passed, over: router.compiled)
        }
        let isPublished = (try? result.get()) != nil
        await change.watch.bounded { await passage.finish(published: isPublished) }
        return result
    }

    /// Passes the turn on to the first change that still wants it.
    private func leave(_ change: Change) {
        state.withLock { state in
            guard state.holder === change else { return }
            state.holder = nil
            while !state.waiting.isEmpty {
                let next = state.waiting.removeFirst()
                if next.turn.fulfil(nil) { return state.holder = next }
            }
        }
    }

    private func interruptHolder(_ state: inout State, _ interruption: Interruption) {
        if state.isAtGates { state.holder?.watch.end(interruption) }
    }

    // MARK: Verdicts

    private enum Verdict {
        case right
        case older
        case same
        case wrong(UpdateError)
    }

    private func verdict(on next: RolloutPolicy, after running: RolloutPolicy, _ change: Change) -> Verdict {
        if let expected = change.expected, expected != running.revision {
            return .wrong(.conflict(expected: expected, running: running.revision))
        }
        do throws(PolicyError) { try next.validate() } catch { return .wrong(.invalid(error)) }
        if next.revision < running.revision { return .older }
        if next.revision == running.revision { return next == running ? .same : .wrong(.revisionTaken(next.revision)) }
        let demands = next.epochDemands(from: running, history.epochs)
        return demands.isEmpty ? .right : .wrong(.needsEpoch(demands))
    }

    // MARK: Endings

    private func publish(
        _ change: Change,
        _ state: inout State,
        _ next: RolloutPolicy,
        gates: [String],
        over running: CompiledPolicy
    ) -> Result<UInt32, UpdateError> {
        do throws(PolicyError) {
            let published = try router.publish(next, appliedAt: change.origin.time)
            history.enter(published, change.origin, gates: gates, restoring: change.restoration, over: running)
            state.listeners.removeAll { !$0() }
            return .success(next.revision)
        } catch {
            return end(change, with: .invalid(error), next, gates: gates)
        }
    }

    private func end(
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
