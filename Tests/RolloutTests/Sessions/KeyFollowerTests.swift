import Foundation
import Testing

@testable import Rollout

/// A key file in a folder of its own, and a session router that follows it on a clock that the test moves.
private final class FollowedKeys: Sendable {
    static let name = "rollout.keys"

    let folder: FileFolder
    let sessions: SessionRouter
    let follower: KeyFollower
    let clock = ManualClock()
    private let log = Events()

    private final class Events: Sendable {
        let list = Lock<[KeyFollower.Event]>([])
    }

    /// The file and the router hold key 7.
    init(allowing readers: SigningKeys.Readers = .owner) throws {
        folder = try FileFolder()
        sessions = try Fixture.sessions()
        follower = KeyFollower(
            of: folder.path(Self.name),
            allowing: readers,
            updating: sessions,
            clock: clock
        ) { [log] event in log.list.withLock { $0.append(event) } }
        try write([7])
    }

    /// A line for each key, in the order given.
    static func text(_ ids: [UInt8]) -> String {
        ids.map { "\($0) \(Base64.standard.encode(Fixture.secret($0)))\n" }.joined()
    }

    func write(_ ids: [UInt8]) throws { try write(Self.text(ids)) }

    func write(_ text: String, to name: String = FollowedKeys.name, mode: Int = 0o600) throws {
        try folder.write(text, to: name)
        try setMode(mode, of: name)
    }

    func setMode(_ mode: Int, of name: String = FollowedKeys.name) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: folder.path(name))
    }

    /// Runs the follower while the body does, after a first look, and ends it by cancellation.
    func whileRunning(_ body: () async throws -> Void) async throws {
        let task = Task { try await follower.run() }
        await clock.sleepers()
        try await body()
        task.cancel()
        try await task.value
    }

    /// Has the follower look, and returns what was reported since the last look.
    func look() async -> [KeyFollower.Event] {
        clock.advance(by: .seconds(5))
        await clock.sleepers()
        return events()
    }

    func events() -> [KeyFollower.Event] { log.list.withLock { exchange(&$0, with: []) } }
}

@Suite("A key file that is followed")
struct KeyFollowerTests {
    @Test("changes the keys when its keys change, and says so once")
    func follows() async throws {
        let followed = try FollowedKeys()
        let (_, handle) = try Fixture.router(Fixture.policy())
        try await followed.whileRunning {
            #expect(followed.events() == [], "the router has these keys")
            for keys in [[8, 7], [7, 8], [8]] as [[UInt8]] {
                let before = followed.sessions.keyIDs
                try followed.write(keys)
                let events = await followed.look()
                #expect(events.map(\.kind) == [.accepted])
                #expect(events.first?.change?.oldIDs == before && events.first?.change?.newIDs == keys)
                #expect(events.first?.change?.risks == [])
                #expect(await followed.look() == [])
                #expect(followed.sessions.keyIDs == keys)
                let request = SessionRequest(unit: "a", host: Fixture.host, now: Fixture.now)
                let answer = followed.sessions.route(request, through: handle)
                #expect(try token(in: answer.setCookie).key == keys.last)
            }
            try followed.write("# a comment\n" + FollowedKeys.text([8]))
            #expect(await followed.look() == [], "the same keys")
        }
    }

    @Test("that changed before the first look is taken at once")
    func firstLook() async throws {
        let followed = try FollowedKeys()
        try followed.write([8, 7])
        try await followed.whileRunning { #expect(followed.sessions.keyIDs == [8, 7]) }
    }

    @Test("whose change loses sessions is taken all the same, and the event names the risk")
    func risks() async throws {
        let followed = try FollowedKeys()
        try await followed.whileRunning {
            try followed.write([8])
            let event = try #require(await followed.look().first)
            #expect(event.kind == .accepted && event.error == nil)
            #expect(event.change?.risks == [.newSigner, .lostSigner])
            #expect(
                event.description == """
                    in use: keys 8 (8 signs), before: keys 7 (7 signs); key 8 signs at once, so replicas that do not have it \
                    yet lose its sessions; key 7 signed until now and is gone, so its sessions are lost
                    """
            )
            #expect(followed.sessions.keyIDs == [8])
        }
    }

