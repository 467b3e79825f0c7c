import Testing

@testable import Rollout

@Suite("A follower of a store")
final class PolicyFollowerStoreTests: Sendable {
    private let store = MemoryStore(Followed.policy(1))
    private let isOpen = Lock(true)

    /// A process of the fleet, whose gate refuses while it is not open.
    private func process() throws -> (updater: RolloutUpdater, follower: PolicyFollower, log: EventLog) {
        let gate = ClosureGate { [self] _ in
            if !isOpen.withLock({ $0 }) { throw ScriptedSource.Failure(description: "closed") }
        }
        let updater = RolloutUpdater(try RolloutRouter(policy: Followed.policy(1)), gates: [gate], store: store)
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
}
