extension RolloutPolicy {
    /// Gives the variants of an A/B test other weights, and moves as few units as any allocation can.
    ///
    /// Units that move go from a variant that shrinks to one that grows; nobody else moves. Their number is the total
    /// variation distance between the old and the new shares, which is the theoretical minimum, within one bucket for each
    /// variant. The policy then holds the resulting ranges.
    ///
    ///     try policy.rebalance(.recommender, weights: ["control": 1, "treatment": 3])
    ///
    /// **At most 1,024 ranges.** A call adds at most one range for each variant. Most calls add none, because units move
    /// across an existing boundary if there is one. With up to 16 variants the number settles below 256, over however many
    /// edits. With hundreds of variants, a long sequence of edits can pass the limit: if two variants that touch nowhere
    /// exchange units, the minimum costs a range. Then, and only then, the smallest ranges are merged into their neighbours
    /// until 512 are left, and the edit moves more than the minimum. ``movement(to:)`` says how much before it happens.
    ///
    /// - Parameters:
    ///   - id: The rollout.
    ///   - weights: The new weights; variants that are not named keep theirs.
    /// - Throws: `EditError` if the rollout is no A/B test, a variant is unknown, or a weight is out of range.
    public mutating func rebalance(_ id: RolloutID, weights: [VariantName: Int]) throws(EditError) {
        try edit(id) { edit throws(EditError) in
            var test = try edit.requireTest(or: "set the share of the canary or the shadow, if there is one")
            for (variant, weight) in weights.sorted(by: { $0.key < $1.key }) {
                try edit.requireVariant(variant)
                guard PolicyLimits.weights.contains(weight) else {
                    throw edit.refusal(
                        .badWeights,
                        "the weight of \"\(variant)\" is \(grouped(weight))",
                        "a weight is an integer in \(spelled(PolicyLimits.weights))"
                    )
                }
            }
            var ranges = OwnedRanges(test)
            for index in test.variants.indices {
                if let weight = weights[test.variants[index].name] { test.variants[index].weight = weight }
            }
            guard test.variants.contains(where: { $0.weight > 0 }) else {
                throw edit.refusal(.badWeights, "all weights would be 0", "give at least one variant a weight above 0")
            }
            ranges.transfer(to: test.apportionment.counts)
            ranges.compactIfNeeded(limit: PolicyLimits.ranges)
            test.allocation = ranges.allocation(test)
            edit.definition.strategy = .abTest(test)
        }
    }

    /// Enrols more or fewer units in an A/B test. No unit that stays enrolled moves from one variant to another.
    ///
    /// A larger coverage divides the new buckets so that every variant keeps what it owns. A smaller one gives up buckets from
    /// the end. That is possible if what is left agrees with the weights: as a rule back along the way the coverage grew, and
    /// to 0. If it is not possible, the edit is refused and names the coverages that are.
    ///
    /// A larger coverage adds at most one range for each variant. Past 1,024 ranges, and only then, it merges the smallest
    /// ones as ``rebalance(_:weights:)`` does, and units do move; ``movement(to:)`` says how many before it happens.
    ///
    /// - Parameters:
    ///   - id: The rollout.
    ///   - coverage: The share of units that is enrolled from now on.
    /// - Throws: `EditError` if the rollout is no A/B test, or units would have to move between variants.
    public mutating func setCoverage(of id: RolloutID, to coverage: Share) throws(EditError) {
        try edit(id) { edit throws(EditError) in
            var test = try edit.requireTest(or: "only an A/B test has a coverage")
            var ranges = OwnedRanges(test)
            let old = test.coverage
            test.coverage = coverage
            if coverage < old {
                ranges.truncate(to: coverage.buckets)
                guard test.agrees(with: ranges.counts) else { throw edit.needsSwap(test, from: old) }
            } else if coverage > old {
                guard let targets = test.targets(keeping: ranges.counts) else {
                    throw edit.needsSwap(test, from: old)
                }
                ranges.extend(to: targets)
                ranges.compactIfNeeded(limit: PolicyLimits.ranges)
            }
            test.allocation = ranges.allocation(test)
            edit.definition.strategy = .abTest(test)
        }
    }
}

extension RolloutEdit {
    /// The A/B test to compute with: one that keeps the rules of policies.
    fileprivate func requireTest(or advice: String) throws(EditError) -> RolloutStrategy.ABTest {
        guard case .abTest(let test) = definition.strategy else {
            throw refusal(.wrongStrategy, "it has no weights and no coverage", advice)
        }
        var validator = PolicyValidator()
        let path: JSONPath = "rollouts"
        _ = validator.check(definition.strategy, at: path.appending(id.text))
        if let first = validator.problems.all.first {
            throw refusal(.invalidRollout, "\(first.path): \(first.message)", "correct that first")
        }
        return test
    }

    /// Refuses a coverage that cannot be reached from what the variants own.
    fileprivate func needsSwap(_ test: RolloutStrategy.ABTest, from old: Share) -> EditError {
        var before = test
        before.coverage = old
        let possible = OwnedRanges(before).ends.compactMap(Share.init(buckets:)).filter { end in
            var candidate = before
            candidate.coverage = end
            var ranges = OwnedRanges(before)
            ranges.truncate(to: end.buckets)
            return end < old && candidate.agrees(with: ranges.counts)
        }
        let choices = ([Share.zero] + possible.suffix(8)).map(\.description).joined(separator: ", ")
        return refusal(
            .needsSwap,
            "from \(old) to \(test.coverage) units would be swapped between variants",
            "without that it can shrink to \(choices), or disable a variant"
        )
    }
}

extension RolloutStrategy.ABTest {
    /// Whether every variant owns what its weight demands, within one bucket.
    fileprivate func agrees(with owned: [Int]) -> Bool {
        let due = apportionment
        return owned.indices.allSatisfy { due.isDue(owned[$0], at: $0) }
    }

    /// What each variant is to own: at least what it owns now, and what its weight demands within one bucket. Nil if there
    /// is no such thing.
    fileprivate func targets(keeping owned: [Int]) -> [Int]? {
        let due = apportionment
        var targets = zip(due.counts, owned).map(max)
        var surplus = targets.reduce(0, +) - coverage.buckets
        // Whoever lies furthest above its due gives first, so that nobody ends up more than a bucket below it.
        func excess(_ index: Int) -> Int { due.excess(of: targets[index], at: index) }
        while surplus > 0 {
            let givers = targets.indices.filter { targets[$0] > owned[$0] }
            guard let giver = givers.max(by: { excess($0) < excess($1) }) else { return nil }
            targets[giver] -= 1
            surplus -= 1
        }
        return agrees(with: targets) ? targets : nil
    }
}