    // MARK: Files that cannot be used

    @Test(
        "whose text is wrong is refused once and shows no secret; the last good keys stay",
        arguments: SigningKeysTests.bad
    )
    func broken(_ row: SigningKeysTests.Bad) async throws {
        let followed = try FollowedKeys()
        try await followed.whileRunning {
            try followed.write(row.text)
            let event = try #require(await followed.look().first)
            #expect(event.kind == .refused && event.change == nil)
            #expect(event.error?.code == row.code && event.error?.line == row.line)
            let place = "\(followed.follower.path): " + (row.line.map { "line \($0): " } ?? "")
            #expect(event.description.hasPrefix("refused, the last good keys stay in use: \(place)"))
            var text = ""
            dump(event, to: &text)
            // More letters than a UUID has in a row, because the path has one.
            for letter in ["A", "B"] { #expect(!text.contains(String(repeating: letter, count: 16))) }
            #expect(await followed.look() == [], "once, not once a look")
            #expect(followed.sessions.keyIDs == [7])

            try followed.write("nonsense")
            #expect(await followed.look().map(\.kind) == [.refused], "another content is another fault")
            try followed.write([7])
            #expect(
                await followed.look().map(\.description) == [
                    "good again: the file has keys 7 (7 signs), which are in use"
                ]
            )
            try followed.write(row.text)
            #expect(await followed.look().map(\.kind) == [.refused])
            try followed.write([8, 7])
            #expect(await followed.look().map(\.kind) == [.accepted])
            #expect(await followed.look() == [])
        }
    }

