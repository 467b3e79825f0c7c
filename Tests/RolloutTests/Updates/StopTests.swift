import Testing

@testable import Rollout

@Suite("Stopping a variant in one process")
struct StopTests {
    private static func policy() throws -> RolloutPolicy {
        var policy = EditedPolicy.canary(100)
        policy.sms.forced = ["qa": .canary]
        policy.sms.hosts = [HostName("canary.example"): .canary]
        return policy
    }

    private let router: RolloutRouter
    private let updater: RolloutUpdater
    private let sms: RolloutHandle

    init() throws {
        router = try RolloutRouter(policy: Self.policy())
        updater = RolloutUpdater(router)
        sms = try #require(router.rollout("sms"))
    }

    private func served() -> Set<String> {
        let decisions = [
            sms.decision(for: "qa"), sms.decision(for: nil, host: "canary.example"), sms.decision(for: "alice"),
        ]
        for (decision, explanation) in zip(
            decisions,
            [
                sms.explanation(for: "qa"), sms.explanation(for: nil, host: "canary.example"),
                sms.explanation(for: "alice"),
            ]
        ) {
            #expect(explanation.decision == decision)
        }
        return Set(decisions.map { "\($0.variant.name) \($0.reason)" })
    }

    @Test("Nobody gets it, by whatever rule, and the policy stays what it is")
    func stopped() async throws {
        #expect(served() == ["canary forced", "canary host", "canary split"])
        try await updater.stop("canary", of: "sms", by: "ana")
        #expect(served() == ["stable not_enrolled"])
        #expect(try router.snapshot().policy == Self.policy())
        #expect(router.status.rollouts[0].variants.map(\.isStopped) == [false, true])
        #expect(router.status.rollouts[0].variants.map(\.share) == [.all, .zero])
        let record = try #require(updater.history.last)
        #expect(
            record.description
                == "revision 1 stopped, revision 1 runs, by ana, because canary of sms is stopped in this process"
        )
    }

    @Test("It lasts through later revisions and new handles, until the epoch rises")
    func lasting() async throws {
        try await updater.stop("canary", of: "sms")
        try await updater.update { try $0.setShare(of: "sms", to: .percent(50)) }
        for count in 1...20 { _ = router.rollout("sms", default: [.app: "v\(count)"]) }
        #expect(served() == ["stable not_enrolled"])
        #expect(router.rollout("sms", default: [.app: "v9"]).decision(for: "qa").variant.name == "stable")
        // The rollout goes, and comes back in the same epoch.
        try await updater.update(to: RolloutPolicy(revision: 3, rollouts: [:]))
        try await updater.update(to: Self.policy().at(4))
        #expect(served() == ["stable not_enrolled"])
        try await updater.update { $0.sms.epoch += 1 }
        #expect(served() == ["canary forced", "canary host", "canary split"])
        #expect(!router.status.rollouts[0].variants[1].isStopped)
    }

    @Test("It waits for no change that hangs at the store")
    func atOnce() async throws {
        let store = MemoryStore(EditedPolicy.canary(10))
        let router = try RolloutRouter(policy: EditedPolicy.canary(10))
        let updater = RolloutUpdater(router, store: store)
        let isAsked = OneShot<Bool>()
        store.beforeNextSwap {
            isAsked.fulfil(true)
            return await OneShot<StoreAnswer>().value
        }
        let stuck = Task { try await updater.update { try $0.setShare(of: "sms", to: .percent(100)) } }
        _ = await isAsked.value
        try await updater.stop("canary", of: "sms")
        #expect(router.status.rollouts[0].variants[1].isStopped)
        stuck.cancel()
        await #expect(throws: UpdateError.self) { try await stuck.value }
        // What every process does in the end.
        #expect(try await updater.update { try $0.abort("sms") } == 2)
        #expect(store.policy == router.snapshot().policy)
    }

    @Test("A shadow that is stopped makes no copies")
    func shadow() async throws {
        let router = try RolloutRouter(policy: EditedPolicy.shadow(100))
        let sms = try #require(router.rollout("sms"))
        #expect(sms.decision(for: "alice").shadow != nil)
        try await RolloutUpdater(router).stop("shadow", of: "sms")
        #expect(sms.decision(for: "alice").shadow == nil)
    }

    @Test("A stopped variant that becomes the first serves again, in place of all others")
    func first() async throws {
        let router = try RolloutRouter(policy: EditedPolicy.test([1, 1]))
        let updater = RolloutUpdater(router)
        try await updater.stop("v1", of: "sms")
        var next = EditedPolicy.test([1, 1]).at(2)
        next.smsTest.variants.reverse()
        try await updater.update(to: next)
        #expect(router.status.rollouts[0].variants.map(\.isDisabled) == [false, false])
        #expect(router.rollout("sms")?.decision(for: nil).variant.name == "v1")
    }

    @Test(
        "The first variant, and what is not there, cannot be stopped",
        arguments: [("stable", "sms"), ("late", "sms"), ("canary", "web")]
    )
    func wrong(variant: String, rollout: String) async throws {
        let error = try await #require(throws: UpdateError.self) {
            try await updater.stop(#require(VariantName(variant)), of: #require(RolloutID(rollout)))
        }
        #expect(error.code == .editFailed)
        #expect(updater.history.last?.error == error)
        #expect(served() == ["canary forced", "canary host", "canary split"])
    }
}
