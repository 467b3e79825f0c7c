import Testing

@testable import Rollout

@Suite("Rollouts that were removed")
struct RemovedTests {
    private static func problems(_ members: String) throws -> [String] {
        let text =
            #"{"schema": 1, "revision": 1, "rollouts": {"sms": {"epoch": 3, "strategy": {"type": "fixed", "release": {"app": "v1"}}}}, \#(members)}"#
        do throws(PolicyError) {
            _ = try RolloutPolicy(json: text)
            return []
        } catch {
            return error.problems.map { "\($0.path): \($0.message)" }
        }
    }

    @Test(
        "The epochs are read strictly",
        arguments: [
            (#""removed": {"web": 4, "sms": 2}"#, []),
            (#""removed": []"#, ["removed: expected an object, found an array"]),
            (#""removed": {"web": -1}"#, ["removed.web: expected an integer in 0 ... 4,294,967,295, found -1"]),
            (
                #""removed": {"a b": 1}"#,
                [#"removed["a b"]: expected a name as key, 1 ... 64 of the characters A-Z a-z 0-9 . _ -, found "a b""#]
            ),
            (
                #""removed": {"sms": 3}"#,
                ["rollouts.sms.epoch: expected an epoch above 3, at which the rollout was removed, found 3"]
            ),
        ] as [(String, [String])]
    )
    func reading(members: String, expected: [String]) throws {
        #expect(try Self.problems(members) == expected)
    }

    @Test("At most 10,000 are remembered; the error says what makes room for one more")
    func limit() async throws {
        var policy = EditedPolicy.fixed()
        for number in 0..<10_000 { policy.removed[try #require(RolloutID("r\(number)"))] = 1 }
        try policy.validate()
        policy.removed["one-more"] = 1
        let error = try #require(throws: PolicyError.self) { try policy.validate() }
        #expect(error.problems.map(\.code) == [.tooMany])
        #expect(error.problems.map(\.path) == ["removed"])

        policy.removed["one-more"] = nil
        let (router, updater) = try EditedPolicy.updated(policy)
        let full = try await #require(throws: UpdateError.self) { try await updater.update { $0.rollouts = [:] } }
        #expect(full.code == .invalid)
        #expect(
            full.message.hasSuffix(
                "removed: expected at most 10,000 removed rollouts, found 10,001: forget those of which no assignment lives"
            )
        )
        try await updater.update { policy in
            policy.rollouts = [:]
            try policy.forget("r7")
        }
        #expect(router.snapshot().policy.removed.count == 10_000)
        #expect(router.snapshot().policy.removed["sms"] == 0)
    }

    @Test("An edit that removes a rollout keeps its epoch, and one that brings it back starts above")
    func edits() async throws {
        var policy = EditedPolicy.canary(10)
        policy.sms.epoch = 3
        let (router, updater) = try EditedPolicy.updated(policy)
        try await updater.update { $0.rollouts = [:] }
        #expect(router.snapshot().policy.removed == ["sms": 3])
        #expect(router.snapshot().policy.json == #"{"removed":{"sms":3},"revision":2,"rollouts":{},"schema":1}"#)
        #expect(try RolloutPolicy(json: router.snapshot().policy.json) == router.snapshot().policy)
        try await updater.update { $0.rollouts = policy.rollouts }
        #expect(router.snapshot().policy.sms.epoch == 4)
        #expect(router.snapshot().policy.removed.isEmpty)
    }

    @Test("A replica without a memory refuses a whole policy that brings a removed rollout back too low")
    func replica() async throws {
        let (_, updater) = try EditedPolicy.updated(RolloutPolicy(revision: 4, rollouts: [:], removed: ["sms": 3]))
        var returning = EditedPolicy.canary(10).at(5)
        returning.sms.epoch = 3
        let demand = EpochDemand(rollout: "sms", causes: [.removed], found: 3, needed: 4)
        await #expect(throws: UpdateError.needsEpoch([demand])) { try await updater.update(to: returning) }
        returning.sms.epoch = 4
        #expect(try await updater.update(to: returning) == 5)
    }

    @Test("A rollback brings a removed rollout back above its epoch, and keeps those of the others")
    func rollback() async throws {
        let (router, updater) = try EditedPolicy.updated(EditedPolicy.canary(10))
        try await updater.update { $0.rollouts["web"] = $0.sms }
        try await updater.update { $0.rollouts["web"] = nil }
        try await updater.update { $0.rollouts = [:] }
        #expect(router.snapshot().policy.removed == ["sms": 0, "web": 0])
        try await updater.rollback(of: "sms", to: 1)
        #expect(router.snapshot().policy.sms.epoch == 1)
        #expect(router.snapshot().policy.removed == ["web": 0])
        try await updater.rollback(to: 2)
        #expect(router.snapshot().policy.rollouts.mapValues(\.epoch) == ["sms": 1, "web": 1])
        #expect(router.snapshot().policy.removed.isEmpty)
        try await updater.rollback(to: 1)
        #expect(router.snapshot().policy.removed == ["web": 1])
    }

    @Test("A process that remembers forgets with the policy, so that all processes judge alike")
    func forgotten() async throws {
        let (router, updater) = try EditedPolicy.updated(EditedPolicy.canary(10))
        try await updater.update { try $0.abort("sms") }
        try await updater.update { $0.rollouts = [:] }
        try await updater.update { try $0.forget("sms") }
        #expect(try await updater.update(to: EditedPolicy.canary(10).at(5)) == 5)
        #expect(router.snapshot().policy.sms.epoch == 0)
    }

    @Test("What only this process remembers of removed rollouts, its next edit tells all")
    func told() async throws {
        var policy = EditedPolicy.canary(10)
        policy.sms.epoch = 5
        let (router, updater) = try EditedPolicy.updated(policy)
        try await updater.update(to: RolloutPolicy(revision: 2, rollouts: [:]))
        try await updater.update { $0.environment = "staging" }
        #expect(router.snapshot().policy.removed == ["sms": 5])
    }

    @Test("An owner may forget a rollout that was removed, and no other")
    func forget() throws {
        var policy = RolloutPolicy(revision: 4, rollouts: [:], removed: ["sms": 3])
        let error = try #require(throws: EditError.self) { try policy.forget("web") }
        #expect(error.code == .unknownRollout)
        #expect(error.description == #"rollout "web": it is not among the rollouts that were removed; there are "sms""#)
        try policy.forget("sms")
        #expect(policy.removed.isEmpty)
        #expect(throws: EditError.self) { try policy.forget("sms") }
    }
}