    struct Unusable: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let code: SigningKeyError.Code
        let reason: String
        let make: @Sendable (FileFolder) throws -> Void
    }

    private static func replace(_ folder: FileFolder, by make: (String) throws -> Void) throws {
        try folder.remove(FollowedKeys.name)
        try make(folder.path(FollowedKeys.name))
    }

    static let unusable = [
        Unusable(testDescription: "is missing", code: .unreadable, reason: "No such file or directory") {
            try $0.remove(FollowedKeys.name)
        },
        Unusable(testDescription: "is a folder", code: .unreadable, reason: "it is a directory") {
            try replace($0) { try FileManager.default.createDirectory(atPath: $0, withIntermediateDirectories: false) }
        },
        Unusable(testDescription: "is a pipe", code: .unreadable, reason: "it is no regular file") {
            try replace($0) { if unsafe mkfifo($0, 0o600) != 0 { throw CocoaError(.fileWriteUnknown) } }
        },
        Unusable(testDescription: "is a link to nothing", code: .unreadable, reason: "No such file or directory") {
            try $0.remove(FollowedKeys.name)
            try $0.link(FollowedKeys.name, to: "nowhere/\(FollowedKeys.name)")
        },
        Unusable(testDescription: "is empty", code: .noKey, reason: "there is no key") {
            try $0.write("", to: FollowedKeys.name)
        },
        Unusable(testDescription: "is too large", code: .tooLarge, reason: "more than 65536 bytes") {
            try $0.write(FollowedKeys.text([7]) + String(repeating: "#", count: 65_536), to: FollowedKeys.name)
        },
        Unusable(testDescription: "can be read by others", code: .exposed, reason: "0644") {
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: $0.path(FollowedKeys.name))
        },
        Unusable(testDescription: "can be written by others", code: .exposed, reason: "0602") {
            try FileManager.default.setAttributes([.posixPermissions: 0o602], ofItemAtPath: $0.path(FollowedKeys.name))
        },
    ]

    @Test("that cannot be used is refused once, and found again; the last good keys stay", arguments: unusable)
    func useless(_ row: Unusable) async throws {
        let followed = try FollowedKeys()
        try await followed.whileRunning {
            for found in [[7], [8, 7]] as [[UInt8]] {
                try row.make(followed.folder)
                let events = await followed.look()
                #expect(events.map(\.kind) == [.refused] && events.first?.error?.code == row.code)
                #expect(events.first?.description.contains(row.reason) == true)
                #expect(events.first?.description.contains(followed.follower.path) == true)
                #expect(await followed.look() == [])
                #expect(followed.sessions.keyIDs == [7])
                try? followed.folder.remove(FollowedKeys.name)
                try followed.write(found)
                #expect(await followed.look().map(\.kind) == [found == [7] ? .recovered : .accepted])
            }
        }
    }

    @Test("without permission is refused", .disabled(if: geteuid() == 0, "root may read every file"))
    func permission() async throws {
        let followed = try FollowedKeys()
        try await followed.whileRunning {
            try followed.setMode(0)
            #expect(await followed.look().map(\.error?.code) == [.unreadable])
            try followed.setMode(0o600)
            #expect(await followed.look().map(\.kind) == [.recovered])
        }
    }

    @Test("that is mounted as Kubernetes does it is found through its links, at each swap, by whom it is allowed to")
    func swaps() async throws {
        let followed = try FollowedKeys(allowing: .everyone)
        let folder = followed.folder
        func swap(to version: Int, _ ids: [UInt8]) throws {
            let directory = folder.path("..\(version)")
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
            try followed.write(FollowedKeys.text(ids), to: "..\(version)/\(FollowedKeys.name)", mode: 0o644)
            try folder.link("..data_tmp", to: "..\(version)")
            try folder.rename("..data_tmp", to: "..data")
            if version > 1 { try folder.remove("..\(version - 1)") }
        }
        try swap(to: 1, [7])
        try folder.remove(FollowedKeys.name)
        try folder.link(FollowedKeys.name, to: "..data/\(FollowedKeys.name)")
        try await followed.whileRunning {
            for (version, keys) in [(2, [8, 7]), (3, [7, 8]), (4, [8])] as [(Int, [UInt8])] {
                try swap(to: version, keys)
                #expect(await followed.look().map(\.kind) == [.accepted])
                #expect(followed.sessions.keyIDs == keys)
            }
        }
    }

    // MARK: Running

    @Test(
        "is looked at once an interval, and that is 10 milliseconds at least",
        arguments: [
            (.seconds(5), .seconds(5)), (.zero, .milliseconds(10)), (.seconds(Int64.min), .milliseconds(10)),
            (.seconds(Int64.max), .seconds(1_000_000_000_000)),
        ] as [(Duration, Duration)]
    )
    func intervals(_ interval: Duration, _ wait: Duration) async throws {
        let followed = try FollowedKeys()
        let follower = KeyFollower(
            of: followed.follower.path,
            updating: followed.sessions,
            every: interval,
            clock: followed.clock
        )
        let task = Task { try await follower.run() }
        await followed.clock.sleepers()
        try followed.write([8, 7])
        followed.clock.advance(by: wait - .nanoseconds(1))
        #expect(followed.clock.sleepCount == 1)
        followed.clock.advance(by: .nanoseconds(1))
        await followed.clock.sleepers()
        #expect(followed.clock.sleepCount == 2 && followed.sessions.keyIDs == [8, 7])
        task.cancel()
        try await task.value
    }

    /// A clock that has stopped working.
    private struct BrokenClock: Clock {
        struct Failure: Error {}
        typealias Instant = ManualClock.Instant

        var now: Instant { Instant(offset: .zero) }
        var minimumResolution: Duration { .nanoseconds(1) }
        func sleep(until deadline: Instant, tolerance: Duration?) async throws { throw Failure() }
    }

    @Test("is no longer followed if the clock fails, and that is thrown")
    func brokenClock() async throws {
        let followed = try FollowedKeys()
        let follower = KeyFollower(of: followed.follower.path, updating: followed.sessions, clock: BrokenClock())
        await #expect(throws: BrokenClock.Failure.self) { try await follower.run() }
    }

    @Test("is not read on its caller's actor")
    @MainActor
    func actor() async throws {
        let followed = try FollowedKeys()
        try followed.write([8])
        let places = Lock<[Bool]>([])
        let follower = KeyFollower(of: followed.follower.path, updating: followed.sessions, clock: BrokenClock()) { _ in
            places.withLock { $0.append(Thread.isMainThread) }
        }
        try? await follower.run()
        #expect(places.withLock { $0 } == [false])
    }
}
