import Foundation
import Testing

@testable import Rollout

@Suite("History and rollback")
struct RollbackTests {
    @Test("A rollback is a new revision with the old content and a higher epoch")
    func rollback() async throws {
        let (router, updater) = try EditedPolicy.updated(EditedPolicy.canary(10))
        try await updater.update { try $0.setShare(of: "sms", to: .percent(50)) }
        try await updater.update { try $0.setShare(of: "sms", to: .percent(80)) }
        #expect(try await updater.rollback(to: 1, by: "ana", now: 9) == 4)

        var expected = EditedPolicy.canary(10).at(4)
        expected.sms.epoch = 1
        #expect(router.snapshot().policy == expected)
        let record = try #require(updater.history.last)
        #expect(record.reason == "rollback to revision 1")
        #expect(record.author == "ana")
        #expect(record.time == 9)
        #expect(updater.history.map(\.number) == [1, 2, 3, 4])
    }

    @Test("A rollback of the whole policy raises the epochs of the rollouts that change, and of no others")
    func onlyChanged() async throws {
        var policy = EditedPolicy.canary(10)
        policy.rollouts["ui"] = RolloutDefinition(.fixed(EditedPolicy.v1), epoch: 8)
        policy.rollouts["gone"] = RolloutDefinition(.fixed(EditedPolicy.v1), epoch: 5)
        let (router, updater) = try EditedPolicy.updated(policy)
        try await updater.update { policy in
            try policy.promote("sms")
            policy.rollouts["gone"] = nil
            policy.rollouts["new"] = RolloutDefinition(.fixed(EditedPolicy.v1))
        }
        try await updater.rollback(to: 1)
        let restored = router.snapshot().policy
        #expect(restored.rollouts["ui"]?.epoch == 8)
        #expect(restored.sms.epoch == 2, "promoted at 1")
        #expect(restored.rollouts["gone"]?.epoch == 6, "it was removed at 5")
        #expect(restored.rollouts["new"] == nil)
    }

    // MARK: One rollout

    @Test("A rollback of one rollout leaves what others changed since")
    func oneRollout() async throws {
        var policy = EditedPolicy.canary(10)
        policy.rollouts["ui"] = RolloutDefinition(.fixed(EditedPolicy.v1))
        let (router, updater) = try EditedPolicy.updated(policy)
        try await updater.update(by: "ana") { try $0.setShare(of: "sms", to: .percent(50)) }
        try await updater.update(by: "ben") { try $0.setRelease(of: "stable", in: "ui", to: EditedPolicy.v2) }
        #expect(try await updater.rollback(of: "sms") == 4)
        let running = router.snapshot().policy
        #expect(running.sms.strategy == EditedPolicy.canary(10).sms.strategy)
        #expect(running.sms.epoch == 1)
        #expect(running.rollouts["ui"]?.strategy == .fixed(EditedPolicy.v2), "ben's change stays")
        #expect(updater.history.last?.reason == "rollback of sms")
    }

    @Test("Rolling back again goes back further, and never forth to what was taken back")
    func twice() async throws {
        let (router, updater) = try EditedPolicy.updated(EditedPolicy.canary(10))
        func share() -> RolloutStrategy { router.snapshot().policy.sms.strategy }
        for percent in [20, 40, 20] as [Double] {
            try await updater.update { try $0.setShare(of: "sms", to: .percent(percent)) }
        }
        for percent in [40, 20, 10] as [Double] {
            try await updater.rollback(of: "sms")
            #expect(share() == EditedPolicy.canary(percent).sms.strategy)
        }
        let error = await #expect(throws: UpdateError.self) { try await updater.rollback(of: "sms") }
        #expect(error?.code == .unknownRevision)
        #expect(
            error?.message
                == "Nothing is remembered of \"sms\" before its last change; 1, 2, 3, 4, 5, 6 can be restored."
        )

