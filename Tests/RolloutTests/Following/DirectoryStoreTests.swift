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
        #expect(try await store.records().map(\.author) == [nil, "ana"])
        #expect(try await store.records().map(\.policy?.revision) == [1, 2])
        #expect(try entries == ["current", "policy.json", "v1", "v2"])
    }

    @Test("Two processes that edit at once lose nothing")
    func atOnce() async throws {
        let (_, one) = try await seeded()
        let (_, two) = try Self.updater(store.path, first)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for edit in 0..<10 {
                group.addTask { try await one.update(force(edit)) }
                group.addTask { try await two.update(force(100 + edit)) }
            }
            try await group.waitForAll()
        }
        let policy = try await held()
        #expect(policy.sms.forced.count == 20)
        #expect(policy.revision == 21)
        #expect(try await store.records().compactMap(\.revision) == Array(1...21))
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
            let (policy, records) = (try await held(), try await store.records())
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
        let records = try await store.records()
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
            remembering: try await store.records()
        )
        try await three.rollback(of: "sms")
        #expect(try await held().sms.strategy == first.sms.strategy)
        #expect(router.snapshot().revision == 4)
    }

    // MARK: A directory that is not as it should be

    static let damages: [(String, @Sendable (FileFolder) throws -> Void)] = [
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
    func broken(name: String, damage: @Sendable (FileFolder) throws -> Void) async throws {
        let (router, updater) = try await seeded()
        try damage(folder)
        let error = try await #require(throws: UpdateError.self) { try await updater.update(force(1)) }
        #expect(error.code == .unreached, "\(name): \(error)")
        #expect(error.message.contains(store.path), "\(error)")
        #expect(router.snapshot().revision == 1)
        #expect(!FileManager.default.fileExists(atPath: folder.path("v2")) || name == "policy.json is a file")
        if name == "policy.json is a file" {
            #expect(try String(contentsOfFile: folder.path("policy.json"), encoding: .utf8) == "precious")
        }
    }

    @Test("A disk that is full leaves what was stored, and an error that says why")
    func full() async throws {
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
        #expect(try await updater.update(force(2)) == 3)
    }
}
