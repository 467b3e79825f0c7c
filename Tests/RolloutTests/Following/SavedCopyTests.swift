import Foundation
import Synchronization
import Testing

@testable import Rollout

@Suite("The saved copy of a policy")
struct SavedCopyTests {
    private static func policy(_ revision: UInt32) -> RolloutPolicy { Followed.policy(revision) }

    private let folder: FileFolder
    private let copy: String

    init() throws {
        folder = try FileFolder()
        copy = folder.path("copy.json")
    }

    private var saved: RolloutPolicy { get throws { try PolicyContent(contentsOf: copy).policy } }

    /// Has a source say all that and end. Returns when everything is saved.
    private func run(_ followed: Followed, _ texts: String...) async throws {
        for text in texts { _ = await followed.look { $0.say(text) } }
        followed.source.end()
        try await followed.follower.run()
    }

    @Test("has the last policy of the source that ran, and lets a service start without the source")
    func coldStart() async throws {
        let first = try Followed(savedCopy: copy)
        try await run(first, Self.policy(1).json)
        #expect(try saved == Self.policy(1), "saved although it ran already")
        let second = try Followed(savedCopy: copy)
        try await run(second, Self.policy(2).json, "{")
        #expect(try saved == Self.policy(2))
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path(""))
        #expect(names == ["copy.json"], "nothing is left lying about")

        let third = try Followed(start: nil, savedCopy: copy)
        third.source.fail("away")
        #expect(try await third.follower.start() == 2)
        try await run(third, Self.policy(3).json)
        #expect(third.running == 3)
        #expect(try saved == Self.policy(3))
    }

    @Test("that cannot be saved is tried again after growing pauses, reported once, and reported when it is saved")
    func unsaved() async throws {
        let folder = try FileFolder()
        let copy = folder.path("later/copy.json")
        let followed = try Followed(savedCopy: copy)
        try await followed.whileRunning {
            followed.source.say(Self.policy(2))
            for (index, pause) in [1, 2, 4, 8].enumerated() {
                await followed.clock.sleepers()
                #expect(followed.clock.sleepCount == index + 1)
                followed.clock.advance(by: .seconds(pause) - .nanoseconds(1))
                #expect(followed.clock.sleepCount == index + 1)
                followed.clock.advance(by: .nanoseconds(1))
            }
            await followed.clock.sleepers()
            let events = followed.log.take()
            #expect(Set(events.map(\.kind)) == [.accepted, .unsaved])
            #expect(events.count == 2)
            #expect(events.compactMap(\.reason) == ["No such file or directory"])
            try FileManager.default.createDirectory(atPath: folder.path("later"), withIntermediateDirectories: false)
            followed.clock.advance(by: .seconds(16))
            #expect(await followed.log.events(1) == [.saved(revision: 2)])
        }
        #expect(try PolicyContent(contentsOf: copy).policy == Self.policy(2))
    }

    @Test(
        "stays whole on a full disk, where nothing else is left, and is saved once there is room",
        .enabled(if: SmallDisk.isAvailable, SmallDisk.comment)
    )
    func full() async throws {
        let disk = try SmallDisk(pages: 8)
        let copy = "\(disk.path)/copy.json"
        try await run(try Followed(savedCopy: copy), Self.policy(2).json)
        try disk.fill(butFor: 0)
        let followed = try Followed(start: Self.policy(2), savedCopy: copy)
        try await followed.whileRunning {
            followed.source.say(Self.policy(3))
            await followed.clock.sleepers()
            let events = followed.log.take()
            #expect(Set(events.map(\.kind)) == [.accepted, .unsaved])
            let problems = events.compactMap { $0.error as? FileError }.map(\.description)
            #expect(problems == ["\(copy): cannot write: No space left on device"])
            #expect(followed.running == 3)
            #expect(try PolicyContent(contentsOf: copy).policy == Self.policy(2))
            let names = try FileManager.default.contentsOfDirectory(atPath: disk.path)
            #expect(names.sorted() == ["ballast", "copy.json"])
            try disk.makeRoom()
            followed.clock.advance(by: .seconds(1))
            #expect(await followed.log.events(1) == [.saved(revision: 3)])
        }
        #expect(try PolicyContent(contentsOf: copy).policy == Self.policy(3))
    }

    @Test("never has a policy that does not run, nor one that is older than it has")
    func onlyGood() async throws {
        let followed = try Followed(start: Self.policy(5), savedCopy: copy)
        try await run(followed, Self.policy(5).json, Self.policy(4).json, Self.policy(6).at(5).json)
        #expect(try saved == Self.policy(5))
    }

    /// Lets each policy through, and waits with the end of the first change.
    private struct SlowEnd: PolicyGate {
        let isEnding = OneShot<Void>()
        let isReleased = OneShot<Void>()

        func prepare(from running: RolloutPolicy, to next: RolloutPolicy) async throws {}

        func finish(published: Bool) async { if isEnding.fulfil(()) { await isReleased.value } }
    }

    /// The change to revision 50 is published and has not ended yet when another one is.
    @Test("never goes back to an older revision, whichever change ends last")
    func overlapping() async throws {
        let gate = SlowEnd()
        let followed = try Followed(savedCopy: copy, gates: [gate])
        let task = Task { try await followed.follower.run() }
        followed.source.say(Self.policy(50))
        await gate.isEnding.value
        // A lower share only takes away, so it waits for nobody.
        followed.source.say(EditedPolicy.canary(20).at(51))
        #expect(await followed.log.events(2) == [.accepted(revision: 50), .accepted(revision: 51)])
        gate.isReleased.fulfil(())
        followed.source.end()
        try await task.value
        #expect(try saved == EditedPolicy.canary(20).at(51))
    }

    /// A process of its own saves one policy after another, and is killed while it does.
    @Test("is whole after its writer was killed", arguments: [1, 3, 10])
    func killed(_ saves: Int) async throws {
        let folder = try FileFolder()
        let copy = try folder.write(Followed.policy(1).json, to: "copy.json")
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
        let policy = try PolicyContent(contentsOf: copy).policy
        #expect(policy == Counter.large(policy.revision))
        #expect(policy.revision >= UInt32(saves))
    }

    private final class Counter: Sendable {
        let count = Atomic(0)

        /// Large enough that writing it takes a while.
        static func large(_ revision: UInt32) -> RolloutPolicy {
            var policy = Followed.policy(revision)
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
