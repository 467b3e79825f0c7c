import Foundation
import Synchronization
import Testing

@testable import Rollout

@Suite("The copy of a policy file")
struct SavedCopyTests {
    @Test("has the last good content, and lets a service start without the file")
    func coldStart() async throws {
        let followed = try await FollowedFile(savesCopy: true)
        let (path, copy) = (followed.file.path, followed.folder.path(FollowedFile.copy))
        #expect(try await PolicyFile.load(copy).policy == FollowedFile.policy(1), "saved although it ran already")
        try followed.write(FollowedFile.policy(2))
        await followed.file.poll()
        try followed.folder.write("{", to: FollowedFile.name)
        await followed.file.poll()
        let start = try await PolicyFile.load(path, savedCopy: copy)
        #expect(start.policy == FollowedFile.policy(2))
        #expect(start.problem?.code == .invalid)
        try followed.folder.remove(FollowedFile.name)
        #expect(try await PolicyFile.load(path, savedCopy: copy).problem?.code == .unreadable)
        let names = try FileManager.default.contentsOfDirectory(atPath: followed.folder.path(""))
        #expect(names == [FollowedFile.copy], "nothing is left lying about")

        let router = try RolloutRouter(policy: start.policy)
        let updater = RolloutUpdater(router)
        let file = PolicyFile(path, savedCopy: copy, updating: updater)
        #expect(await file.poll().map(\.reason) == ["No such file or directory"])
        try followed.write(FollowedFile.policy(3))
        #expect(await file.poll() == [.accepted(revision: 3)])
        #expect(try await PolicyFile.load(copy).policy == FollowedFile.policy(3))
    }

    @Test("is not used if the file is good")
    func fileFirst() async throws {
        let followed = try await FollowedFile(savesCopy: true)
        try followed.write(FollowedFile.policy(2))
        let start = try await PolicyFile.load(followed.file.path, savedCopy: followed.folder.path(FollowedFile.copy))
        #expect(start == PolicyFile.Start(policy: FollowedFile.policy(2), problem: nil))
    }

    @Test("that is wrong too makes an error that tells both")
    func neither() async throws {
        let folder = try FileFolder()
        let (path, copy) = (folder.path("policy.json"), try folder.write("no JSON", to: "copy.json"))
        let error = await #expect(throws: PolicyFile.LoadError.self) {
            try await PolicyFile.load(path, savedCopy: copy)
        }
        #expect(error.map { "\($0)".contains(path) } == true)
        #expect(error?.file.code == .unreadable)
        #expect(error?.savedCopy?.code == .invalid)
        let alone = await #expect(throws: PolicyFile.LoadError.self) { try await PolicyFile.load(path) }
        #expect(alone?.savedCopy == nil)
    }

    @Test("that cannot be saved is reported once, tried again, and reported when it is")
    func unsaved() async throws {
        let folder = try FileFolder()
        let path = try folder.write(FollowedFile.policy(1).json, to: "policy.json")
        let copy = folder.path("later/copy.json")
        let router = try RolloutRouter(policy: FollowedFile.policy(1))
        let updater = RolloutUpdater(router)
        let file = PolicyFile(path, savedCopy: copy, updating: updater)
        let event = try #require(await file.poll().first)
        #expect(event.kind == .unsaved)
        #expect(event.reason == "No such file or directory")
        #expect(await file.poll() == [])
        try FileManager.default.createDirectory(atPath: folder.path("later"), withIntermediateDirectories: false)
        let saved = await file.poll()
        #expect(saved.map(\.kind) == [.saved] && saved.map(\.revision) == [1])
        #expect(try await PolicyFile.load(copy).policy == FollowedFile.policy(1))
    }

    @Test("never has a policy that does not run")
    func onlyGood() async throws {
        let followed = try await FollowedFile(start: FollowedFile.policy(5), savesCopy: true)
        for policy in [FollowedFile.policy(4), FollowedFile.policy(6).at(5)] {
            try followed.write(policy)
            await followed.file.poll()
        }
        #expect(try await PolicyFile.load(followed.folder.path(FollowedFile.copy)).policy == FollowedFile.policy(5))
    }

    /// Lets each policy through, and waits with the end of one revision's change.
    private final class SlowEnd: PolicyGate {
        let revision: UInt32
        let isEnding = OneShot<Bool>()
        let release = OneShot<Bool>()
        private let prepared = Lock<UInt32>(0)

        init(of revision: UInt32) { self.revision = revision }

        func prepare(from running: RolloutPolicy, to next: RolloutPolicy) async throws {
            prepared.withLock { $0 = next.revision }
        }

        func finish(published: Bool) async {
            guard prepared.withLock({ $0 }) == revision else { return }
            isEnding.fulfil(true)
            _ = await release.value
        }
    }

    /// The change to revision 2 is published and has not ended yet when another look publishes revision 3.
    @Test("never goes back to an older revision, whichever look ends last")
    func overlappingLooks() async throws {
        let gate = SlowEnd(of: 2)
        let followed = try await FollowedFile(savesCopy: true, gates: [gate])
        let file = followed.file
        try followed.write(EditedPolicy.canary(50).at(2))
        let slow = Task { await file.poll() }
        _ = await gate.isEnding.value
        // A lower share only takes away, so it waits for nobody.
        let last = EditedPolicy.canary(20).at(3)
        try followed.write(last)
        #expect(await file.poll() == [.accepted(revision: 3)])
        gate.release.fulfil(true)
        #expect(await slow.value == [.accepted(revision: 2)])
        await file.poll()
        #expect(try await PolicyFile.load(followed.folder.path(FollowedFile.copy)).policy == last)
    }

    /// A separate process saves one policy after another, and is killed meanwhile.
    @Test("is whole after its writer was killed", arguments: [1, 3, 10])
    func killed(_ saves: Int) async throws {
        let folder = try FileFolder()
        let copy = try folder.write(FollowedFile.policy(1).json, to: "copy.json")
        await #expect(processExitsWith: .signal(SIGKILL)) { [copy = copy as String, saves = saves as Int] in
            let done = Counter()
            onThreads([
                { while true { done.save(to: copy) } },
                {
                    while done.count.load(ordering: .relaxed) < saves {}
                    kill(getpid(), SIGKILL)
                },
            ])
        }
        let policy = try await PolicyFile.load(copy).policy
        #expect(policy == Counter.large(policy.revision))
        #expect(policy.revision >= UInt32(saves))
    }

    private final class Counter: Sendable {
        let count = Atomic(0)

        /// Large enough that writing it takes a while.
        static func large(_ revision: UInt32) -> RolloutPolicy {
            var policy = FollowedFile.policy(revision)
            for unit in 0..<500 { policy.sms.forced[UnitID("user-\(revision)-\(unit)")] = "canary" }
            return policy
        }

        func save(to path: String) {
            let revision = UInt32(count.load(ordering: .relaxed) + 1)
            if (try? DurableFile.replace(path, with: Array(Self.large(revision).json.utf8))) != nil {
                count.add(1, ordering: .relaxed)
            }
        }
    }
}
