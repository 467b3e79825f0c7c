/// Who owns which buckets while an edit changes that: the lengths of neighbouring ranges, over all buckets that occur.
///
/// A length is a number of cells of the rollout's grid. With the library's own hash each of the 1,000,000 buckets is one.
/// Nobody counts as an owner, behind the variants. Neighbours have different owners, and no range is empty.
struct OwnedRanges {
    private var ranges: [Run] = []
    /// The variants in declared order, then those that the edit adds, and nil for nobody.
    private let owners: [VariantName?]
    private let nobody: Int
    private let grid: BucketGrid

    /// A range. Its owner is a place in ``owners``.
    private struct Run {
        var owner: Int
        var length: Int
    }

    init(_ test: RolloutStrategy.ABTest, on grid: BucketGrid, adding newcomers: [VariantName] = []) {
        self.grid = grid
        owners = test.variants.map(\.name) + newcomers + [nil]
        nobody = owners.count - 1
        for run in Allocation(.abTest(test), on: grid).runs { append(run.owner ?? nobody, grid.cells(in: run.buckets)) }
    }

    private var allCounts: [Int] {
        ranges.reduce(into: Array(repeating: 0, count: owners.count)) { $0[$1.owner] += $1.length }
    }

    /// How many buckets each variant owns.
    var counts: [Int] { allCounts.dropLast() }

    /// How many buckets nobody owns.
    var free: Int { allCounts[nobody] }

    /// The ranges as a policy writes them, or nil if they are those that the weights alone give.
    func allocation(_ test: RolloutStrategy.ABTest) -> [AllocatedRange]? {
        let allocation = written
        return allocation == test.declaredLayout(on: grid) ? nil : allocation
    }

    /// The ranges as a policy writes them. If the only gap is behind all that is owned, the coverage says so.
    var written: [AllocatedRange] {
        var end = 0
        let all = ranges.map { range in
            end += range.length
            return AllocatedRange(owners[range.owner], grid.bucket(of: end - range.length)..<grid.bucket(of: end))
        }
        let enrolled = Array(all.dropLast(ranges.last?.owner == nobody ? 1 : 0))
        return enrolled.haveGaps ? all : enrolled
    }

    private mutating func append(_ owner: Int, _ length: Int) {
        guard length > 0 else { return }
        if ranges.last?.owner == owner {
            ranges[ranges.count - 1].length += length
        } else {
            ranges.append(Run(owner: owner, length: length))
        }
    }

    // MARK: Coverage

    /// Lets each variant grow or shrink to its target, by buckets that belong to nobody before or after.
    ///
    /// **Claim 1:** no bucket goes from one variant to another, and exactly sum(|owned - target|) buckets change their owner,
    /// which is the fewest that do without that. Because variants grow first, and only into what was nobody's before; and
    /// what the others give back goes to nobody.
    ///
    /// **Claim 2:** on the way back to what it owned before, a variant has the same buckets again, if no whole range of it has
    /// vanished, and it had not to take buckets below its own. Because it gives back its highest buckets, and takes first
    /// those behind its highest range. Others take them only if there is nothing else.
    ///
    /// - Precondition: The growth fits into ``free``.
    mutating func resize(to targets: [Int]) {
        let change = zip(targets, counts).map { $0 - $1 } + [0]
        var missing = change.map { max($0, 0) }
        let hasMore = change.reduce(0, +) > 0
        growInPlace(&missing)
        let next = (ranges.last { $0.owner != nobody }?.owner ?? -1) + 1
        for owner in Array(next..<nobody) + Array(0..<min(next, nobody)) {
            grow(owner, by: missing[owner], nearTheRest: hasMore)
        }
        giveBack(change.map { max(-$0, 0) })
    }

    /// Lets variants grow into the gaps behind their highest ranges.
    private mutating func growInPlace(_ missing: inout [Int]) {
        let old = ranges
        let highest = Dictionary(old.indices.map { (old[$0].owner, $0) }) { _, last in last }
        var taken = 0
        ranges = []
        for (index, range) in old.enumerated() {
            if range.owner == nobody {
                append(nobody, range.length - taken)
                taken = 0
            } else {
                let isBeforeGap = index + 1 < old.count && old[index + 1].owner == nobody
                let gap = isBeforeGap && highest[range.owner] == index ? old[index + 1].length : 0
                taken = min(gap, missing[range.owner])
                missing[range.owner] -= taken
                append(range.owner, range.length + taken)
            }
        }
    }

    /// Gives a variant buckets behind all others, or if there are none, of the largest gap, from its end.
    ///
    /// - Parameters:
    ///   - owner: The variant.
    ///   - count: How many buckets.
    ///   - isNear: Whether they are the first behind all others. If not they are the last there are, so that nobody who gives
    ///     buckets back meanwhile finds them taken later.
    private mutating func grow(_ owner: Int, by count: Int, nearTheRest isNear: Bool) {
        var count = count
        while count > 0 {
            let isLast = ranges.last?.owner == nobody
            let gaps = ranges.indices.filter { ranges[$0].owner == nobody }
            let largest = gaps.max { ranges[$0].length < ranges[$1].length }
            guard let gap = isLast ? ranges.indices.last : largest else { return }
            let length = min(count, ranges[gap].length)
            count -= length
            ranges[gap].length -= length
            ranges.insert(Run(owner: owner, length: length), at: isLast && isNear ? gap : gap + 1)
            merge(around: gap)
        }
    }

    /// Gives the highest buckets of variants to nobody.
    private mutating func giveBack(_ surplus: [Int]) {
        var surplus = surplus
        var descending: [Run] = []
        for range in ranges.reversed() {
            let returned = min(range.length, surplus[range.owner])
            surplus[range.owner] -= returned
            descending.append(Run(owner: nobody, length: returned))
            descending.append(Run(owner: range.owner, length: range.length - returned))
        }
        ranges = []
        for range in descending.reversed() { append(range.owner, range.length) }
    }

    // MARK: Weights

    /// Moves buckets from variants that own more than their target to those that own less. What is nobody's stays so.
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
    mutating func transfer(to targets: [Int]) { transfer(toAll: targets + [free]) }

    private mutating func transfer(toAll targets: [Int]) {
        var missing = zip(targets, allCounts).map { $0 - $1 }
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

    /// If there are more ranges than the limit, merges the smallest ones away and gives every owner its due again.
    ///
    /// **Claim:** afterwards there are fewer than `limit` ranges. Because merging ends at half the limit, 512, and a transfer
    /// adds fewer ranges than there are owners, at most 256 with nobody among them.
    mutating func compactIfNeeded(limit: Int) {
        guard written.count > limit else { return }
        let targets = allCounts
        while ranges.count > limit / 2 {
            guard let index = ranges.indices.min(by: { ranges[$0].length < ranges[$1].length }) else { return }
            let neighbours = [index - 1, index + 1].filter(ranges.indices.contains)
            guard let heir = neighbours.max(by: { ranges[$0].length < ranges[$1].length }) else { return }
            ranges[heir].length += ranges[index].length
            ranges[index].length = 0
            merge(around: index)
        }
        transfer(toAll: targets)
    }
}
