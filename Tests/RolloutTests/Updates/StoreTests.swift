import Synchronization
import Testing

@testable import Rollout

@Suite("An updater with a store", .timeLimit(.minutes(5)))
struct StoreTests {
    private let store = MemoryStore(EditedPolicy.canary(10))
    private let log = GateTests.Log()

    /// A process of the fleet: a router of its own, on the store that all share.
    private func process(
        _ policy: RolloutPolicy = EditedPolicy.canary(10),
        gates: [any PolicyGate] = [],
        clock: any Clock<Duration> = ContinuousClock()
    ) throws -> (router: RolloutRouter, updater: RolloutUpdater) {
        let router = try RolloutRouter(policy: policy)
        return (router, RolloutUpdater(router, gates: gates, store: store, clock: clock))
    }

    private func force(_ unit: UnitID) -> @Sendable (inout RolloutPolicy) throws -> Void {
        { try $0.force(unit, to: .canary, in: "sms") }
    }

    // MARK: The usual

    @Test("A change is stored after the gates and before it runs, with its record")
    func stored() async throws {
        let (router, updater) = try process(gates: [GateTests.ScriptedGate("load", log)])
        store.beforeNextSwap { [log] in
            log.append("offered, \(router.snapshot().revision) runs")
            return nil
        }
        #expect(try await updater.update(by: "ana", because: "healthy", force("qa")) == 2)
        #expect(log.lines == ["load prepares 1 to 2", "offered, 1 runs", "load done"])
        #expect(store.policy == router.snapshot().policy)
        let record = try #require(updater.history.last)
        #expect(store.records == [record.jsonWithoutPolicy])
        #expect(record.author == "ana" && record.reason == "healthy" && record.gates == ["load"])
        #expect(record.outcome == .accepted && record.newDigest == store.policy?.digest)
    }

    @Test("An edit is made on what the store holds, which passes this process's gates and runs first")
    func behind() async throws {
        let (_, other) = try process()
        try await other.update(force("a"))
        try await other.update(force("b"))
        let (router, updater) = try process(gates: [GateTests.ScriptedGate("load", log)])
        #expect(try await updater.update(force("c")) == 4)
        #expect(log.lines == ["load prepares 1 to 3", "load done", "load prepares 3 to 4", "load done"])
        #expect(router.snapshot().policy.sms.forced.count == 3)
        #expect(updater.history.map(\.author) == [nil, "store memory", nil])
    }

