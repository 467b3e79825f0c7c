import Foundation
import Testing

@testable import Rollout

@Suite("Memory that outlives a process")
struct MemoryTests {
    /// Keeps the lines that a log would have.
    private final class Lines: UpdateRecorder {
        private let lines = Lock("")

        var bytes: [UInt8] { lines.withLock { Array($0.utf8) } }

        func record(_ record: UpdateRecord) { lines.withLock { $0 += record.json + "\n" } }
    }

    private func restarted(
        _ policy: RolloutPolicy,
        _ lines: Lines
    ) throws -> (router: RolloutRouter, updater: RolloutUpdater) {
        let router = try RolloutRouter(policy: policy)
        let (records, problems) = UpdateRecord.records(inLines: lines.bytes)
        #expect(problems.isEmpty)
        return (router, RolloutUpdater(router, remembering: records))
    }

    private func started(
        _ policy: RolloutPolicy
    ) throws -> (router: RolloutRouter, updater: RolloutUpdater, lines: Lines) {
        let (router, lines) = (try RolloutRouter(policy: policy), Lines())
        return (router, RolloutUpdater(router, recorders: [lines]), lines)
    }

    @Test("A rollout that was removed before a restart needs the same epoch after it, and a rollback finds its content")
    func removed() async throws {
        let (router, updater, lines) = try started(EditedPolicy.canary(10))
        try await updater.update { try $0.abort("sms") }
        try await updater.update { $0.rollouts = [:] }
        let returning = EditedPolicy.canary(10).at(4)
        let without = try await #require(throws: UpdateError.self) { try await updater.update(to: returning) }
        #expect(without.code == .needsEpoch)

        let (fresh, again) = try restarted(router.snapshot().policy, lines)
        await #expect(throws: without) { try await again.update(to: returning) }
        #expect(try await again.rollback(of: "sms", to: 1) == 4)
        #expect(fresh.snapshot().policy.sms.epoch == 2)
        #expect(fresh.snapshot().policy.sms.strategy == EditedPolicy.canary(10).sms.strategy)
    }

    /// What leaves by a document, which says nothing of epochs: only the memory knows that it was there.
    static let departures: [(name: String, policy: RolloutPolicy)] = [
        ("a rollout", RolloutPolicy(revision: 2, rollouts: [:])),
        ("a variant within an epoch", EditedPolicy.fixed()),
    ]

    @Test(
        "What documents took away before a restart comes back with other releases only in a later epoch",
        arguments: departures,
        [2, 3] as [UInt32]
    )
    func departed(_ departure: (name: String, policy: RolloutPolicy), last: UInt32) async throws {
        let (router, updater, lines) = try started(EditedPolicy.canary(10))
        for revision in 2...last { try await updater.update(to: departure.policy.at(revision)) }
        let strategy = RolloutStrategy.canary(.percent(10), stable: EditedPolicy.v1, canary: EditedPolicy.v3)
        var returning = EditedPolicy.policy(strategy, revision: last + 1)
        let refusal = try await #require(throws: UpdateError.self) { try await updater.update(to: returning) }
        #expect(refusal.code == .needsEpoch)

        let (fresh, again) = try restarted(router.snapshot().policy, lines)
        await #expect(throws: refusal) { try await again.update(to: returning) }
        let (_, forgetful) = try restarted(router.snapshot().policy, Lines())
        #expect(try await forgetful.update(to: returning) == last + 1, "nothing but the memory knows")
        returning.sms.epoch = 1
        try await again.update(to: returning)
        #expect(fresh.snapshot().policy == returning)
    }

    @Test("A second rollback goes back further, also if the process restarts between the two")
    func twice() async throws {
        let (router, updater, lines) = try started(EditedPolicy.canary(10))
        try await updater.update { try $0.setShare(of: "sms", to: .percent(20)) }
        try await updater.update { try $0.setShare(of: "sms", to: .percent(30)) }
        try await updater.rollback(of: "sms")
        let (fresh, again) = try restarted(router.snapshot().policy, lines)
        try await again.rollback(of: "sms")
        #expect(fresh.snapshot().policy.sms.strategy == EditedPolicy.canary(10).sms.strategy)
    }

    @Test("The history begins with what was remembered, with its policies, in order, and counts nothing twice")
    func history() async throws {
        let (router, updater, lines) = try started(EditedPolicy.canary(10))
        try await updater.update(by: "ana") { try $0.setShare(of: "sms", to: .percent(20)) }
        _ = try? await updater.update(to: EditedPolicy.canary(5).at(2))
        let records = UpdateRecord.records(inLines: lines.bytes + lines.bytes).records
        let fresh = RolloutUpdater(try RolloutRouter(policy: router.snapshot().policy), remembering: records)
        #expect(fresh.history.map(\.outcome) == [.accepted, .accepted, .refused, .accepted])
        #expect(fresh.history.map(\.number) == [1, 2, 3, 1])
        #expect(Set(fresh.history.map(\.process)).count == 2)
        #expect(fresh.history.map(\.policy?.revision) == [1, 2, nil, 2])
        #expect(fresh.history[1].author == "ana")
        #expect(fresh.policy(of: 1) == EditedPolicy.canary(10))
        #expect(fresh.history.map(\.json).dropLast() == updater.history.map(\.json)[...])
    }

