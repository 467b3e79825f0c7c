import Synchronization
import Testing

@testable import Rollout

@Suite("Draws and tables")
struct DrawTests {
    private func image<Result>(_ words: [UInt64], _ body: (PolicyImage) -> Result) -> Result {
        let size = 1 << SnapshotCell.exponent(for: max(words.count, 1))
        let memory = UnsafeMutablePointer<Atomic<UInt64>>.allocate(capacity: size)
        defer { unsafe memory.deallocate() }
        for index in 0..<size {
            unsafe (memory + index).initialize(to: Atomic(index < words.count ? words[index] : 0))
        }
        return body(unsafe PolicyImage(words: memory, mask: size - 1))
    }

    /// Ascending bounds that end at the last bucket, often close to the guide's runs and to each other.
    private func bounds(_ count: Int, _ random: inout RandomPolicy) -> [Int] {
        var bounds: Set<Int> = [999_999]
        while bounds.count < count {
            let anywhere = random.number(in: 0...999_998)
            bounds.insert(random.pick([anywhere, anywhere & ~4_095, anywhere | 4_095, anywhere % 5_000]))
            bounds = bounds.filter { $0 <= 999_999 }
        }
        return bounds.sorted()
    }

    private func linear(_ bounds: [Int], _ bucket: Int) -> Int { bounds.firstIndex { bucket <= $0 } ?? -1 }

    /// The edges on both sides, and buckets anywhere.
    private func buckets(_ bounds: [Int], _ random: inout RandomPolicy) -> [Int] {
        let edges = bounds.flatMap { [$0 - 1, $0, $0 + 1] } + [0, 999_999]
        return edges.filter { 0..<1_000_000 ~= $0 } + (0..<50).map { _ in random.number(in: 0...999_999) }
    }

    @Test("A narrow draw finds what a linear search finds", arguments: 1...4, 0..<10 as Range<UInt64>)
    func narrow(count: Int, seed: UInt64) {
        var random = RandomPolicy(seed: seed)
        for _ in 0..<20 {
            let bounds = bounds(count, &random)
            let word = NarrowDraw.packed(bounds)
            for bucket in buckets(bounds, &random) {
                let found = NarrowDraw.capacity - 1 - NarrowDraw.standing(word, at: UInt64(bucket))
                #expect(found == linear(bounds, bucket), "bounds \(bounds), bucket \(bucket)")
            }
        }
    }

    @Test("A wide draw finds what a linear search finds", arguments: [5, 6, 17, 256, 1_025], 0..<4 as Range<UInt64>)
    func wide(count: Int, seed: UInt64) {
        var random = RandomPolicy(seed: seed)
        let bounds = bounds(count, &random)
        let segments = bounds.enumerated().map { Segment(upperBound: $1, outcome: Outcome(word: UInt64($0))) }
        let offset = random.number(in: 0...40)
        let words = Array(repeating: 0, count: offset) + WideDraw.words(segments)
        image(words) { image in
            for bucket in buckets(bounds, &random) {
                let found = WideDraw.outcome(in: image, at: offset, bucket: UInt64(bucket)).word
                #expect(found == UInt64(linear(bounds, bucket)), "seed \(seed), bucket \(bucket)")
            }
        }
    }

