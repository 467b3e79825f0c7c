import Testing

@testable import Rollout

@Suite("A follower of a store", .timeLimit(.minutes(5)))
final class PolicyFollowerStoreTests: Sendable {
    private let store = MemoryStore(Followed.policy(1))
    private let isOpen = Lock(true)

    /// A process of the fleet, whose gate refuses while it is not open.
    private func process(
        clock: any Clock<Duration> = ContinuousClock()
    ) throws -> (updater: RolloutUpdater, follower: PolicyFollower, log: EventLog) {
        let gate = ClosureGate { [self] _ in
            if !isOpen.withLock({ $0 }) { throw ScriptedSource.Failure(description: "closed") }
        }
        let router = try RolloutRouter(policy: Followed.policy(1))
        let updater = RolloutUpdater(router, gates: [gate], store: store, clock: clock)
        let log = EventLog()
        return (updater, PolicyFollower(of: store, updating: updater, report: log.report), log)
    }

    @Test("brings in what other processes stored, and tries it again, without a record of each attempt")
    func follows() async throws {
        let (writer, _, _) = try process()
        let (reader, follower, log) = try process()
        try await follower.start()
        try await writer.update { try $0.setShare(of: "sms", to: .percent(50)) }
        isOpen.withLock { $0 = false }
        for _ in 0..<3 { try await follower.start() }
        #expect(log.take().map(\.kind) == [.delayed])
        #expect(reader.history.map(\.outcome) == [.accepted, .refused])
        // Another change has come to the store before the first one could be brought in.
        isOpen.withLock { $0 = true }
        try await writer.update { try $0.setShare(of: "sms", to: .percent(60)) }
        isOpen.withLock { $0 = false }
        for _ in 0..<3 { try await follower.start() }
        let count = reader.history.count
        for _ in 0..<3 { try await follower.start() }
        #expect(reader.history.count == count)
        isOpen.withLock { $0 = true }
        #expect(try await follower.start() == 3)
        #expect(log.take().map(\.kind) == [.delayed, .accepted])
        #expect(reader.history.last?.author == "memory")
    }

    @Test("reports that a store cannot be read, and that it is empty, as two things and each once")
    func emptied() async throws {
        let (_, follower, log) = try process()
        store.beforeNextRead { throw MemoryStore.Failure() }
        try await follower.start()
        store.hold(nil)
        for _ in 0..<2 { try await follower.start() }
        let missing = UpdateError.missing(in: "memory")
        #expect(log.take() == [.unreachable(.unreadable(MemoryStore.Failure())), .unreachable(missing)])
    }

    @Test("shows whether the store has something else than what was taken in, or nothing")
    func differs() async throws {
        let (writer, follower, log) = try process()
        func page() -> [Double?] {
            let page = ExpositionPage(MetricsPage(of: writer.router, with: follower.metrics))
            return ["up", "differs"].map { page["rollout_source_\($0)", ["source": "memory"]] }
        }
        #expect(page() == [0, 0])
        isOpen.withLock { $0 = false }
        let (good, next, older) = (Followed.policy(2).json, Followed.policy(3).json, Followed.policy(1).json)
        for (held, kind, isUp, differs) in [
            (good, .delayed, 1, 1), (good, .accepted, 1, 0), (nil, .unreachable, 0, 1), (good, .reached, 1, 0),
            ("{", .refused, 1, 1), (older, .ignored, 1, 1), (good, .recovered, 1, 0), (next, .accepted, 1, 0),
        ] as [(String?, PolicyFollower.Event.Kind, Double, Double)] {
            store.hold(held)
            try await follower.start()
            #expect(log.take().map(\.kind) == [kind])
            #expect(page() == [isUp, differs], "\(kind)")
            isOpen.withLock { $0 = true }
        }
        store.hold("{")
        try await follower.start()
        store.beforeNextRead { throw MemoryStore.Failure() }
        try await follower.start()
        #expect(page() == [0, 1], "as far as it has answered")
    }

    @Test("brings what was stored although the answer was lost, or came too late", arguments: [true, false])
    func storedAfterAll(isLost: Bool) async throws {
        let clock = ManualClock()
        let (updater, follower, log) = try process(clock: clock)
        let mayAnswer = OneShot<Void>()
        let isStored = store.holdBack(mayAnswer)
        if isLost { store.afterNextSwap { _ in .unknown(MemoryStore.Failure()) } }
        let change = Task {
            try await updater.update(by: "ana", within: .seconds(5)) { try $0.setShare(of: "sms", to: .percent(50)) }
        }
        if !isLost {
            await clock.sleepers()
            await isStored.value
            clock.advance(by: .seconds(5))
        }
        let error = try await #require(throws: UpdateError.self) { try await change.value }
        #expect(error.code == .outcomeUnknown)
        #expect(updater.router.snapshot().revision == 1)

        #expect(try await follower.start() == 2)
        mayAnswer.fulfil(())
        #expect(log.take() == [.accepted(revision: 2)])
        #expect(updater.router.snapshot().policy == store.policy)
        #expect(updater.history.map(\.author) == [nil, "ana", "memory"])
        #expect(updater.history.map(\.outcome) == [.accepted, .refused, .accepted])
        // A writer goes on from there.
        #expect(try await updater.update { try $0.setShare(of: "sms", to: .percent(60)) } == 3)
        #expect(store.records.count == 2)
    }

