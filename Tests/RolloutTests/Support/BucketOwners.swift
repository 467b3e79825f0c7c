import Rollout

extension RolloutDefinition {
    /// Slow and obvious: for each single bucket, the place of the variant that serves it.
    var serverOfEachBucket: [Int] {
        let out = disabled.union(draining)
        func server(_ index: Int) -> Int { out.contains(strategy.variants[index].name) ? 0 : index }
        var servers: [Int] = []
        func append(_ index: Int, _ count: Int) { servers += Array(repeating: server(index), count: count) }
        switch strategy {
        case .fixed, .shadow: break
        case .canary(let share, _, _):
            append(1, share.buckets)
        case .abTest(let test):
            if let allocation = test.allocation {
                for range in allocation {
                    // Nobody's bucket is served by the first variant.
                    append(test.variants.firstIndex { $0.name == range.variant } ?? 0, range.buckets.count)
                }
            } else {
                for (index, count) in ReferenceEvaluator.largestRemainder(test).enumerated() { append(index, count) }
            }
        }
        append(0, 1_000_000 - servers.count)
        return servers
    }

    /// Slow and obvious: how many buckets go from which variant to which.
    func movedBuckets(to new: RolloutDefinition) -> [VariantName: [VariantName: Int]] {
        let (before, after) = (strategy.variants.map(\.name), new.strategy.variants.map(\.name))
        var counts = [Int](repeating: 0, count: before.count * after.count)
        let (old, new) = (serverOfEachBucket, new.serverOfEachBucket)
        var bucket = 0
        while bucket < 1_000_000 {
            counts[old[bucket] * after.count + new[bucket]] += 1
            bucket += 1
        }
        var matrix: [VariantName: [VariantName: Int]] = [:]
        for (index, count) in counts.enumerated() where count > 0 {
            matrix[before[index / after.count], default: [:]][after[index % after.count]] = count
        }
        return matrix
    }
}