    @Test("Neighbours of one outcome become one segment, and empty ranges none")
    func segments() {
        var segments: [Segment] = []
        segments.extend(to: 0, Outcome(word: 1))
        segments.extend(to: 10, Outcome(word: 1))
        segments.extend(to: 10, Outcome(word: 2))
        segments.extend(to: 20, Outcome(word: 1))
        segments.extend(to: 30, Outcome(word: 2))
        segments.extend(to: 25, Outcome(word: 3))
        #expect(
            segments == [
                Segment(upperBound: 19, outcome: Outcome(word: 1)), Segment(upperBound: 29, outcome: Outcome(word: 2)),
            ]
        )
    }

    @Test("A text table finds exactly its texts", arguments: [0, 1, 2, 3, 64, 1_000])
    func texts(count: Int) {
        var entries = (0..<count).map { number in
            let text = String(repeating: "x", count: number % 40) + "\(number)"
            return TextTable.Entry(
                text: text,
                withUnit: Outcome(word: UInt64(number)),
                withoutUnit: Outcome(word: UInt64(number + 1_000_000))
            )
        }
        if count > 2 {
            let twins = [("caf\u{E9}", 1), ("cafe\u{301}", 2)]
            entries += twins.map { text, word in
                TextTable.Entry(text: text, withUnit: Outcome(word: UInt64(word)), withoutUnit: Outcome(word: 0))
            }
        }
        var words: [UInt64] = [7, 7, 7]
        let table = TextTable.append(entries, to: &words)
        #expect((table == 0) == entries.isEmpty)
        guard table != 0 else { return }
        image(words) { image in
            func find(_ text: String, hash: UInt64? = nil) -> Int? {
                unsafe text.withUnitBytes { bytes in
                    unsafe TextTable.find(bytes, hash: hash ?? XXH3.hash(text), in: image, table: table)
                }
            }
            for entry in entries {
                let found = find(entry.text)
                let words = found.map { TextTable.outcome(of: $0, in: image, hasUnit: true) }
                #expect(words == entry.withUnit)
                #expect(found.map { TextTable.outcome(of: $0, in: image, hasUnit: false) } == entry.withoutUnit)
                // The same hash is not enough: the bytes decide, and all of them.
                let hash = XXH3.hash(entry.text)
                #expect(find(entry.text + "x", hash: hash) == nil)
                #expect(find(String(entry.text.dropLast()), hash: hash) == nil)
                #expect(find(String(entry.text.dropLast()) + "~", hash: hash) == nil)
            }
            for text in ["", "other", "X0"] { #expect(find(text) == nil) }
        }
    }

    @Test("A tag table finds exactly its tags", arguments: [1, 2, 3, 100, 256])
    func tags(count: Int) {
        var random = SplitMix64(seed: UInt64(count))
        var tags: [UInt32] = []
        // Many with the same low bits, which is where the search starts.
        while tags.count < count { tags.append(UInt32(truncatingIfNeeded: random.next()) & ~0xFF | 1) }
        var words: [UInt64] = [1]
        let outcomes = tags.enumerated().map { (tag: VariantTag(rawValue: $1), outcome: Outcome(word: UInt64($0))) }
        let table = TagTable.append(outcomes, to: &words)
        image(words) { image in
            for (tag, outcome) in outcomes { #expect(TagTable.outcome(for: tag, in: image, table: table) == outcome) }
            for tag in [0, 2, 0x101, .max] as [UInt32] where !tags.contains(tag) {
                #expect(TagTable.outcome(for: VariantTag(rawValue: tag), in: image, table: table) == nil)
            }
            #expect(TagTable.outcome(for: VariantTag(rawValue: 1), in: image, table: 0) == nil)
        }
    }

    /// Words as no compiler wrote them: what a reader may see of a slot that is being overwritten, and worse. The address
    /// sanitizer sees a read outside the memory; a search without end would hang.
    @Test("Words that make no sense are read without a trap", arguments: 0..<30 as Range<UInt64>, [16, 32, 64, 1_024])
    func nonsense(seed: UInt64, size: Int) {
        var random = RandomPolicy(seed: seed)
        let words: [UInt64] = (0..<size).map { _ in
            switch random.number(in: 0...5) {
            case 0, 1: 0
            case 2: random.generator.next()
            case 3: UInt64(random.number(in: 0...size)) | UInt64(random.number(in: 0...12)) << 32
            case 4: .max
            default: UInt64(random.number(in: 0...7)) | random.generator.next() << 32
            }
        }
        let assignment = Assignment(variant: "canary", of: "r", bucket: 5, epoch: .max / 2, revision: 1)
        image(words) { image in
            for ordinal in 0..<size / RecordLayout.size {
                let record = RolloutRecord(image, ordinal: ordinal)
                for (unit, host, held) in [
                    ("alice", nil, nil), (nil, nil, nil), ("bob", "h.example", nil), (nil, "h.example", nil),
                    ("alice", nil, assignment), (nil, nil, assignment),
                ] {
                    let decision = RequestBytes.with(unit: unit, host: host) { request in
                        record.decision(for: request, holding: held)
                    }
                    _ = (decision.reason, decision.bucket, decision.revision, decision.epoch, decision.shadow?.number)
                }
                _ = record.decision(for: DecimalUnit(DecimalText(42 as UInt64)))
                _ = record.decision(for: HashedUnit("alice"))
                _ = record.decisionWithoutUnit()
            }
        }
    }
}
