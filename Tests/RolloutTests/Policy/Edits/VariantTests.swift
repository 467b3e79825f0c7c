import Testing

@testable import Rollout

@Suite("Adding and removing variants of an A/B test")
struct VariantTests {
    private static func counts(_ policy: RolloutPolicy) -> [VariantName: Int] {
        (policy.smsTest.allocation ?? policy.smsTest.declaredLayout(on: .own)).reduce(into: [:]) { counts, range in
            if let variant = range.variant { counts[variant, default: 0] += range.buckets.count }
        }
    }

    /// Buckets go to or from one variant alone, or the first one if nobody is enrolled.
    private static func movesOnly(_ variant: VariantName, _ old: RolloutPolicy, _ new: RolloutPolicy) throws -> Bool {
        let movement = try MovementTests.kept(old.movement(to: new))
        #expect(movement.moved == movement.minimum)
        return movement.matrix.allSatisfy { from, row in
            row.keys.allSatisfy { $0 == from || from == variant || $0 == variant }
        }
    }

    private static func added(_ weight: Int) -> WeightedVariant {
        WeightedVariant("new", weight: weight, release: [.model: "m"])
    }

    @Test(
        "A variant that comes takes from all, one that goes gives to all, and nobody else moves",
        arguments: 0..<60 as Range<UInt64>
    )
    func addAndRemove(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let count = Int.random(in: 1...10, using: &random)
        let most = [9, 1_000, 1_000_000].randomElement(using: &random) ?? 9
        let weights = (0..<count).map { _ in Int.random(in: 1...most, using: &random) }
        let buckets = Int.random(in: 0...([30, 1_000_000].randomElement(using: &random) ?? 30), using: &random)
        var policy = EditedPolicy.test(weights, coverage: Share(buckets: buckets) ?? .all)
        if Bool.random(using: &random) { try policy.setCoverage(of: "sms", to: .percent(40)) }
        let newcomer = Self.added(.random(in: 0...most, using: &random))
        let next = try policy.changed { try $0.addVariant(newcomer, to: "sms") }
        try next.validate()
        #expect(next.smsTest.variants.map(\.name) == policy.smsTest.variants.map(\.name) + ["new"])
        #expect(next.smsTest.coverage == policy.smsTest.coverage)
        #expect(try Self.movesOnly("new", policy, next))
        #expect(next.sms.epoch == 0)

        let gone = next.smsTest.variants[Int.random(in: 1...count, using: &random)].name
        let last = try next.changed { try $0.removeVariant(gone, from: "sms") }
        try last.validate()
        #expect(!last.smsTest.variants.contains { $0.name == gone })
        #expect(try Self.movesOnly(gone, next, last))
        for (variant, owned) in Self.counts(next) where variant != gone {
            #expect(Self.counts(last)[variant, default: 0] >= owned)
        }
    }

    @Test("A third variant beside two takes a third, half of it from each")
    func third() throws {
        let policy = try EditedPolicy.test([1, 1]).changed { try $0.addVariant(Self.added(1), to: "sms") }
        #expect(Self.counts(policy) == ["v0": 333_334, "v1": 333_333, "new": 333_333])
        let movement = try MovementTests.kept(EditedPolicy.test([1, 1]).movement(to: policy))
        #expect(movement.matrix["v0"]?["new"] == 166_666)
        #expect(movement.matrix["v1"]?["new"] == 166_667)
    }

    @Test("With a weight of 0 nobody moves")
    func weightless() throws {
        let policy = try EditedPolicy.test([1, 1]).changed { try $0.addVariant(Self.added(0), to: "sms") }
        #expect(try MovementTests.kept(EditedPolicy.test([1, 1]).movement(to: policy)).moved == 0)
        #expect(policy.smsTest.allocation == nil)
    }

