import Testing

@testable import Rollout

/// The cell with reader and writer on one thread: the writer acts from inside the reader's body, so every step is chosen.
@Suite("Publication, one step at a time")
struct SnapshotCellTests {
    /// A policy whose every word is its number.
    private func words(_ policy: UInt64, count: Int = 16) -> [UInt64] { Array(repeating: policy, count: count) }

    @Test("A read stands with six policies published inside it, and is made again with seven", arguments: 0...20)
    func window(published: Int) {
        // From each of the eight slots.
        for first in 1...8 as ClosedRange<UInt64> {
            let cell = SnapshotCell.kept(words(1))
            for policy in 1..<first { cell.publish(words(policy + 1)) }
            var runs = 0
            let seen = cell.read { image in
                let before = image[0]
                runs += 1
                if runs == 1 {
                    for next in 0..<UInt64(published) { cell.publish(words(first + next + 1)) }
                }
                return [before, image[15]]
            }
            let answer = published < 7 ? first : first + UInt64(published)
            #expect(seen == [answer, answer])
            #expect(runs == (published < 7 ? 1 : 2))
        }
    }

    @Test("A reader in an outgrown ring goes on reading its policy", arguments: 0...6)
    func growthInsideRead(published: Int) {
        let cell = SnapshotCell.kept(words(1))
        var runs = 0
        let seen = cell.read { image in
            let before = image[0]
            runs += 1
            for next in 0..<published { cell.publish(words(UInt64(next) + 2, count: 16 << (next + 1))) }
            return [before, image[15]]
        }
        #expect(runs == 1)
        #expect(seen == [1, 1])
        #expect(cell.read { $0[0] } == UInt64(published) + 1)
    }

    @Test("A policy of any size is read back whole", arguments: [0, 1, 15, 16, 17, 31, 32, 33, 1_000, 1_024, 1_025])
    func sizes(count: Int) {
        let sizes = [0, count, 16, count, 0]
        let cell = SnapshotCell.kept(words(1, count: count))
        for (index, size) in sizes.enumerated() {
            let policy = UInt64(index) + 2
            cell.publish(words(policy, count: size))
            let (all, mask) = cell.read { image in ((0..<size).allSatisfy { image[$0] == policy }, image.mask) }
            #expect(all)
            #expect(mask + 1 >= max(size, 16))
        }
    }

    @Test("The words of a slot are a power of two, at least two cache lines, and no more than it takes")
    func exponent() {
        for count in 0...1_100 {
            let exponent = SnapshotCell.exponent(for: count)
            #expect(1 << exponent >= max(count, 16))
            #expect(exponent == 4 || 1 << (exponent - 1) < count)
        }
    }

    @Test("A router may start with no rollout at all, and grow")
    func empty() throws {
        let router = try RolloutRouter(policy: RolloutPolicy(revision: 1, rollouts: [:]))
        for revision in 2...40 as ClosedRange<UInt32> {
            let ids = (1..<revision).compactMap { RolloutID("r\($0)") }
            let rollouts = Dictionary(uniqueKeysWithValues: ids.map { ($0, RolloutDefinition(.fixed([.app: "v1"]))) })
            try router.update(to: RolloutPolicy(revision: revision, rollouts: rollouts))
            for id in ids { #expect(router.rollout(id)?.decision(for: "alice").revision == revision) }
        }
    }
}
