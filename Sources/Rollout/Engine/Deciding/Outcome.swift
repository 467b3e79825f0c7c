/// What a segment of a draw or a rule leads to, in one word: an answer, or the next draw.
///
/// An answer has the shape of a decision's first word, so that one `or` with the bucket makes it a decision:
///
///     bits  0 ... 19   number of the variant in the registry
///     bits 20 ... 39   number of the shadow in the registry, all ones if there is none
///     bits 40 ... 43   the reason, 15 for "the next draw is at the word offset in bits 0 ... 39"
///     bits 44 ... 63   0 if the bucket goes here, all ones if no bucket was drawn
@usableFromInline
struct Outcome: Hashable, Sendable {
    @usableFromInline let word: UInt64

    @inlinable
    init(word: UInt64) { self.word = word }

    init(_ variant: VariantNumber, shadow: VariantNumber? = nil, _ reason: Decision.Reason, showsBucket: Bool = false) {
        word =
            UInt64(variant.rawValue)
            | UInt64(shadow?.rawValue ?? Self.absent) << Self.shadowShift
            | UInt64(reason.code.rawValue) << Self.reasonShift
            | (showsBucket ? 0 : UInt64(Self.absent) << Self.bucketShift)
    }

    init(nextDrawAt offset: Int) {
        word = UInt64(offset) | Self.nextDraw << Self.reasonShift
    }

    /// The offset of the next draw, or nil if this is an answer.
    @inline(__always)
    var nextDrawOffset: Int? {
        (word >> Self.reasonShift) & Self.reasonMask == Self.nextDraw
            ? Int(truncatingIfNeeded: word & (1 << Self.reasonShift - 1)) : nil
    }

    /// The same answer for another reason.
    func because(_ reason: Decision.Reason) -> Outcome {
        Outcome(word: word & ~(Self.reasonMask << Self.reasonShift) | UInt64(reason.code.rawValue) << Self.reasonShift)
    }

    static let fieldMask: UInt64 = 0xF_FFFF
    static let reasonMask: UInt64 = 0xF
    static let shadowShift: UInt64 = 20
    static let reasonShift: UInt64 = 40
    @inlinable static var bucketShift: UInt64 { 44 }
    /// The value of a 20-bit field that says there is none: above every bucket and every variant's number.
    static let absent: UInt32 = 0xF_FFFF
    private static let nextDraw: UInt64 = 15
}

/// A run of buckets with one outcome. It begins after the bound of the segment before it, and includes its own.
struct Segment: Hashable, Sendable {
    let upperBound: Int
    let outcome: Outcome
}

extension [Segment] {
    /// Adds the buckets up to a limit, which is excluded. If the last segment has the same outcome, it is made longer.
    mutating func extend(to limit: Int, _ outcome: Outcome) {
        guard limit - 1 > (last?.upperBound ?? -1) else { return }
        if last?.outcome == outcome { removeLast() }
        append(Segment(upperBound: limit - 1, outcome: outcome))
    }
}
