/// The units of a canary that runs in several processes, each counted once however many of them it meets.
///
/// Whoever drives the canary keeps the union for as long as the epoch lasts, and adds what each process knows at each reading. So a
/// process that starts anew takes nothing back, and nobody enters twice.
///
///     union.begin(stage)
///     for table in tables { union.formUnion(with: table, canary: share) }
///     let canary = VariantOutcomes(requests: requests, failures: failures, units: union.units(of: .canary))
///
/// A union takes 2 MB.
public struct UnitUnion: Sendable {
    private var stage: OutcomeStage?
    /// Four cells of 16 bits in each word.
    private var cells = [UInt64](repeating: 0, count: Share.bucketCount / 4)
    /// Of stable and of the canary.
    private var tallies = [Tally(), Tally()]

    private struct Tally {
        var units = VariantOutcomes.Units(arrived: 0, entered: 0, enteredFailed: 0, failed: 0)
        /// As in ``UnitMemory``: the sum up to an edge is the number of units slower than it.
        var slowness = [Int](repeating: 0, count: LatencyEdge.count + 1)

        mutating func add(_ old: UnitCell, _ new: UnitCell) {
            units.arrived += old.hasArrived ? 0 : 1
            units.failed += new.hasFailed && !old.hasFailed ? 1 : 0
            units.entered += new.hasEntered && !old.hasEntered ? 1 : 0
            units.enteredFailed += new.hasEnteredFailed && !old.hasEntered ? 1 : 0
            slowness[Int(old.slowness)] += 1
            slowness[Int(new.slowness)] -= 1
        }
    }

    /// A union of nothing.
    public init() {}

    /// Begins a stage, unless it is the one that was last begun: nobody has entered yet. With a stage of another rollout or another
    /// epoch, nobody has arrived either.
    public mutating func begin(_ stage: OutcomeStage) {
        guard self.stage != stage else { return }
        guard let last = self.stage, last.rollout == stage.rollout, last.epoch == stage.epoch else {
            self = UnitUnion()
            self.stage = stage
            return
        }
        self.stage = stage
        for place in cells.indices where cells[place] != 0 { cells[place] = Self.aged(cells[place]) }
        for place in tallies.indices {
            tallies[place].units.entered = 0
            tallies[place].units.enteredFailed = 0
        }
    }

    /// Counts what a process knows and the union does not. O(buckets).
    ///
    /// A table of another epoch changes nothing; in one of another stage of the epoch, nobody has entered this one.
    ///
    /// - Parameters:
    ///   - table: What the process knows.
    ///   - share: The canary's share now. What is new of a bucket counts for the variant that owns the bucket.
    public mutating func formUnion(with table: UnitTable, canary share: Share) {
        guard let stage, table.epoch == stage.epoch else { return }
        let isOfStage = table.stage == stage.id
        table.forEachCells { place, theirs in
            if theirs == 0 || theirs == cells[place] { return }
            let seen = isOfStage ? theirs : Self.aged(theirs)
            for corner in 0..<4 {
                let shift = UInt64(16 * corner)
                let old = UnitCell(bits: cells[place] >> shift & UnitCell.mask)
                let new = old.united(with: UnitCell(bits: seen >> shift & UnitCell.mask))
                if new == old { continue }
                cells[place] ^= (old.bits ^ new.bits) << shift
                tallies[4 * place + corner < share.buckets ? 1 : 0].add(old, new)
            }
        }
    }

    /// The units of `stable` or of `canary`.
    public func units(of variant: VariantName) -> VariantOutcomes.Units { tally(of: variant).units }

    /// How many units of `stable` or of `canary` were slower than each of ``LatencyEdge/all``.
    public func slower(of variant: VariantName) -> [Int] {
        var sum = 0
        return tally(of: variant).slowness.dropLast().map { change in
            sum += change
            return sum
        }
    }

    private func tally(of variant: VariantName) -> Tally {
        variant == .canary ? tallies[1] : variant == .stable ? tallies[0] : Tally()
    }

    private static func aged(_ cells: UInt64) -> UInt64 {
        let entered = UnitCell.entered &* 0x0001_0001_0001_0001
        return cells & ~entered | (cells & entered) >> 1
    }
}

extension UnitCell {
    /// What two processes know of a bucket. The first one says how its unit entered.
    fileprivate func united(with other: UnitCell) -> UnitCell {
        let entries = Self.entered | Self.arrived
        let newcomer = other.hasEntered ? other.bits & entries : Self.arrived
        let entry = hasEntered || !other.hasArrived ? bits & entries : newcomer
        return UnitCell(bits: entry | (bits | other.bits) & Self.failed | max(slowness, other.slowness))
    }
}
