import AsyncHTTPClient
import Fleet
import Foundation
import NIOCore
import NIOHTTP1
import Rollout
import Subprocess
import Testing

@testable import Demo

@Suite("The policy of a fleet in etcd")
struct EtcdStoreTests {
    /// A process of the fleet: it writes through a store, and follows it.
    private struct Member {
        let store: EtcdStore
        let router: RolloutRouter
        let updater: RolloutUpdater

        init(_ gateway: EtcdGateway, _ policy: RolloutPolicy? = nil, remembering records: [UpdateRecord] = []) throws {
            store = EtcdStore(gateway)
            router = try policy.map { try RolloutRouter(policy: $0) } ?? RolloutRouter()
            updater = RolloutUpdater(router, store: store, remembering: records)
        }

        var revision: UInt32 { router.snapshot().revision }

        @discardableResult
        func share(_ percent: Double, expecting revision: UInt32? = nil) async throws -> UInt32 {
            guard let revision else {
                return try await updater.update { try $0.setShare(of: "sms", to: .percent(percent)) }
            }
            var next = router.snapshot().policy
            try next.setShare(of: "sms", to: .percent(percent))
            next.revision = revision + 1
            return try await updater.update(to: next, expecting: revision)
        }

        /// Follows the store while the body runs, and collects what is reported.
        func following(_ body: (Shared<[PolicyFollower.Event]>) async throws -> Void) async throws {
            let events = Shared<[PolicyFollower.Event]>([])
            let follower = PolicyFollower(of: store, updating: updater, every: .milliseconds(50)) { event in
                events.change { $0.append(event) }
            }
            let task = Task { try await follower.run() }
            defer { task.cancel() }
            try await body(events)
        }
    }

    private func put(_ text: String?, _ gateway: EtcdGateway) async throws {
        let key = "rollout/policy"
        let operation = text.map { EtcdTransaction.Operation.put(key, Array($0.utf8)) } ?? .delete(key)
        _ = try await gateway.transact(EtcdTransaction(then: [operation]))
    }

    /// A record like the last one of a process, as of another process.
    private func another(_ member: Member) throws -> [UInt8] {
        let record = try #require(member.updater.history.last)
        return Array(record.json.replacing(record.process, with: "00000000000000aa").utf8)
    }

    private func entries(_ gateway: EtcdGateway) async throws -> [EtcdEntry] {
        try await gateway.range(EtcdRange(newest: 10_000, with: "rollout/log/")).entries
    }

    // MARK: Writing

