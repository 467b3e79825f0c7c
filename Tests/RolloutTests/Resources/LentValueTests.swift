import Testing

@testable import Rollout

/// Whose value a decision gets: its own, or that of a variant the body is told.
@Suite("Which value a decision is lent")
struct LentValueTests {
    private let shelf = ReleaseResourcesTests.Shelf()

    // MARK: Adopted decisions

    @Test("A decision adopted at a share of 0 % gets its own value")
    func adopted() async throws {
        let (_, app) = try Fixture.router(Fixture.policy(percent: 100))
        let policy = try Fixture.policy(revision: 6, percent: 0) { definition in
            definition.hosts = [:]
            definition.forced = [:]
        }
        let models = try await shelf.resources(for: policy)
        let (_, model) = try Fixture.router(policy)
        let sessions = try Fixture.sessions()
        let header = try #require(sessions.header(for: app.decision(for: "alice"), unit: "alice", now: Fixture.now))
        let adopted = sessions.adopt(header, for: "alice", through: model, now: Fixture.now)
        #expect(!adopted.isTainted)
        #expect(models.lent(to: adopted.decision) == "v2 of canary")
        #expect(models.status.substitutions == 0)
    }

    @Test("Every decision that is adopted untainted gets its own value", arguments: StressEffort.seeds(15, long: 40))
    func adoptedFromAnywhere(seed: UInt64) async throws {
        var random = RandomPolicy(seed: seed)
        let definition = random.rollout()
        let policy = RolloutPolicy(revision: 1, rollouts: ["sms": definition])
        let models = try await ReleaseResources(for: policy) { _, release in release }
        let handle = try #require(try RolloutRouter(policy: policy).rollout("sms"))
        let sessions = try Fixture.sessions()
        for variant in definition.strategy.variants where variant.name != .shadow {
            var sender = definition
            sender.forced = ["alice": variant.name]
            (sender.disabled, sender.draining) = ([], [])
            let other = try #require(
                try RolloutRouter(policy: RolloutPolicy(revision: 1, rollouts: ["sms": sender])).rollout("sms")
            )
            let header = sessions.header(for: other.decision(for: "alice"), unit: "alice", now: Fixture.now)
            let adopted = sessions.adopt(header, for: "alice", through: handle, now: Fixture.now)
            #expect(adopted.isTainted == definition.disabled.contains(variant.name), "seed \(seed)")
            for asked in [adopted.decision.variant] + [adopted.decision.shadow].compactMap(\.self) {
                let lent = models.withValue(for: asked) { release, lent in lent == asked && release == asked.release }
                #expect(lent == true, "\(asked.name), seed \(seed)")
            }
        }
    }

    // MARK: Late decisions

    @Test("An old decision never gets another release's value from a slot that is used again")
    func reusedSlot() async throws {
        let models = try await shelf.resources(for: EditedPolicy.fixed())
        let router = try RolloutRouter(policy: EditedPolicy.fixed())
        let updater = RolloutUpdater(router, gates: [models])
        let sms = try #require(router.rollout("sms"))
        try await updater.update {
            try $0.startCanary(of: "sms", serving: EditedPolicy.v2, to: .all)
        }
        let old = sms.decision(for: "alice")
        #expect(models.lent(to: old) == "v2 of canary")
        try await updater.update { try $0.promote("sms") }
        #expect(models.lent(to: old) == "v2 of canary", "promoted, it is the same release")

        let slot = models.slot(of: old)
        // The first of these takes the slot of v1, the second that of v2, the third the first one's.
        for version in ["v3", "v4", "v5"] {
            try await updater.update {
                try $0.setRelease(of: "stable", in: "sms", to: [.app: version])
            }
            #expect(models.slot(of: old) == nil)
            #expect((models.slot(of: sms.decision(for: "alice")) == slot) == (version == "v4"))
            #expect(models.lent(to: old) == "\(version) of stable")
        }
        #expect(shelf.alive == ["v5"])
    }

    @Test("An old decision gets no other value either after its own came back under another name and went again")
    func reusedSlotAfterReturn() async throws {
        let models = try await shelf.resources(for: EditedPolicy.canary(100))
        let router = try RolloutRouter(policy: EditedPolicy.canary(100))
        let updater = RolloutUpdater(router, gates: [models])
        let old = try #require(router.rollout("sms")).decision(for: "alice")
        try await updater.update(ReleaseResourcesTests.askingAbort)
        #expect(models.lent(to: old) == "v1 of stable")
        for (release, lent) in [
            (EditedPolicy.v2, "v2 of canary"), (EditedPolicy.v3, "v3 of stable"), ([.app: "v4"], "v4 of stable"),
        ] as [(Release, String)] {
            try await updater.update { try $0.setRelease(of: "stable", in: "sms", to: release) }
            #expect(models.lent(to: old) == lent)
        }
    }

    struct RefusesV3: PolicyGate, Error {
        func prepare(from running: RolloutPolicy, to next: RolloutPolicy) async throws {
            if next.sms.strategy == .fixed([.app: "v3"]) { throw self }
        }
    }

    @Test("After a later gate refused, a late decision still gets the value of the first variant that runs")
    func laterGateRefuses() async throws {
        let models = try await shelf.resources(for: EditedPolicy.fixed())
        let router = try RolloutRouter(policy: EditedPolicy.fixed())
        let updater = RolloutUpdater(router, gates: [models, RefusesV3()])
        let late = try #require(router.rollout("sms")).decision(for: "alice")
        func toRelease(_ version: String) async throws {
            try await updater.update { try $0.setRelease(of: "stable", in: "sms", to: [.app: version]) }
        }
        try await toRelease("v2")
        #expect(models.lent(to: late) == "v2 of stable")
        await #expect(throws: UpdateError.self) { try await toRelease("v3") }
        #expect(shelf.versions == ["v1", "v2", "v3"])
        #expect(models.lent(to: late) == "v2 of stable")
        #expect(shelf.alive == ["v2"])
    }

    @Test("Every number that the registry gives out has its place in the table")
    func lastNumber() async throws {
        let models = try await shelf.resources(for: EditedPolicy.fixed())
        let last = VariantNumber(rawValue: UInt32(VariantRegistry.shared.limit) - 1)
        #expect(models.store.look(last) == nil)
        let v1 = ResourceKey(VariantRecord(rollout: "sms", name: "stable", release: EditedPolicy.v1))
        models.store.point([(last, v1)])
        #expect(models.store.look(last) != nil)
    }

    // MARK: Between the two looks

    @Test("A value that is retired after it was looked up and before it is held is not used")
    func retiredBetweenLookAndHold() async throws {
        let models = try await shelf.resources(for: EditedPolicy.canary(100))
        let router = try RolloutRouter(policy: EditedPolicy.canary(100))
        let updater = RolloutUpdater(router, gates: [models])
        let sms = try #require(router.rollout("sms"))
        let decision = sms.decision(for: "alice")
        #expect(models.lent(to: decision) == "v2 of canary")
        let look = try #require(models.store.look(decision.variant.number))

        try await updater.update(ReleaseResourcesTests.askingAbort)
        #expect(shelf.alive == ["v1"])
        #expect(models.store.hold(look) == nil)
        #expect(models.lent(to: decision) == "v1 of stable")

        // It is not used either if its slot holds another release by then.
        try await updater.update {
            try $0.startCanary(of: "sms", serving: EditedPolicy.v3, to: .all)
        }
        let next = sms.decision(for: "alice")
        #expect(models.lent(to: next) == "v3 of canary")
        #expect(models.slot(of: next) == look.place)
        #expect(models.store.hold(look) == nil)

        // What was counted in vain was counted out again: the slot's value goes at once.
        try await updater.update(ReleaseResourcesTests.askingAbort)
        #expect(shelf.alive == ["v1"])
        #expect(models.status.retiring == 0)
    }

    @Test("A value that is held before it is retired stays until the use ends")
    func heldBeforeRetirement() async throws {
        let models = try await shelf.resources(for: EditedPolicy.canary(100))
        let router = try RolloutRouter(policy: EditedPolicy.canary(100))
        let updater = RolloutUpdater(router, gates: [models])
        let decision = try #require(router.rollout("sms")).decision(for: "alice")
        #expect(models.lent(to: decision) == "v2 of canary")
        let use = try #require(models.store.look(decision.variant.number).flatMap(models.store.hold))
        try await updater.update(ReleaseResourcesTests.askingAbort)
        #expect(shelf.alive == ["v1", "v2"])
        models.store.end(use)
        #expect(shelf.alive == ["v1"])
    }
}

extension ReleaseResources {
    /// Which slot a decision's variant has in the table; nil for none.
    fileprivate func slot(of decision: Decision) -> UInt? { store.look(decision.variant.number)?.place }
}

extension ResourceLook {
    /// Which slot was found.
    fileprivate var place: UInt { unsafe UInt(bitPattern: slot.toOpaque()) }
}
