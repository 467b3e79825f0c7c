/// A draw of any number of segments: a guide that leads to a choice of four, and a search where it leads to more.
///
///     guide       an entry for each run of 8,192 buckets
///     outcomes    three that are never chosen, then one of each segment, in descending order
///     bounds      the inclusive upper bound of each segment, in ascending order
///
/// An entry of the guide is a narrow draw within its run, in one word:
///
///     bits  0 ... 41   the bounds of the first three segments that reach into the run, less the run's first bucket, packed
///                      as in `NarrowDraw`: 13 bits each and a guard
///     bits 42 ... 57   the place of the fourth segment's outcome; the others follow
///     bit  63          five segments or more reach into the run: search
enum WideDraw {
    private static let runShift: UInt64 = 13
    private static let runMask: UInt64 = 1 << runShift - 1
    private static let guideCount = (Share.bucketCount - 1) >> Int(runShift) + 1
    private static let lanes: UInt64 = 1 | 1 << 14 | 1 << 28
    private static let guards = lanes << runShift
    private static let placeShift: UInt64 = 42
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
        return (0..<3).reduce(UInt64(segments.count - 1 - first) << placeShift) { word, lane in
            let bound = lane < inner.count ? UInt64(inner[lane]) : runMask
            return word | (bound | 1 << runShift) << (UInt64(lane) * 14)
        }
    }

    /// The outcome for a bucket, or nil where it has to be searched for.
    ///
    /// **Claim:** the place is that of the outcome. Because of the run's segments, f being the first, those before the
    /// bucket's have bounds that it exceeds: with k guards standing it is segment f + 3 - k, whose outcome is k places
    /// after that of f + 3. A lane does not borrow from the next, as in `NarrowDraw`: a run has 2^13 buckets.
    @inline(__always)
    static func outcome(in image: PolicyImage, at start: Int, bucket: UInt64) -> Outcome? {
        let entry = image[start &+ Int(truncatingIfNeeded: bucket &>> runShift)]
        if entry & crowded != 0 { return nil }
        let standing = (entry &- (bucket & runMask) &* lanes) & guards
        let sum = (standing &* lanes) &>> (placeShift &- 1) & 3
        let place = entry &>> placeShift &+ sum
        return Outcome(word: image[start &+ guideCount &+ Int(truncatingIfNeeded: place)])
    }

    /// The outcome for a bucket among so many segments.
    ///
    /// **Claim:** the loop ends after 16 rounds whatever the words say, because the count has 16 bits and each round halves.
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
