/// A policy on offer to a store.
struct StoreOffer: Sendable {
    /// What became of it.
    enum Answer: Sendable {
        /// No store was asked.
        case none
        /// The store holds the policy, and this record of the change.
        case stored(UpdateRecord)
        /// Another process was faster: the store holds something else, or nothing.
        case other(StoredPolicy?)
        case failed(UpdateError)
    }

    let store: any PolicyStore
    /// The version that the store has to hold, or nil if it has to hold nothing.
    let version: String?

    /// Offers a policy, and returns when the store has answered, the time is up or the task is cancelled.
    ///
    /// - Parameters:
    ///   - next: The policy.
    ///   - change: The change that made it.
    ///   - gates: The gates that have let it through.
    ///   - running: What runs, for the record.
    ///   - history: Makes the record.
    ///   - whenOvertaken: Called if another change is to go first while the store is asked. The store's answer is waited for all the
    ///     same, because the change was made or it was not.
    /// - Returns: What became of the policy.
    func make(
        _ next: RolloutPolicy,
        _ change: Change,
        gates: [String],
        over running: CompiledPolicy?,
        _ history: UpdateHistory,
        whenOvertaken: () async -> Void
    ) async -> Answer {
        // Once it is asked, nobody knows what becomes of the change. So it is not asked for nothing.
        if let interruption = change.watch.interruption { return .failed(.ended(interruption, at: nil)) }
        let record = history.draft(
            next,
            change.origin,
            gates: gates,
            restoring: change.restoration,
            over: running
        )
        let (policy, text, condition) = (Array(next.json.utf8), Array(record.jsonWithoutPolicy.utf8), change.condition)
        let asking = Task { await store.swap(policy, record: text, expecting: version, requiring: condition) }
        var answer = await change.watch.value { await asking.value }
        if answer == nil, change.watch.interruption?.isFinal == false {
            await whenOvertaken()
            answer = await change.watch.value(outlastingOvertaking: true) { await asking.value }
        }
        if answer == nil { asking.cancelApart() }
        switch answer {
        case .stored: return .stored(record)
        // The swap may have been repeated because its first answer was lost.
        case .other(let stored?) where stored.bytes == policy && stored.isOf(record): return .stored(record)
        case .other(let stored): return .other(stored)
        case .conditionFailed: return .failed(.conditionFailed(store.name, condition))
        case .refused(let error): return .failed(.refused(byStore: store.name, error))
        case .unreached(let error): return .failed(.unreached(store.name, error))
        case .unknown(let error):
            return .failed(.unknown(store.name, taking: next.revision, "\(error)", error))
        case nil:
            let reason = change.watch.interruption.map { UpdateError.ended($0, at: nil).message } ?? ""
            return .failed(.unknown(store.name, taking: next.revision, reason, nil))
        }
    }
}

extension ChangeLine {
    /// How often a change is made anew because other processes were faster.
    private static let attempts = 100

    /// Takes a change that has the turn to the store and then to the router.
    ///
    /// What the store holds comes first: a later policy is judged and published before the change is made on it.
    func run(
        _ change: Change,
        _ make: (RolloutPolicy) throws(UpdateError) -> RolloutPolicy,
        through store: any PolicyStore
    ) async -> Result<UInt32, UpdateError> {
        do throws(UpdateError) {
            var content = try await read(store, change)
            for _ in 0..<Self.attempts {
                guard let stored = content else {
                    switch try await seed(store, change) {
                    case .ended(let result): return result
                    case .overtaken(let other): content = other
                    }
                    continue
                }
                let held = try policy(in: stored, store)
                if change.revision == held.revision, try make(router.compiled.policy) == held {
                    let step = decide(change) { _ in held }
                    return await follow(step, of: change, restoring: stored.restored).result
                }
                try await catchUp(with: held, restoring: stored.restored, store, change)
                let offer = StoreOffer(store: store, version: stored.version)
                switch await follow(decide(change, make), of: change, offering: offer) {
                case .ended(let result): return result
                case .overtaken(let other): content = other
                }
            }
            throw .unusable(store.name, "other processes were faster \(Self.attempts) times. Try again.")
        } catch {
            return end(change, with: error)
        }
    }

    private func read(_ store: any PolicyStore, _ change: Change) async throws(UpdateError) -> StoredPolicy? {
        if let interruption = change.watch.interruption { throw .ended(interruption, at: nil) }
        let content = await change.watch.value { () async -> Result<StoredPolicy?, any Error> in
            do { return .success(try await store.read()) } catch { return .failure(error) }
        }
        switch content {
        case .success(let stored): return stored
        case .failure(let error): throw .unreached(store.name, error)
        case nil:
            if case .timedOut(let limit) = change.watch.interruption { throw .unreached(store.name, within: limit) }
            throw .ended(change.watch.interruption ?? .cancelled, at: nil)
        }
    }

    /// Stores the running policy in an empty store, if the change is there for that.
    private func seed(_ store: any PolicyStore, _ change: Change) async throws(UpdateError) -> Ending {
        guard change.seedsStore else { throw .missing(in: store.name) }
        let running = router.compiled
        if running.policy.revision == 0 { throw .nothingToSeed }
        let offer = StoreOffer(store: store, version: nil)
        let answer = await offer.make(running.policy, change, gates: [], over: running, history) { leave(change) }
        switch answer {
        case .other(let stored):
            if let interruption = change.watch.interruption { throw .ended(interruption, at: nil) }
            return .overtaken(stored)
        case .failed(let error): throw error
        case .none, .stored: return .ended(.success(running.policy.revision))
        }
    }

    private func policy(in stored: StoredPolicy, _ store: any PolicyStore) throws(UpdateError) -> RolloutPolicy {
        do throws(PolicyError) {
            return try RolloutPolicy(json: stored.bytes)
        } catch {
            throw .unusable(store.name, "it holds no valid policy, in version \"\(stored.version)\". \(error)", error)
        }
    }

    /// Publishes a later policy that the store holds. It passes this process's gates.
    ///
    /// - Throws: Why it may not run here, or why the store holds nothing that a change could be built on.
    private func catchUp(
        with held: RolloutPolicy,
        restoring restored: Restoration?,
        _ store: any PolicyStore,
        _ change: Change
    ) async throws(UpdateError) {
        let running = router.compiled.policy
        if held.revision < running.revision {
            throw .unusable(
                store.name,
                "it holds revision \(held.revision), and revision \(running.revision) runs here: "
                    + "find out who put an older policy there."
            )
        }
        if held.revision == running.revision {
            if held == running { return }
            throw .unusable(
                store.name,
                "it holds another policy of revision \(held.revision) than the one that runs here: "
                    + "write the right one with a higher revision."
            )
        }
        let origin = UpdateOrigin(author: "store \(store.name)", reason: nil, time: change.origin.time)
        let arrival = Change(
            origin,
            offering: held.revision,
            isValid: true,
            under: change.watch,
            isKnown: change.isKnown
        )
        _ = try await follow(decide(arrival) { _ in held }, of: arrival, restoring: restored).result.get()
    }
}
