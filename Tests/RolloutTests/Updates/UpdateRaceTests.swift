import Dispatch
import Synchronization
import Testing

@testable import Rollout

@Suite("Writers and readers at once", .tags(.concurrency))
struct UpdateRaceTests {
    @Test("Two writers that compare and swap: each revision has one winner, and the other gets a conflict")
    func compareAndSwap() async throws {
        let (router, updater) = try EditedPolicy.updated(EditedPolicy.canary(10))
        let results = await withTaskGroup(of: [Bool].self) { group in
            for writer in 0..<2 {
                group.addTask {
                    var generator = SplitMix64(seed: UInt64(writer))
                    var results: [Bool] = []
                    for _ in 0..<300 {
                        let running = router.snapshot().policy
                        let share = Share(buckets: Int.random(in: 0...1_000_000, using: &generator)) ?? .all
                        guard let next = try? running.changed({ try $0.setShare(of: "sms", to: share) }) else {
                            continue
                        }
                        do throws(UpdateError) {
                            let revision = try await updater.update(to: next, expecting: running.revision)
                            results.append(revision == running.revision + 1)
                        } catch {
                            if error.code == .conflict { results.append(false) }
                        }
                    }
                    return results
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
        #expect(results.count == 600)
        #expect(router.snapshot().revision == 1 + UInt32(results.count(where: \.self)), "nothing is lost")
    }

    @Test("Edits of two writers are all there in the end, and no record tells of a race")
    func edits() async throws {
        let router = try RolloutRouter(policy: EditedPolicy.canary(10))
        let recorder = RollbackTests.InMemoryRecorder()
        let updater = RolloutUpdater(router, recorders: [recorder])
        let edits = StressEffort.isLong ? 200 : 60
        let last = UInt32(2 * edits + 1)
        await withTaskGroup(of: Void.self) { group in
            for writer in 0..<2 {
                group.addTask {
                    for edit in 0..<edits {
                        _ = try? await updater.update {
                            try $0.force(UnitID("\(writer)-\(edit)"), to: "canary", in: "sms")
                        }
                    }
                }
            }
        }
        #expect(router.snapshot().policy.sms.forced.count == 2 * edits)
        #expect(router.snapshot().revision == last)
        #expect(recorder.records.map(\.number) == Array(1...Int(last)))
        #expect(recorder.records.map(\.revision) == Array(1...last))
    }

    /// Every policy puts all units into one variant, which its revision's parity names.
    @Test("Readers under a writer see whole policies in rising order")
    func readers() throws {
        @Sendable func policy(_ revision: UInt32) -> RolloutPolicy {
            EditedPolicy.canary(revision.isMultiple(of: 2) ? 100 : 0).at(revision)
        }
        let router = try RolloutRouter(policy: policy(1))
        let sms = try #require(router.rollout("sms"))
        let isDone = Atomic(false)
        let wrong = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: 2) { thread in
            if thread == 0 {
                for revision in 2...Self.updates where (try? router.update(to: policy(revision))) != revision {
                    wrong.add(1, ordering: .relaxed)
                }
                return isDone.store(true, ordering: .releasing)
            }
            var last: UInt32 = 0
            while !isDone.load(ordering: .acquiring) {
                let decision = sms.decision(for: "alice")
                let expected = decision.revision.isMultiple(of: 2) ? VariantName.canary : .stable
                if decision.variant.name != expected || decision.revision < last { wrong.add(1, ordering: .relaxed) }
                last = decision.revision
            }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
        #expect(sms.decision(for: "alice").revision == Self.updates)
    }

    #if DEBUG
        static let updates: UInt32 = StressEffort.isLong ? 100_000 : 2_500
    #else
        static let updates: UInt32 = 100_000
    #endif
}
