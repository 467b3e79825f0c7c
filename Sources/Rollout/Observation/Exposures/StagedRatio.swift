/// The units that came to a rollout's variants in one epoch, by the stage in which they were drawn.
///
/// A *stage* is one allocation: the variants' shares do not change in it. Which stage a decision belongs to, its revision
/// says. The last 64 revisions are remembered. The stages of earlier ones are summed up for each variant, so that an epoch
/// may last as long as it likes.
struct StagedRatio: Sendable {
    /// How many revisions are remembered.
    static let history = 64

    private struct Stage {
        /// The variants that units are drawn into.
        let names: [VariantName]
        /// How many buckets are drawn into each.
        let due: [Int]
    }

    /// A variant in a stage.
    private struct Slot {
        let variant: VariantNumber
        var units = 0
    }

    /// A variant in the stages that are summed up.
    private struct Sum {
        var units = 0
        var due = 0.0
        var factors = SampleRatio.Factors()
    }

    /// What a revision draws.
    private struct Revision {
        let number: UInt32
        /// Its variants among the slots; empty if its allocation changed while it ran.
        var slots: Range<Int>
    }

    /// The stages of the revisions that are remembered, in their order.
    private var stages: [Stage] = []
    /// The variants of these stages, one stage after the other.
    private var slots: [Slot] = []
    /// In rising order, all but the newest.
    private var earlier: [Revision] = []
    private var newest = Revision(number: 0, slots: 0..<0)
    private var sums: [VariantName: Sum] = [:]
    private var leftOut = 0

    /// Notes what a revision draws.
    ///
    /// - Parameters:
    ///   - definition: The rollout as this process serves it.
    ///   - variants: The variants of the definition, in declared order.
    ///   - revision: The revision, not below those noted before.
    mutating func note(_ definition: RolloutDefinition, _ variants: [RegisteredVariant], _ revision: UInt32) {
        let drawn = zip(variants, definition.drawnBuckets).filter { $0.1 > 0 }
        let (numbers, due) = (drawn.map(\.0.number), drawn.map(\.1))
        let last = slots.count - (stages.last?.due.count ?? 0)..<slots.count
        let isUnchanged = stages.last?.due == due && slots[last].map(\.variant) == numbers
        if revision == newest.number, !stages.isEmpty {
            if !isUnchanged { newest.slots = 0..<0 }
            return
        }
        if !stages.isEmpty { earlier.append(newest) }
        if !isUnchanged {
            stages.append(Stage(names: drawn.map(\.0.name), due: due))
            slots += numbers.map { Slot(variant: $0) }
        }
        newest = Revision(number: revision, slots: slots.count - due.count..<slots.count)
        if earlier.count == Self.history { forget() }
    }

    /// Forgets the oldest revision, and sums up the stages that only it belonged to.
    private mutating func forget() {
        earlier.removeFirst()
        let needed = (earlier + [newest]).first { !$0.slots.isEmpty }?.slots.lowerBound ?? 0
        var ended = 0
        while ended < needed, let stage = stages.first {
            Self.add(stage, slots[ended..<ended + stage.due.count], to: &sums)
            ended += stage.due.count
            stages.removeFirst()
        }
        slots.removeFirst(ended)
        for index in earlier.indices { earlier[index].slots.move(by: -ended) }
        newest.slots.move(by: -ended)
    }

    /// Counts a unit that was drawn into a variant; leaves it out if its revision does not say with what share.
    @inline(__always)
    mutating func count(_ variant: VariantNumber, _ revision: UInt32) {
        let known = revision == newest.number ? newest.slots : slots(of: revision)
        var slot = known.lowerBound
        while slot < known.upperBound {
            if slots[slot].variant == variant { return slots[slot].units += 1 }
            slot += 1
        }
        leaveOut()
    }

    mutating func leaveOut() { leftOut += 1 }

    @inline(never)
    private func slots(of revision: UInt32) -> Range<Int> {
        earlier.last { $0.number <= revision }.flatMap { $0.number == revision ? $0.slots : nil } ?? 0..<0
    }

    private static func add(_ stage: Stage, _ slots: ArraySlice<Slot>, to sums: inout [VariantName: Sum]) {
        let (units, buckets) = (slots.reduce(0) { $0 + $1.units }, stage.due.reduce(0, +))
        for ((name, due), slot) in zip(zip(stage.names, stage.due), slots) {
            let share = Double(due) / Double(buckets)
            var sum = sums[name] ?? Sum()
            sum.units += slot.units
            sum.due += share * Double(units)
            sum.factors.multiply(count: slot.units, of: units, share: share)
            sums[name] = sum
        }
    }

    /// What was counted, as a value. O(variants * stages).
    func observed(in rollout: RolloutID, _ epoch: UInt32) -> ObservedRatio {
        var (sums, first) = (sums, 0)
        for stage in stages {
            Self.add(stage, slots[first..<first + stage.due.count], to: &sums)
            first += stage.due.count
        }
        let variants = sums.sorted { $0.key < $1.key }
        return ObservedRatio(
            rollout: rollout,
            epoch: epoch,
            variants: variants.map { ObservedRatio.Variant(name: $0.key, units: $0.value.units, due: $0.value.due) },
            logEvidence: SampleRatio.logEvidence(of: variants.map(\.value.factors)),
            leftOut: leftOut
        )
    }
}

extension Range<Int> {
    fileprivate mutating func move(by distance: Int) {
        if !isEmpty { self = lowerBound + distance..<upperBound + distance }
    }
}
