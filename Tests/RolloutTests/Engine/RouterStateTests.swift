import Foundation
import Testing

@testable import Rollout

@Suite("A router's state")
struct RouterStateTests {
    private func policy(_ revision: UInt32, releases: Int = 1) -> RolloutPolicy {
        let release = "v\(Int(revision) % releases)"
        return RolloutPolicy(
            revision: revision,
            rollouts: [
                "sms": RolloutDefinition(.canary(.percent(10), stable: [.app: "v0"], canary: [.app: release])),
                "ui": RolloutDefinition(.fixed([.app: release]), forced: ["qa": .stable]),
            ]
        )
    }

    // MARK: Waiting

    @Test("Whoever asks waits for no writer: not at its lock, not while it registers names")
    func readersNeverWait() throws {
        let state = RouterState(try CompiledPolicy(policy(1), after: Roster(), appliedAt: 0))
        let handle = RolloutHandle(cell: state.cell, ordinal: 0)
        let registry = VariantRegistry(capacity: 1)
        let record = VariantRecord(rollout: "sms", name: .canary, release: [.app: "v1"])
        let number = try #require(registry.intern([record])?.first?.number)
        // The locks that a writer holds while it compiles. None lets its own thread in twice, so to wait would be to hang.
        state.writer.withLock { _ in
            registry.numbers.withLock { _ in
                #expect(handle.decision(for: "alice").revision == 1)
                #expect(handle.decision(for: "alice", host: "a.example").revision == 1)
                #expect(state.compiled.policy.revision == 1)
                #expect(state.ignoredUpdates == 0)
                #expect(registry[number] == record)
            }
        }
    }

    // MARK: Memory

    @Test("Updates of the same names register nothing new, and keep images and ordinals as they are")
    func sameNames() throws {
        // Room for the names of this test and no more: one release of `stable`, three each of `canary` and of `ui`.
        let registry = VariantRegistry(capacity: 7)
        var roster = Roster()
        var sizes: Set<Int> = []
        for revision in 1...300 as ClosedRange<UInt32> {
            let next = policy(revision, releases: 3)
            let compiled = try CompiledPolicy(next, after: roster, appliedAt: 0, registry: registry)
            roster = compiled.roster
            sizes.insert(compiled.words.count)
        }
        #expect(sizes.count == 1)
        #expect(roster.count == 2)
        let full = policy(304, releases: 5)
        #expect(throws: PolicyError(PolicyProblem.tooManyVariants)) {
            try CompiledPolicy(full, after: roster, appliedAt: 0, registry: registry)
        }
    }

    @Test("Publishing policies that fit leaves the ring as it is")
    func oneRing() {
        let words = Array(repeating: 1 as UInt64, count: 48)
        let cell = SnapshotCell.kept(words)
        for _ in 0..<10_000 { cell.publish(words) }
        #expect(cell.read(\.mask) == 63)
        cell.publish(Array(repeating: 1, count: 65))
        cell.publish(words)
        #expect(cell.read(\.mask) == 127)
    }

    @Test("Ten million updates of the same names cost no memory", .enabled(if: StressEffort.isLong))
    func tenMillionUpdates() throws {
        let router = try RolloutRouter(policy: policy(1, releases: 3))
        let policies = (0..<3).map { policy($0, releases: 3) }
        func update(through last: UInt32) throws {
            for revision in (router.snapshot().revision + 1)...last {
                var next = policies[Int(revision) % 3]
                next.revision = revision
                for id in next.rollouts.keys { next.rollouts[id]?.epoch = revision }
                try router.update(to: next)
            }
        }
        try update(through: 10_000)
        let before = try residentBytes()
        try update(through: 10_000_000)
        let growth = try residentBytes() - before
        print("growth over ten million updates: \(growth) bytes")
        #expect(growth <= 2 << 20)
    }

    /// What the process takes of the machine's memory, from Linux.
    private func residentBytes() throws -> Int {
        let statistics = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return try #require(statistics.dropFirst().first.flatMap { Int($0) }) * 4_096
    }

    @Test("A removed rollout keeps its ordinal, and serves its first variant until it is back")
    func ordinals() throws {
        let router = try RolloutRouter(policy: policy(1))
        let ui = try #require(router.rollout("ui"))
        for revision in stride(from: 2, to: 40, by: 2) as StrideTo<UInt32> {
            var without = policy(revision)
            without.rollouts["ui"] = nil
            try router.update(to: without)
            #expect(ui.decision(for: "alice").reason == .absent)
            #expect(ui.decision(for: "alice").revision == revision)
            #expect(router.rollout("ui") == nil)
            try router.update(to: policy(revision + 1))
            #expect(ui.decision(for: "alice").reason == .fixed)
            #expect(ui.decision(for: "qa").reason == .forced)
        }
    }
}
