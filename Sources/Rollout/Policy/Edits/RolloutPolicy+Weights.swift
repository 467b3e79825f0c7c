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
                try edit.requireWeight(weight, of: variant)
            }
            var ranges = OwnedRanges(test, on: edit.definition.grid)
            for index in test.variants.indices {
                if let weight = weights[test.variants[index].name] { test.variants[index].weight = weight }
            }
            guard test.variants.contains(where: { $0.weight > 0 }) else {
                throw edit.refusal(.badWeights, "all weights would be 0", "give at least one variant a weight above 0")
            }
            ranges.transfer(to: test.apportionment(on: edit.definition.grid).counts)
            edit.setAllocation(of: test, ranges)
        }
    }

    /// Enrols more or fewer units in an A/B test. Nobody goes from one variant to another.
    ///
    /// A smaller coverage takes units from every variant, in the proportion of the weights: each gives back the last of its
    /// buckets, and these belong to nobody. A larger one gives each the buckets behind its own, as far as they are nobody's,
    /// and then those behind all others. So from 80 % to 40 % and back to 80 % every unit has its variant again, and the
    /// policy the same ranges, unless a variant had several ranges and a whole one was given back.
    ///
    /// Each variant has what its weight demands by largest remainder, to the bucket. If too few buckets are left for that, just
    /// below 100 %, it has that within one bucket.
    ///
    /// No variant loses its last bucket, because nothing would then say where its units were, and a larger coverage would give
    /// them to others. So a coverage is refused that leaves a variant with a weight without a bucket, 0 % among them, unless
    /// it is the only one that has any. To stop a test, disable its variants.
    ///
    /// An edit adds at most two ranges for each variant. Past 1,024 ranges, and only then, it merges the smallest ones as
    /// ``rebalance(_:weights:)`` does, and units do move; ``movement(to:)`` says how many before it happens.
    ///
    /// - Parameters:
    ///   - id: The rollout.
    ///   - coverage: The share of units that is enrolled from now on.
    /// - Throws: `EditError` if the rollout is no A/B test, if the coverage is so small that a variant would be left without a
    ///   bucket, if the rollout's bucketing cannot express it, or if rounding just below 100 % leaves no other way than to move
    ///   a unit between variants.
    public mutating func setCoverage(of id: RolloutID, to coverage: Share) throws(EditError) {
        try edit(id) { edit throws(EditError) in
            var test = try edit.requireTest(or: "only an A/B test has a coverage")
            guard coverage != test.coverage else { return }
            try edit.requireExact(coverage)
            var ranges = OwnedRanges(test, on: edit.definition.grid)
            let grows = coverage > test.coverage
            let owned = ranges.counts
            try edit.requirePlaces(of: test, owning: owned, at: coverage)
            test.coverage = coverage
            test.allocation = nil
            let due = test.apportionment(on: edit.definition.grid)
            var targets = due.counts
            if zip(targets, owned).reduce(0, { $0 + max(0, $1.0 - $1.1) }) > ranges.free {
                let bounds = owned.map { grows ? $0...Share.bucketCount : 0...$0 }
                guard let nearest = due.counts(within: bounds) else {
                    throw edit.refusal(
                        .needsSwap,
                        "at \(coverage) the shares cannot be rounded without moving a unit between variants",
                        "set one that is a little lower"
                    )
                }
                targets = nearest
            }
            ranges.resize(to: targets)
            edit.setAllocation(of: test, ranges)
        }
    }
}

extension RolloutEdit {
    /// The A/B test to compute with: one that keeps the rules of policies.
    func requireTest(or advice: String) throws(EditError) -> RolloutStrategy.ABTest {
        guard case .abTest(let test) = definition.strategy else {
            throw refusal(.wrongStrategy, "it has no weights and no coverage", advice)
        }
        var validator = PolicyValidator()
        let path: JSONPath = "rollouts"
        _ = validator.check(definition.strategy, on: definition.grid, at: path.appending(id.text))
        if let first = validator.problems.all.first {
            throw refusal(.invalidRollout, "\(first.path): \(first.message)", "correct that first")
        }
        return test
    }

    /// Refuses a coverage at which a variant with a weight would give back all its buckets, and so its place.
    fileprivate func requirePlaces(
        of test: RolloutStrategy.ABTest,
        owning owned: [Int],
        at coverage: Share
    ) throws(EditError) {
        let places = owned.indices.filter { owned[$0] > 0 && test.variants[$0].weight > 0 }
        guard places.count > 1 else { return }
        let weights = test.variants.map(\.weight)
        let grid = definition.grid
        func lost(at buckets: Int) -> Int? {
            let counts = Apportionment(grid.cells(below: buckets), by: weights).counts
            return places.first { counts[$0] == 0 }
        }
        guard let first = lost(at: coverage.buckets) else { return }
        // Rounding aside, more buckets keep more places. What is found does keep them, in any case.
        var (tooFew, enough) = (coverage.buckets, max(coverage.buckets, test.coverage.buckets))
        let isThereAny = lost(at: enough) == nil
        while isThereAny, enough - tooFew > 1 {
            let middle = (tooFew + enough) / 2
            if lost(at: middle) == nil { enough = middle } else { tooFew = middle }
        }
        let least = isThereAny ? Share(buckets: enough).map { "set at least \($0), or " } : nil
        throw refusal(
            .losesPlace,
            "at \(coverage) \"\(test.variants[first].name)\" would be left without a bucket, and its units could not find back",
            (least ?? "") + "disable variants to stop the test"
        )
    }
}
