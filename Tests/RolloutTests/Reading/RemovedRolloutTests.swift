import Testing

@testable import Rollout

/// Ids that come and go: one for each pull request, say.
@Suite("Removed rollouts")
struct RemovedRolloutTests {
    private static let limit = 10_000
    private static let defaults = 10

    private func policy(_ revision: UInt32, _ ids: some Sequence<Int>) -> RolloutPolicy {
        let rollouts = ids.compactMap { number in
            RolloutID("pr-\(number)").map { ($0, RolloutDefinition(.fixed(["app": "v\(number)"]))) }
        }
        return RolloutPolicy(revision: revision, rollouts: Dictionary(uniqueKeysWithValues: rollouts))
    }

    @Test("10,000 are remembered; then a new one is refused, and an id that comes back is not")
    func limit() async throws {
        let router = try RolloutRouter(policy: policy(1, 0..<Self.limit))
        // A default that a program asked for is no rollout that was removed, and takes none of their places.
        for number in 0..<Self.defaults { _ = router.rollout("other", default: ["app": "\(number)"]) }
        let first = try #require(router.rollout("pr-0"))
        let middle = try #require(router.rollout("pr-5000"))

        // 10,000 are removed, and one is new.
        try router.update(to: policy(2, [10_000]))
        #expect(router.rollout("pr-10000")?.decision(for: "x").variant.release == ["app": "v10000"])
        #expect(first.decision(for: "x").reason == .absent)
        #expect(middle.decision(for: "x").variant.release == ["app": "v5000"])

        // With another new one in its place there would be 10,001.
        let error = #expect(throws: PolicyError.self) { try router.update(to: policy(3, [10_001])) }
        let problem = try #require(error?.problems.first)
        #expect(problem.code == .tooManyRemoved)
        #expect(problem.path == "rollouts.pr-10001")
        #expect(
            problem.message
                == "the router never had \"pr-10001\", and with it would remember 10,001 rollouts that were removed; "
                + "the most are 10,000: use ids again that were removed, bring removed rollouts back, or restart the process"
        )
        #expect(router.snapshot().revision == 2)

        // A policy that only removes is never refused.
        try router.update(to: policy(4, []))
        #expect(router.rollout("pr-10000") == nil)
        // An id that comes back is not refused either. It gets the seat that its handles hold.
        try router.update(to: policy(5, [0]))
        #expect(first.decision(for: "x").reason == .fixed && first.decision(for: "x").revision == 5)
        #expect(router.state.compiled.roster.count == Self.limit + 1 + Self.defaults)
        // Through an updater it is the same: it says so, and the running policy stays.
        let updater = RolloutUpdater(router)
        let refusal = await #expect(throws: UpdateError.self) { try await updater.update(to: policy(6, [10_001])) }
        #expect((refusal?.underlying as? PolicyError)?.problems.map(\.code) == [.tooManyRemoved])
        #expect(router.status.revision == 5)
        #expect(updater.history.last?.error == refusal)
        // Two that come back make room for one that is new.
        try router.update(to: policy(7, [0, 1, 10_001]))
        #expect(router.rollout("pr-10001")?.decision(for: "x").revision == 7)
    }

    @Test("A refused policy leaves no name in the process")
    func refused() throws {
        let registry = VariantRegistry(capacity: Self.limit + 2)
        let full = try CompiledPolicy(policy(1, 0..<Self.limit), after: Roster(), appliedAt: 0, registry: registry)
        let next = try CompiledPolicy(policy(2, [10_000]), after: full.roster, appliedAt: 0, registry: registry)
        for newcomers in [1, 50, 1, 50] {
            #expect(throws: PolicyError.self) {
                let many = policy(3, 20_000..<(20_000 + newcomers))
                _ = try CompiledPolicy(many, after: next.roster, appliedAt: 0, registry: registry)
            }
        }
        #expect(registry.numbers.withLock { $0.count } == Self.limit + 1)
    }
}
