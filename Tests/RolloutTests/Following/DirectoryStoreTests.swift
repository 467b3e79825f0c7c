import Foundation
import Testing

@testable import Rollout

@Suite("A directory as the store of one machine")
struct DirectoryStoreTests {
    private let folder: FileFolder
    private let store: DirectoryStore
    private let first = EditedPolicy.canary(10)

    init() throws {
        folder = try FileFolder()
        store = DirectoryStore(folder.path(""))
    }

    /// A process of the machine: a router of its own, on the directory that all share.
    private static func updater(_ path: String, _ policy: RolloutPolicy) throws -> (RolloutRouter, RolloutUpdater) {
        let router = try RolloutRouter(policy: policy)
        return (router, RolloutUpdater(router, store: DirectoryStore(path)))
    }

    private func seeded() async throws -> (router: RolloutRouter, updater: RolloutUpdater) {
        let (router, updater) = try Self.updater(store.path, first)
        try await updater.seed()
        return (router, updater)
    }

    private func force(_ unit: Int) -> @Sendable (inout RolloutPolicy) throws -> Void {
        { try $0.force(UnitID(unit), to: .canary, in: "sms") }
    }

    private func held() async throws -> RolloutPolicy { try RolloutPolicy(json: #require(await store.read()).bytes) }

    /// The records of a directory in which nothing is wrong.
    private func records() async throws -> [UpdateRecord] {
        let (records, problems) = try await store.records()
        #expect(problems.isEmpty)
        return records
    }

    private var entries: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: store.path).sorted() }
    }

    @Test("What one process changes, another one gets by following the directory")
    func shared() async throws {
        #expect(try await store.read() == nil)
        let (_, updater) = try await seeded()
        let (other, second) = try Self.updater(store.path, first)
        let follower = PolicyFollower(of: store, updating: second)
        #expect(try await follower.start() == 1)
        #expect(try await updater.update(by: "ana", force(1)) == 2)
        #expect(try await follower.start() == 2)
        #expect(try await other.snapshot().policy == held())
        let reader = RolloutRouter()
        try await PolicyFollower(of: PolicyFile(store.policyPath), updating: RolloutUpdater(reader)).start()
        #expect(try await reader.snapshot().policy == held())
        #expect(try await records().map(\.author) == [nil, "ana"])
        #expect(try await records().map(\.policy?.revision) == [1, 2])
        #expect(try entries == ["current", "policy.json", "v1", "v2"])
    }

    @Test("Processes that edit at once lose nothing")
    func atOnce() async throws {
        let (_, one) = try await seeded()
        let (_, two) = try Self.updater(store.path, first)
        let signs = try FileFolder()
        let child = Task { [path = store.path, sign = signs.path("ready")] in
            _ = await #expect(processExitsWith: .success) { [path = path as String, sign = sign as String] in
                let (_, updater) = try DirectoryStoreTests.updater(path, EditedPolicy.canary(10))
                try Data().write(to: URL(fileURLWithPath: sign))
                for edit in 200..<210 {
                    try await updater.update { try $0.force(UnitID(edit), to: .canary, in: "sms") }
                }
            }
        }
        try await signs.waits(for: "ready")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for edit in 0..<5 {
                group.addTask { try await one.update(force(edit)) }
                group.addTask { try await two.update(force(100 + edit)) }
            }
            try await group.waitForAll()
        }
        await child.value
        let policy = try await held()
        #expect(policy.sms.forced.count == 20)
        #expect(policy.revision == 21)
        #expect(try await records().compactMap(\.revision) == Array(1...21))
    }

    /// Each is killed while it writes, after another number of changes and another while.
    @Test(
        "Whenever a writer is killed, the directory holds a whole policy with its record, and the next writer goes on"
    )
    func killed() async throws {
        _ = try await seeded()
        var last: UInt32 = 1
        for attempt in 1...6 {
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [path = store.path as String, pause = UInt32(attempt * 700) as UInt32] in
                let (_, updater) = try DirectoryStoreTests.updater(path, EditedPolicy.canary(10))
                try await updater.update { try $0.setShare(of: "sms", to: .percent(20)) }
                Thread.detachNewThread {
                    usleep(pause)
                    kill(getpid(), SIGKILL)
                }
                var unit = 0
                while true {
                    unit += 1
                    try await updater.update { try $0.force(UnitID(unit % 7), to: .canary, in: "sms") }
                    try await updater.update { try $0.unforce(UnitID(unit % 7), in: "sms") }
                }
            }
            let (policy, records) = (try await held(), try await records())
            try policy.validate()
            #expect(policy.revision > last)
            #expect(records.last?.revision == policy.revision)
            #expect(records.last?.newDigest == policy.digest)
            let (_, updater) = try Self.updater(store.path, first)
            last = try await updater.update { try $0.setShare(of: "sms", to: .percent(Double(20 + attempt))) }
            #expect(last == policy.revision + 1)
        }
        let versions = try entries.count { $0.first == "v" }
        #expect(versions <= 64)
    }

    @Test("Sixty-four versions are kept")
    func pruned() async throws {
        let (_, updater) = try await seeded()
        for percent in 1...70 {
            try await updater.update { try $0.setShare(of: "sms", to: .percent(Double(percent) / 2)) }
        }
        let records = try await records()
        #expect(records.compactMap(\.revision) == Array(8...71))
        #expect(try entries.count { $0.first == "v" } == 64)
        // A process that starts anew knows them.
        let router = try RolloutRouter(policy: await held())
        let again = RolloutUpdater(router, store: store, remembering: records)
        #expect(try await again.rollback(of: "sms", to: 60) == 72)
    }

    @Test("While another process holds the lock, nothing is written, and the error says so")
    func locked() async throws {
        let (router, _) = try await seeded()
        let clock = ManualClock()
        let slow = DirectoryStore(store.path, clock: clock)
        do {
            let directory = try OpenFile.directoryForChanges(store.path)
            #expect(try directory.tryLock())
            let held = try #require(await store.read())
            let answer = Task { await slow.swap([1], record: [], expecting: held.version, requiring: nil) }
            for _ in 1..<100 {
                await clock.sleepers()
                clock.advance(by: .milliseconds(10))
            }
            guard case .unreached(let error) = await answer.value else { throw CancellationError() }
            #expect("\(error)" == "\(store.path): cannot take the lock: another process holds it")
            #expect(try await store.read() == held)
        }
        let updater = RolloutUpdater(try RolloutRouter(policy: router.snapshot().policy), store: store)
        #expect(try await updater.update(force(1)) == 2)
    }

    /// It stops itself with half a version written, as a debugger or a freezer of containers may stop it anywhere.
    @Test(
        "While a process that was stopped holds the lock, the others read on, and once it is killed, they write",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/flock"), "needs the flock of util-linux")
    )
    func stopped() async throws {
        let (router, _) = try await seeded()
        let (old, signs, clock) = (try await store.read(), try FileFolder(), ManualClock())
        // Not an exit test: that would block a thread of the pool for as long as its process is stopped.
        let child = Process()
        child.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        child.arguments = [
            "flock", "--no-fork", store.path, "sh", "-c",
            "mkdir \"$0/v2\" && printf '{' >\"$0/v2/policy.json\" && echo yes >\"$1\" && kill -STOP $$", store.path,
            signs.path("ready"),
        ]
        try child.run()
        defer { kill(child.processIdentifier, SIGKILL) }
        try await signs.waits(for: "ready")

        let slow = RolloutUpdater(try RolloutRouter(policy: first), store: DirectoryStore(store.path, clock: clock))
        let change = Task { try await slow.update(force(1)) }
        for _ in 1..<100 {
            await clock.sleepers()
            clock.advance(by: .milliseconds(10))
        }
        let error = try await #require(throws: UpdateError.self) { try await change.value }
        #expect(error.code == .unreached && error.fault == .store)
        #expect(error.message.hasSuffix("\(store.path): cannot take the lock: another process holds it"))
        #expect(slow.router.snapshot().revision == 1 && router.snapshot().revision == 1)
        #expect(try await store.read() == old)
        let reader = RolloutRouter()
        try await PolicyFollower(of: PolicyFile(store.policyPath), updating: RolloutUpdater(reader)).start()
        #expect(reader.snapshot().policy == first)

        kill(child.processIdentifier, SIGKILL)
        while child.isRunning { try await Task.sleep(for: .milliseconds(2)) }
        #expect(try await slow.update(force(1)) == 2)
        #expect(try await held().sms.forced.count == 1)
        #expect(try await records().map(\.revision) == [1, 2])
    }

    @Test("A condition is a file of the directory with this text")
    func condition() async throws {
        let (_, updater) = try await seeded()
        try folder.write("process-7", to: "leader")
        #expect(try await updater.update(requiring: StoreCondition("leader", at: "process-7"), force(1)) == 2)
        #expect(try await updater.update(requiring: StoreCondition("stopped", at: nil), force(2)) == 3)
        for condition in [
            StoreCondition("leader", at: "process-8"), StoreCondition("leader", at: nil), StoreCondition("x", at: "y"),
        ] {
            let error = try await #require(throws: UpdateError.self) {
                try await updater.update(requiring: condition, force(3))
            }
            #expect(error.code == .conditionFailed, "\(error)")
        }
        let error = try await #require(throws: UpdateError.self) {
            try await updater.update(requiring: StoreCondition("../leader", at: "process-7"), force(3))
        }
        #expect(error.code == .unreached)
        #expect(error.message.contains("expected the name of a file in the directory"))
    }

    @Test("A second rollback goes further back in whichever process it is made")
    func rollbacks() async throws {
        let (_, one) = try await seeded()
        for percent in [20, 30] as [Double] {
            try await one.update { try $0.setShare(of: "sms", to: .percent(percent)) }
        }
        let (router, two) = try Self.updater(store.path, first)
        try await two.update(to: held())
        try await one.rollback(of: "sms")
        try await two.update(to: held())
        await #expect(throws: UpdateError.self, "it has not seen what the rollback restored") {
            try await two.rollback(of: "sms")
        }
        let three = RolloutUpdater(
            try RolloutRouter(policy: await held()),
            store: store,
            remembering: try await records()
        )
        try await three.rollback(of: "sms")
        #expect(try await held().sms.strategy == first.sms.strategy)
        #expect(router.snapshot().revision == 4)
    }

    // MARK: A directory that is not as it should be

    typealias Damage = @Sendable (FileFolder) throws -> Void

    static let damages: [(String, Damage)] = [
        ("it is gone", { try FileManager.default.removeItem(at: $0.url) }),
        (
            "current is a file",
            {
                try $0.remove("current")
                try $0.write("v1", to: "current")
            }
        ),
        (
            "current leads to nothing of ours",
            {
                try $0.remove("current")
                try $0.link("current", to: "elsewhere")
            }
        ),
        (
            "policy.json is a file",
            {
                try $0.remove("policy.json")
                try $0.write("precious", to: "policy.json")
            }
        ),
        ("the version has no policy", { try $0.remove("v1/policy.json") }),
        (
            "current leads to a version that cannot be",
            {
                try $0.remove("current")
                try $0.link("current", to: "v0")
            }
        ),
    ]

    @Test(
        "If the directory is not as it should be, nothing is written, and the error names the path",
        arguments: damages
    )
    func broken(name: String, damage: Damage) async throws {
        let (router, updater) = try await seeded()
        try damage(folder)
        let error = try await #require(throws: UpdateError.self) { try await updater.update(force(1)) }
        #expect(error.code == .unreached, "\(name): \(error)")
        #expect(error.message.contains(store.path), "\(error)")
        #expect(router.snapshot().revision == 1)
        #expect(!FileManager.default.fileExists(atPath: folder.path("v2")))
        if name == "policy.json is a file" {
            #expect(try String(contentsOfFile: folder.path("policy.json"), encoding: .utf8) == "precious")
        }
    }

    @Test("A version whose files are wrong is passed over, and the problem names the file", arguments: wrongVersions)
    func wrongVersion(wrong: WrongVersion) async throws {
        let (router, updater) = try await seeded()
        for unit in 1...3 { try await updater.update(force(unit)) }
        try wrong.damage(folder)
        let (records, problems) = try await store.records()
        #expect(records.map(\.revision) == [1, 3, 4])
        #expect(problems.count == 1)
        let text = try #require(problems.first?.description)
        #expect(text.hasPrefix("\(store.path)/\(wrong.file): cannot "), "\(text)")
        #expect(text.contains(wrong.reason), "\(text)")
        // A process starts with the others, and goes on.
        let again = RolloutUpdater(
            try RolloutRouter(policy: router.snapshot().policy),
            store: store,
            remembering: records
        )
        #expect(again.policy(of: 2) == nil)
        #expect(try await again.rollback(of: "sms", to: 1) == 5)
    }

    struct WrongVersion: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let file: String
        let reason: String
        let damage: Damage

        init(_ name: String, _ file: String, _ reason: String, damage: @escaping Damage) {
            (testDescription, self.file, self.reason, self.damage) = (name, file, reason, damage)
        }
    }

    private static func tear(_ file: String) -> Damage {
        { folder in
            let bytes = try Data(contentsOf: folder.url.appending(path: file))
            try folder.write(Array(bytes.prefix(40)), to: file)
        }
    }

    static let wrongVersions = [
        WrongVersion("torn record", "v2/record.json", "read: line 1, column 41: ", damage: tear("v2/record.json")),
        WrongVersion("torn policy", "v2/policy.json", "read: line 1, column 41: ", damage: tear("v2/policy.json")),
        WrongVersion("no record", "v2/record.json", "open: No such file") { try $0.remove("v2/record.json") },
        WrongVersion("the record twice", "v2/record.json", "use: it is not the record of the policy in policy.json") {
            try $0.write(Array(Data(contentsOf: $0.url.appending(path: "v3/record.json"))), to: "v2/record.json")
        },
        WrongVersion("a policy by hand", "v2/record.json", "use: it is not the record of the policy in policy.json") {
            try $0.write(EditedPolicy.canary(99).at(2).json, to: "v2/policy.json")
        },
    ]

    @Test("If the current policy is torn, nothing is written, and the error names the version; what runs goes on")
    func tornPolicy() async throws {
        let (router, updater) = try await seeded()
        try await updater.update(force(1))
        try Self.tear("v2/policy.json")(folder)
        let error = try await #require(throws: UpdateError.self) { try await updater.update(force(2)) }
        #expect(error.code == .unusableStore)
        #expect(
            error.message.hasPrefix(
                #"Nothing is written to the store "\#(store.path)": it holds no valid policy, in version "v2 "#
            )
        )
        #expect(router.snapshot().revision == 2)
        #expect(try entries.filter { $0.hasPrefix("v") } == ["v1", "v2"])
    }

    // MARK: A full disk

    @Test(
        "On a full disk nothing is written: the error names the file and the cause, and nothing is left half written",
        .enabled(if: SmallDisk.isAvailable, SmallDisk.comment),
        arguments: [(0, "policy.json"), (1, "record.json")]
    )
    func full(free: Int, file: String) async throws {
        let disk = try SmallDisk(pages: 16)
        let path = "\(disk.path)/store"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        let (router, updater) = try Self.updater(path, first)
        try await updater.seed()
        try disk.fill(butFor: free)
        let error = try await #require(throws: UpdateError.self) { try await updater.update(force(1)) }
        #expect(error.code == .unreached && error.fault == .store)
        #expect(error.message.hasSuffix("\(path)/v2/\(file): cannot write: No space left on device"))
        #expect(router.snapshot().revision == 1)
        let store = DirectoryStore(path)
        #expect(try await RolloutPolicy(json: #require(store.read()).bytes) == first)
        let names = try FileManager.default.contentsOfDirectory(atPath: path)
        #expect(names.sorted() == ["current", "policy.json", "v1"])
        try disk.makeRoom()
        #expect(try await updater.update(force(1)) == 2)
    }

    @Test("A file that may not become longer leaves what was stored, and an error that says why")
    func cut() async throws {
        let (_, updater) = try await seeded()
        try await updater.update(force(1))
        await #expect(processExitsWith: .success) { [path = store.path as String] in
            // No file may be longer than this, so writing fails as on a full disk.
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 64, rlim_max: 64)
            guard unsafe setrlimit(.init(RLIMIT_FSIZE.rawValue), &limit) == 0 else { exit(1) }
            let (_, updater) = try DirectoryStoreTests.updater(path, EditedPolicy.canary(10))
            do throws(UpdateError) {
                try await updater.update { try $0.setShare(of: "sms", to: .percent(20)) }
                exit(2)
            } catch {
                exit(error.code == .unreached && "\(error)".contains("/v3/policy.json: cannot write: ") ? 0 : 3)
            }
        }
        #expect(try await held().revision == 2)
        #expect(try entries == ["current", "policy.json", "v1", "v2"])
        #expect(try await updater.update(force(2)) == 3)
    }
}
