import Testing

@testable import Rollout

@Suite("Resources of policies that are refused")
struct RefusedPolicyTests {
    struct Missing: Error {}

    /// How many variants of a rollout the process knows.
    private func registered(_ id: RolloutID) -> Int {
        VariantRegistry.shared.numbers.withLock { numbers in numbers.keys.count { $0.rollout == id } }
    }

    private func policy(_ id: RolloutID, _ version: String, revision: UInt32 = 1) -> RolloutPolicy {
        let canary = RolloutStrategy.canary(.percent(10), stable: EditedPolicy.v1, canary: [.model: version])
        return RolloutPolicy(revision: revision, rollouts: [id: RolloutDefinition(canary, epoch: revision)])
    }

    @Test("A thousand policies whose models fail to load add no name to the process")
    func failingLoads() async throws {
        let id: RolloutID = "failing-loads"
        let models = try await ReleaseResources(for: policy(id, "good")) { _, release in
            if release[.model]?.hasPrefix("bad") == true { throw Missing() }
        }
        let router = try RolloutRouter(policy: policy(id, "good"))
        let updater = RolloutUpdater(router, gates: [models])
        let before = registered(id)
        #expect(before == 2)
        for number in 0..<1_000 {
            let error = await #expect(throws: UpdateError.self) {
                try await updater.update(to: policy(id, "bad-\(number)", revision: 2))
            }
            #expect(error?.code == .refused)
        }
        #expect(registered(id) == before)
    }

    struct Refusal: PolicyGate, Error {
        func prepare(from running: RolloutPolicy, to next: RolloutPolicy) async throws { throw self }
    }

    @Test("Policies that another gate refuses, before or after, add no name either", arguments: [true, false])
    func otherGate(isFirst: Bool) async throws {
        let id: RolloutID = isFirst ? "refused-before" : "refused-after"
        let models = try await ReleaseResources(for: policy(id, "good")) { _, _ in }
        let router = try RolloutRouter(policy: policy(id, "good"))
        let gates: [any PolicyGate] = isFirst ? [Refusal(), models] : [models, Refusal()]
        let updater = RolloutUpdater(router, gates: gates)
        for number in 0..<20 {
            let error = await #expect(throws: UpdateError.self) {
                try await updater.update(to: policy(id, "v\(number)", revision: 2))
            }
            #expect(error?.code == .refused)
        }
        #expect(registered(id) == 2)
        #expect(models.status.loaded == [id: [EditedPolicy.v1, [.model: "good"]]])
    }

    @Test("Resources whose first load fails add no name either")
    func failingStart() async {
        await #expect(throws: ReleaseLoadError.self) {
            try await ReleaseResources(for: policy("failing-start", "v2"), defaults: ["failing-start": ["app": "v0"]]) {
                _,
                _ in throw Missing()
            }
        }
        #expect(registered("failing-start") == 0)
    }
}