        // A change after a rollback is a change like any other.
        try await updater.update { try $0.setShare(of: "sms", to: .percent(70)) }
        try await updater.rollback(of: "sms")
        #expect(share() == EditedPolicy.canary(10).sms.strategy)
        #expect(try await updater.rollback(of: "sms", to: 3) == 10)
        #expect(share() == EditedPolicy.canary(40).sms.strategy)
    }

    @Test("A rollback of a rollout that the revision lacks names the revisions that have it")
    func lacking() async throws {
        let (_, updater) = try EditedPolicy.updated(RolloutPolicy(revision: 1, rollouts: [:]))
        try await updater.update { $0.rollouts["sms"] = EditedPolicy.canary(10).sms }
        try await updater.update { try $0.abort("sms") }
        let error = await #expect(throws: UpdateError.self) { try await updater.rollback(of: "sms", to: 1) }
        #expect(error?.message == "Revision 1 has no rollout \"sms\"; 2 can be restored.")
        try await updater.rollback(of: "sms")
        let none = await #expect(throws: UpdateError.self) { try await updater.rollback(of: "sms") }
        #expect(none?.code == .unknownRevision, "before revision 2 there was no such rollout")
    }

    /// With hosts and forced units, and without.
    @Test("A rollback over an abort and a removal works, with an epoch above the last", arguments: [false, true])
    func overRemoval(hasRules: Bool) async throws {
        var policy = EditedPolicy.canary(10)
        if hasRules {
            policy.sms.hosts = ["canary.example": "canary"]
            policy.sms.forced = ["qa": "canary"]
        }
        let (router, updater) = try EditedPolicy.updated(policy)
        try await updater.update { try $0.abort("sms") }
        try await updater.update { $0.rollouts["sms"] = nil }
        let epoch = try #require(updater.policy(of: 2)).sms.epoch
        try await updater.rollback(of: "sms", to: 1)
        #expect(router.snapshot().policy.sms.epoch == epoch + 1)
        #expect(router.snapshot().policy.sms.strategy == policy.sms.strategy)
        #expect(router.snapshot().policy.sms.hosts == policy.sms.hosts)

        try await updater.update { $0.rollouts["sms"] = nil }
        try await updater.rollback(to: 1)
        #expect(router.snapshot().policy.sms.epoch == epoch + 2)
        #expect(router.snapshot().policy.sms.forced == policy.sms.forced)
    }

    // MARK: What the caller has kept

    @Test("A policy that is remembered no more can be restored from a copy, and going back again never undoes that")
    func kept() async throws {
        let (router, updater) = try EditedPolicy.updated(EditedPolicy.canary(10))
        try await updater.update { try $0.setShare(of: "sms", to: .percent(20)) }
        let kept = try #require(updater.policy(of: 1))
        for count in 0..<40 {
            try await updater.update { try $0.setShare(of: "sms", to: .percent(Double(30 + count % 2))) }
        }
        #expect(updater.policy(of: 1) == nil)

        #expect(try await updater.rollback(of: "sms", restoring: kept, expecting: 42, by: "ana") == 43)
        let restored = router.snapshot().policy.sms
        #expect(restored.strategy == kept.sms.strategy)
        #expect(restored.epoch == kept.sms.epoch + 1)
        #expect(updater.history.last?.reason == "rollback of sms to revision 1")
        #expect(updater.history.last?.author == "ana")

        let error = await #expect(throws: UpdateError.self) { try await updater.rollback(of: "sms") }
        #expect(error?.code == .unknownRevision, "what came before revision 1 is not known, and 31 % was what was bad")
        #expect(router.snapshot().policy.sms == restored)
        await #expect(throws: UpdateError.conflict(expected: 42, running: 43)) {
            try await updater.rollback(restoring: kept, expecting: 42)
        }

        // It is a rollback to whoever reads the record, too.
        let made = try #require(updater.history.last { $0.outcome == .accepted })
        let record = try UpdateRecord(json: Array(made.json.utf8))
        #expect(record.restored == Restoration(id: "sms", revision: 1))
    }

    @Test("A copy of what is remembered restores what the revision does", arguments: [nil, "sms"] as [RolloutID?])
    func keptOfRemembered(id: RolloutID?) async throws {
        let (router, updater) = try EditedPolicy.updated(EditedPolicy.canary(10))
        for percent in [20, 40] as [Double] {
            try await updater.update { try $0.setShare(of: "sms", to: .percent(percent)) }
        }
        let kept = try #require(updater.policy(of: 2))
        try await updater.rollback(of: id, restoring: kept)
        #expect(router.snapshot().policy.sms.strategy == EditedPolicy.canary(20).sms.strategy)
        try await updater.rollback(of: "sms")
        #expect(router.snapshot().policy.sms.strategy == EditedPolicy.canary(10).sms.strategy, "before revision 2")
    }

    @Test("A copy without the rollout is refused")
    func keptWithoutTheRollout() async throws {
        let (_, updater) = try EditedPolicy.updated(EditedPolicy.canary(10))
        let error = await #expect(throws: UpdateError.self) {
            try await updater.rollback(of: "sms", restoring: RolloutPolicy(revision: 1, rollouts: [:]))
        }
        #expect(error?.message == "Revision 1 has no rollout \"sms\"; none can be restored.")
    }

    // MARK: What is remembered

    @Test("A revision that is not remembered is refused, with those that are")
    func unknown() async throws {
        let (router, updater) = try EditedPolicy.updated(EditedPolicy.canary(10))
        for _ in 0..<40 { try await updater.update { try $0.setShare(of: "sms", to: .percent(20)) } }
        let error = UpdateError.unknownRevision(1, remembered: Array(10...40))
        await #expect(throws: error) { try await updater.rollback(to: 1) }
        #expect(error.description.hasPrefix("Revision 1 is not remembered; 10, 11, 12, "))
        #expect(router.snapshot().revision == 41)
        #expect(updater.policy(of: 9) == nil)
        #expect(updater.policy(of: 10)?.revision == 10)
    }

    @Test("A rollback based on another revision is a conflict")
    func conflict() async throws {
        let (_, updater) = try EditedPolicy.updated(EditedPolicy.canary(10))
        try await updater.update { try $0.abort("sms") }
        await #expect(throws: UpdateError.conflict(expected: 1, running: 2)) {
            try await updater.rollback(to: 1, expecting: 1)
        }
        #expect(try await updater.rollback(to: 1, expecting: 2) == 3)
    }

    @Test("Refused and ignored attempts never push out what can be restored")
    func noise() async throws {
        let (_, updater) = try EditedPolicy.updated(EditedPolicy.canary(10).at(5))
        try await updater.update { try $0.setShare(of: "sms", to: .percent(20)) }
        for _ in 0..<100 { try await updater.update(to: EditedPolicy.canary(1).at(1)) }
        #expect(updater.history.count == 34)
        #expect(updater.history.map(\.number) == [1, 2] + Array(71...102))
        #expect(try await updater.rollback(to: 5) == 7)
    }

    /// A policy of some 140 bytes a unit in memory.
    private static func large(_ revision: UInt32, units count: Int = 50_000) -> RolloutPolicy {
        var policy = EditedPolicy.canary(Double(revision)).at(revision)
        let units = (0..<count).map { UnitID("unit-\(revision)-\($0)-with-a-long-name") }
        policy.sms.forced = units.reduce(into: [:]) { $0[$1] = .canary }
        return policy
    }

    @Test("Large policies are remembered as far as the bytes go, and always the running one and the one before")
    func boundedPolicies() {
        var policies = RememberedPolicies(byteLimit: 1 << 20)
        for revision in 1...14 as ClosedRange<UInt32> {
            let policy = Self.large(revision, units: 800)
            policies.remember(policy, PolicyDigest(of: policy), restored: nil)
        }
        let remembered = (1...14).filter { policies[$0] != nil }
        #expect(remembered == Array((15 - UInt32(remembered.count))...14))
        #expect((8...10).contains(remembered.count), "\(remembered)")
        let largest = Self.large(15, units: 10_000)
        policies.remember(largest, PolicyDigest(of: largest), restored: nil)
        #expect((1...15).filter { policies[$0] != nil } == [14, 15])
    }

    @Test("Of large policies an updater remembers 64 MiB", .enabled(if: StressEffort.isLong))
    func boundedBytes() async throws {
        let (_, updater) = try EditedPolicy.updated(Self.large(1))
        for revision in 2...14 as ClosedRange<UInt32> { try await updater.update(to: Self.large(revision)) }
        let remembered = (1...14).filter { updater.policy(of: $0) != nil }
        #expect(remembered == Array((15 - UInt32(remembered.count))...14))
        #expect((8...10).contains(remembered.count), "\(remembered)")
        #expect(updater.history.count == 14, "records are small")
        #expect(updater.history.first?.newDigest == Self.large(1).digest)
    }

    @Test("What was refused is not kept: neither a large policy nor a long text")
    func refusedIsSmall() async throws {
        weak var watched: Watched?
        let (_, updater) = try EditedPolicy.updated(EditedPolicy.canary(10))
        do {
            var policy = Self.large(2)
            policy.sms.salt = "other"
            let (units, object) = (policy.sms.forced.count, Watched())
            watched = object
            await #expect(throws: UpdateError.self) {
                try await updater.update(because: String(repeating: "é", count: 4_000)) { next in
                    next = policy
                    throw object
                }
            }
            #expect(units == 50_000)
        }
        #expect(watched == nil, "the error behind the error is not kept")
        let record = try #require(updater.history.last)
        #expect(record.reason?.utf8.count ?? 0 <= 4_096)
        #expect(record.reason?.hasSuffix("é…") == true)
    }

    private final class Watched: Error {}

    // MARK: Records

    final class InMemoryRecorder: UpdateRecorder {
        private let state = Lock<[UpdateRecord]>([])

        var records: [UpdateRecord] { state.withLock { $0 } }

        func record(_ record: UpdateRecord) { state.withLock { $0.append(record) } }
    }

    @Test("A recorder gets every record once, in order, beginning with the policy that ran")
    func recorder() async throws {
        let router = try RolloutRouter(policy: EditedPolicy.canary(10), now: 7)
        let (one, other) = (InMemoryRecorder(), InMemoryRecorder())
        let updater = RolloutUpdater(router, recorders: [one, other])
        try await updater.update(now: 8) { try $0.setShare(of: "sms", to: .percent(20)) }
        _ = try? await updater.update(now: 9) { try $0.promoteShadow("sms") }
        try await updater.update(to: EditedPolicy.canary(1).at(0), now: 10)
        #expect(one.records.map(\.number) == [1, 2, 3, 4])
        #expect(other.records.map(\.number) == [1, 2, 3, 4])
        #expect(one.records.map(\.time) == [7, 8, 9, 10])
    }

    @Test("A record as JSON holds all there is to know, and is read back")
    func json() async throws {
        let (_, updater) = try EditedPolicy.updated(EditedPolicy.canary(10))
        _ = try? await updater.update(by: "ana", because: "a \"test\"", now: 3) { try $0.promoteShadow("sms") }
        try await updater.rollback(of: "sms", to: 1, now: 4)
        let policy = EditedPolicy.canary(10)
        let text = policy.json.replacing("\"", with: "\\\"")
        let (digest, process) = (policy.digest, updater.history[0].process)
        #expect(process.count == 16)
        #expect(
            updater.history.dropLast().map(\.json) == [
                #"{"author":null,"error":null,"gates":[],"newDigest":"\#(digest)","number":1,"oldDigest":null,"#
                    + #""outcome":"accepted","policy":"\#(text)","process":"\#(process)","reason":null,"restored":null,"#
                    + #""revision":1,"running":1,"time":0}"#,
                #"{"author":"ana","error":{"code":"editFailed","message":"The edit failed. rollout \"sms\" (canary): "#
                    + #"it has no shadow to promote; promote the canary"},"gates":[],"newDigest":null,"number":2,"#
                    + #""oldDigest":"\#(digest)","outcome":"refused","policy":null,"process":"\#(process)","#
                    + #""reason":"a \"test\"","restored":null,"revision":2,"running":1,"time":3}"#,
            ]
        )
        let rollback = try #require(updater.history.last)
        #expect(rollback.json.contains(#""restored":{"revision":1,"rollout":"sms"}"#))
        #expect(updater.history[0].description == "revision 1 accepted")
        for record in updater.history {
            let read = try JSONDecoder().decode(UpdateRecord.self, from: Data(record.json.utf8))
            #expect(read.json == record.json)
            #expect(read.error == record.error)
            #expect(try JSONDecoder().decode(UpdateRecord.self, from: JSONEncoder().encode(record)).json == record.json)
        }
    }
}

extension EditedPolicy {
    /// A router that runs the policy, and its updater.
    static func updated(
        _ policy: RolloutPolicy,
        gates: [any PolicyGate] = []
    ) throws -> (router: RolloutRouter, updater: RolloutUpdater) {
        let router = try RolloutRouter(policy: policy, now: 0)
        return (router, RolloutUpdater(router, gates: gates))
    }
}
