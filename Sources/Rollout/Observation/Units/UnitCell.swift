/// What is known of one bucket, in 11 bits.
///
///     bits 0 ... 7    how many of the ``LatencyEdge``s its slowest outcome was slower than, 0 ... 128
///     bit  8          whether it has failed in this epoch
///     bits 9 ... 10   0 no outcome in this epoch, 1 none in this stage, 2 the first one in this stage was a success, 3 a failure
struct UnitCell: Hashable {
    let bits: UInt64

    static let width: UInt64 = 11
    static let mask: UInt64 = 1 << width - 1
    static let slownessMask: UInt64 = 0xFF
    static let failed: UInt64 = 1 << 8
    static let arrived: UInt64 = 1 << 9
    static let entered: UInt64 = 1 << 10

    /// No outcome in this epoch.
    static let empty = UnitCell(bits: 0)

    var hasArrived: Bool { bits & (Self.entered | Self.arrived) != 0 }
    var hasEntered: Bool { bits & Self.entered != 0 }
    /// Whether the first outcome in this stage was a failure.
    var hasEnteredFailed: Bool { hasEntered && bits & Self.arrived != 0 }
    var hasFailed: Bool { bits & Self.failed != 0 }
    var slowness: UInt64 { bits & Self.slownessMask }

    /// Whether an outcome would change nothing.
    @inline(__always)
    static func isKnown(_ bits: UInt64, _ outcome: UnitOutcome) -> Bool {
        let required = entered | outcome.failure << 8
        return bits & required == required && bits & slownessMask >= outcome.slowness
    }

    /// The cell after one more outcome.
    func after(_ outcome: UnitOutcome) -> UnitCell {
        let entry = hasEntered ? bits & (Self.entered | Self.arrived) : Self.entered | outcome.failure << 9
        return UnitCell(bits: entry | bits & Self.failed | outcome.failure << 8 | max(slowness, outcome.slowness))
    }
}

/// How a request ended, as far as its unit is concerned.
struct UnitOutcome {
    /// 1 for a failure, 0 for a success.
    let failure: UInt64
    /// How many of the ``LatencyEdge``s it was slower than, 0 ... 128.
    let slowness: UInt64
}

/// The cells of four neighbouring buckets, and the stage in which they were last written.
///
///     bits  0 ... 43   four ``UnitCell``s, the first bucket's lowest
///     bits 44 ... 63   the tag of the stage
struct UnitWord: Hashable {
    let bits: UInt64

    static let tagShift: UInt64 = 44
    /// The lowest bit of each cell.
    private static let everyCell: UInt64 = 1 | 1 << 11 | 1 << 22 | 1 << 33

    var tag: UInt64 { bits >> Self.tagShift }

    /// How far a bucket's cell is from bit 0.
    @inline(__always)
    static func shift(of bucket: Int) -> UInt64 { UInt64(truncatingIfNeeded: bucket & 3) &* UnitCell.width }

    subscript(bucket: Int) -> UnitCell { UnitCell(bits: bits >> Self.shift(of: bucket) & UnitCell.mask) }

    /// The word with another cell for a bucket, and another tag.
    func setting(_ cell: UnitCell, of bucket: Int, tag: UInt64) -> UnitWord {
        let shift = Self.shift(of: bucket)
        let cells = bits & (1 << Self.tagShift - 1) & ~(UnitCell.mask << shift)
        return UnitWord(bits: cells | cell.bits << shift | tag << Self.tagShift)
    }

    /// The same cells as a later stage sees them: whoever has entered has arrived, and enters anew.
    var aged: UnitWord {
        let entered = Self.everyCell &* UnitCell.entered
        return UnitWord(bits: bits & ~entered | (bits & entered) >> 1)
    }

    /// The cells as a stage sees them, or nil if they are of a later one.
    ///
    /// - Parameters:
    ///   - tag: The tag of the stage.
    ///   - first: The first tag of the stage's epoch. Cells of earlier tags are those of another epoch or another rollout.
    /// - Returns: The cells. Their tag means nothing.
    func seen(in tag: UInt64, since first: UInt64) -> UnitWord? {
        if self.tag == tag { return self }
        if self.tag > tag { return nil }
        return self.tag < first ? UnitWord(bits: 0) : aged
    }
}
