import Synchronization
import Testing

@testable import Rollout

@Suite("History and rollback")
struct RollbackTests {
    @Test("A rollback is a new revision with the old content and a higher epoch")
    func rollback() throws {
        let router = try RolloutRouter(policy: EditedPolicy.canary(10))
        try router.update { try $0.setShare(of: "sms", to: .percent(50)) }
        try router.update { try $0.setShare(of: "sms", to: .percent(80)) }
        #expect(try router.rollback(to: 1, by: "ana", now: 9) == 4)

        var expected = EditedPolicy.canary(10).at(4)
        expected.sms.epoch = 1
        #expect(router.snapshot().policy == expected)
        let record = try #require(router.history.last)
        #expect(record.reason == "rollback to revision 1")
        #expect(record.author == "ana")
        #expect(router.history.map(\.number) == [1, 2, 3, 4])
    }

    @Test("Only the rollouts that change get another epoch")
    func onlyChanged() throws {
        var policy = EditedPolicy.canary(10)
        policy.rollouts["ui"] = RolloutDefinition(.fixed(EditedPolicy.v1), epoch: 8)
        policy.rollouts["gone"] = RolloutDefinition(.fixed(EditedPolicy.v1), epoch: 5)
        let router = try RolloutRouter(policy: policy)
        try router.update { policy in
            try policy.promote("sms")
            policy.rollouts["gone"] = nil
            policy.rollouts["new"] = RolloutDefinition(.fixed(EditedPolicy.v1))
        }
        try router.rollback()
        let restored = router.snapshot().policy
        #expect(restored.rollouts["ui"]?.epoch == 8)
        #expect(restored.sms.epoch == 2, "promoted at 1")
        #expect(restored.rollouts["gone"]?.epoch == 5, "away and back as it was: its assignments still hold")
        #expect(restored.rollouts["new"] == nil)
    }

    @Test("Switching and back is one call each, as often as you like")
    func blueGreen() throws {
        let router = try RolloutRouter(policy: EditedPolicy.fixed())
        let sms = try #require(router.rollout("sms"))
        try router.update { try $0.setRelease(of: "stable", in: "sms", to: EditedPolicy.v2) }
        for release in [EditedPolicy.v1, EditedPolicy.v2, EditedPolicy.v1] {
            try router.rollback()
            #expect(sms.decision(for: "alice").variant.release == release)
        }
        #expect(router.snapshot().policy.sms.epoch == 4)
    }

    @Test("A revision that is not remembered is refused, with those that are")
    func unknown() throws {
        let router = try RolloutRouter(policy: EditedPolicy.canary(10))
        #expect(throws: UpdateError.unknownRevision(nil, remembered: [])) { try router.rollback() }
        for _ in 0..<40 { try router.update { try $0.setShare(of: "sms", to: .percent(20)) } }
        let error = UpdateError.unknownRevision(1, remembered: Array(10...40))
        #expect(throws: error) { try router.rollback(to: 1) }
        #expect(error.description.hasPrefix("Revision 1 is not remembered; 10, 11, 12, "))
        #expect(router.snapshot().revision == 41)
        #expect(router.policy(ofRevision: 9) == nil)
        #expect(router.policy(ofRevision: 10)?.revision == 10)
    }

    @Test("A rollback based on another revision is a conflict")
    func conflict() throws {
        let router = try RolloutRouter(policy: EditedPolicy.canary(10))
        try router.update { try $0.abort("sms") }
        #expect(throws: UpdateError.conflict(current: 2)) { try router.rollback(to: 1, from: 1) }
        #expect(try router.rollback(to: 1, from: 2) == 3)
    }

    @Test("Refused and ignored attempts never push out what can be restored")
    func noise() throws {
        let router = try RolloutRouter(policy: EditedPolicy.canary(10).at(5))
        try router.update { try $0.setShare(of: "sms", to: .percent(20)) }
        for _ in 0..<100 { try router.update(to: EditedPolicy.canary(1).at(1)) }
        #expect(router.history.count == 34)
        #expect(router.history.map(\.number) == [1, 2] + Array(71...102))
        #expect(try router.rollback(to: 5) == 7)
    }

    final class InMemoryRecorder: UpdateRecorder {
        private let state = Mutex<[UpdateRecord]>([])

        var records: [UpdateRecord] { state.withLock { $0 } }

        func record(_ record: UpdateRecord) { state.withLock { $0.append(record) } }
    }

    @Test("A recorder gets every record once, in order, the remembered ones first")
    func recorder() throws {
        let router = try RolloutRouter(policy: EditedPolicy.canary(10), now: 7)
        try router.update { try $0.setShare(of: "sms", to: .percent(20)) }
        let early = InMemoryRecorder()
        router.add(early)
        _ = try? router.update { try $0.promoteShadow("sms") }
        let late = InMemoryRecorder()
        router.add(late)
        try router.update(to: EditedPolicy.canary(1).at(0))
        #expect(early.records.map(\.number) == [1, 2, 3, 4])
        #expect(late.records.map(\.number) == [1, 2, 3, 4])
        #expect(early.records.map(\.time) == [7, nil, nil, nil])
    }

    @Test("A record as JSON holds all there is to know")
    func json() throws {
        let router = try RolloutRouter(policy: EditedPolicy.canary(10))
        _ = try? router.update(by: "ana", because: "a \"test\"", now: 3) { try $0.promoteShadow("sms") }
        let digest = EditedPolicy.canary(10).digest
        #expect(
            router.history.map(\.json) == [
                #"{"author":null,"gates":[],"newDigest":"\#(digest)","number":1,"oldDigest":null,"#
                    + #""outcome":"accepted","reason":null,"revision":1,"running":1,"time":null}"#,
                #"{"author":"ana","error":"The edit failed. rollout \"sms\" (canary): it has no shadow to promote; "#
                    + #"promote the canary","gates":[],"newDigest":null,"number":2,"oldDigest":"\#(digest)","#
                    + #""outcome":"refused","reason":"a \"test\"","revision":2,"running":1,"time":3}"#,
            ]
        )
        #expect(router.history[0].description == "revision 1 accepted")
    }
}
