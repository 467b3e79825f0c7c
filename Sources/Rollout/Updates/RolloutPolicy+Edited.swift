extension RolloutPolicy {
    /// This policy after an edit, for a preview. ``RolloutUpdater/update(expecting:requiring:by:because:now:within:_:)`` would
    /// make the same.
    ///
    ///     let planned = try running.edited { try $0.setShare(of: .sms, to: .percent(25)) }
    ///     print(running.movement(to: planned))
    ///
    /// The result has the next revision, whatever the edit sets, and the epochs that the edit demands. It remembers the
    /// epochs of rollouts that the edit removes. It is valid. An
    /// updater may demand higher epochs, because it remembers the policies before this one.
    ///
    /// - Parameter edit: Changes the policy it is given. What it throws becomes the ``UpdateError/underlying`` error.
    /// - Returns: The edited policy. This one stays as it is.
    /// - Throws: `UpdateError` if the edit throws, if the result is invalid, or if an epoch goes back or is used up.
    public func edited(_ edit: (inout RolloutPolicy) throws -> Void) throws(UpdateError) -> RolloutPolicy {
        let next = try edited(EpochMemory(), edit)
        do throws(PolicyError) { try next.validate() } catch { throw .invalid(error) }
        let demands = next.epochDemands(from: self)
        guard demands.isEmpty else { throw .needsEpoch(demands) }
        return next
    }

    /// This policy after an edit, not validated, with the epochs that the edit demands if they can be had.
    func edited(
        _ memory: EpochMemory,
        _ edit: (inout RolloutPolicy) throws -> Void
    ) throws(UpdateError) -> RolloutPolicy {
        try successor { next throws(UpdateError) in
            // What only this process knows, the policy tells all processes from now on, as far as there is room.
            for (id, gone) in memory.retired where next.removed.count < PolicyLimits.rollouts {
                next.removed[id] = max(next.removed[id] ?? 0, gone.epoch)
            }
            do { try edit(&next) } catch { throw .edit(error) }
            for demand in next.epochDemands(from: self, memory) where demand.causes != [.lowered] {
                if let needed = demand.needed { next.rollouts[demand.rollout]?.epoch = needed }
            }
            next.keepEpochs(of: self)
        }
    }

    /// This policy after a change. It has the next revision, even if the change sets another one.
    func successor(_ change: (inout RolloutPolicy) throws(UpdateError) -> Void) throws(UpdateError) -> RolloutPolicy {
        guard revision < .max else { throw .lastRevision }
        var next = self
        next.revision = revision + 1
        try change(&next)
        next.revision = revision + 1
        return next
    }
}
