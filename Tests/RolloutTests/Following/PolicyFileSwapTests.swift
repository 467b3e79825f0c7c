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

    @Test("1,000 times is never missing and never a mixture, for readers of the file and of the router")
    func swaps() throws {
        let map = try ConfigMap()
        try map.swap(to: 1)
        let router = try RolloutRouter(policy: FollowedFile.policy(1))
        let events = Lock<[PolicyFile.Event]>([])
        let file = PolicyFile(map.folder.path("policy.json"), updating: router) { event in
            events.withLock { $0.append(event) }
        }
        let isDone = Atomic(false)
        let failures = Atomic(0)
        let wrong = Atomic(0)
        let last: UInt32 = 1_001
        onThreads([
            {
                for revision in 2...last where (try? map.swap(to: revision)) == nil {
                    failures.add(1, ordering: .relaxed)
                }
                isDone.store(true, ordering: .releasing)
            },
            { while !isDone.load(ordering: .acquiring) { file.poll() } },
            {
                guard let sms = router.rollout("sms") else { return }
                var revision: UInt32 = 0
                while !isDone.load(ordering: .acquiring) {
                    let decision = sms.decision(for: "alice")
                    let isCanary = decision.bucket.map { $0 < 10_000 * Int(decision.revision % 101) }
                    let isRight = isCanary == (decision.variant.name == "canary")
                    if !isRight || decision.revision < revision { wrong.add(1, ordering: .relaxed) }
                    revision = decision.revision
                }
            },
        ])
        file.poll()
        #expect(failures.load(ordering: .relaxed) == 0)
        #expect(wrong.load(ordering: .relaxed) == 0)
        #expect(router.snapshot().policy == FollowedFile.policy(last))
        let unexpected = events.withLock { $0 }.filter { if case .accepted = $0 { false } else { true } }
        #expect(unexpected == [])
    }

    @Test("away is missed, and found when it is there again")
    func gone() throws {
        let map = try ConfigMap()
        try map.swap(to: 1)
        let router = try RolloutRouter(policy: FollowedFile.policy(1))
        let file = PolicyFile(map.folder.path("policy.json"), updating: router)
        file.poll()
        try map.folder.remove("..1")
        #expect(file.poll().map(\.reason) == ["No such file or directory"])
        try map.swap(to: 2)
        #expect(file.poll() == [.accepted(revision: 2)])
    }
}
