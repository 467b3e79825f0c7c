import Foundation
import Synchronization
import Testing

@testable import Rollout

@Suite("A policy file whose directory is swapped", .tags(.concurrency))
struct PolicyFileSwapTests {
    /// What Kubernetes does to a mounted ConfigMap: a new directory, a link renamed over `..data`, the old directory gone.
    private struct ConfigMap: Sendable {
        let folder: FileFolder

        init() throws {
            folder = try FileFolder()
            try folder.link("policy.json", to: "..data/policy.json")
        }

        func swap(to revision: UInt32) throws {
            let (new, old) = ("..\(revision)", "..\(revision - 1)")
            try FileManager.default.createDirectory(atPath: folder.path(new), withIntermediateDirectories: false)
            try folder.write(FollowedFile.policy(revision).json, to: "\(new)/policy.json")
            try folder.link("..data_tmp", to: new)
            try folder.rename("..data_tmp", to: "..data")
            if FileManager.default.fileExists(atPath: folder.path(old)) { try folder.remove(old) }
        }
    }

    private final class Seen: Sendable {
        let isDone = Atomic(false)
        let failures = Atomic(0)
        let wrong = Atomic(0)
    }

    @Test("hundreds of times is never missing and never a mixture, for readers of the file and of the router")
    func swaps() async throws {
        let map = try ConfigMap()
        try map.swap(to: 1)
        let router = try RolloutRouter(policy: FollowedFile.policy(1))
        let updater = RolloutUpdater(router)
        let log = EventLog()
        let file = PolicyFile(map.folder.path("policy.json"))
        let follower = PolicyFollower(of: file, updating: updater, report: log.report)
        let seen = Seen()
        let last: UInt32 = StressEffort.isLong ? 1_001 : 301
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while !seen.isDone.load(ordering: .acquiring) { _ = try? await follower.start() }
            }
            // Each on its own thread, because neither ever waits, and the pool has only as many threads as there are cores.
            await onThreads([
                {
                    for revision in 2...last where (try? map.swap(to: revision)) == nil {
                        seen.failures.add(1, ordering: .relaxed)
                    }
                    seen.isDone.store(true, ordering: .releasing)
                },
                {
                    guard let sms = router.rollout("sms") else { return }
                    var (revision, looks) = (UInt32(0), 0)
                    while !seen.isDone.load(ordering: .acquiring) {
                        let decision = sms.decision(for: "alice")
                        let isCanary = decision.bucket.map { $0 < 10_000 * Int(decision.revision % 101) }
                        let isRight = isCanary == (decision.variant.name == "canary")
                        if !isRight || decision.revision < revision { seen.wrong.add(1, ordering: .relaxed) }
                        looks = decision.revision == revision ? looks + 1 : 0
                        revision = decision.revision
                        // What this policy can show has been seen, and the next one waits for the files.
                        if looks > 100 { Thread.sleep(forTimeInterval: 0.000_1) }
                    }
                },
            ])
        }
        try await follower.start()
        #expect(seen.failures.load(ordering: .relaxed) == 0)
        #expect(seen.wrong.load(ordering: .relaxed) == 0)
        #expect(router.snapshot().policy == FollowedFile.policy(last))
        #expect(log.events.filter { $0.kind != .accepted } == [])
    }

    @Test("away is missed, and found when it is there again")
    func gone() async throws {
        let map = try ConfigMap()
        try map.swap(to: 1)
        let router = try RolloutRouter(policy: FollowedFile.policy(1))
        let log = EventLog()
        let file = PolicyFile(map.folder.path("policy.json"))
        let follower = PolicyFollower(of: file, updating: RolloutUpdater(router), report: log.report)
        try await follower.start()
        try map.folder.remove("..1")
        try await follower.start()
        #expect(log.take().map(\.reason) == ["No such file or directory"])
        try map.swap(to: 2)
        try await follower.start()
        #expect(log.take() == [.reached, .accepted(revision: 2)])
    }
}
