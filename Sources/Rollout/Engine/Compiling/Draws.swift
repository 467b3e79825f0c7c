/// A draw of up to four segments, in one cache line and without a branch.
///
/// One word holds the inclusive upper bounds of the first three segments, in lanes of 21 bits: 20 for the bound, and above
/// them a guard bit that is set. One subtraction takes the bucket from all three lanes. A lane's guard stays standing exactly
/// if the bound is no smaller than the bucket:
///
///     bound + 2^20 - bucket >= 2^20   <=>   bound >= bucket
///
/// **Claim:** no lane borrows from the next. Because 1. a bucket is below 2^20, 2. a lane is at least 2^20. A borrow would
/// bring down the next lane's guard, and so choose the outcome of another segment.
///
/// As many guards stand as there are bounds that the bucket does not exceed: 3 for the first segment, 0 for the fourth. The
/// outcomes lie in that order. A segment that is missing has the bound 2^20 - 1, which no bucket exceeds.
@usableFromInline
enum NarrowDraw {
    /// The most segments that fit.
    static let capacity = 4

    @inlinable static var lanes: UInt64 { 1 | 1 << 21 | 1 << 42 }
    @inlinable static var guards: UInt64 { lanes << 20 }

    /// The word for up to four segments, which are given by their inclusive upper bounds.
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
    /// The product with 1 + 2^21 + 2^42 brings all three guards to bit 62, and their sum has the two bits it needs there.
    /// Everything else that the product yields lies below without carrying up to bit 62, or falls off the end.
    @inlinable
    @inline(__always)
    static func standing(_ bounds: UInt64, at bucket: UInt64) -> Int {
        let standing = (bounds &- bucket &* lanes) & guards
        return Int(truncatingIfNeeded: (standing &* lanes) &>> 62)
    }
}

/// A draw of any number of segments. A guide narrows them down to four; if it cannot, they are searched.
///
///     guide       an entry for each run of 8,192 buckets
///     outcomes    three that are never chosen, then one for each segment, in descending order
///     bounds      the inclusive upper bound of each segment, in ascending order
///
/// An entry of the guide is a narrow draw within its run, in one word:
///
///     bits  0 ... 15   the place of the fourth segment's outcome, counted from the guide; the others follow
///     bits 21 ... 62   the bounds of the first three segments that reach into the run, less the run's first bucket, packed
///                      as in `NarrowDraw`: 13 bits each and a guard
///     bit  63          five segments or more reach into the run: search
@usableFromInline
enum WideDraw {
    @inlinable static var runShift: UInt64 { 13 }
    @inlinable static var runMask: UInt64 { 1 << runShift - 1 }
    @inlinable static var guideCount: Int { (Share.bucketCount - 1) >> Int(runShift) + 1 }
    /// The lowest bits of the three lanes, less those of the first.
    @inlinable static var lanes: UInt64 { 1 | 1 << 14 | 1 << 28 }
    @inlinable static var firstLane: UInt64 { 21 }
    @inlinable static var guards: UInt64 { lanes << (firstLane + runShift) }
    private static let crowded: UInt64 = 1 << 63

    /// The words of a wide draw.
    static func words(_ segments: [Segment]) -> [UInt64] {
        var first = 0
        let guide = (0..<guideCount).map { run in
            while segments[first].upperBound < run << Int(runShift) { first += 1 }
            return entry(ofRun: run, segments, from: first)
        }
        return guide + repeatElement(segments[0].outcome.word, count: 3) + segments.reversed().map(\.outcome.word)
            + segments.map { UInt64($0.upperBound) }
    }

    private static func entry(ofRun run: Int, _ segments: [Segment], from first: Int) -> UInt64 {
        let start = run << Int(runShift)
        let inner = segments[first...].prefix { $0.upperBound < start + Int(runMask) }.map { $0.upperBound - start }
        guard inner.count <= 3 else { return crowded }
        return (0..<3).reduce(UInt64(guideCount + segments.count - 1 - first)) { word, lane in
            let bound = lane < inner.count ? UInt64(inner[lane]) : runMask
            return word | (bound | 1 << runShift) << (UInt64(lane) * 14 + firstLane)
        }
    }

