/// A draw of any number of segments: a guide, then a search in what the guide leaves.
///
/// The guide has an entry for each run of 4,096 buckets: the first segment that reaches into it. Entries are 16 bits wide,
/// four to a word; the segments follow as pairs of inclusive upper bound and outcome, in ascending order.
enum WideDraw {
    /// The runs of buckets, and one more entry for the end.
    private static let guideCount = (Share.bucketCount - 1) >> runShift + 2
    private static let guideWords = (guideCount + 3) / 4
    private static let runShift = 12

    /// The words of a wide draw.
    static func words(_ segments: [Segment]) -> [UInt64] {
        var words = [UInt64](repeating: 0, count: guideWords)
        var segment = 0
        for run in 0..<guideCount {
            while segment < segments.count - 1, segments[segment].upperBound < run << runShift { segment += 1 }
            words[run / 4] |= UInt64(segment) << UInt64(run % 4 * 16)
        }
        for segment in segments {
            words.append(UInt64(segment.upperBound))
            words.append(segment.outcome.word)
        }
        return words
    }

    /// The outcome for a bucket.
    ///
    /// **Claim:** the answer lies between the entry of the bucket's run and the next one. Because 1. all segments before
    /// the first end before the run begins, 2. the segment of the second reaches the next run, so it ends after the bucket.
    /// **Claim:** the loop ends after 16 rounds whatever the words say, because entries have 16 bits and each round halves.
    @inline(__always)
    static func outcome(in image: PolicyImage, at start: Int, bucket: UInt64) -> Outcome {
        let run = Int(truncatingIfNeeded: bucket >> UInt64(runShift))
        var low = guide(image, start, run)
        var high = guide(image, start, run + 1)
        let segments = start + guideWords
        while low < high {
            let middle = (low + high) / 2
            if image[segments + 2 * middle] < bucket { low = middle + 1 } else { high = middle }
        }
        return Outcome(word: image[segments + 2 * low + 1])
    }

    @inline(__always)
    private static func guide(_ image: PolicyImage, _ start: Int, _ run: Int) -> Int {
        Int(truncatingIfNeeded: image[start + run / 4] >> UInt64(run % 4 * 16) & 0xFFFF)
    }
}