    @Test("If another process is faster, the edit is made anew on its policy")
    func faster() async throws {
        let (_, other) = try process()
        let (router, updater) = try process(gates: [GateTests.ScriptedGate("load", log)])
        store.beforeNextSwap { [force] in
            _ = try? await other.update(force("other"))
            return nil
        }
        #expect(try await updater.update { try $0.setShare(of: "sms", to: .percent(50)) } == 3)
        #expect(store.policy == router.snapshot().policy)
        #expect(store.policy?.sms.forced.keys.map(\.text) == ["other"])
        #expect(
            log.lines == [
                "load prepares 1 to 2", "load undone",
                "load prepares 1 to 2", "load done", "load prepares 2 to 3", "load done",
            ]
        )
    }

    @Test("Whoever expects a revision gets a conflict")
    func conflict() async throws {
        let (_, other) = try process()
        let (router, updater) = try process()
        store.beforeNextSwap { [force] in
            _ = try? await other.update(force("other"))
            return nil
        }
        await #expect(throws: UpdateError.conflict(expected: 1, running: 2)) {
            try await updater.update(to: EditedPolicy.canary(20).at(2), expecting: 1)
        }
        #expect(router.snapshot().policy == store.policy)
    }

    @Test("An edit that expects a revision is made on that one, and on no other")
    func expectedEdit() async throws {
        let (_, other) = try process()
        let (router, updater) = try process()
        #expect(try await updater.update(expecting: 1, force("a")) == 2)
        // Another process is faster before the store is read, and between that and the exchange.
        try await other.update(force("other"))
        await #expect(throws: UpdateError.conflict(expected: 2, running: 3)) {
            try await updater.update(expecting: 2, force("b"))
        }
        store.beforeNextSwap { [force] in
            _ = try? await other.update(force("again"))
            return nil
        }
        await #expect(throws: UpdateError.conflict(expected: 3, running: 4)) {
            try await updater.update(expecting: 3, force("b"))
        }
        // What the edit says of a revision that its writer has not seen is not what they want to hear.
        await #expect(throws: UpdateError.conflict(expected: 9, running: 4)) {
            try await updater.update(expecting: 9) { try $0.force("b", to: "nobody", in: "sms") }
        }
        await #expect(throws: UpdateError.conflict(expected: 3, running: 4)) {
            try await updater.rollback(of: "sms", expecting: 3)
        }
        #expect(try await updater.rollback(of: "sms", expecting: 4) == 5)
        #expect(router.snapshot().policy.sms.forced.keys.map(\.text).sorted() == ["a", "other"])
    }

    @Test("Three processes, twenty edits each: all are there in the end")
    func fleet() async throws {
        let fleet = try (0..<3).map { _ in
            try process(gates: [GateTests.ScriptedGate("load", log) { _, _ in await Task.yield() }])
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, process) in fleet.enumerated() {
                for edit in 0..<20 {
                    group.addTask { try await process.updater.update(force(UnitID(100 * number + edit))) }
                }
            }
            try await group.waitForAll()
        }
        #expect(store.policy?.sms.forced.count == 60)
        #expect(store.policy?.revision == 61)
        #expect(store.records.count == 60)
        for process in fleet {
            #expect(try await process.updater.update(to: #require(store.policy)) == 61)
            #expect(process.router.snapshot().policy == store.policy)
        }
    }

    @Test("What the store holds already is not written again: a follower's update only publishes")
    func follower() async throws {
        let (_, other) = try process()
        try await other.update(force("a"))
        let (router, updater) = try process(gates: [GateTests.ScriptedGate("load", log)])
        #expect(try await updater.update(to: #require(store.policy), by: "the follower") == 2)
        #expect(router.snapshot().policy == store.policy)
        #expect(store.records.count == 1)
        #expect(updater.history.map(\.author) == [nil, "the follower"])
        #expect(log.lines == ["load prepares 1 to 2", "load done"])
    }

    // MARK: What goes wrong

    @Test("An empty store takes no edit, and is seeded once")
    func missing() async throws {
        store.hold(nil)
        let (router, updater) = try process()
        await #expect(throws: UpdateError.missing(in: "memory")) { try await updater.update(force("a")) }
        #expect(router.snapshot().revision == 1)
        #expect(try await updater.seed(by: "ana") == 1)
        #expect(store.policy == router.snapshot().policy)
        #expect(store.records.count == 1)
        #expect(try await updater.update(force("a")) == 2)

        // A second process that seeds finds the store full, and catches up.
        let (late, second) = try process()
        #expect(try await second.seed() == 2)
        #expect(late.snapshot().policy == store.policy)
        #expect(store.records.count == 2)
    }

    @Test("Two processes that seed at once: one does")
    func seeds() async throws {
        store.hold(nil)
        let (_, updater) = try process()
        let (router, other) = try process(EditedPolicy.canary(5).at(4))
        store.beforeNextSwap {
            _ = try? await updater.seed()
            return nil
        }
        let error = try await #require(throws: UpdateError.self) { try await other.seed() }
        #expect(error.message.contains("it holds revision 1, and revision 4 runs here"))
        #expect(store.policy == EditedPolicy.canary(10))
        #expect(router.snapshot().revision == 4)
    }

    static let useless: [(String, String)] = [
        ("not JSON", "{"),
        ("an invalid policy", #"{"schema": 1, "revision": 5, "rollouts": {"sms": {}}}"#),
        ("an older policy", EditedPolicy.canary(10).at(0).json),
        ("another policy of this revision", EditedPolicy.canary(11).json),
    ]

    @Test("Nothing is written to a store that holds what nothing can be built on", arguments: useless)
    func unusable(name: String, text: String) async throws {
        store.hold(text)
        let (router, updater) = try process()
        let error = try await #require(throws: UpdateError.self) { try await updater.update(force("a")) }
        #expect(error.code == .unusableStore, "\(error)")
        #expect(error.underlying == nil || error.message.contains(#"in version "1"."#), "\(error)")
        #expect(store.records.isEmpty)
        #expect(router.snapshot().revision == 1)
        #expect(updater.history.last?.error == error)
    }

    @Test("A later policy that this process refuses makes the edit fail with that refusal")
    func refused() async throws {
        let (_, other) = try process()
        try await other.update(force("a"))
        let (router, updater) = try process(gates: [
            GateTests.ScriptedGate("load", log) { _, next in
                if next.revision == 2 { throw GateRefusal("noModel", "model v2 is not there") }
            }
        ])
        let refusal = UpdateError.refused(by: "load", GateRefusal("noModel", "model v2 is not there"))
        await #expect(throws: refusal) { try await updater.update(force("b")) }
        #expect(router.snapshot().revision == 1)
        #expect(store.policy?.revision == 2)
    }

    @Test("A store that is not reached, or does not say whether it took a change, leaves the running policy alone")
    func unreached() async throws {
        let (router, updater) = try process()
        store.beforeNextRead { throw MemoryStore.Failure() }
        await #expect(throws: UpdateError.unreached("memory", MemoryStore.Failure())) {
            try await updater.update(force("a"))
        }
        store.beforeNextSwap { .unreached(MemoryStore.Failure()) }
        await #expect(throws: UpdateError.unreached("memory", MemoryStore.Failure())) {
            try await updater.update(force("a"))
        }
        // The answer is lost, and another process has the next word.
        let (_, other) = try process()
        store.beforeNextSwap { [force] in
            _ = try? await other.update(force("b"))
            return .unknown(MemoryStore.Failure())
        }
        let error = try await #require(throws: UpdateError.self) { try await updater.update(force("a")) }
        #expect(error.code == .outcomeUnknown)
        #expect(error.description.contains("the cable is cut"))
        #expect(router.snapshot().revision == 1)
        #expect(try await updater.update(to: #require(store.policy)) == 2)
    }

    @Test("A store that takes a change and loses it takes no further one")
    func forgetful() async throws {
        let (router, updater) = try process()
        store.beforeNextSwap { .stored }
        #expect(try await updater.update(force("a")) == 2)
        let error = try await #require(throws: UpdateError.self) { try await updater.update(force("b")) }
        #expect(error.code == .unusableStore)
        #expect(router.snapshot().revision == 2)
    }

    @Test("A store that never agrees is given up")
    func stubborn() async throws {
        struct Stubborn: PolicyStore {
            let name = "stubborn"
            let held = StoredPolicy(Array(EditedPolicy.canary(10).json.utf8), version: "1")
            func read() async throws -> StoredPolicy? { held }
            func swap(
                _ policy: [UInt8],
                record: [UInt8],
                expecting version: String?,
                requiring condition: StoreCondition?
            ) async -> StoreAnswer { .other(held) }
        }
        let updater = RolloutUpdater(try RolloutRouter(policy: EditedPolicy.canary(10)), store: Stubborn())
        let error = try await #require(throws: UpdateError.self) { try await updater.update(force("a")) }
        #expect(error.code == .unusableStore)
    }

    @Test("A condition goes to the store, which judges it in the same step")
    func condition() async throws {
        let (router, updater) = try process()
        let (mine, lost) = (StoreCondition("/leader", at: "leader"), StoreCondition("/leader", at: "6"))
        #expect(try await updater.update(requiring: mine, force("a")) == 2)
        await #expect(throws: UpdateError.conditionFailed("memory", lost)) {
            try await updater.update(to: EditedPolicy.canary(20).at(3), requiring: lost)
        }
        #expect(store.conditions == [mine, lost])
        #expect(router.snapshot().revision == 2)

        let alone = RolloutUpdater(try RolloutRouter(policy: EditedPolicy.canary(10)))
        await #expect(throws: UpdateError.noStore) { try await alone.update(requiring: mine, force("a")) }
        await #expect(throws: UpdateError.noStore) { try await alone.seed() }
    }

    @Test("A store that takes no such policy says why, and whose part it is")
    func refusal() async throws {
        let (router, updater) = try process()
        store.beforeNextSwap { .refused(GateRefusal("tooLarge", "it is too large", fault: .document)) }
        let error = try await #require(throws: UpdateError.self) { try await updater.update(force("a")) }
        #expect(error.code == .refused && error.fault == .document)
        #expect(error.message == "The store \"memory\" refused: it is too large")
        #expect(router.snapshot().revision == 1)
    }

    @Test("A saved copy starts a process while the store is away, and is not written to the store")
    func savedCopy() async throws {
        let folder = try FileFolder()
        let copy = try folder.write(EditedPolicy.canary(40).at(40).json, to: "copy.json")
        store.beforeNextRead { throw MemoryStore.Failure() }
        let router = RolloutRouter()
        let updater = RolloutUpdater(router, store: store)
        let follower = PolicyFollower(of: PolicyFile(folder.path("none.json")), savedCopy: copy, updating: updater)
        #expect(try await follower.start() == 40)
        #expect(store.policy == EditedPolicy.canary(10))
        let error = try await #require(throws: UpdateError.self) { try await updater.update(force("a")) }
        #expect(error.code == .unreached)
        let older = try await #require(throws: UpdateError.self) { try await updater.update(force("a")) }
        #expect(older.code == .unusableStore)
    }

    @Test(
        "A rollback that another process made is known as one: the next goes further back",
        arguments: [true, false]
    )
    func rollbacks(isFollowed: Bool) async throws {
        let (_, one) = try process()
        let (router, two) = try process()
        for percent in [20, 30] as [Double] {
            try await one.update { try $0.setShare(of: "sms", to: .percent(percent)) }
            try await two.update(to: #require(store.policy))
        }
        try await one.rollback(of: "sms")
        if isFollowed {
            try await two.update(to: #require(store.policy))
        } else {
            try await two.update { $0.environment = "staging" }
        }
        try await two.rollback(of: "sms")
        #expect(router.snapshot().policy.sms.strategy == EditedPolicy.canary(10).sms.strategy)
    }

    /// The answer is all that it takes: a store that is not read again cannot make a seed that was taken look as if it failed.
    @Test("A seed that the store took has succeeded, whatever the store does then")
    func seedOnce() async throws {
        store.hold(nil)
        let (_, updater) = try process()
        store.beforeNextSwap { [store] in
            store.beforeNextRead { throw MemoryStore.Failure() }
            return nil
        }
        #expect(try await updater.seed() == 1)
        #expect(store.policy == EditedPolicy.canary(10))
    }

    @Test("A router without a policy seeds nothing")
    func emptySeed() async throws {
        store.hold(nil)
        let updater = RolloutUpdater(RolloutRouter(), store: store)
        await #expect(throws: UpdateError.nothingToSeed) { try await updater.seed() }
        // An update is no way out, so the error must not name it as one.
        let first = EditedPolicy.canary(10)
        await #expect(throws: UpdateError.missing(in: "memory")) { try await updater.update(to: first) }
        #expect(store.policy == nil)
    }
}