    /// The outcome for a bucket, or nil if it has to be searched for.
    ///
    /// **Claim:** the place is that of the outcome. Because
    /// 1. let f be the first of the run's segments. The bucket exceeds the bounds of those before its own, so with k guards
    ///    standing it is in segment f + 3 - k, whose outcome lies k places after that of f + 3;
    /// 2. no lane borrows from the next, as in `NarrowDraw`: a run has 2^13 buckets, and a lane is at least 2^13;
    /// 3. the product brings the three guards to bit 62, and their sum has the two bits it needs there.
    @inlinable
    @inline(__always)
    static func outcome(in image: PolicyImage, at start: Int, bucket: UInt64) -> Outcome? {
        let entry = image[start &+ Int(truncatingIfNeeded: bucket &>> runShift)]
        if Int64(bitPattern: entry) < 0 { return nil }
        let standing = (entry &- (bucket & runMask) &* (lanes &<< firstLane)) & guards
        let place = (entry & 0xFFFF) &+ (standing &* lanes) &>> 62
        return Outcome(word: image[start &+ Int(truncatingIfNeeded: place)])
    }

    /// The outcome for a bucket among `count` segments, by halving.
    ///
    /// **Claim:** the loop ends after 16 rounds, whatever the words say. Because the count has 16 bits, and each round leaves
    /// half of what there was.
    static func search(in image: PolicyImage, at start: Int, count: Int, bucket: UInt64) -> Outcome {
        let outcomes = start + guideCount + 3
        var (low, high) = (0, count - 1)
        while low < high {
            let middle = (low + high) / 2
            if image[outcomes + count + middle] < bucket { low = middle + 1 } else { high = middle }
        }
        return Outcome(word: image[outcomes + count - 1 - low])
    }
}

/// Who passes an enrolment of one draw with the library's own hash and one range, which is what a layer or a hold-out needs: eight
/// words at a multiple of eight, so that one mask keeps all of them within an image.
///
///     0   a `TextFilter` that every unit passes, to which the record refers
///     1   the hash of the draw's salt
///     2   the lowest point of the range
///     3   how far the highest one lies above it
///     4   the outcome for a unit that is left out
///     5   the rest is 0
///
/// An enrolment of another kind has no more than the first word, and its draws are read instead.
@usableFromInline
struct EnrolmentGate {
    private let words: [UInt64]

    init?(_ enrolment: [EnrolmentDraw], orElse leftOut: Outcome) {
        guard enrolment.count == 1, enrolment[0].ranges.count == 1, let salt = enrolment[0].ownSalt else { return nil }
        let range = enrolment[0].ranges[0]
        guard !range.isEmpty else { return nil }
        let lowest = Bucketing.lowestPoint(ofBucket: range.lowerBound)
        let highest =
            range.upperBound < Share.bucketCount ? Bucketing.lowestPoint(ofBucket: range.upperBound) - 1 : UInt64.max
        words = [.max, Bucketing.saltHash(salt), lowest, highest - lowest, leftOut.word]
    }

    @inlinable static var size: Int { 8 }

    /// Appends a gate, or the filter alone, to the words of a policy. Returns the word that refers to it.
    static func append(_ gate: EnrolmentGate?, to words: inout [UInt64]) -> UInt64 {
        words.append(contentsOf: repeatElement(0, count: -words.count & (size - 1)))
        let start = words.count
        let gate = gate?.words ?? [.max]
        words.append(contentsOf: gate + repeatElement(0, count: size - gate.count))
        return UInt64(start)
    }

    /// The outcome for a unit that is left out, or nil for one that passes.
    ///
    /// **Claim:** a unit passes if and only if its bucket lies in the range. Because buckets rise with points, a range of buckets
    /// is a range of points, and a point below the lowest one is far above it once the difference has wrapped around.
    @inlinable
    @inline(__always)
    static func refusal(ofKey key: UInt64, in image: PolicyImage, at filter: UInt64) -> Outcome? {
        // A multiple of eight, whatever the word says, and eight words follow: an image has a power of two of them, at least 16.
        let offset = Int(truncatingIfNeeded: filter & 0xFFFF_FFFF) & image.mask & ~(size &- 1)
        let start = offset &* MemoryLayout<UInt64>.size
        let point = Bucketing.point(ofKey: key, saltHash: image.word(1, from: start))
        let isInside = point &- image.word(2, from: start) <= image.word(3, from: start)
        return isInside ? nil : Outcome(word: image.word(4, from: start))
    }
}
