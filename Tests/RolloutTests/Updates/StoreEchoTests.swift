import Testing

@testable import Rollout

@Suite("A change that comes back from the store that took it", .timeLimit(.minutes(5)))
struct StoreEchoTests {
    private let store = MemoryStore(EditedPolicy.canary(10))
    private let log = GateTests.Log()

    private func process(
        _ policy: RolloutPolicy = EditedPolicy.canary(10)
    ) throws -> (router: RolloutRouter, updater: RolloutUpdater) {
        let router = try RolloutRouter(policy: policy)
        return (router, RolloutUpdater(router, gates: [GateTests.ScriptedGate("load", log)], store: store))
    }

    // MARK: As the answer to a repeated swap

    @Test("A swap that the store repeats because its first answer was lost makes one change")
    func repeated() async throws {
        let (router, updater) = try process()
        store.afterNextSwap { [store] _ in .other(store.held) }
        #expect(try await updater.update { try $0.promote("sms") } == 2)
        #expect(router.snapshot().policy == store.policy)
        #expect(store.policy?.revision == 2)
        #expect(updater.history.map(\.outcome) == [.accepted, .accepted])
        #expect(try store.records == [#require(updater.history.last).jsonWithoutPolicy])
        #expect(log.lines == ["load prepares 1 to 2", "load done"])
    }

    /// Something that is almost what the process has stored.
    struct Likeness: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let alter: @Sendable (inout StoredPolicy) -> Void

        init(_ name: String, _ alter: @escaping @Sendable (inout StoredPolicy) -> Void) {
            testDescription = name
            self.alter = alter
        }

        /// The record with another text in the place of a part.
        static func record(
            _ name: String,
            _ part: @escaping @Sendable (UpdateRecord) -> String,
            _ other: String
        ) -> Likeness {
            Likeness(name) { stored in
                let bytes = stored.record ?? []
                guard let record = try? UpdateRecord(json: bytes) else { return }
                stored.record = Array(String(decoding: bytes, as: UTF8.self).replacing(part(record), with: other).utf8)
            }
        }
    }

    static let likenesses = [
        Likeness("no record") { $0.record = nil },
        Likeness("a torn record") { $0.record?.removeLast() },
        .record("the record of another process", \.process, "0123456789abcdef"),
        .record("the record of another change", { "\"number\":\($0.number)," }, "\"number\":9,"),
        Likeness("another policy") { $0.bytes = Array(EditedPolicy.canary(20).at(2).json.utf8) },
    ]

    @Test("Only the change's own policy with its own record is taken for it", arguments: likenesses)
    func likeness(_ likeness: Likeness) async throws {
        let (router, updater) = try process()
        store.afterNextSwap { [store] _ in
            guard var held = store.held else { return .other(nil) }
            likeness.alter(&held)
            return .other(held)
        }
        #expect(try await updater.update { try $0.force("qa", to: .canary, in: "sms") } == 3)
        #expect(router.snapshot().policy == store.policy)
        #expect(updater.history.map(\.author) == [nil, "store memory", nil])
    }

    // MARK: By the follower

    struct Edit: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// What the store holds by then, if it is not what runs.
        var held: RolloutPolicy?
        let make: @Sendable (RolloutUpdater) async throws -> UInt32
    }

    static let edits = [
        share(60, "a higher share"),
        share(20, "a lower share"),
        share(70, "a share that is lower than the store's", held: EditedPolicy.canary(80).at(3)),
        Edit(testDescription: "a promotion") { try await $0.update { try $0.promote("sms") } },
        Edit(testDescription: "a rollback from 50 to 10 percent") { try await $0.rollback(of: "sms") },
    ]

    private static func share(_ percent: Double, _ name: String, held: RolloutPolicy? = nil) -> Edit {
        Edit(testDescription: name, held: held) { updater in
            try await updater.update { try $0.setShare(of: "sms", to: .percent(percent)) }
        }
    }

    @Test("A follower that brings a change before the store has answered does not end it", arguments: edits)
    func early(_ edit: Edit) async throws {
        let (router, updater) = try process()
        try await updater.update { try $0.setShare(of: "sms", to: .percent(50)) }
        if let held = edit.held { store.hold(held.json) }
        let mayAnswer = OneShot<Void>()
        let isStored = store.holdBack(mayAnswer)
        let change = Task { try await edit.make(updater) }
        await isStored.value

        let stored = try #require(store.policy)
        let executor = HeldExecutor()
        let follower = Task(executorPreference: executor) {
            try await updater.update(to: stored, by: "the follower")
        }
        executor.run()
        mayAnswer.fulfil(())
        #expect(try await change.value == stored.revision)
        #expect(router.snapshot().policy == stored)
        #expect(try await executor.result(of: follower).get() == stored.revision)
        #expect(store.policy == stored)
        #expect(store.records.count == 2)
        #expect(updater.history.last?.revision == stored.revision)
        #expect(updater.history.allSatisfy { $0.outcome == .accepted && $0.author != "the follower" })
    }

    @Test("Another process's abort does not wait for a store that never answers")
    func abortMeanwhile() async throws {
        let (router, updater) = try process()
        try await updater.update { try $0.setShare(of: "sms", to: .percent(50)) }
        let (_, other) = try process(router.snapshot().policy)
        let isAsked = store.hang(atNext: .swap)
        let rollback = Task { try await updater.rollback(of: "sms") }
        await isAsked.value
        try await other.update { try $0.abort("sms") }
        #expect(try await updater.update(to: #require(store.policy), by: "the follower") == 3)
        #expect(router.snapshot().policy == store.policy)
        rollback.cancel()
        let error = try await #require(throws: UpdateError.self) { try await rollback.value }
        #expect(error.code == .outcomeUnknown)
    }

    @Test("What a change has offered and given up is another change from then on")
    func givenUp() async throws {
        let (router, updater) = try process()
        try await updater.update { try $0.setShare(of: "sms", to: .percent(50)) }
        store.afterNextSwap { _ in .unknown(MemoryStore.Failure()) }
        await #expect(throws: UpdateError.self) { try await updater.rollback(of: "sms") }
        let isAsked = store.hang(atNext: .read)
        let rollback = Task { try await updater.rollback(of: "sms") }
        await isAsked.value
        #expect(try await updater.update(to: #require(store.policy), by: "the follower") == 3)
        #expect(router.snapshot().policy == store.policy)
        await #expect(throws: UpdateError.ended(.overtakenByTakingAway, at: nil)) { try await rollback.value }
    }
}
