import Synchronization
import Testing

@testable import Rollout

/// Random words in place of a compiled policy: what a torn read can look like at its worst, and worse.
///
/// Nothing may trap, leave the image or go on for ever. `swift test --sanitize=address` watches the edges: an image is an
/// allocation of exactly its own size.
@Suite("Random words in place of a policy")
struct RandomImageTests {
    /// Words with no policy behind them.
    @safe struct RandomImage: Publication, @unchecked Sendable {
        let words: UnsafeMutablePointer<Atomic<UInt64>>
        let exponent: Int

        init(_ content: [UInt64]) {
            unsafe words = .allocate(capacity: content.count)
            for (index, word) in content.enumerated() { unsafe (words + index).initialize(to: Atomic(word)) }
            exponent = content.count.trailingZeroBitCount
        }

        func deallocate() { unsafe words.deallocate() }

        func read<Result>(_ body: (PolicyImage) -> Result) -> Result {
            body(unsafe PolicyImage(words: words, exponent: exponent))
        }

        func glance<Result>(_ body: (PolicyImage) -> Result?) -> Result? { read(body) }

        func publish(_: [UInt64]) {}
    }

    /// Kinds of words, from the likely to the hostile.
    enum Kind: CaseIterable {
        case anything
        case ones
        case smallOffsets
        case setBits
        case matchingHashes
        case flippedPolicy
        case twoPolicies
    }

    private static let questions =
        StressPolicies.questions.map(\.kind) + [
            .unit(""), .unit(String(repeating: "é", count: 600)), .integer(0), .integer(.max), .hashed(HashedUnit("")),
            .request(unit: "qa", host: "", holding: nil),
            .request(unit: nil, host: String(repeating: "h", count: 1_024), holding: nil),
            .request(unit: nil, host: String(repeating: "h", count: 4_096), holding: nil),
            .request(unit: "qa", host: "canary.example", holding: assignment(bucket: 0, epoch: 0)),
            .request(unit: nil, host: nil, holding: assignment(bucket: 999_999, epoch: .max)),
            .request(unit: nil, host: nil, holding: assignment(bucket: nil, epoch: 1 << 31)),
        ]

    private static func assignment(bucket: Int?, epoch: UInt32) -> Assignment? {
        Assignment(variant: .canary, of: "narrow", bucket: bucket, epoch: epoch, revision: .max)
    }

    @Test("No words make a decision trap, overrun or hang", arguments: Kind.allCases, StressEffort.seeds(2, long: 4))
    func images(kind: Kind, seed: UInt64) throws {
        let plan = try StressPlan.shared.get()
        var generator = SplitMix64(seed: seed)
        for round in 0..<(StressEffort.isLong ? 100 : 8) {
            // Sixteen words, the least there is, up to 1,024, and now and then a large one.
            let count = 16 << (round == 0 ? 12 : Int.random(in: 0...6, using: &generator))
            let image = RandomImage(Self.words(kind, count, plan, using: &generator))
            defer { image.deallocate() }
            for _ in 0..<4 {
                let ordinal = Int.random(in: 0..<(count / RecordLayout.size), using: &generator)
                for question in Self.questions { Self.ask(question, image, ordinal) }
            }
        }
    }

    @Test("A handle bears the same, at every entry point", arguments: Kind.allCases)
    func handles(kind: Kind) throws {
        let plan = try StressPlan.shared.get()
        var generator = SplitMix64(seed: 1)
        let cell = SnapshotCell.kept([])
        for exponent in 4...10 {
            for _ in 0..<10 {
                let words = Self.words(kind, 1 << exponent, plan, using: &generator)
                cell.publish(words)
                let ordinal = Int.random(in: 0..<(words.count / RecordLayout.size), using: &generator)
                let handle = RolloutHandle(cell: cell, ordinal: ordinal)
                for question in Self.questions { Self.check(StressQuestion("narrow", question).ask(handle)) }
                Self.check(handle.decision(for: Array("qa".utf8).span))
                Self.check(handle.decision(for: [UInt8]().span))
                Self.check(handle.decision(for: Int.min))
            }
        }
    }

    @Test("A table's size is bounded by the image, not by its word")
    func hugeTables() {
        // Every table claims 2^31 entries, and none of them is free.
        let image = RandomImage(Array(repeating: .max, count: 16))
        defer { image.deallocate() }
        for question in Self.questions { Self.ask(question, image, 0) }
    }

    private static func ask(_ question: StressQuestion.Kind, _ image: RandomImage, _ ordinal: Int) {
        var retries = 0
        check(StressQuestion("narrow", question).ask(image, ordinal: ordinal, retries: &retries))
        let record = image.read { RolloutRecord($0, ordinal: ordinal) }
        check(record.decisionWithoutUnit())
        let tag = VariantTag(.canary, in: "narrow")
        let epoch = UInt32(record.origin >> 32)
        for unit in [nil, "alice"] {
            let adopted = RequestBytes.with(unit: unit, host: nil) { request in
                record.decision(adopting: tag, epoch: epoch, for: request)
            }
            if let adopted { check(adopted) }
        }
        if case .request(_, _, let held?) = question { _ = record.standing(of: held) }
    }

    /// What can be asked of a decision whose variant nobody registered.
    private static func check(_ decision: Decision) {
        #expect(decision.bucket.map { 0...Int(Outcome.absent) ~= $0 } ?? true)
        _ = (decision.reason, decision.keepingBucket, decision.revision, decision.epoch)
        _ = (decision.variant, decision.shadow)
    }

    private static func words(
        _ kind: Kind,
        _ count: Int,
        _ plan: StressPlan,
        using generator: inout SplitMix64
    ) -> [UInt64] {
        let policies = [0, 1].map { _ in plan.words.randomElement(using: &generator) ?? [] }
        let hashes = ["qa", "alice", "canary.example"].map { XXH3.hash($0) }
        let seam = Int.random(in: 0..<count, using: &generator)
        return (0..<count).map { index in
            switch kind {
            case .anything: generator.next()
            case .ones: .max
            case .smallOffsets: generator.next() % UInt64(2 * count) | generator.next() << 32
            case .setBits: generator.next() | generator.next() | generator.next()
            case .matchingHashes:
                (hashes.randomElement(using: &generator) ?? 0) & ~0xFFFF_FFFF | generator.next() % UInt64(count)
            case .flippedPolicy:
                (index < policies[0].count ? policies[0][index] : 0) ^ (1 << (generator.next() % 256))
            case .twoPolicies:
                [policies[0], policies[1]][index < seam ? 0 : 1].dropFirst(index).first ?? generator.next()
            }
        }
    }
}
