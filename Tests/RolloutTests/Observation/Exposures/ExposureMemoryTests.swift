import Synchronization
import Testing

@testable import Rollout

@Suite("The memory of exposures")
struct ExposureMemoryTests {
    private struct Visit: Equatable {
        let decision: Decision
        let unit: UInt64

        init(
            _ variant: UInt32,
            _ reason: Decision.Reason = .split,
            unit: UInt64 = 0x0123_4567_89AB_CDEF,
            epoch: UInt32 = 0
        ) {
            let outcome = Outcome(VariantNumber(rawValue: variant), reason)
            decision = Decision(answer: outcome.word, origin: UInt64(epoch) << 32 | 7)
            self.unit = unit
        }

        static let rollout: UInt64 = 0x1F83_D9AB_FB41_BD6B

        var hash: UInt64 { ExposureMark.hash(of: decision, unit: unit, rollout: Self.rollout) }
        var mark: ExposureMark { ExposureMark(decision, hash: hash) }
    }

    /// A memory that threads can share, and expectations look into.
    private final class Memory: Sendable {
        private let memory: ExposureMemory

        init(places: Int) { memory = ExposureMemory(places: places) }

        func isSettled(_ visit: Visit) -> Bool {
            memory.isSettled(visit.decision, hash: visit.hash)
        }

        func remembers(_ visit: Visit) -> Bool { memory.look(for: visit.mark).isKnown }
        func enter(_ visit: Visit) -> Bool {
            memory.enter(visit.mark, memory.look(for: visit.mark))
        }
    }

    @Test("The variant that was told last is known, and no other", arguments: [0, 1, 0xF_FFFE] as [UInt32])
    func variants(number: UInt32) {
        let memory = Memory(places: 8)
        let (a, b) = (Visit(number), Visit(number ^ 2))
        #expect(!memory.isSettled(a))
        for visit in [a, b, a, b] {
            #expect(memory.enter(visit))
            #expect(!memory.enter(visit))
            #expect(memory.isSettled(visit))
            #expect(!memory.isSettled(visit == a ? b : a))
        }
    }

    @Test("A unit that was told of and not drawn is told once, and settled once it is drawn")
    func drawn() {
        let memory = Memory(places: 8)
        let (forced, drawn) = (Visit(3, .forced), Visit(3))
        #expect(memory.enter(forced))
        #expect(memory.remembers(forced) && memory.remembers(drawn) && !memory.isSettled(drawn))
        #expect(!memory.enter(drawn))
        #expect(memory.isSettled(forced) && memory.isSettled(drawn))
        #expect(!memory.enter(forced))
        #expect(memory.isSettled(drawn))
    }

    @Test("Epochs are apart, and so are units whose hashes differ in one of the 43 bits that are kept")
    func bits() {
        let memory = Memory(places: 8)
        let visit = Visit(5)
        _ = memory.enter(visit)
        #expect(!memory.isSettled(Visit(5, epoch: 1)) && !memory.isSettled(Visit(5, epoch: .max)))
        #expect(visit.mark.word & 0x1F_FFFF == 1 << 20 | 5)
        // Units that differ in one bit, which changes about half of their hashes' bits.
        var kept: Set<UInt64> = []
        for bit in 0..<64 as Range<UInt64> {
            let other = Visit(5, unit: 0x0123_4567_89AB_CDEF ^ 1 << bit)
            #expect(!memory.isSettled(other))
            kept.insert((other.mark.word ^ visit.mark.word) >> 21)
        }
        #expect(kept.reduce(0, |) == 1 << 43 - 1)
    }

    @Test("There are as many places as a power of two", arguments: [(8, 8), (9, 16), (12, 16), (16, 16), (17, 32)])
    func places(asked: Int, places: Int) {
        let memory = Memory(places: asked)
        var random = SplitMix64(seed: 7)
        let visits = (0..<1_000).map { _ in Visit(1, unit: random.next()) }
        for visit in visits { _ = memory.enter(visit) }
        #expect(visits.count(where: memory.remembers) == places)
    }

    @Test("Another unit's visit is not suppressed")
    func strangers() {
        // With 43 bits a wrong one among 800,000 comparisons has a probability of one in ten million; with 20 it is a toss-up.
        let memory = Memory(places: 4_096)
        var random = SplitMix64(seed: 1)
        for _ in 0..<20_000 { _ = memory.enter(Visit(1, unit: random.next())) }
        let visits = StressEffort.isLong ? 1_000_000 : 100_000
        #expect((0..<visits).allSatisfy { _ in !memory.remembers(Visit(1, unit: random.next())) })
    }

    @Test(
        "Half full, it forgets for fewer than 1 % of the visits",
        .tags(.statistical),
        arguments: 0..<2 as Range<UInt64>
    )
    func forgotten(seed: UInt64) {
        let places = StressEffort.isLong ? 131_072 : 32_768
        let memory = Memory(places: places)
        var random = SplitMix64(seed: seed)
        let units = (0..<places / 2).map { _ in random.next() }
        for unit in units { _ = memory.enter(Visit(1, unit: unit)) }
        var again = 0
        let visits = 2 * places
        for _ in 0..<visits {
            let visit = Visit(1, unit: units[Int.random(in: 0..<units.count, using: &random)])
            if !memory.isSettled(visit) {
                again += 1
                _ = memory.enter(visit)
            }
        }
        #expect(again > 0)
        #expect(Double(again) / Double(visits) < 0.01)
    }

    @Test(
        "Threads that meet a new unit at once tell of it once",
        .tags(.concurrency),
        arguments: 0..<2 as Range<UInt64>
    )
    func atOnce(seed: UInt64) {
        // A memory with room for all: what was forgotten would rightly be told again.
        let memory = Memory(places: 1 << 16)
        let units = StressEffort.isLong ? 8_000 : 2_000
        let counts = Counts()
        let body = { @Sendable in
            var random = SplitMix64(seed: seed)
            for _ in 0..<units where memory.enter(Visit(1, unit: random.next())) {
                counts.told.add(1, ordering: .relaxed)
            }
        }
        onThreads([body, body, body])
        #expect(counts.told.load(ordering: .relaxed) == units)
    }

    private final class Counts: Sendable {
        let told = Atomic<Int>(0)
    }

    @Test("Sets that are full stay consistent under threads: a unit has one mark, its last", .tags(.concurrency))
    func full() {
        let memory = Memory(places: 8)
        let bodies = (0..<3 as Range<UInt64>).map { thread in
            { @Sendable in
                var random = SplitMix64(seed: thread)
                for _ in 0..<(StressEffort.isLong ? 1_000_000 : 20_000) {
                    let draw = random.next()
                    _ = memory.enter(Visit(UInt32(draw & 3), unit: draw >> 8 & 15 &* 0x9E37_79B9_7F4A_7C15))
                }
            }
        }
        onThreads(bodies)
        for unit in 0..<16 as Range<UInt64> {
            let known = (0..<4 as Range<UInt32>).filter {
                memory.remembers(Visit($0, unit: unit &* 0x9E37_79B9_7F4A_7C15))
            }
            #expect(known.count <= 1)
        }
    }
}
