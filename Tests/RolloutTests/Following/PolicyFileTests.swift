import Foundation
import Testing

@testable import Rollout

@Suite("A policy file")
struct PolicyFileTests {
    @Test("that changes is followed; one that stays says nothing")
    func follows() async throws {
        let followed = try await FollowedFile()
        #expect(await followed.look() == [])
        try followed.write(FollowedFile.policy(2))
        #expect(await followed.look() == [.accepted(revision: 2)])
        #expect(await followed.look() == [])
        #expect(followed.router.snapshot().policy == FollowedFile.policy(2))
        #expect(followed.updater.history.last?.author == "file \(followed.path)")
    }

    @Test("rewritten with the same size and the same time is still noticed")
    func sameTimeAndSize() async throws {
        let followed = try await FollowedFile(start: FollowedFile.policy(10))
        let path = followed.path
        let time = Date(timeIntervalSince1970: 1_800_000_000)
        try FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: path)
        let before = try FileManager.default.attributesOfItem(atPath: path)
        #expect(await followed.look() == [])
        try followed.write(FollowedFile.policy(11))
        try FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: path)
        let after = try FileManager.default.attributesOfItem(atPath: path)
        #expect(after[.size] as? Int == before[.size] as? Int)
        #expect(after[.modificationDate] as? Date == before[.modificationDate] as? Date)
        #expect(await followed.look() == [.accepted(revision: 11)])
    }

    // MARK: Files that cannot be used

    struct Bad: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Made when needed: the testing library takes the values of arguments apart, byte by byte.
        let bytes: @Sendable () -> [UInt8]
        let code: PolicyProblem.Code
    }

    static let good = Array(FollowedFile.policy(2).json.utf8)
    static let bad = [
        Bad(testDescription: "empty", bytes: { [] }, code: .syntax),
        Bad(testDescription: "blank", bytes: { Array(" \n".utf8) }, code: .syntax),
        Bad(testDescription: "truncated", bytes: { Array(good.dropLast()) }, code: .syntax),
        Bad(testDescription: "half", bytes: { Array(good.prefix(good.count / 2)) }, code: .syntax),
        Bad(testDescription: "binary", bytes: { (0...255).map { $0 } }, code: .syntax),
        Bad(testDescription: "zeros", bytes: { [UInt8](repeating: 0, count: 4_096) }, code: .syntax),
        Bad(
            testDescription: "another schema",
            bytes: { Array(#"{"schema":2,"revision":1,"rollouts":{}}"#.utf8) },
            code: .unsupportedSchema
        ),
    ]

    #if TSAN
        /// The sanitizer takes minutes for each of these, byte by byte on one thread, and has nothing to see there.
        static let large: [Bad] = []
    #else
        static let large = [
            Bad(
                testDescription: "one byte too large",
                bytes: { good + blanks((16 << 20) + 1 - good.count) },
                code: .tooLarge
            )
        ]
    #endif

    private static func blanks(_ count: Int) -> [UInt8] { [UInt8](repeating: 0x20, count: count) }

    @Test("that is no policy is refused once, remembered, and recovered from", arguments: bad + large)
    func refused(_ row: Bad) async throws {
        let followed = try await FollowedFile()
        try followed.folder.write(row.bytes(), to: FollowedFile.name)
        let events = await followed.look()
        #expect(events.map(\.code) == [row.code])
        #expect(await followed.look() == [], "once, not once a look")
        #expect(followed.running == 1)
        #expect(followed.updater.history.last?.error?.code == events.first?.problem?.code)
        #expect(followed.updater.history.last?.author == "file \(followed.path)")
        #expect(followed.updater.history.count == 2)

        try followed.write(FollowedFile.policy(1))
        #expect(await followed.look() == [.recovered(revision: 1)])
        try followed.folder.write(row.bytes(), to: FollowedFile.name)
        #expect(await followed.look().map(\.code) == [row.code])
        try followed.write(FollowedFile.policy(2))
        #expect(await followed.look() == [.accepted(revision: 2)])
    }

    @Test("that vanishes and comes back is missed once, and found again")
    func vanished() async throws {
        let followed = try await FollowedFile()
        try followed.folder.remove(FollowedFile.name)
        #expect(await followed.look().map(\.reason) == ["No such file or directory"])
        #expect(await followed.look() == [])
        #expect(followed.running == 1)
        try followed.write(FollowedFile.policy(1))
        #expect(await followed.look() == [.reached])
    }

    @Test("without permission is refused", .disabled(if: geteuid() == 0, "root may read every file"))
    func permissions() async throws {
        let followed = try await FollowedFile()
        try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: followed.path)
        #expect(await followed.look().map(\.reason) == ["Permission denied"])
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: followed.path)
        #expect(await followed.look() == [.reached])
    }

    static let noFiles: [(String, @Sendable (String, FileFolder) throws -> Void)] = [
        ("it is a directory", { path, _ in try make(unsafe mkdir(path, 0o700)) }),
        ("it is no regular file", { path, _ in try make(unsafe mkfifo(path, 0o600)) }),
        ("it is no regular file", { _, folder in try folder.link(FollowedFile.name, to: "/dev/zero") }),
        (
            "more than 40 links, or links in a circle",
            { _, folder in try folder.link(FollowedFile.name, to: "policy.json") }
        ),
        ("No such file or directory", { _, folder in try folder.link(FollowedFile.name, to: "nowhere/policy.json") }),
        (
            "Not a directory",
            { _, folder in
                try folder.write("", to: "file")
                try folder.link(FollowedFile.name, to: "file/policy.json")
            }
        ),
    ]

    private static func make(_ status: Int32) throws { if status != 0 { throw CocoaError(.fileWriteUnknown) } }

    @Test("that is no file is refused, and nobody waits for it", arguments: noFiles.indices)
    func noFile(_ index: Int) async throws {
        let (reason, make) = Self.noFiles[index]
        let followed = try await FollowedFile()
        try followed.folder.remove(FollowedFile.name)
        try make(followed.path, followed.folder)
        #expect(await followed.look().map(\.reason) == [reason])
        #expect(await followed.look() == [])
        #expect(followed.running == 1)
    }

    @Test("is found through links, relative and absolute")
    func links() async throws {
        let followed = try await FollowedFile()
        let folder = followed.folder
        try folder.remove(FollowedFile.name)
        try folder.link("absolute", to: folder.path("deep/back/policy"))
        try FileManager.default.createDirectory(atPath: folder.path("deep"), withIntermediateDirectories: false)
        try folder.link("deep/back", to: "..")
        try folder.link("policy", to: "./target")
        try folder.write(FollowedFile.policy(5).json, to: "target")
        try folder.link(FollowedFile.name, to: "absolute")
        #expect(await followed.look() == [.accepted(revision: 5)])
    }
}