    @Test("that holds nothing is asked again")
    func empty() async throws {
        let (writer, _, _) = try process()
        let (_, follower, log) = try process()
        store.hold(nil)
        try await follower.start()
        let event = try #require(log.take().first)
        #expect(event.kind == .unreachable)
        #expect(event.description.contains("write the running one with seed()"))
        try await writer.seed()
        try await follower.start()
        #expect(log.take() == [.reached])
    }

    @Test("that lags behind the store of the updater is no reason to enter a refusal each time")
    func lagging() async throws {
        let (writer, _, _) = try process()
        let (reader, _, _) = try process()
        let (source, log) = (ScriptedSource(), EventLog())
        let follower = PolicyFollower(of: source, updating: reader, report: log.report)
        source.say(Followed.policy(2))
        for share in [50, 60] { try await writer.update { try $0.setShare(of: "sms", to: .percent(Double(share))) } }
        isOpen.withLock { $0 = false }
        try await follower.start()
        let count = reader.history.count
        for _ in 0..<3 {
            source.say(Followed.policy(2))
            try await follower.start()
        }
        #expect(reader.history.count == count)
        #expect(log.take().map(\.kind) == [.delayed])
    }

    // MARK: Beside a file

    private let folder: FileFolder
    private let path: String

    init() throws {
        folder = try FileFolder()
        path = try folder.write(Followed.policy(2).json, to: "policy.json")
    }

    @Test("and one of a file: the file's policy goes to the store, edits count as much, and the higher revision wins")
    func fileAndStore() async throws {
        let (one, ofStoreOne, log) = try process()
        let (two, ofStoreTwo, logTwo) = try process()
        let ofFileOne = PolicyFollower(of: PolicyFile(path), updating: one, report: log.report)
        let ofFileTwo = PolicyFollower(of: PolicyFile(path), updating: two, report: logTwo.report)
        func look() async throws -> [UInt32] {
            for follower in [ofFileOne, ofFileTwo, ofStoreOne, ofStoreTwo] { try await follower.start() }
            return [one, two].map { $0.router.snapshot().revision }
        }

        #expect(try await look() == [2, 2])
        #expect(store.records.count == 1, "the second process finds there what its file has")
        #expect(log.take() == [.accepted(revision: 2)])
        #expect(logTwo.take() == [.accepted(revision: 2)])

        try await one.update { try $0.force("qa", to: .canary, in: "sms") }
        #expect(try await look() == [3, 3])
        #expect(log.take() == [], "the file has not changed")
        #expect(logTwo.take() == [.accepted(revision: 3)])

        try folder.write(Followed.policy(3).json, to: "policy.json")
        #expect(try await look() == [3, 3])
        #expect(log.take() == [.refused(.revisionTaken(3), revision: 3)])
        #expect(logTwo.take() == [.refused(.revisionTaken(3), revision: 3)])
        #expect(store.policy == one.router.snapshot().policy)

        try folder.write(Followed.policy(4).json, to: "policy.json")
        #expect(try await look() == [4, 4])
        #expect(store.policy == Followed.policy(4), "a document replaces the edits before it")
        #expect(store.records.count == 3)

        try folder.write(Followed.policy(2).json, to: "policy.json")
        #expect(try await look() == [4, 4])
        #expect(log.take().last == .ignored(revision: 2, running: 4))
        #expect(store.records.count == 3)
    }

    @Test("and one of a file, in two processes at once: the file's policy is stored once")
    func fileInTwo() async throws {
        let (one, _, _) = try process()
        let (two, _, _) = try process()
        let (first, second) = (PolicyFile(path), PolicyFile(path))
        store.beforeNextSwap {
            _ = try? await PolicyFollower(of: second, updating: two).start()
            return nil
        }
        #expect(try await PolicyFollower(of: first, updating: one).start() == 2)
        #expect(two.router.snapshot().policy == one.router.snapshot().policy)
        #expect(store.records.count == 1)
    }

    @Test("and one of a file: an empty store is not filled from the file, which is tried again")
    func fileAndEmptyStore() async throws {
        store.hold(nil)
        let (updater, _, log) = try process()
        let follower = PolicyFollower(of: PolicyFile(path), updating: updater, report: log.report)
        #expect(try await follower.start() == 1)
        #expect(log.take() == [.delayed(.missing(in: "memory"), revision: 2)])
        try await updater.seed()
        #expect(try await follower.start() == 2)
        #expect(store.policy == Followed.policy(2))
    }
}