    @Test("A hundred concurrent edits from two processes are a hundred revisions, each with its record")
    func concurrent() async throws {
        try await EtcdServer.run { server in
            try await server.withGateway { gateway in
                let members = [try Member(gateway, .canary(10)), try Member(gateway, .canary(10))]
                #expect(try await members[0].updater.seed() == 1)
                let revisions = try await withThrowingTaskGroup(of: UInt32.self) { group in
                    for number in 0..<100 {
                        group.addTask { try await members[number % 2].share(Double(number) / 2 + 11) }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(Set(revisions) == Set(2...101))
                let stored = try #require(try await members[0].store.read())
                #expect(try RolloutPolicy(json: stored.bytes).revision == 101)
                let records = try await entries(gateway).map { try UpdateRecord(json: $0.bytes) }
                #expect(records.compactMap(\.revision).sorted() == Array(1...101))
                let digests = Dictionary(uniqueKeysWithValues: records.map { ($0.newDigest, $0.revision) })
                #expect(records.allSatisfy { $0.revision == 1 || digests[$0.oldDigest] == $0.revision.map { $0 - 1 } })
            }
        }
    }

    @Test("Of two writers that expect the same revision one wins, and a version that was read before is stale")
    func conflict() async throws {
        try await EtcdServer.run { server in
            try await server.withGateway { gateway in
                let (ana, ben) = (try Member(gateway, .canary(10)), try Member(gateway, .canary(10)))
                try await ana.updater.seed()
                try await ben.updater.seed()
                let before = try #require(try await ben.store.read())
                #expect(try await ana.share(20, expecting: 1) == 2)
                let error = await #expect(throws: UpdateError.self) { try await ben.share(30, expecting: 1) }
                #expect(error?.code == .conflict && error?.isConflict == true)
                #expect(ben.router.snapshot().policy == ana.router.snapshot().policy)
                let answer = await ben.store.swap(
                    [],
                    record: try another(ana),
                    expecting: before.version,
                    requiring: nil
                )
                guard case .other(let held?) = answer else { throw Unexpected(answer: answer) }
                #expect(held.version != before.version && held.record != nil)
                #expect(try RolloutPolicy(json: held.bytes).revision == 2)
            }
        }
    }

    @Test("Nothing is written over an older policy, garbage or nothing, and the error says so")
    func unusable() async throws {
        try await EtcdServer.run { server in
            try await server.withGateway { gateway in
                let ana = try Member(gateway, .canary(10))
                try await ana.updater.seed()
                try await ana.share(20)
                for text in [try RolloutPolicy.canary(10).json, "{\"schema\": 1", nil] {
                    try await put(text, gateway)
                    let error = await #expect(throws: UpdateError.self) { try await ana.share(30) }
                    #expect(error?.code == (text == nil ? .missing : .unusableStore))
                    #expect(error?.fault == .store)
                    #expect(try await ana.store.read()?.bytes == text.map { Array($0.utf8) })
                }
                #expect(ana.revision == 2)
                #expect(try await ana.updater.seed() == 2)
                #expect(try await ana.share(30) == 3)
                #expect(try await entries(gateway).count == 4, "the second seed has a record of its own")
            }
        }
    }

    @Test("What etcd would refuse for its size is refused before it is sent, and what is just below is taken")
    func large() async throws {
        try await EtcdServer.run { server in
            try await server.withGateway { gateway in
                let ana = try Member(gateway, .canary(10))
                try await ana.updater.seed()
                let held = try #require(try await ana.store.read())
                let record = try another(ana)
                func policy(_ more: Int) -> [UInt8] {
                    [UInt8](repeating: 32, count: EtcdStore.requestLimit - 1_024 - record.count + more)
                }
                let answer = await ana.store.swap(policy(0), record: record, expecting: held.version, requiring: nil)
                guard case .stored = answer else { throw Unexpected(answer: answer) }
                #expect(try await ana.store.read()?.bytes == policy(0))
                let refusal = await ana.store.swap(policy(1), record: record, expecting: held.version, requiring: nil)
                guard case .refused(let error as GateRefusal) = refusal else { throw Unexpected(answer: refusal) }
                #expect(error.fault == .document)
                #expect(error.message.contains("are 1571841, and etcd takes 1572864"))
            }
        }
    }

    // MARK: Lost answers

    @Test(
        "A change whose answer is lost is made once, and is told as unknown only if nobody can be asked",
        arguments: [1, 2]
    )
    func lost(answers: Int) async throws {
        try await EtcdServer.run { server in
            try await server.withGateway { gateway in
                let ben = try Member(gateway, .canary(10))
                try await ben.updater.seed()
                try await LosingProxy.run(to: server.address) { proxy in
                    try await server.withGateway(at: proxy.address, answering: .milliseconds(300)) { lossy in
                        let ana = try Member(lossy, .canary(10))
                        proxy.lose(answers)
                        if answers == 1 {
                            #expect(try await ana.share(20) == 2)
                            #expect(ana.revision == 2)
                        } else {
                            let error = await #expect(throws: UpdateError.self) { try await ana.share(20) }
                            #expect(error?.code == .outcomeUnknown && error?.fault == .store)
                            #expect(ana.revision == 1)
                        }
                        // It was stored: the next edit, of either, is made on it.
                        #expect(try await ben.share(30) == 3)
                        #expect(try await ana.share(40) == 4)
                        #expect(try await entries(gateway).count == 4)
                    }
                }
            }
        }
    }

    @Test("A transaction that is sent again finds that it was stored, although another change came after it")
    func again() async throws {
        try await EtcdServer.run { server in
            try await server.withGateway { gateway in
                let ana = try Member(gateway, .canary(10))
                try await ana.updater.seed()
                let before = try #require(try await ana.store.read()).version
                let (policy, record) = (Array(try RolloutPolicy.canary(20, revision: 2).json.utf8), try another(ana))
                for _ in 1...2 {
                    let answer = await ana.store.swap(policy, record: record, expecting: before, requiring: nil)
                    guard case .stored = answer else { throw Unexpected(answer: answer) }
                    try await ana.share(30)
                }
                #expect(ana.revision == 4)
            }
        }
    }

    @Test("A write to an etcd that does not answer, or is gone, fails within three seconds")
    func unreached() async throws {
        try await EtcdServer.run { server in
            try await server.withGateway { gateway in
                let ana = try Member(gateway, .canary(10))
                try await ana.updater.seed()
                for stop in [Signal.suspend, .kill] {
                    try server.send(stop)
                    let start = ContinuousClock.now
                    let error = await #expect(throws: UpdateError.self) { try await ana.share(20) }
                    #expect(error?.code == .unreached)
                    #expect(ContinuousClock.now - start < promised(.seconds(3)))
                    try server.send(.resume)
                }
                #expect(ana.revision == 1)
            }
        }
    }

    // MARK: Following

    @Test("A change runs in a follower within a second, and what cannot run leaves the last good policy in place")
    func following() async throws {
        try await EtcdServer.run { server in
            try await server.withGateway { gateway in
                let (ana, ben) = (try Member(gateway, .canary(10)), try Member(gateway))
                try await ana.updater.seed()
                try await ben.following { events in
                    try await eventually { ben.revision == 1 }
                    try await ana.share(20)
                    try await eventually(within: promised(.seconds(1))) { ben.revision == 2 }
                    let good = try #require(try await ana.store.read())
                    for (text, kind) in [
                        ("{\"schema\": 1", .refused), (try RolloutPolicy.canary(10).json, .ignored),
                        (nil, .unreachable),
                    ] as [(String?, PolicyFollower.Event.Kind)] {
                        try await put(text, gateway)
                        try await eventually { events.value.contains { $0.kind == kind } }
                        #expect(ben.revision == 2)
                    }
                    let missing = events.value.first { $0.kind == .unreachable }?.error as? UpdateError
                    #expect(missing?.code == .missing)
                    try await put(String(decoding: good.bytes, as: UTF8.self), gateway)
                    try await eventually { events.value.contains { $0.kind == .reached } }
                    try await ana.share(30)
                    try await eventually(within: promised(.seconds(1))) { ben.revision == 3 }
                    // The policy runs before its event is told.
                    try await eventually { events.value.last?.kind == .accepted }
                    let kinds = events.value.map(\.kind)
                    #expect(
                        kinds == [
                            .accepted, .accepted, .refused, .ignored, .unreachable, .reached, .recovered, .accepted,
                        ]
                    )
                }
            }
        }
    }

    @Test("Compaction while a follower stood still costs it nothing: it has the newest policy within a second")
    func compaction() async throws {
        try await EtcdServer.run { server in
            try await server.withGateway { gateway in
                let (ana, ben) = (try Member(gateway, .canary(10)), EtcdStore(gateway))
                try await ana.updater.seed()
                _ = try await ben.next()
                for percent in [20.0, 30, 40] { try await ana.share(percent) }
                try await server.compact(keeping: 1)
                let start = ContinuousClock.now
                let bytes = try #require(try await ben.next())
                #expect(ContinuousClock.now - start < promised(.seconds(1)))
                #expect(try RolloutPolicy(json: bytes).revision == 4)
                let (records, problems) = try await ana.store.records()
                #expect(problems.isEmpty)
                #expect(
                    records.map(\.policy?.revision) == [nil, nil, nil, 4],
                    "the log is longer than what is not compacted"
                )
            }
        }
    }

