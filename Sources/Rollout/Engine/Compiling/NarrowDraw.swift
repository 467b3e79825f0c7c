/// A draw of up to four segments, in one cache line and without a branch.
///
/// The inclusive upper bounds of the first three segments are packed in one word, 21 bits each: 20 for the bound, and a
/// guard bit above it that is set. Subtracting the bucket from all three at once leaves a lane's guard standing exactly
/// where the bound is no smaller than the bucket:
///
///     bound + 2^20 - bucket >= 2^20   <=>   bound >= bucket
///
/// **Claim:** no lane borrows from the next. Because 1. a bucket is below 2^20, 2. a lane is at least 2^20.
/// The number of guards standing is the number of bounds the bucket does not exceed: 3 for the first segment, 0 for the
/// fourth. Outcomes lie in that order. Segments that are not there have the bound 2^20 - 1, which no bucket exceeds.
@usableFromInline
enum NarrowDraw {
    /// The most segments that fit.
    static let capacity = 4

    @inlinable static var lanes: UInt64 { 1 | 1 << 21 | 1 << 42 }
    @inlinable static var guards: UInt64 { lanes << 20 }

    /// The three bounds in one word, of up to four segments by their inclusive upper bounds.
    static func packed(_ upperBounds: some Collection<Int>) -> UInt64 {
        var word = guards | lanes &* UInt64(Outcome.absent)
        for (lane, bound) in upperBounds.dropLast().enumerated() {
            let shift = UInt64(lane) * 21
            word = word & ~(UInt64(Outcome.absent) << shift) | UInt64(bound) << shift
        }
        return word
    }

    /// How many of the packed bounds the bucket does not exceed, 0 ... 3.
    ///
    /// The product with 1 + 2^21 + 2^42 brings all three guards to bit 62, where their sum has the two bits it needs; what
    /// it brings elsewhere lies below and carries into no higher lane, or falls off the end.
    @inlinable
    @inline(__always)
    static func standing(_ bounds: UInt64, at bucket: UInt64) -> Int {
        let standing = (bounds &- bucket &* lanes) & guards
        return Int(truncatingIfNeeded: (standing &* lanes) &>> 62)
    }
}
