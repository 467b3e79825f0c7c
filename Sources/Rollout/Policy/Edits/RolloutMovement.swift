/// How many buckets go from which variant to which, when a rollout's definition is replaced.
///
/// Hosts, forced units and assignments are not buckets, and do not count. Buckets outside the coverage, and those of
/// disabled and draining variants, count as the first variant, which serves them.
public struct RolloutMovement: Hashable, Sendable {
    /// Buckets by old and new variant; pairs without a bucket are left out.
    public let matrix: [VariantName: [VariantName: Int]]
    /// The old variants in declared order.
    public let before: [VariantName]
    /// The new variants in declared order.
    public let after: [VariantName]
    /// The buckets that come to another variant.
    public let moved: Int
    /// The fewest that any allocation could move between the same shares: their total variation distance.
    public let minimum: Int
    /// The buckets that come to another release, whatever its variant is called.
    public let movedReleases: Int
    /// Whether the numbers are expectations, to the nearest bucket: the salts differ, so buckets cannot be compared.
    public let isExpected: Bool
}

extension RolloutMovement {
    init(from old: RolloutDefinition, to new: RolloutDefinition, id: RolloutID) {
        let isExact = old.hasSameSalt(as: new, id: id) && old.bucketing == new.bucketing
        let (oldRanges, newRanges) = (old.servedRanges, new.servedRanges)
        let pairs = isExact ? Self.overlaps(oldRanges, newRanges) : Self.products(oldRanges, newRanges)
        var matrix: [VariantName: [VariantName: Int]] = [:]
        for pair in pairs where pair.count > 0 { matrix[pair.from, default: [:]][pair.to, default: 0] += pair.count }

        let (owned, due) = (Self.counts(oldRanges), Self.counts(newRanges))
        let releases = (Self.releases(of: old), Self.releases(of: new))
        self.init(
            matrix: matrix,
            before: old.strategy.variants.map(\.name),
            after: new.strategy.variants.map(\.name),
            moved: pairs.reduce(0) { $0 + ($1.from == $1.to ? 0 : $1.count) },
            minimum: due.reduce(0) { $0 + max(0, $1.value - owned[$1.key, default: 0]) },
            movedReleases: pairs.reduce(0) { $0 + (releases.0[$1.from] == releases.1[$1.to] ? 0 : $1.count) },
            isExpected: !isExact
        )
    }

    private typealias Pair = (from: VariantName, to: VariantName, count: Int)

    /// What the ranges of both sides have in common. O(ranges).
    private static func overlaps(_ old: [AllocatedRange], _ new: [AllocatedRange]) -> [Pair] {
        var pairs: [Pair] = []
        var (start, i, j) = (0, 0, 0)
        while i < old.count, j < new.count {
            let (oldEnd, newEnd) = (old[i].buckets.upperBound, new[j].buckets.upperBound)
            let end = min(oldEnd, newEnd)
            pairs.append((old[i].variant, new[j].variant, end - start))
            start = end
            if oldEnd == end { i += 1 }
            if newEnd == end { j += 1 }
        }
        return pairs
    }

    /// What independent draws have in common on average: the products of the shares, rounded so that they add up to all
    /// buckets.
    private static func products(_ old: [AllocatedRange], _ new: [AllocatedRange]) -> [Pair] {
        let (rows, columns) = (counts(old).sorted { $0.key < $1.key }, counts(new).sorted { $0.key < $1.key })
        var pairs: [Pair] = []
        var remainders: [Int] = []
        for row in rows {
            for column in columns {
                let product = (row.value * column.value).quotientAndRemainder(dividingBy: Share.bucketCount)
                pairs.append((row.key, column.key, product.quotient))
                remainders.append(product.remainder)
            }
        }
        let missing = Share.bucketCount - pairs.reduce(0) { $0 + $1.count }
        let order = remainders.indices.sorted { (remainders[$1], $0) < (remainders[$0], $1) }
        for index in order.prefix(missing) { pairs[index].count += 1 }
        return pairs
    }

    private static func counts(_ ranges: [AllocatedRange]) -> [VariantName: Int] {
        ranges.reduce(into: [:]) { $0[$1.variant, default: 0] += $1.buckets.count }
    }

    private static func releases(of definition: RolloutDefinition) -> [VariantName: Release] {
        Dictionary(definition.strategy.variants.map { ($0.name, $0.release) }) { first, _ in first }
    }
}

extension RolloutDefinition {
    /// Who serves which buckets, in ascending order, all 1,000,000 of them.
    fileprivate var servedRanges: [AllocatedRange] {
        let first = strategy.variants[0].name
        let out = disabled.union(draining)
        var ranges = strategy.allocation.map { range in
            AllocatedRange(out.contains(range.variant) ? first : range.variant, range.buckets)
        }
        let end = ranges.last?.buckets.upperBound ?? 0
        if end < Share.bucketCount { ranges.append(AllocatedRange(first, end..<Share.bucketCount)) }
        return ranges
    }
}

extension RolloutMovement: CustomStringConvertible {
    /// `150,000 buckets (15 %) move, the minimum is 150,000`, and what else there is to know.
    public var description: String {
        let share = Share(buckets: moved).map { " (\($0))" } ?? ""
        var text = "\(grouped(moved)) buckets\(share) move, the minimum is \(grouped(minimum))"
        if movedReleases != moved { text += "; \(grouped(movedReleases)) get another release" }
        return isExpected ? text + "; on average, because the salts differ" : text
    }
}