    @Test("What named the variant that goes names the first one, and it is no longer out of service")
    func rules() throws {
        var policy = EditedPolicy.test([1, 1, 1])
        policy.sms.hosts = ["two.local": "v2", "one.local": "v1"]
        policy.sms.forced = ["qa": "v2"]
        policy.sms.disabled = ["v2"]
        policy.sms.draining = ["v1", "v2"]
        try policy.removeVariant("v2", from: "sms")
        #expect(policy.sms.hosts == ["two.local": "v0", "one.local": "v1"])
        #expect(policy.sms.forced == ["qa": "v0"])
        #expect(policy.sms.disabled.isEmpty)
        #expect(policy.sms.draining == ["v1"])
        try policy.validate()
    }

    @Test("Up to 256 variants")
    func limit() throws {
        var policy = EditedPolicy.test(Array(repeating: 1, count: 255))
        try policy.addVariant(Self.added(1), to: "sms")
        try policy.validate()
        let before = policy
        let error = #expect(throws: EditError.self) {
            try policy.addVariant(WeightedVariant("more", weight: 1, release: [.model: "m"]), to: "sms")
        }
        #expect(error?.code == .tooMany)
        #expect(policy == before)
    }

    @Test("An updater that remembers a variant of that name with another release raises the epoch")
    func sameNameAgain() async throws {
        let router = try RolloutRouter(policy: EditedPolicy.test([1, 1, 1]))
        let updater = RolloutUpdater(router)
        try await updater.update { try $0.removeVariant("v2", from: "sms") }
        #expect(router.snapshot().policy.sms.epoch == 0)
        try await updater.update { policy in
            try policy.addVariant(WeightedVariant("v2", weight: 1, release: [.model: "other"]), to: "sms")
        }
        #expect(router.snapshot().policy.sms.epoch == 1)
    }

    static let refusals: [(RolloutPolicy, EditError.Code, String, @Sendable (inout RolloutPolicy) throws -> Void)] = [
        (
            EditedPolicy.test([1, 1]), .nameTaken,
            "it has a variant \"v1\"; rebalance its weight or set its release, or take another name",
            { try $0.addVariant(WeightedVariant("v1", weight: 1, release: [.model: "m"]), to: "sms") }
        ),
        (
            EditedPolicy.test([1, 1]), .badWeights,
            "the weight of \"new\" is 1,000,001; a weight is an integer in 0 ... 1,000,000",
            { try $0.addVariant(added(1_000_001), to: "sms") }
        ),
        (
            EditedPolicy.canary(5), .wrongStrategy,
            "it has no weights and no coverage; start a canary or a shadow to have a second variant",
            { try $0.addVariant(added(1), to: "sms") }
        ),
        (
            EditedPolicy.test([1, 1]), .forbiddenVariant,
            "\"v0\" is the first variant, which serves in place of all others; "
                + "give it another release, or give others its share",
            { try $0.removeVariant("v0", from: "sms") }
        ),
        (
            EditedPolicy.test([1, 1]), .unknownName, "it has no variant \"v2\"; it has \"v0\" or \"v1\"",
            { try $0.removeVariant("v2", from: "sms") }
        ),
        (
            EditedPolicy.test([0, 1]), .badWeights,
            "no variant would be left with a weight above 0; give another one a weight first",
            { try $0.removeVariant("v1", from: "sms") }
        ),
        (
            EditedPolicy.canary(5), .wrongStrategy,
            "it has no weights and no coverage; promote or abort what is under way",
            { try $0.removeVariant("canary", from: "sms") }
        ),
    ]

    @Test("What makes no sense is refused, and changes nothing", arguments: refusals.indices)
    func refused(index: Int) {
        let (before, code, text, edit) = Self.refusals[index]
        var policy = before
        let error = #expect(throws: EditError.self) { try edit(&policy) }
        #expect(error?.code == code)
        #expect(error?.description == "rollout \"sms\" (\(before.sms.strategy.kind.rawValue)): \(text)")
        #expect(policy == before)
    }
}
