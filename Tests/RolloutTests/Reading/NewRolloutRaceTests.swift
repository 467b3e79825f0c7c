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
}
