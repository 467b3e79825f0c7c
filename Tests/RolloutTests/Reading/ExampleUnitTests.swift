import Rollout
import Testing

@Suite("A unit that lands in a variant")
struct ExampleUnitTests {
    private static func handle(
        _ policy: RolloutPolicy,
        _ change: (inout RolloutDefinition) -> Void = { _ in }
    ) throws -> RolloutHandle {
        var policy = policy
        change(&policy.sms)
        return try #require(RolloutRouter(policy: policy).rollout("sms"))
    }

    @Test("It is drawn into the variant it was asked for", arguments: StressEffort.seeds(20, long: 40))
    func drawn(seed: UInt64) throws {
        var random = RandomPolicy(seed: seed)
        var definition = random.rollout()
        definition.forced["example-0"] = definition.strategy.variants[0].name
        let handle = try #require(
            RolloutRouter(policy: RolloutPolicy(revision: 1, rollouts: ["sms": definition])).rollout("sms")
        )
        let status = try RolloutRouter(policy: RolloutPolicy(revision: 1, rollouts: ["sms": definition])).status
        for variant in status.rollouts[0].variants where variant.share == .zero || variant.share > .percent(0.01) {
            let unit = handle.exampleUnit(in: variant.name)
            // A thousandth takes a thousand names, and a debug build milliseconds for each hundred.
            if variant.share > .percent(0.1) {
                #expect(unit == handle.exampleUnit(in: variant.name), "it stays the same")
            }
            guard let unit else {
                // Nobody: the first variant may serve those who are not enrolled, who are not drawn into it.
                let isNobodys = variant.share == .zero || variant.name == definition.strategy.variants[0].name
                #expect(isNobodys, "\(variant.name) in \(definition)")
                continue
            }
            let decision = handle.decision(for: unit)
            if definition.strategy.kind == .shadow, variant.name == .shadow {
                #expect(decision.shadow?.name == .shadow)
            } else {
                #expect(decision.variant.name == variant.name)
                #expect([.split, .fixed].contains(decision.reason))
            }
        }
    }

    @Test("Names are tried in order, by the bucket alone")
    func order() throws {
        // example-5 is in bucket 10,904, and none before it is below 100,000.
        let handle = try Self.handle(EditedPolicy.canary(10))
        #expect(handle.exampleUnit(in: .canary) == "example-5")
        #expect(handle.exampleUnit(in: .stable) == "example-0")
        let forced = try Self.handle(EditedPolicy.canary(10)) {
            $0.forced = ["example-5": .canary, "example-0": .canary]
        }
        #expect(forced.exampleUnit(in: .canary) == "example-6")
        #expect(forced.exampleUnit(in: .stable) == "example-1")
        let hosts = try Self.handle(EditedPolicy.canary(10)) { $0.hosts = ["a.local": .stable] }
        #expect(hosts.exampleUnit(in: .canary) == "example-5")
    }

    @Test("A single bucket has one too")
    func oneBucket() throws {
        let policy = EditedPolicy.policy(
            .canary(try #require(Share(buckets: 1)), stable: EditedPolicy.v1, canary: EditedPolicy.v2)
        )
        let handle = try Self.handle(policy) { $0.salt = "salt-433" }
        #expect(handle.exampleUnit(in: .canary) == "example-1500")
        #expect(handle.decision(for: "example-1500").bucket == 0)
    }

    struct Nobody: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let policy: RolloutPolicy
        let variant: VariantName
        var change: @Sendable (inout RolloutDefinition) -> Void = { _ in }
    }

    @Test(
        "Nil if nobody is drawn into it",
        arguments: [
            Nobody(testDescription: "no such variant", policy: EditedPolicy.canary(10), variant: "canari"),
            Nobody(testDescription: "share 0", policy: EditedPolicy.canary(0), variant: .canary),
            Nobody(testDescription: "the rest of all", policy: EditedPolicy.canary(100), variant: .stable),
            Nobody(testDescription: "disabled", policy: EditedPolicy.canary(10), variant: .canary) {
                $0.disabled = [.canary]
            },
            Nobody(testDescription: "draining", policy: EditedPolicy.canary(10), variant: .canary) {
                $0.draining = [.canary]
            },
            Nobody(testDescription: "waits for a canary", policy: EditedPolicy.fixed(), variant: .canary) {
                $0.forced = ["example-0": .canary]
            },
            Nobody(testDescription: "no copies", policy: EditedPolicy.shadow(0), variant: .shadow),
            Nobody(testDescription: "copies are stopped", policy: EditedPolicy.shadow(10), variant: .shadow) {
                $0.disabled = [.shadow]
            },
            Nobody(
                testDescription: "nobody is enrolled",
                policy: EditedPolicy.test([1, 1], coverage: .zero),
                variant: "v0"
            ),
            Nobody(testDescription: "weight 0", policy: EditedPolicy.test([1, 0]), variant: "v1"),
        ]
    )
    func nobody(row: Nobody) throws {
        #expect(try Self.handle(row.policy, row.change).exampleUnit(in: row.variant) == nil)
    }

    @Test("While the policy lacks the rollout everybody gets the default, and after an update it is the policy's again")
    func absent() async throws {
        let router = RolloutRouter()
        let handle = router.rollout("sms", default: EditedPolicy.v1)
        #expect(handle.exampleUnit(in: .default) == "example-0")
        #expect(handle.exampleUnit(in: .canary) == nil)
        let updater = RolloutUpdater(router)
        try await updater.update(to: EditedPolicy.canary(10))
        #expect(handle.exampleUnit(in: .canary) == "example-5")
        #expect(handle.exampleUnit(in: .default) == nil)
    }
}
