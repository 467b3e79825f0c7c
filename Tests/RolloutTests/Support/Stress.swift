import Foundation
import Synchronization

@testable import Rollout

/// What a stress run saw.
struct StressCounts: Sendable {
    var reads = 0
    var updates = 0
    /// Decisions that are not what the policy of their revision decides.
    var torn = 0
    /// Decisions of an older revision than the one before on the same thread.
    var backwards = 0
    /// Reads that were made again.
    var retries = 0

    static func + (left: StressCounts, right: StressCounts) -> StressCounts {
        StressCounts(
            reads: left.reads + right.reads,
            updates: left.updates + right.updates,
            torn: left.torn + right.torn,
            backwards: left.backwards + right.backwards,
            retries: left.retries + right.retries
        )
    }
}

/// How hard to try; `ROLLOUT_STRESS=long` in the environment asks for the long form.
struct StressEffort: Sendable {
    let rounds: Int
    let readers: Int
    let readsPerReader: Int

    static let isLong = ProcessInfo.processInfo.environment["ROLLOUT_STRESS"] == "long"
    static let cell = isLong ? Self(rounds: 60, readers: 3, readsPerReader: 1_000_000) : Self(8, 2, 6_000)
    static let router = isLong ? Self(rounds: 4, readers: 3, readsPerReader: 5_000_000) : Self(2, 2, 10_000)

    /// The seeds of a property: the first few, or many.
    static func seeds(_ few: UInt64, long many: UInt64) -> Range<UInt64> { 0..<(isLong ? many : few) }

    private init(_ rounds: Int, _ readers: Int, _ readsPerReader: Int) {
        self.init(rounds: rounds, readers: readers, readsPerReader: readsPerReader)
    }

    init(rounds: Int, readers: Int, readsPerReader: Int) {
        self.rounds = rounds
        self.readers = readers
        self.readsPerReader = readsPerReader
    }
}

/// The shapes of ``StressPolicies`` compiled, and what each answers to every question.
struct StressPlan: Sendable {
    let words: [[UInt64]]
    let capacity: Int
    private let expected: [Decision]
    private let ordinals: [Int]
    private let origins: [Int]

    /// Compiled once for all tests.
    static let shared = Result { try StressPlan() }

    private init() throws {
        var roster = Roster()
        var compiled: [CompiledPolicy] = []
        for shape in 0..<StressPolicies.count {
            let policy = StressPolicies.policy(UInt32(shape))
            try policy.validate()
            let next = try CompiledPolicy(policy, after: roster, appliedAt: 0)
            roster = next.roster
            compiled.append(next)
        }
        words = compiled.map(\.words)
        capacity = 1 << SnapshotCell.exponent(for: words.map(\.count).max() ?? 0)
        ordinals = StressPolicies.questions.compactMap { [roster] in roster[$0.rollout] }
        origins = (0..<roster.count).map { $0 * RecordLayout.size + RecordLayout.origin }
        var expected: [Decision] = []
        for policy in compiled {
            for (question, ordinal) in zip(StressPolicies.questions, ordinals) {
                var retries = 0
                expected.append(question.ask(Still(policy), ordinal: ordinal, retries: &retries))
            }
        }
        self.expected = expected
    }

    /// Publishes one revision after another until told to stop, and gives their number.
    func write(to publication: some Publication, while goesOn: () -> Bool) -> Int {
        var words = words
        var revision = UInt32(StressPolicies.count)
        while goesOn() {
            let shape = Int(revision) % StressPolicies.count
            for origin in origins { words[shape][origin] = words[shape][origin] & ~0xFFFF_FFFF | UInt64(revision) }
            publication.publish(words[shape])
            revision += 1
        }
        return Int(revision) - StressPolicies.count
    }

    /// Asks one question after another, and holds every answer against what its revision answers.
    func read(from publication: some Publication, times: Int) -> StressCounts {
        var counts = StressCounts(reads: times)
        var last: UInt32 = 0
        let questions = StressPolicies.questions
        for index in 0..<times {
            let question = index % questions.count
            let decision = questions[question].ask(publication, ordinal: ordinals[question], retries: &counts.retries)
            let expected = expected[Int(decision.revision) % StressPolicies.count * questions.count + question]
            if decision.answer != expected.answer || decision.epoch != expected.epoch { counts.torn += 1 }
            if decision.revision < last { counts.backwards += 1 }
            last = decision.revision
        }
        return counts
    }

    /// A compiled policy that nobody replaces.
    private struct Still: Publication {
        let policy: CompiledPolicy

        init(_ policy: CompiledPolicy) { self.policy = policy }

        func read<Result>(_ body: (PolicyImage) -> Result) -> Result { body(policy.image) }

        func publish(_: [UInt64]) {}
    }
}

struct StressError: Error {}

/// Readers on threads of their own, while one writer does as told until all of them are done.
func stress(
    readers: Int,
    read: @escaping @Sendable () -> StressCounts,
    write: @escaping @Sendable (_ goesOn: () -> Bool) -> Int
) -> StressCounts {
    let state = StressState(reading: readers)
    let reader: @Sendable () -> Void = {
        let counts = read()
        state.counts.withLock { $0 = $0 + counts }
        state.reading.subtract(1, ordering: .relaxed)
    }
    let writer: @Sendable () -> Void = {
        let updates = write { state.reading.load(ordering: .relaxed) > 0 }
        state.counts.withLock { $0.updates += updates }
    }
    onThreads([writer] + Array(repeating: reader, count: readers))
    return state.counts.withLock { $0 }
}

private final class StressState: Sendable {
    let reading: Atomic<Int>
    let counts = Lock(StressCounts())

    init(reading: Int) { self.reading = Atomic(reading) }
}
