extension PolicyValidator {
    /// Checks a strategy, from the path of its rollout. False if it has too many variants to go on. Without the buckets that
    /// occur, the shares of its ranges are not judged.
    mutating func check(_ strategy: RolloutStrategy, on grid: BucketGrid?, at path: JSONPath) -> Bool {
        if case .abTest(let test) = strategy {
            guard check(test, on: grid, at: path.appending("strategy")) else { return false }
        }
        for (variant, path) in zip(strategy.variants, strategy.releasePaths(from: path)) {
            check(variant.release, at: path)
        }
        return true
    }

    private mutating func check(_ test: RolloutStrategy.ABTest, on grid: BucketGrid?, at path: JSONPath) -> Bool {
        let variants = path.appending("variants")
        guard check(test.variants.count, "variants", limit: variantLimit, at: variants) else { return false }
        if test.variants.isEmpty { report(.missing, at: variants, "expected at least one variant, found none") }
        var names: Set<VariantName> = []
        for (index, variant) in test.variants.enumerated() {
            let path = variants.appending(index)
            if !names.insert(variant.name).inserted {
                report(
                    .duplicateVariant,
                    at: path.appending("name"),
                    "\"\(variant.name)\" names a variant before this one"
                )
            }
            check(variant.weight, in: PolicyLimits.weights, at: path.appending("weight"))
        }
        let areWeights = test.variants.allSatisfy { PolicyLimits.weights.contains($0.weight) }
        guard areWeights, !test.variants.isEmpty else { return true }
        if test.variants.allSatisfy({ $0.weight == 0 }) {
            report(.badWeights, at: variants, "expected weights with a sum above 0, found 0 for all of them")
        } else if let allocation = test.allocation {
            check(allocation, of: test, on: grid, at: path.appending("allocation"))
        }
        return true
    }

    /// A written allocation tiles `[0, coverage)`, or all buckets if there is a gap among its ranges. It agrees with the
    /// weights within one bucket for each variant, of those that occur.
    private mutating func check(
        _ allocation: [AllocatedRange],
        of test: RolloutStrategy.ABTest,
        on grid: BucketGrid?,
        at path: JSONPath
    ) {
        guard check(allocation.count, "ranges", limit: PolicyLimits.ranges, at: path) else { return }
        let names = VariantNames(.abTest(test))
        let last = allocation.haveGaps ? Share.bucketCount : test.coverage.buckets
        let limit = allocation.haveGaps ? "the number of buckets" : "the coverage"
        var end = 0
        var owned: [VariantName: Int] = [:]
        for (index, range) in allocation.enumerated() {
            let path = path.appending(index)
            if let variant = range.variant { checkVariant(variant, among: names, at: path) }
            let (lower, upper) = (range.buckets.lowerBound, range.buckets.upperBound)
            guard lower == end, lower < upper, upper <= last else {
                return report(
                    .badAllocation,
                    at: path,
                    "expected a range that starts at \(end) and ends after it, at \(last) "
                        + "(\(limit)) at the latest, found [\(lower), \(upper))"
                )
            }
            end = upper
            if let variant = range.variant { owned[variant, default: 0] += (grid ?? .own).cells(in: range.buckets) }
        }
        guard end == last else {
            let message =
                allocation.haveGaps
                ? "the ranges end at \(end), and with a gap among them they have to go on to \(last)"
                : "the ranges end at \(end), the coverage at \(last)"
            return report(.badAllocation, at: path, message)
        }
        guard allocation.owned == test.coverage.buckets else {
            return report(
                .badAllocation,
                at: path,
                "the ranges enrol \(grouped(allocation.owned)) buckets, the coverage \(grouped(test.coverage.buckets))"
            )
        }
        guard let due = grid.map(test.apportionment) else { return }
        for (index, variant) in test.variants.enumerated() {
            let count = owned[variant.name, default: 0]
            if !due.isDue(count, at: index) {
                report(
                    .badAllocation,
                    at: path,
                    "\"\(variant.name)\" owns \(grouped(count)) buckets, by its weight about "
                        + "\(grouped(due.buckets * variant.weight / due.total)) are due"
                )
            }
        }
    }

    mutating func checkVariant(_ name: VariantName, among names: VariantNames, at path: JSONPath) {
        if !names.contains(name) {
            let expectation = VariantNames.expectation(names.words, isOnlyOne: names.variants.count == 1)
            report(.unknownVariant, at: path, "expected \(expectation), found \"\(name)\"")
        }
    }

    mutating func checkCompatibility(of rollout: RolloutDefinition, at path: JSONPath) {
        guard let allowed = rollout.compatible.map(Set.init) else { return }
        for (variant, path) in zip(rollout.strategy.variants, rollout.strategy.releasePaths(from: path))
        where !allowed.contains(variant.release) {
            report(
                .incompatibleRelease,
                at: path,
                "\(variant.release) is not among the releases that \"compatible\" lists"
            )
        }
    }

    mutating func checkTags(of variants: VariantNames, in id: RolloutID, at path: JSONPath) {
        var owners: [VariantTag: VariantName] = [:]
        for name in variants.variants.lazy.map(\.name) {
            let tag = VariantTag(name, in: id)
            if tag == .notEnrolled {
                report(
                    .tagCollision,
                    at: path,
                    "\"\(name)\" has the token tag of a visitor who is not enrolled: rename it"
                )
            } else if let other = owners.updateValue(name, forKey: tag), other != name {
                report(.tagCollision, at: path, "\"\(other)\" and \"\(name)\" have one token tag: rename one of them")
            }
        }
    }
}

extension RolloutStrategy {
    /// Where the document has the release of each variant, in declared order, from the path of the rollout.
    func releasePaths(from rollout: JSONPath) -> [JSONPath] {
        let path = rollout.appending("strategy")
        switch self {
        case .fixed: return [path.appending("release")]
        case .canary: return [path.appending("stable"), path.appending("canary")]
        case .shadow: return [path.appending("primary"), path.appending("shadow")]
        case .abTest(let test):
            return test.variants.indices.map { path.appending("variants").appending($0).appending("release") }
        }
    }
}
