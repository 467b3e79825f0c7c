extension RolloutPolicy {
    /// Adds a variant to a running A/B test, behind those that there are.
    ///
    /// Every other variant gives up units in the proportion of the weights, as few as possible, and nobody moves between the
    /// others. With a weight of 0 nobody moves at all; ``rebalance(_:weights:)`` then gives it a share.
    ///
    ///     try policy.addVariant(WeightedVariant("bandit", weight: 1, release: [.model: "b1"]), to: .recommender)
    ///
    /// The epoch stays. If an earlier variant of that name had another release, an updater that remembers it raises the epoch.
    ///
    /// - Parameters:
    ///   - variant: Its name, its weight against the others, and what it serves.
    ///   - id: The rollout.
    /// - Throws: `EditError` if the rollout is no A/B test, or has a variant of that name or 256 variants, or if the weight is
    ///   out of range.
    public mutating func addVariant(_ variant: WeightedVariant, to id: RolloutID) throws(EditError) {
        try edit(id) { edit throws(EditError) in
            var test = try edit.requireTest(or: "start a canary or a shadow to have a second variant")
            guard !test.variants.contains(where: { $0.name == variant.name }) else {
                throw edit.refusal(
                    .nameTaken,
                    "it has a variant \"\(variant.name)\"",
                    "rebalance its weight or set its release, or take another name"
                )
            }
            guard test.variants.count < PolicyLimits.variants else {
                let limit = grouped(PolicyLimits.variants)
                throw edit.refusal(.tooMany, "it has \(limit) variants, and no more are allowed", "remove one first")
            }
            try edit.requireWeight(variant.weight, of: variant.name)
            var ranges = OwnedRanges(test, on: edit.definition.grid, adding: [variant.name])
            let bounds = ranges.counts.dropLast().map { 0...$0 } + [0...Share.bucketCount]
            test.variants.append(variant)
            guard let targets = test.apportionment(on: edit.definition.grid).counts(within: bounds) else {
                throw edit.needsSwap(toAvoidBy: "add it with the weight 0 and rebalance")
            }
            ranges.transfer(to: targets)
            edit.setAllocation(of: test, ranges)
        }
    }

    /// Removes a variant from an A/B test. Its units go to the others in the proportion of their weights, and nobody else moves.
    ///
    /// Hosts and forced units that name it name the first variant from now on. Assignments of it lose.
    ///
    /// - Parameters:
    ///   - variant: Any variant but the first.
    ///   - id: The rollout.
    /// - Throws: `EditError` if the rollout is no A/B test, or has no such variant, or if it is the first one, or the only one
    ///   with a weight above 0.
    public mutating func removeVariant(_ variant: VariantName, from id: RolloutID) throws(EditError) {
        try edit(id) { edit throws(EditError) in
            var test = try edit.requireTest(or: "promote or abort what is under way")
            try edit.requireReplaceable(variant)
            guard let place = test.variants.firstIndex(where: { $0.name == variant }) else { return }
            var ranges = OwnedRanges(test, on: edit.definition.grid)
            var bounds = ranges.counts.map { $0...Share.bucketCount }
            test.variants.remove(at: place)
            bounds.remove(at: place)
            guard test.variants.contains(where: { $0.weight > 0 }) else {
                throw edit.refusal(
                    .badWeights,
                    "no variant would be left with a weight above 0",
                    "give another one a weight first"
                )
            }
            guard var targets = test.apportionment(on: edit.definition.grid).counts(within: bounds) else {
                throw edit.needsSwap(toAvoidBy: "set its weight to 0 first")
            }
            targets.insert(0, at: place)
            ranges.transfer(to: targets)
            edit.replaceRules(of: variant)
            edit.setAllocation(of: test, ranges)
        }
    }
}

extension RolloutEdit {
    /// Writes the ranges that an edit has come to, fewer of them if there are too many.
    mutating func setAllocation(of test: RolloutStrategy.ABTest, _ ranges: OwnedRanges) {
        var (test, ranges) = (test, ranges)
        ranges.compactIfNeeded(limit: PolicyLimits.ranges)
        // Where not every bucket occurs, the coverage may have ended between two that do.
        test.coverage = Share(buckets: ranges.written.owned) ?? .all
        test.allocation = nil
        test.allocation = ranges.allocation(test)
        setStrategy(.abTest(test))
    }

    func requireWeight(_ weight: Int, of variant: VariantName) throws(EditError) {
        guard PolicyLimits.weights.contains(weight) else {
            throw refusal(
                .badWeights,
                "the weight of \"\(variant)\" is \(grouped(weight))",
                "a weight is an integer in \(spelled(PolicyLimits.weights))"
            )
        }
    }

    fileprivate func needsSwap(toAvoidBy advice: String) -> EditError {
        refusal(.needsSwap, "the shares cannot be rounded without moving a unit between the other variants", advice)
    }

    /// Lets hosts and units that name a variant name the first one.
    fileprivate mutating func replaceRules(of variant: VariantName) {
        guard let first = firstVariant else { return }
        definition.hosts = definition.hosts.mapValues { $0 == variant ? first : $0 }
        definition.forced = definition.forced.mapValues { $0 == variant ? first : $0 }
    }
}
