/// Who owns which buckets while an edit changes that: the lengths of neighbouring ranges, from bucket 0 on.
///
/// Neighbours have different owners, and no range is empty.
struct OwnedRanges {
    private var ranges: [Run] = []
    private let variantCount: Int

    /// A range. Its owner is a variant's place in declared order.
    private struct Run {
        var owner: Int
        var length: Int
    }

    init(_ test: RolloutStrategy.ABTest) {
        let allocation = Allocation(.abTest(test))
        variantCount = allocation.variants.count
        for run in allocation.runs {
            if let owner = run.owner { append(owner, run.buckets.count) }
        }
    }

    /// How many buckets each variant owns.
    var counts: [Int] {
        ranges.reduce(into: Array(repeating: 0, count: variantCount)) { $0[$1.owner] += $1.length }
    }

    /// Where each range ends.
    var ends: [Int] {
        var end = 0
        return ranges.map { range in
            end += range.length
            return end
        }
    }

    /// The ranges as a policy writes them, or nil if they are those that the weights alone give.
    func allocation(_ test: RolloutStrategy.ABTest) -> [AllocatedRange]? {
        let allocation = zip(ranges, ends).map { range, end in
            AllocatedRange(test.variants[range.owner].name, (end - range.length)..<end)
        }
        return allocation == test.declaredLayout ? nil : allocation
    }

    // MARK: Coverage

    /// Gives up everything from a bucket on.
    mutating func truncate(to end: Int) {
        var left = end
        ranges = ranges.compactMap { range in
            let length = min(range.length, left)
            left -= length
            return length > 0 ? Run(owner: range.owner, length: length) : nil
        }
    }

    /// Appends buckets until each variant owns its target.
    ///
    /// The last owner's part goes last, so that a range ends where the old coverage did: that shows the way back.
    mutating func extend(to targets: [Int]) {
        let missing = zip(targets, counts).map { $0 - $1 }
        let next = (ranges.last?.owner ?? -1) + 1
        for owner in Array(next..<variantCount) + Array(0..<next) { append(owner, missing[owner]) }
    }

    private mutating func append(_ owner: Int, _ length: Int) {
        guard length > 0 else { return }
        if ranges.last?.owner == owner {
            ranges[ranges.count - 1].length += length
        } else {
            ranges.append(Run(owner: owner, length: length))
        }
    }

    // MARK: Weights

    /// Moves buckets from variants that own more than their target to those that own less.
    ///
    /// **Claim 1:** exactly sum(max(0, owned - target)) buckets move, the fewest that any way to the targets moves. Because
    /// every step takes from a variant above its target, gives to one below its target, and stops as soon as one of them is
    /// there.
    ///
    /// **Claim 2:** a call adds fewer ranges than there are variants. Because
    /// 1. a step across a boundary adds none: the boundary moves, and ranges that vanish or meet make them fewer,
    /// 2. a step that hands over a whole range adds none,
    /// 3. a step that cuts the end off a range adds one, and brings its giver or its taker to the target for good; the last
    ///    step brings both.
    mutating func transfer(to targets: [Int]) {
        var missing = zip(targets, counts).map { $0 - $1 }
        while let step = stepAcrossBoundary(missing) ?? stepAnywhere(missing) {
            let (giver, taker) = (ranges[step.from].owner, step.taker)
            missing[giver] += step.length
            missing[taker] -= step.length
            perform(step)
        }
    }

    /// Buckets of a range that get another owner. `neighbour` is the taker's range beside it, if there is one.
    private struct Step {
        let from: Int
        let taker: Int
        let length: Int
        let neighbour: Int?
        let isWhole: Bool

        /// Whole ranges come first, the smallest of them, because they vanish; then the largest parts.
        func precedes(_ other: Step) -> Bool {
            if isWhole != other.isWhole { return isWhole }
            return isWhole ? length < other.length : length > other.length
        }
    }

    private func step(from: Int, to taker: Int, beside neighbour: Int?, _ missing: [Int]) -> Step {
        let range = ranges[from]
        let length = min(range.length, -missing[range.owner], missing[taker])
        return Step(from: from, taker: taker, length: length, neighbour: neighbour, isWhole: length == range.length)
    }

    private func stepAcrossBoundary(_ missing: [Int]) -> Step? {
        var best: Step?
        for from in ranges.indices where missing[ranges[from].owner] < 0 {
            for neighbour in [from - 1, from + 1] where ranges.indices.contains(neighbour) {
                let taker = ranges[neighbour].owner
                guard missing[taker] > 0 else { continue }
                let step = step(from: from, to: taker, beside: neighbour, missing)
                if best.map(step.precedes) ?? true { best = step }
            }
        }
        return best
    }

    private func stepAnywhere(_ missing: [Int]) -> Step? {
        guard let taker = missing.indices.max(by: { missing[$0] < missing[$1] }), missing[taker] > 0 else { return nil }
        var best: Step?
        for from in ranges.indices where missing[ranges[from].owner] < 0 {
            let step = step(from: from, to: taker, beside: nil, missing)
            if best.map(step.precedes) ?? true { best = step }
        }
        return best
    }

    private mutating func perform(_ step: Step) {
        ranges[step.from].length -= step.length
        if let neighbour = step.neighbour {
            ranges[neighbour].length += step.length
        } else {
            ranges.insert(Run(owner: step.taker, length: step.length), at: step.from + 1)
        }
        merge(around: step.from)
    }

    /// Drops empty ranges and joins neighbours of one owner, up to two places around an index.
    private mutating func merge(around index: Int) {
        var index = min(index + 2, ranges.count - 1)
        let lowest = max(index - 4, 0)
        while index >= lowest {
            if ranges[index].length == 0 {
                ranges.remove(at: index)
            } else if index + 1 < ranges.count, ranges[index].owner == ranges[index + 1].owner {
                ranges[index].length += ranges[index + 1].length
                ranges.remove(at: index + 1)
            }
            index -= 1
        }
    }

    // MARK: Compaction

    /// If there are more ranges than the limit, merges the smallest ones away and gives every variant its due again.
    ///
    /// **Claim:** afterwards there are fewer than `limit` ranges. Because merging ends at half the limit, 512, and a transfer
    /// adds fewer ranges than there are variants, at most 255.
    mutating func compactIfNeeded(limit: Int) {
        guard ranges.count > limit else { return }
        let targets = counts
        while ranges.count > limit / 2 {
            guard let index = ranges.indices.min(by: { ranges[$0].length < ranges[$1].length }) else { return }
            let neighbours = [index - 1, index + 1].filter(ranges.indices.contains)
            guard let heir = neighbours.max(by: { ranges[$0].length < ranges[$1].length }) else { return }
            ranges[heir].length += ranges[index].length
            ranges[index].length = 0
            merge(around: index)
        }
        transfer(to: targets)
    }
}
