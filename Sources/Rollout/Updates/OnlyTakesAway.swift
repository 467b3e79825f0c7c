extension RolloutPolicy {
    /// Whether this policy, in the place of the running one, only takes away, so that nobody has to be asked.
    ///
    /// **Claim:** this policy serves nothing that the running one does not serve. Because, in every rollout,
    ///
    /// 1. everything stays the same, variants and releases included, except the shares, the weights, the epoch, and
    ///    which variants are disabled or draining;
    /// 2. no variant comes back into service;
    /// 3. every bucket keeps its variant or moves to the first one, which also served those who were not enrolled;
    /// 4. a shadow gets no more copies than before.
    ///
    /// A higher epoch voids assignments. Their visitors get the variant of their bucket, which by 3 is nothing new.
    func onlyTakesAway(from running: RolloutPolicy) -> Bool {
        environment == running.environment && rollouts.count == running.rollouts.count
            && rollouts.allSatisfy { id, next in
                running.rollouts[id].map { next == $0 || next.onlyTakesAway(from: $0, id) } ?? false
            }
    }
}

extension RolloutDefinition {
    fileprivate func onlyTakesAway(from running: RolloutDefinition, _ id: RolloutID) -> Bool {
        var rest = self
        rest.strategy = running.strategy
        rest.epoch = running.epoch
        rest.disabled = running.disabled
        rest.draining = running.draining
        let (variants, before) = (strategy.variants, running.strategy.variants)
        guard rest == running, epoch >= running.epoch, strategy.kind == running.strategy.kind,
            variants.elementsEqual(before, by: { $0.name == $1.name && $0.release == $1.release }),
            disabled.isSuperset(of: running.disabled),
            disabled.union(draining).isSuperset(of: running.draining)
        else { return false }
        if case .shadow(let share, _, _) = strategy, case .shadow(let present, _, _) = running.strategy {
            return share <= present
        }
        return RolloutMovement(from: running, to: self, id: id).matrix.allSatisfy { from, row in
            row.keys.allSatisfy { to in to == from || to == variants[0].name }
        }
    }
}
