import Testing

@testable import Rollout

@Suite("Allocation: owners, shares and ways to a variant")
struct AllocationTests {
    /// A rollout, and the places of the variants that units are drawn into, that assignments keep, that are adopted, and
    /// that are reached at all.
    struct Ways: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let definition: RolloutDefinition
        let drawn: [Int]
        let kept: [Int]
        let adopted: [Int]
        let reached: [Int]

        init(
            _ name: String,
            _ policy: RolloutPolicy,
            drawn: [Int],
            kept: [Int],
            adopted: [Int],
            reached: [Int],
            _ change: (inout RolloutDefinition) -> Void = { _ in }
        ) {
            var definition = policy.sms
            change(&definition)
            testDescription = name
            self.definition = definition
            (self.drawn, self.kept, self.adopted, self.reached) = (drawn, kept, adopted, reached)
        }
    }

    static let ways = [
        Ways("fixed", EditedPolicy.fixed(), drawn: [0], kept: [0], adopted: [0], reached: [0]),
        Ways("canary", EditedPolicy.canary(10), drawn: [0, 1], kept: [0, 1], adopted: [0, 1], reached: [0, 1]),
        Ways("a canary of 0 %", EditedPolicy.canary(0), drawn: [0], kept: [0], adopted: [0, 1], reached: [0, 1]),
        Ways("a canary of 100 %", EditedPolicy.canary(100), drawn: [1], kept: [1], adopted: [0, 1], reached: [0, 1]),
        Ways("disabled", EditedPolicy.canary(10), drawn: [0], kept: [0], adopted: [0], reached: [0]) {
            $0.disabled = ["canary"]
        },
        Ways("draining", EditedPolicy.canary(10), drawn: [0], kept: [0, 1], adopted: [0, 1], reached: [0, 1]) {
            $0.draining = ["canary"]
        },
        Ways("both", EditedPolicy.canary(10), drawn: [0], kept: [0], adopted: [0], reached: [0]) {
            $0.draining = ["canary"]
            $0.disabled = ["canary"]
        },
        Ways("shadow", EditedPolicy.shadow(10), drawn: [0], kept: [0], adopted: [0], reached: [0, 1]),
        Ways("a shadow of 0 %", EditedPolicy.shadow(0), drawn: [0], kept: [0], adopted: [0], reached: [0]),
        Ways("no copies", EditedPolicy.shadow(10), drawn: [0], kept: [0], adopted: [0], reached: [0]) {
            $0.disabled = ["shadow"]
        },
        Ways("copies run dry", EditedPolicy.shadow(10), drawn: [0], kept: [0], adopted: [0], reached: [0]) {
            $0.draining = ["shadow"]
        },
        Ways(
            "weights of 0",
            EditedPolicy.test([0, 1, 0]),
            drawn: [1],
            kept: [1],
            adopted: [0, 1, 2],
            reached: [0, 1, 2]
        ),
        Ways(
            "coverage of 0",
            EditedPolicy.test([1, 1], coverage: .zero),
            drawn: [],
            kept: [],
            adopted: [0, 1],
            reached: [0, 1]
        ),
    ]

    @Test("Draws, assignments and adoption lead to the right variants", arguments: ways)
    func waysToAVariant(expected: Ways) {
        let allocation = Allocation(expected.definition)
        let places = allocation.variants.indices
        #expect(Set(allocation.runs.compactMap(\.drawn)).sorted() == expected.drawn)
        #expect(places.filter(allocation.isKeptByAssignment) == expected.kept)
        #expect(places.filter(allocation.isAdopted) == expected.adopted)
        #expect(allocation.reachable == expected.reached)
    }

    @Test("Every bucket has one server, as the slow model says", arguments: 0..<12 as Range<UInt64>)
    func servers(seed: UInt64) {
        var random = RandomPolicy(seed: seed)
        let definition = random.rollout()
        let allocation = Allocation(definition)
        let servers = definition.serverOfEachBucket
        #expect(allocation.runs.first?.buckets.lowerBound == 0)
        #expect(allocation.runs.last?.buckets.upperBound == 1_000_000)
        for (run, next) in zip(allocation.runs, allocation.runs.dropFirst()) {
            #expect(run.buckets.upperBound == next.buckets.lowerBound)
        }
        var (counts, wrong) = (Array(repeating: 0, count: allocation.variants.count), 0)
        for run in allocation.runs {
            for bucket in run.buckets {
                counts[servers[bucket]] += 1
                if servers[bucket] != run.server { wrong += 1 }
            }
        }
        #expect(wrong == 0, "seed \(seed)")
        #expect(allocation.served == counts, "seed \(seed)")
        if definition.strategy.kind != .shadow { #expect(allocation.shares.map(\.buckets) == allocation.served) }
    }

    @Test(
        "A decision names a variant that can be reached, whatever led to it",
        arguments: StressEffort.seeds(30, long: 60)
    )
    func reachable(seed: UInt64) throws {
        var random = RandomPolicy(seed: seed)
        let definition = random.rollout()
        let reachable = Set(Allocation(definition).reachable.map { definition.strategy.variants[$0].name.text })
        let router = try RolloutRouter(policy: RolloutPolicy(revision: 1, rollouts: ["sms": definition]))
        let handle = try #require(router.rollout("sms"))
        for _ in 0..<400 {
            let request = random.request(for: "sms", of: definition)
            let decision = handle.decision(for: request.unit, host: request.host, holding: request.held?.assignment)
            for variant in [decision.variant] + [decision.shadow].compactMap(\.self) {
                #expect(reachable.contains("\(variant.name)"), "\(decision), seed \(seed)")
            }
        }
    }
}
