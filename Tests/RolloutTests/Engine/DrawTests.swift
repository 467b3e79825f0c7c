import Synchronization
import Testing

@testable import Rollout

/// The compiled forms of a draw against the obvious one: the first segment whose bound is no smaller than the bucket.
@Suite("Draws")
struct DrawTests {
    @Test("A narrow draw counts the bounds that a bucket does not exceed", arguments: 1...4)
    func narrow(_ count: Int) {
        var random = SplitMix64(seed: UInt64(count))
        for _ in 0..<2_000 {
            let bounds = Self.bounds(count, &random)
            let packed = NarrowDraw.packed(bounds)
            for bucket in Self.telling(bounds, &random) {
                let segment = 3 - NarrowDraw.standing(packed, at: UInt64(bucket))
                #expect(segment == bounds.firstIndex { bucket <= $0 })
            }
        }
    }

    @Test("A wide draw finds the segment, by its guide or by searching", arguments: [5, 6, 16, 100, 256, 1_025])
    func wide(_ count: Int) {
        var random = SplitMix64(seed: UInt64(count))
        // To find a segment by looking at each takes long if there are many.
        for round in 0..<(StressEffort.isLong || count < 1_000 ? 20 : 6) {
            // Crowded in some rounds, so that runs of the guide have more segments than it can tell apart.
            let width = round.isMultiple(of: 2) ? Share.bucketCount : 40 * count
            let bounds = Self.bounds(count, &random, below: width)
            let segments = bounds.enumerated().map { Segment(upperBound: $1, outcome: Outcome(word: UInt64($0))) }
            let words = WideDraw.words(segments)
            Self.withImage(of: words) { image in
                for bucket in Self.telling(bounds, &random) {
                    let place = UInt64(bucket)
                    let expected = bounds.firstIndex { bucket <= $0 }.map { Outcome(word: UInt64($0)) }
                    let guided = WideDraw.outcome(in: image, at: 0, bucket: place)
                    #expect(guided == nil || guided == expected)
                    #expect(WideDraw.search(in: image, at: 0, count: count, bucket: place) == expected)
                }
            }
        }
    }

    @Test("The guide of sixteen equal shares never needs a search")
    func guideSuffices() {
        let segments = (1...16).map { Segment(upperBound: $0 * 62_500 - 1, outcome: Outcome(word: UInt64($0))) }
        Self.withImage(of: WideDraw.words(segments)) { image in
            for bucket in stride(from: 0, to: Share.bucketCount, by: 499) {
                let expected = Outcome(word: UInt64(bucket / 62_500 + 1))
                #expect(WideDraw.outcome(in: image, at: 0, bucket: UInt64(bucket)) == expected)
            }
        }
    }

    @Test("A filter lets everybody pass whom it holds, and few others", arguments: [1, 4, 5, 50, 10_000])
    func filter(_ count: Int) {
        var words: [UInt64] = [1, 2, 3]
        let filter = TextFilter.append((0..<count).map { UnitID("held-\($0)") }, to: &words)
        Self.withImage(of: words) { image in
            for index in 0..<count {
                #expect(TextFilter.mayHold(XXH3.hash("held-\(index)"), in: image, filter: filter))
            }
            let others = (0..<10_000).count { TextFilter.mayHold(XXH3.hash("other-\($0)"), in: image, filter: filter) }
            #expect(others < 10_000 / 12)
        }
    }
}

extension DrawTests {
    /// All of them in one table under one hash, so that nothing but their bytes tells them apart.
    @Test("Texts of one hash are told apart by their bytes, of every length and in every place")
    func oneHash() {
        let texts = (1...24).flatMap { length in
            let same = String(repeating: "h", count: length)
            return [same] + (0..<length).map { same.prefix($0) + "x" + same.dropFirst($0 + 1) }
        }
        let (listed, others) = (Array(texts[..<150]), texts[150...] + ["", "hhx.", "y"])
        var words: [UInt64] = [1, 2, 3]
        let entries = listed.enumerated().map { number, text in
            let outcome = Outcome(word: UInt64(number))
            return TextTable.Entry(text: text, withUnit: outcome, withoutUnit: outcome)
        }
        let table = unsafe TextTable.append(entries, to: &words) { _ in 0x1234_5678_9ABC_DEF0 }
        Self.withImage(of: words) { image in
            func find(_ text: String) -> UInt64? {
                let entry = unsafe text.withUnitBytes { bytes in
                    unsafe TextTable.find(bytes, hash: 0x1234_5678_9ABC_DEF0, in: image, table: table)
                }
                return entry.map { TextTable.outcome(of: $0, in: image, hasUnit: true).word }
            }
            for (number, text) in listed.enumerated() { #expect(find(text) == UInt64(number), "\(text)") }
            for text in others { #expect(find(text) == nil, "\(text)") }
        }
    }

    /// Distinct ascending bounds, the last one that of the last bucket.
    private static func bounds(_ count: Int, _ random: inout SplitMix64, below limit: Int = Share.bucketCount) -> [Int]
    {
        var inner: Set<Int> = []
        while inner.count < count - 1 { inner.insert(Int.random(in: 0..<(limit - 1), using: &random)) }
        return inner.sorted() + [Share.bucketCount - 1]
    }

    /// The buckets on both sides of each bound, the first and the last one, and some at random.
    private static func telling(_ bounds: [Int], _ random: inout SplitMix64) -> [Int] {
        let sides = bounds.flatMap { [$0, min($0 + 1, Share.bucketCount - 1)] }
        let others = (0..<20).map { _ in Int.random(in: 0..<Share.bucketCount, using: &random) }
        return sides + [0, Share.bucketCount - 1] + others
    }

    private static func withImage(of words: [UInt64], _ body: (PolicyImage) -> Void) {
        let exponent = SnapshotCell.exponent(for: words.count)
        let memory = UnsafeMutablePointer<Atomic<UInt64>>.allocate(capacity: 1 << exponent)
        defer { unsafe memory.deallocate() }
        for index in 0..<(1 << exponent) {
            unsafe (memory + index).initialize(to: Atomic(index < words.count ? words[index] : 0))
        }
        body(unsafe PolicyImage(words: memory, exponent: exponent))
    }
}
