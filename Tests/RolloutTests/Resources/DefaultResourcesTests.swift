import Testing

@testable import Rollout

@Suite("Resources of defaults")
struct DefaultResourcesTests {
    private static let v0: Release = [.app: "v0", .model: "v0"]

    private let shelf = ReleaseResourcesTests.Shelf()

    /// A policy of another rollout alone.
    private static func without(_ policy: RolloutPolicy, revision: UInt32) -> RolloutPolicy {
        RolloutPolicy(revision: revision, rollouts: ["ui": RolloutDefinition(.fixed(EditedPolicy.v3))])
    }

    @Test("A default is loaded at the start, once, whether the policy has the rollout or not")
    func start() async throws {
        let models = try await shelf.resources(for: EditedPolicy.canary(10), defaults: ["sms": Self.v0, "ui": Self.v0])
        #expect(models.status.loaded == ["sms": [Self.v0, EditedPolicy.v1, EditedPolicy.v2], "ui": [Self.v0]])
        let same = try await shelf.resources(for: EditedPolicy.fixed(), defaults: ["sms": EditedPolicy.v1])
        #expect(same.status.loaded == ["sms": [EditedPolicy.v1]])
        #expect(shelf.versions == ["v1", "v2", "v0", "v0", "v1"])
    }

    @Test("A rollout leaves the policy and comes back: no decision of any time lacks a value")
    func leavingAndComingBack() async throws {
        let policy = EditedPolicy.canary(100)
        let models = try await shelf.resources(for: policy, defaults: ["sms": Self.v0])
        let router = try RolloutRouter(policy: policy)
        let updater = RolloutUpdater(router, gates: [models])
        let handles = [router.rollout("sms", default: Self.v0), try #require(router.rollout("sms"))]
        let present = handles.map { $0.decision(for: "alice") }
        for decision in present { #expect(models.lent(to: decision) == "v2 of canary") }

        try await updater.update(to: Self.without(policy, revision: 2))
        let absent = handles.map { $0.decision(for: "alice") }
        #expect(absent.map(\.reason) == [.absent, .absent])
        for decision in present + absent { #expect(models.lent(to: decision) == "v0 of default") }
        #expect(absent.map(\.variant.name) == ["default", "stable"])
        #expect(shelf.alive == ["v0", "v3"])

        try await updater.update(to: policy.at(3))
        let back = handles.map { $0.decision(for: "alice") }
        for decision in present + back { #expect(models.lent(to: decision) == "v2 of canary") }
        #expect(absent.map { models.lent(to: $0) } == ["v0 of default", "v1 of stable"])
        #expect(shelf.alive == ["v0", "v1", "v2"])
    }

    @Test("A service that starts without a policy has the values of its defaults")
    func noPolicy() async throws {
        let models = try await shelf.resources(
            for: RolloutPolicy(revision: 0, rollouts: [:]),
            defaults: ["sms": Self.v0]
        )
        let router = RolloutRouter()
        let updater = RolloutUpdater(router, gates: [models])
        let sms = router.rollout("sms", default: Self.v0)
        #expect(models.lent(to: sms.decision(for: "alice")) == "v0 of default")
        try await updater.update(to: EditedPolicy.canary(100))
        #expect(models.lent(to: sms.decision(for: "alice")) == "v2 of canary")
        #expect(models.status.substitutions == 0)
    }

    @Test("A default of a rollout that is otherwise left out counts; without one there is no value")
    func leftOut() async throws {
        var policy = EditedPolicy.canary(100)
        policy.rollouts["ui"] = RolloutDefinition(.fixed(EditedPolicy.v3))
        let models = try await ReleaseResources(for: policy, defaults: ["sms": Self.v0], in: []) { _, release in release
        }
        #expect(models.status.loaded == ["sms": [Self.v0, EditedPolicy.v1, EditedPolicy.v2]])
        let router = try RolloutRouter(policy: policy)
        let ui = try #require(router.rollout("ui"))
        #expect(models.withValue(for: ui.decision(for: "alice").variant) { _, _ in } == nil)
    }

    @Test("A default that is not a release is refused, and its place is named")
    func invalid() async {
        let error = await #expect(throws: PolicyError.self) {
            try await ReleaseResources(for: EditedPolicy.fixed(), defaults: ["sms": [:], "ui": ["app": "v\t1"]]) {
                _,
                _ in
            }
        }
        #expect(error?.problems.map(\.path) == ["defaults.sms", "defaults.ui.app"])
        #expect(error?.problems.map(\.code) == [.emptyRelease, .badVersion])
    }
}
