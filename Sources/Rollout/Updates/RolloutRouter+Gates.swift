extension RolloutRouter {
    /// Replaces the policy once every gate has let it through.
    ///
    /// Like ``update(to:from:by:because:now:)``. A gate that refuses, runs out of time, or meets another policy at the end,
    /// because one was published meanwhile, leaves the running policy as it is; the ``history`` tells which.
    ///
    /// - Parameters:
    ///   - policy: The policy to run.
    ///   - expected: The revision that must be running, or nil for any.
    ///   - author: Who changes the policy, for the ``history``.
    ///   - reason: Why, for the ``history``.
    ///   - now: The time by the caller's clock in Unix seconds, for the ``history`` and the ``status``.
    ///   - gates: What has to let the policy through, in this order.
    ///   - limit: The time that all gates have together, or nil for any.
    ///   - clock: Measures the time.
    /// - Returns: The revision that runs afterwards.
    /// - Throws: `UpdateError`; the running policy is then untouched.
    @discardableResult
    public func update(
        to policy: RolloutPolicy,
        from expected: UInt32? = nil,
        by author: String? = nil,
        because reason: String? = nil,
        now: Int64? = nil,
        through gates: [any PolicyGate],
        within limit: Duration? = nil,
        clock: any Clock<Duration> = ContinuousClock()
    ) async throws(UpdateError) -> UInt32 {
        let origin = UpdateOrigin(author: author, reason: reason, time: now)
        let keeping = GateKeeping(gates: gates, limit: limit, clock: clock)
        return try await state.update(through: keeping, from: expected, retriesConflicts: false) { _ in
            UpdateAttempt(policy: policy, origin: origin)
        }
    }

    /// Edits the running policy, and publishes the result once every gate has let it through.
    ///
    /// Where another policy was published meanwhile, the edit is made again on that, and stands before the gates again.
    ///
    /// - Parameters:
    ///   - author: Who changes the policy, for the ``history``.
    ///   - reason: Why, for the ``history``.
    ///   - now: The time by the caller's clock in Unix seconds, for the ``history`` and the ``status``.
    ///   - gates: What has to let the policy through, in this order.
    ///   - limit: The time that all gates have together, or nil for any.
    ///   - clock: Measures the time.
    ///   - edit: Changes the policy it is given; what it throws arrives as ``UpdateError/edit(_:)``.
    /// - Returns: The revision that runs afterwards.
    /// - Throws: `UpdateError`; the running policy is then untouched.
    @discardableResult
    public func update(
        by author: String? = nil,
        because reason: String? = nil,
        now: Int64? = nil,
        through gates: [any PolicyGate],
        within limit: Duration? = nil,
        clock: any Clock<Duration> = ContinuousClock(),
        _ edit: (inout RolloutPolicy) throws -> Void
    ) async throws(UpdateError) -> UInt32 {
        let origin = UpdateOrigin(author: author, reason: reason, time: now)
        let keeping = GateKeeping(gates: gates, limit: limit, clock: clock)
        return try await state.update(through: keeping, from: nil, retriesConflicts: true) {
            running throws(UpdateError) in
            try state.edited(running, origin, edit)
        }
    }

    /// Restores the content of an earlier revision once every gate has let it through.
    ///
    /// - Parameters:
    ///   - revision: The revision to restore, or nil for the one before the running one.
    ///   - expected: The revision that must be running, or nil for any.
    ///   - author: Who changes the policy, for the ``history``.
    ///   - reason: Why, for the ``history``; by default, that it is a rollback.
    ///   - now: The time by the caller's clock in Unix seconds, for the ``history`` and the ``status``.
    ///   - gates: What has to let the policy through, in this order.
    ///   - limit: The time that all gates have together, or nil for any.
    ///   - clock: Measures the time.
    /// - Returns: The new revision.
    /// - Throws: `UpdateError`; the running policy is then untouched.
    @discardableResult
    public func rollback(
        to revision: UInt32? = nil,
        from expected: UInt32? = nil,
        by author: String? = nil,
        because reason: String? = nil,
        now: Int64? = nil,
        through gates: [any PolicyGate],
        within limit: Duration? = nil,
        clock: any Clock<Duration> = ContinuousClock()
    ) async throws(UpdateError) -> UInt32 {
        let origin = UpdateOrigin(author: author, reason: reason, time: now)
        let keeping = GateKeeping(gates: gates, limit: limit, clock: clock)
        return try await state.update(through: keeping, from: nil, retriesConflicts: true) {
            running throws(UpdateError) in
            try state.restored(revision, over: running, from: expected, origin)
        }
    }
}

extension RouterState {
    /// Has the gates prepare for what is made of the running policy, and publishes it where that still runs.
    func update(
        through keeping: GateKeeping,
        from expected: UInt32?,
        retriesConflicts: Bool,
        _ attempt: (RolloutPolicy) throws(UpdateError) -> UpdateAttempt
    ) async throws(UpdateError) -> UInt32 {
        while true {
            let running = compiled.policy
            var attempt = try attempt(running)
            // What cannot be published anyway, no gate has to look at. What was made of a policy needs that policy.
            let base = retriesConflicts ? running.revision : expected
            do throws(UpdateError) {
                if let revision = try judge(attempt, from: base, retriesConflicts: retriesConflicts) { return revision }
            } catch {
                if retriesConflicts, case .conflict = error { continue }
                throw error
            }
            let result = await keeping.withWatch { watch in
                await publish(&attempt, over: running, through: keeping, under: watch, retriesConflicts)
            }
            switch result {
            case .failure(.conflict) where retriesConflicts: continue
            case .failure(.refused(let refusal)): throw refuse(attempt, .refused(refusal))
            default: return try result.get()
            }
        }
    }

    private func publish(
        _ attempt: inout UpdateAttempt,
        over running: RolloutPolicy,
        through keeping: GateKeeping,
        under watch: GateWatch,
        _ retriesConflicts: Bool
    ) async -> Result<UInt32, UpdateError> {
        let turn = GateWatch.Verdict()
        watch.watch(turn)
        updates.gateQueue.enter(turn)
        if let cause = await turn.value {
            return .failure(.refused(GateRefusal(gate: "the update before", cause: cause)))
        }
        defer { updates.gateQueue.leave() }

        let passage = await keeping.passage(from: running, to: attempt.policy, under: watch)
        attempt.gates = passage.passed.map(\.name)
        let result: Result<UInt32, UpdateError>
        if let refusal = passage.refusal {
            result = .failure(.refused(refusal))
        } else {
            result = Result { () throws(UpdateError) in
                try update(attempt, from: running.revision, retriesConflicts: retriesConflicts)
            }
        }
        await passage.finish(published: (try? result.get()) != nil)
        return result
    }
}
