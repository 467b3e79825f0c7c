import Dispatch
import Synchronization
import Testing

@testable import Rollout

@Suite("Updates under readers", .tags(.concurrency))
struct NewRolloutRaceTests {
    /// The reader asks for every rollout from before it exists until it is there, so that it often gets a handle in the
    /// very moment of the update that adds it.
    @Test("A handle never meets a policy from before its rollout")
    func newRollouts() throws {
        let count = 60
        let ids = try (0..<count).map { try #require(RolloutID("r\($0)")) }
        let definition = RolloutDefinition(.canary(.percent(50), stable: ["app": "1"], canary: ["app": "2"]))
        var policy = RolloutPolicy(revision: 0, rollouts: [ids[0]: definition])
        let router = try RolloutRouter(policy: policy)
        let tooOld = Atomic(0)
        let refused = Atomic(0)
        let policies = (1..<count).map { revision in
            policy.revision = UInt32(revision)
            policy.rollouts[ids[revision]] = definition
            return policy
        }
        DispatchQueue.concurrentPerform(iterations: 2) { thread in
            if thread == 0 {
                for policy in policies where (try? router.update(to: policy)) == nil {
                    refused.add(1, ordering: .relaxed)
                }
                return
            }
            for (revision, id) in ids.enumerated() {
                var handle = router.rollout(id)
                while handle == nil { handle = router.rollout(id) }
                if let handle, handle.decision(for: "alice").revision < revision { tooOld.add(1, ordering: .relaxed) }
            }
        }
        #expect(refused.load(ordering: .relaxed) == 0)
        #expect(tooOld.load(ordering: .relaxed) == 0)
    }

    /// Two threads ask for seats with defaults, each its own and some in common, while a third publishes policies with and
    /// without the rollouts. An answer is the rollout's or the default, of a revision that never goes back; and no seat is
    /// lost to a policy that was compiled while it was added.
    @Test("Handles with a default that are made while updates run keep their seats and their answers")
    func newDefaults() throws {
        let ids = try (0..<8).map { try #require(RolloutID("d\($0)")) }
        let definition = RolloutDefinition(.canary(.percent(50), stable: ["app": "1"], canary: ["app": "2"]))
        let with = Dictionary(uniqueKeysWithValues: ids.map { ($0, definition) })
        let router = RolloutRouter()
        let wrong = Atomic(0)
        let isOver = Atomic(false)
        let handles = Lock<[(RolloutHandle, RolloutID, Release)]>([])
        let last: UInt32 = StressEffort.isLong ? 400 : 150

        @Sendable func check(_ handle: RolloutHandle, _ id: RolloutID, _ release: Release, since revision: inout UInt32)
        {
            let decision = handle.decision(for: "alice")
            // Odd revisions have the rollouts.
            let isRight =
                decision.revision.isMultiple(of: 2)
                ? decision.reason == .absent && decision.variant.release == release : decision.reason == .split
            if !isRight || decision.revision < revision || handle.id != id { wrong.add(1, ordering: .relaxed) }
            revision = decision.revision
        }
        DispatchQueue.concurrentPerform(iterations: 3) { thread in
            guard thread > 0 else {
                for revision in 1...last {
                    let rollouts = revision.isMultiple(of: 2) ? [:] : with
                    let policy = RolloutPolicy(revision: revision, rollouts: rollouts)
                    if (try? router.update(to: policy)) == nil { wrong.add(1, ordering: .relaxed) }
                }
                return isOver.store(true, ordering: .relaxed)
            }
            var revision: UInt32 = 0
            var number = 0
            while number < 100 || !isOver.load(ordering: .relaxed) {
                let (id, release) = (
                    ids[number % ids.count], ["app": "t\(number % 3 * thread)-\(number % 40)"] as Release
                )
                let handle = router.rollout(id, default: release)
                check(handle, id, release, since: &revision)
                if number < 100 { handles.withLock { $0.append((handle, id, release)) } }
                number += 1
            }
        }
        let all = handles.withLock { $0 }
        #expect(all.count == 200)
        for revision in [last + 2, last + 3] {
            let policy = RolloutPolicy(revision: revision, rollouts: revision.isMultiple(of: 2) ? [:] : with)
            try router.update(to: policy)
            var since = revision
            for (handle, id, release) in all { check(handle, id, release, since: &since) }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
    }
}
