import Testing

@testable import Rollout

@Suite("Router")
struct RolloutRouterTests {
    private static let v1: Release = ["app": "v1", "model": "m1"]
    private static let v2: Release = ["app": "v2", "model": "m2"]

    private static func canary(_ percent: Double, epoch: UInt32 = 0) -> RolloutDefinition {
        RolloutDefinition(.canary(.percent(percent), stable: v1, canary: v2), epoch: epoch)
    }

    private func policy(_ revision: UInt32, _ rollouts: [RolloutID: RolloutDefinition]) -> RolloutPolicy {
        RolloutPolicy(revision: revision, rollouts: rollouts)
    }

    // MARK: Updates

    @Test("A higher revision replaces the policy")
    func update() async throws {
        let router = try RolloutRouter(policy: policy(7, ["sms": Self.canary(0)]), now: 100)
        let updater = RolloutUpdater(router)
        let sms = try #require(router.rollout("sms"))
        #expect(sms.decision(for: "alice").variant.name == "stable")
        #expect(try await updater.update(to: policy(9, ["sms": Self.canary(100)]), now: 200) == 9)
        #expect(sms.decision(for: "alice").variant.name == "canary")
        #expect(sms.decision(for: "alice").revision == 9)
        #expect(router.status.revision == 9)
        #expect(router.status.appliedAt == 200)
    }

    @Test("An older revision changes nothing and is counted")
    func older() async throws {
        let router = try RolloutRouter(policy: policy(7, ["sms": Self.canary(0)]), now: 100)
        let updater = RolloutUpdater(router)
        for count in 1...3 {
            #expect(try await updater.update(to: policy(6, ["sms": Self.canary(100)]), now: 200) == 7)
            #expect(router.status.ignoredUpdates == count)
        }
        #expect(router.rollout("sms")?.decision(for: "alice").variant.name == "stable")
        #expect(router.status.appliedAt == 100)
    }

    @Test("The running policy again changes nothing, and is not counted")
    func same() async throws {
        let router = try RolloutRouter(policy: policy(7, ["sms": Self.canary(0)]), now: 100)
        let updater = RolloutUpdater(router)
        #expect(try await updater.update(to: policy(7, ["sms": Self.canary(0)]), now: 200) == 7)
        #expect(router.status.appliedAt == 100)
        #expect(router.status.ignoredUpdates == 0)
    }

    @Test(
        "The same revision with other content is a conflict",
        arguments: [
            ["sms": canary(1)], ["sms": canary(0, epoch: 1)], [:], ["sms": canary(0), "ui": canary(0)],
        ] as [[RolloutID: RolloutDefinition]]
    )
    func otherContent(rollouts: [RolloutID: RolloutDefinition]) async throws {
        let router = try RolloutRouter(policy: policy(7, ["sms": Self.canary(0)]))
        let updater = RolloutUpdater(router)
        await #expect(throws: UpdateError.revisionTaken(7)) { try await updater.update(to: policy(7, rollouts)) }
        #expect(router.rollout("sms")?.decision(for: "alice").variant.name == "stable")
        #expect(router.status.ignoredUpdates == 0)
    }

    @Test("The same revision with the other spelling of a label is a conflict")
    func otherSpelling() async throws {
        var policy = policy(7, [:])
        policy.environment = "caf\u{E9}"
        let router = try RolloutRouter(policy: policy)
        let updater = RolloutUpdater(router)
        policy.environment = "cafe\u{301}"
        await #expect(throws: UpdateError.revisionTaken(7)) { try await updater.update(to: policy) }
    }