    @Test("An etcd that is killed and comes back with its data has lost nothing, and one that was wiped is reported")
    func restarted() async throws {
        try await EtcdServer.run { server in
            try await server.withGateway(silence: .milliseconds(500)) { gateway in
                let (ana, ben) = (try Member(gateway, .canary(10)), try Member(gateway))
                try await ana.updater.seed()
                try await ben.following { events in
                    try await eventually { ben.revision == 1 }
                    try await ana.share(20)
                    try await eventually { ben.revision == 2 }
                    await server.kill()
                    try await eventually { events.value.last?.kind == .unreachable }
                    try await server.start()
                    try await eventually { events.value.last?.kind == .reached }
                    #expect(try await ana.share(30) == 3)
                    try await eventually { ben.revision == 3 }

                    await server.kill()
                    try server.wipe()
                    try await server.start()
                    try await eventually { (events.value.last?.error as? UpdateError)?.code == .missing }
                    #expect(ben.revision == 3)
                    let refusal = await #expect(throws: UpdateError.self) { try await ana.share(40) }
                    #expect(refusal?.code == .missing)
                    async let seeds = [ana.updater.seed(), ben.updater.seed()]
                    #expect(try await seeds == [3, 3])
                    #expect(try await entries(gateway).count == 1, "one of two seeds wins")
                    #expect(try await ana.share(40) == 4)
                    try await eventually { ben.revision == 4 }
                }
            }
        }
    }

    @Test("An etcd that stands still is reported, and followed again when it goes on")
    func stopped() async throws {
        let silence: Duration = isLong ? .seconds(10) : .milliseconds(200)
        try await EtcdServer.run { server in
            try await server.withGateway(silence: silence) { gateway in
                let (ana, ben) = (try Member(gateway, .canary(10)), try Member(gateway))
                try await ana.updater.seed()
                try await ben.following { events in
                    try await eventually { ben.revision == 1 }
                    try server.send(.suspend)
                    let start = ContinuousClock.now
                    try await eventually { events.value.last?.kind == .unreachable }
                    #expect(ContinuousClock.now - start < promised(.seconds(15)))
                    if isLong { try await Task.sleep(until: start + .seconds(20)) }
                    try server.send(.resume)
                    try await ana.share(20)
                    try await eventually { ben.revision == 2 }
                    #expect(events.value.map(\.kind).filter { $0 == .unreachable }.count == 1)
                }
            }
        }
    }

    // MARK: A restart

    @Test("A process that starts anew knows what earlier ones did, and rolls back to before the last change")
    func memory() async throws {
        try await EtcdServer.run { server in
            try await server.withGateway { gateway in
                let ana = try Member(gateway, .canary(10))
                try await ana.updater.seed(by: "ana")
                for percent in [20.0, 30] { try await ana.share(percent) }
                try await ana.updater.rollback(of: "sms")
                let (records, problems) = try await EtcdStore(gateway).records()
                #expect(problems.isEmpty && records.map(\.revision) == [1, 2, 3, 4] && records.first?.author == "ana")
                let ben = try Member(gateway, remembering: records)
                try await PolicyFollower(of: ben.store, updating: ben.updater).start()
                #expect(ben.revision == 4)
                #expect(try await ben.updater.rollback(of: "sms") == 5)
                #expect(ben.router.snapshot().policy.share == (try RolloutPolicy.canary(10)).share)
            }
        }
    }
}

struct Unexpected: Error { let answer: StoreAnswer }
