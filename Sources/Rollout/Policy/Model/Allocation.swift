extension RolloutStrategy {
    /// Who owns which buckets, in ascending order; buckets that are left over belong to nobody.
    ///
    /// A canary owns `[0, p)`, so raising p only adds units.
    var allocation: [AllocatedRange] {
        switch self {
        case .fixed: [AllocatedRange(.stable, 0..<Share.bucketCount)]
        case .shadow: [AllocatedRange(.primary, 0..<Share.bucketCount)]
        case .canary(let share, _, _):
            [
                AllocatedRange(.canary, 0..<share.buckets),
                AllocatedRange(.stable, share.buckets..<Share.bucketCount),
            ].filter { !$0.buckets.isEmpty }
        case .abTest(let test): test.allocation ?? test.contiguousAllocation
        }
    }

    /// How many buckets each variant owns.
    var ownedBuckets: [VariantName: Int] {
        allocation.reduce(into: [:]) { owned, range in owned[range.variant, default: 0] += range.buckets.count }
    }
}

extension RolloutStrategy.ABTest {
    /// The weights laid out over the coverage in declared order, cut by largest remainder, ties to the earlier variant.
    var contiguousAllocation: [AllocatedRange] {
        var start = 0
        return zip(variants, largestRemainder()).compactMap { variant, count in
            defer { start += count }
            return count > 0 ? AllocatedRange(variant.name, start..<(start + count)) : nil
        }
    }

    /// The buckets due to each variant: floor of its exact part, and one more for the largest remainders.
    ///
    /// A part is at most 10^6 buckets x 10^6, which 64 bits hold.
    func largestRemainder() -> [Int] {
        let total = variants.reduce(0) { $0 + $1.weight }
        let parts = variants.map { (coverage.buckets * $0.weight).quotientAndRemainder(dividingBy: total) }
        let left = coverage.buckets - parts.reduce(0) { $0 + $1.quotient }
        let order = parts.indices.sorted { (parts[$1].remainder, $0) < (parts[$0].remainder, $1) }
        let rounded = Set(order.prefix(left))
        return parts.indices.map { parts[$0].quotient + (rounded.contains($0) ? 1 : 0) }
    }
}

extension RolloutDefinition {
    /// Every variant in declared order with the share of all units that a draw gives it.
    ///
    /// What is disabled, draining or outside the coverage is drawn to the first variant. A shadow's share is copied, and
    /// its primary answers everybody.
    package var servedShares: [(variant: (name: VariantName, release: Release), share: Share)] {
        var served: [VariantName: Int]
        let variants = strategy.variants
        let out = disabled.union(draining)
        switch strategy {
        case .shadow(let share, _, _):
            served = [.primary: Share.bucketCount, .shadow: out.contains(.shadow) ? 0 : share.buckets]
        default:
            served = strategy.ownedBuckets.filter { !out.contains($0.key) }
            served[variants[0].name, default: 0] += Share.bucketCount - served.values.reduce(0, +)
        }
        return variants.map { ($0, Share(buckets: served[$0.name, default: 0]) ?? .zero) }
    }
}