    @Test(
        "A router that starts without a policy remembers what comes before the first one that runs, and no more",
        arguments: [3, 4] as [UInt32]
    )
    func beforeTheFirst(first: UInt32) async throws {
        let (_, updater, lines) = try started(EditedPolicy.canary(10))
        for percent in [20, 30, 40] {
            try await updater.update { try $0.setShare(of: "sms", to: .percent(Double(percent))) }
        }
        let policy = try #require(updater.policy(of: first))
        let records = UpdateRecord.records(inLines: lines.bytes).records
        let again = RolloutUpdater(RolloutRouter(), remembering: records)
        await #expect(throws: UpdateError.self) { try await again.rollback(of: "sms") }
        await #expect(throws: UpdateError.self) { try await again.rollback(to: 2) }
        #expect(try await again.update(to: policy) == first)
        #expect(again.policy(of: 4)?.revision == (first == 4 ? 4 : nil))
        try await again.rollback(of: "sms")
        let share = again.router.snapshot().policy.sms.strategy
        #expect(share == EditedPolicy.canary(Double(first - 1) * 10).sms.strategy)
    }

    @Test("A record takes back its own policy and no other")
    func completed() async throws {
        let (_, updater, _) = try started(EditedPolicy.canary(10))
        try await updater.update { try $0.setShare(of: "sms", to: .percent(20)) }
        let record = try #require(updater.history.last)
        let policy = try #require(record.policy)
        let bare = try UpdateRecord(json: Array(record.jsonWithoutPolicy.utf8))
        #expect(bare.completed(by: policy)?.policy == policy)
        #expect(bare.completed(by: EditedPolicy.canary(10).at(2)) == nil)
        #expect(bare.completed(by: policy.at(3)) == nil)
    }

    @Test("Records that restore one another, or themselves, end nowhere, and do not hang")
    func circle() async throws {
        let (_, updater, lines) = try started(EditedPolicy.canary(10))
        try await updater.update { try $0.setShare(of: "sms", to: .percent(20)) }
        try await updater.update { try $0.setShare(of: "sms", to: .percent(30)) }
        var number = 0
        let text = String(decoding: lines.bytes, as: UTF8.self).split(separator: "\n").map { line in
            number += 1
            let target = number == 2 ? 2 : 3
            return line.replacing(#""restored":null"#, with: #""restored":{"revision":\#(target),"rollout":null}"#)
        }
        let records = UpdateRecord.records(inLines: Array(text.joined(separator: "\n").utf8)).records
        #expect(records.count == 3)
        let router = try RolloutRouter(policy: EditedPolicy.canary(30).at(3))
        let again = RolloutUpdater(router, remembering: records)
        await #expect(throws: UpdateError.self) { try await again.rollback(of: "sms") }
        #expect(try await again.rollback(of: "sms", to: 1) == 4)
    }

    @Test("Records of later revisions are only history")
    func future() async throws {
        let (_, updater, lines) = try started(EditedPolicy.canary(10))
        for percent in [20, 30, 40] {
            try await updater.update { try $0.setShare(of: "sms", to: .percent(Double(percent))) }
        }
        let (router, again) = try restarted(EditedPolicy.canary(20).at(2), lines)
        #expect(again.history.count == 5)
        #expect(again.policy(of: 3) == nil)
        #expect(try await again.update { try $0.setShare(of: "sms", to: .percent(35)) } == 3)
        #expect(router.snapshot().policy.sms.strategy == EditedPolicy.canary(35).sms.strategy)
        await #expect(throws: UpdateError.self) { try await again.rollback(of: "sms", to: 4) }
    }

    @Test("Lines that are torn, of another kind or without a member are named, and the others are read")
    func torn() async throws {
        let (_, updater, lines) = try started(EditedPolicy.canary(10))
        try await updater.update { try $0.setShare(of: "sms", to: .percent(20)) }
        let whole = String(decoding: lines.bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        let bad = [
            String(whole[1].prefix(100)), "", "[]", "{}",
            whole[1].replacing(#""number":2"#, with: #""number":"2""#),
            whole[1].replacing(#""gates":[]"#, with: #""gates":[1]"#),
            whole[1].replacing(#"\"percent\":20"#, with: #"\"percent\":200"#),
        ]
        let text = ([whole[0]] + bad + [whole[1]]).joined(separator: "\n")
        let (records, problems) = UpdateRecord.records(inLines: Array(text.utf8))
        #expect(records.map(\.number) == [1, 2])
        #expect(problems.map(\.line) == [2, 4, 5, 6, 7, 8])
        #expect(problems.map(\.path) == ["", "", "process", "number", "gates", "rollouts.sms.strategy.percent"])
        #expect(problems[3].message == "expected an integer from -9223372036854775808 to 9223372036854775807")
    }

    @Test("A record of every kind is read back as it was, here and by a JSON decoder")
    func records() async throws {
        let (_, updater, lines) = try started(EditedPolicy.canary(10))
        try await updater.update(by: "ana \"the\" é", because: "", now: 1_800_000_000) { try $0.abort("sms") }
        try await updater.rollback(of: "sms")
        try await updater.update(to: EditedPolicy.canary(5).at(0))
        _ = try? await updater.update { try $0.promote("web") }
        let records = UpdateRecord.records(inLines: lines.bytes).records
        #expect(records.count == 5)
        #expect(records.map(\.json).joined(separator: "\n") + "\n" == String(decoding: lines.bytes, as: UTF8.self))
        for record in records {
            let decoded = try JSONDecoder().decode(UpdateRecord.self, from: Data(record.json.utf8))
            #expect(decoded.json == record.json)
            #expect(
                try UpdateRecord(json: Array(String(decoding: JSONEncoder().encode(record), as: UTF8.self).utf8)).json
                    == record.json
            )
        }
        #expect(records[2].policy?.revision == 3)
    }
}