    @Test("If another revision runs than expected, any policy is a conflict", arguments: [5, 7, 9] as [UInt32])
    func expected(revision: UInt32) async throws {
        let router = try RolloutRouter(policy: policy(7, ["sms": Self.canary(0)]))
        let updater = RolloutUpdater(router)
        let next = policy(revision, ["sms": Self.canary(revision == 7 ? 0 : 100)])
        for expected in [0, 6, 8, .max] as [UInt32] {
            await #expect(throws: UpdateError.conflict(expected: expected, running: 7)) {
                try await updater.update(to: next, expecting: expected)
            }
        }
        #expect(router.status.ignoredUpdates == 0)
        #expect(try await updater.update(to: next, expecting: 7) == max(7, revision))
        #expect(router.status.ignoredUpdates == (revision < 7 ? 1 : 0))
    }

    @Test("Of two writers with one expectation one wins, and the other learns what runs")
    func compareAndSwap() async throws {
        let router = try RolloutRouter(policy: policy(1, ["sms": Self.canary(0)]))
        let updater = RolloutUpdater(router)
        try await updater.update(to: policy(2, ["sms": Self.canary(10)]), expecting: 1)
        await #expect(throws: UpdateError.conflict(expected: 1, running: 2)) {
            try await updater.update(to: policy(2, ["sms": Self.canary(20)]), expecting: 1)
        }
        #expect(router.snapshot().policy == policy(2, ["sms": Self.canary(10)]))
    }

    @Test("An invalid policy is refused, and the running one untouched")
    func invalid() async throws {
        let running = policy(1, ["sms": Self.canary(0)])
        let router = try RolloutRouter(policy: running, now: 100)
        let updater = RolloutUpdater(router)
        let wrong = policy(2, ["sms": RolloutDefinition(.abTest([]), salt: ""), "ui": RolloutDefinition(.fixed([:]))])
        let error = await #expect(throws: UpdateError.self) {
            try await updater.update(to: wrong, expecting: 1, now: 200)
        }
        #expect((error?.underlying as? PolicyError)?.problems.map(\.code) == [.missing, .badText, .emptyRelease])
        #expect(router.snapshot().policy == running)
        #expect(router.status.appliedAt == 100)
        #expect(router.rollout("ui") == nil)
        #expect(throws: PolicyError.self) { try RolloutRouter(policy: wrong) }
    }

    // MARK: Handles and snapshots

    @Test("A handle outlives its rollout, and adding the id again revives it")
    func retired() throws {
        let router = try RolloutRouter(policy: policy(1, ["sms": Self.canary(100, epoch: 4), "ui": Self.canary(0)]))
        let sms = try #require(router.rollout("sms"))
        try router.update(to: policy(2, ["ui": Self.canary(0)]))
        let decision = sms.decision(for: "alice")
        #expect(decision.reason == .absent)
        #expect(decision.variant.name == "stable")
        #expect(decision.variant.release == Self.v1)
        #expect(decision.variant.rollout == "sms")
        #expect(decision.bucket == nil)
        #expect(decision.revision == 2)
        #expect(sms.decision(for: nil).reason == .absent)
        #expect(router.rollout("sms") == nil)
        #expect(router.snapshot().decision(for: "alice", in: "sms") == nil)
        #expect(router.status.rollouts.map(\.id) == ["ui"])

        let fixed = RolloutDefinition(.fixed(["app": "v9"]), epoch: 5)
        try router.update(to: policy(3, ["sms": fixed, "new": fixed]))
        #expect(sms.decision(for: "alice").reason == .fixed)
        #expect(sms.decision(for: "alice").variant.release == ["app": "v9"])
        try router.update(to: policy(4, [:]))
        #expect(sms.decision(for: "alice").variant.release == ["app": "v9"])
        #expect(sms.decision(for: "alice").reason == .absent)
    }

    @Test("A snapshot stays with its revision")
    func snapshot() throws {
        let router = try RolloutRouter(policy: policy(1, ["sms": Self.canary(0), "ui": Self.canary(0)]))
        let held = router.snapshot()
        // More updates than the ring has slots, and one that outgrows them.
        for revision in 2...20 as ClosedRange<UInt32> {
            var next = policy(revision, ["sms": Self.canary(100)])
            if revision == 20 { for unit in 0..<500 { next.rollouts["sms"]?.forced[UnitID(unit)] = .canary } }
            try router.update(to: next)
        }
        #expect(held.revision == 1)
        #expect(held.policy == policy(1, ["sms": Self.canary(0), "ui": Self.canary(0)]))
        for id in ["sms", "ui"] as [RolloutID] {
            let decision = try #require(held.decision(for: "alice", in: id))
            #expect(decision.variant.name == "stable")
            #expect(decision.revision == 1)
        }
        #expect(held.decision(for: "alice", in: "none") == nil)
        #expect(router.snapshot().decision(for: "alice", in: "sms")?.variant.name == "canary")
        #expect(router.snapshot().decision(for: "alice", in: "ui") == nil)
    }

    @Test("A decision survives its policy, and says the same of it")
    func survival() throws {
        let router = try RolloutRouter(policy: policy(1, ["sms": Self.canary(100)]))
        let decision = try #require(router.rollout("sms")).decision(for: "alice")
        let text = decision.description
        for revision in 2...30 as ClosedRange<UInt32> {
            let release: Release = ["app": "v\(revision)"]
            let id = try #require(RolloutID("r\(revision)"))
            try router.update(to: policy(revision, [id: RolloutDefinition(.fixed(release))]))
        }
        #expect(decision.variant.name == "canary")
        #expect(decision.variant.release == Self.v2)
        #expect(decision.description == text)
        let bucket = try #require(decision.bucket)
        #expect(text == "canary (app v2, model m2) by split, bucket \(bucket), revision 1")
    }

    @Test("A policy without rollouts runs")
    func empty() throws {
        let router = try RolloutRouter(policy: policy(0, [:]))
        #expect(router.rollout("sms") == nil)
        #expect(router.snapshot().decision(for: "alice", in: "sms") == nil)
        try router.update(to: policy(1, ["sms": Self.canary(100)]))
        #expect(router.rollout("sms")?.decision(for: "alice").variant.name == "canary")
    }

    @Test("A pair of versions is never mixed: every decision carries a release that the policy has")
    func pairs() throws {
        let router = try RolloutRouter(policy: policy(0, ["sms": Self.canary(0)]))
        let sms = try #require(router.rollout("sms"))
        for step in 1...20 {
            let pair: Release = ["app": "a\(step)", "model": "m\(step)"]
            let next: Release = ["app": "a\(step + 1)", "model": "m\(step + 1)"]
            let definition = RolloutDefinition(.canary(.percent(50), stable: pair, canary: next), epoch: UInt32(step))
            try router.update(to: policy(UInt32(step), ["sms": definition]))
            for unit in 0..<50 {
                let decision = sms.decision(for: unit)
                let release = decision.variant.release
                #expect(release == (decision.variant.name == "canary" ? next : pair))
                #expect(release[.app]?.dropFirst() == release[.model]?.dropFirst())
            }
        }
    }
}
