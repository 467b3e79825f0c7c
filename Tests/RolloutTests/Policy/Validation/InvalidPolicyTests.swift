import Testing

@testable import Rollout

@Suite("Policies built in code and never validated")
struct InvalidPolicyTests {
    /// Something that makes any valid rollout invalid.
    struct Flaw: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let apply: @Sendable (inout RolloutDefinition, inout RandomPolicy) -> Void

        init(_ name: String, _ apply: @escaping @Sendable (inout RolloutDefinition, inout RandomPolicy) -> Void) {
            testDescription = name
            self.apply = apply
        }

        /// An A/B test with these weights, changed further by a closure.
        static func test(
            _ name: String,
            _ weights: [Int],
            _ change: @escaping @Sendable (inout RolloutStrategy.ABTest) -> Void = { _ in }
        ) -> Flaw {
            Flaw(name) { definition, random in
                let variants = weights.enumerated().map { index, weight in
                    WeightedVariant(EditedPolicy.variant(index), weight: weight, release: EditedPolicy.v1)
                }
                let coverage = Share(buckets: random.pick([0, 1, 333_333, 1_000_000])) ?? .all
                var test = RolloutStrategy.ABTest(variants, coverage: coverage)
                change(&test)
                definition.strategy = .abTest(test)
            }
        }

        /// A test of one variant with this written allocation.
        static func allocation(_ name: String, _ ranges: [Range<Int>], owner: VariantName = "v0") -> Flaw {
            .test(name, [1]) { test in
                test.coverage = .percent(50)
                test.allocation = ranges.map { AllocatedRange(owner, $0) }
            }
        }

        /// A plan with a flaw, of a rollout that has had none or any.
        static func plan(
            _ name: String,
            _ change: @escaping @Sendable (inout ProgressionPlan, inout RandomPolicy) -> Void
        ) -> Flaw {
            Flaw(name) { definition, random in
                var plan = definition.progression ?? ProgressionPlan(steps: [.percent(5)])
                change(&plan, &random)
                definition.progression = plan
            }
        }

        /// A release in the place of whichever the strategy serves first.
        static func release(_ name: String, _ release: Release) -> Flaw {
            Flaw(name) { definition, random in
                definition.strategy = random.pick([
                    .fixed(release), .canary(.all, stable: EditedPolicy.v1, canary: release),
                    .shadow(.zero, primary: release, shadow: EditedPolicy.v1),
                    .abTest([WeightedVariant("a", weight: 1, release: release)]),
                ])
            }
        }
    }

    static let flaws: [Flaw] = [
        .test("no variants", []),
        .test("a weight of 0", [0]),
        .test("weights of 0", [0, 0, 0]),
        .test("two weights of Int.max", [.max, .max]),
        .test("one weight of Int.max", [.max]),
        .test("weights of Int.min", [.min, .min]),
        .test("a negative weight", [-1, 1]),
        .test("a weight too large", [1_000_001, 1]),
        .test("300 variants", Array(repeating: 1, count: 300)),
        .test("300 heavy variants", Array(repeating: .max, count: 300)),
        .test("one name twice", [1, 1]) { $0.variants[1].name = $0.variants[0].name },
        .test("one name for all 20", Array(repeating: 3, count: 20)) { test in
            for index in test.variants.indices { test.variants[index].name = "same" }
        },
        .allocation("a range below 0", [-1..<500_000]),
        .allocation("a range beyond the coverage", [0..<1_000_000]),
        .allocation("the longest range there is", [Int.min..<Int.max]),
        .allocation("a range far away", [Int.max - 1..<Int.max]),
        .allocation("an empty range", [0..<0, 0..<500_000]),
        .allocation("no ranges", []),
        .allocation("overlapping ranges", [0..<300_000, 200_000..<500_000]),
        .allocation("ranges in descending order", [250_000..<500_000, 0..<250_000]),
        .allocation("too many ranges", (0..<2_000).map { $0 * 250..<($0 + 1) * 250 }),
        .allocation("an owner that is unknown", [0..<500_000], owner: "nobody"),
        .release("a release without components", [:]),
        .release("an empty version", [.app: ""]),
        .release("a version with NUL", [.app: "v\0"]),
        .release("a version too long", [.app: String(repeating: "v", count: 129)]),
        Flaw("a disabled variant that is unknown") { definition, _ in definition.disabled.insert("nobody") },
        Flaw("a draining variant that is unknown") { definition, _ in definition.draining.insert("nobody") },
        Flaw("the first variant disabled") { definition, _ in
            definition.strategy = .canary(.percent(10), stable: EditedPolicy.v1, canary: EditedPolicy.v2)
            definition.disabled.insert("stable")
        },
        Flaw("every variant out of service") { definition, _ in
            definition.strategy = .shadow(.all, primary: EditedPolicy.v1, shadow: EditedPolicy.v2)
            (definition.disabled, definition.draining) = (["primary", "shadow"], ["primary", "shadow"])
        },
        Flaw("a rule for a variant that is unknown") { definition, random in
            if random.chance(1, in: 2) { definition.hosts["h"] = "nobody" } else { definition.forced["u"] = "nobody" }
        },
        Flaw("a unit forced to the shadow") { definition, _ in
            definition.strategy = .shadow(.all, primary: EditedPolicy.v1, shadow: EditedPolicy.v2)
            definition.forced["u"] = .shadow
        },
        Flaw("a unit that is no text") { definition, random in
            let unit = random.pick(["", "\0", "u\0", String(repeating: "u", count: 1_025)])
            definition.forced[UnitID(unit)] = definition.strategy.variants.first?.name ?? "v0"
        },
        Flaw("a host that is none") { definition, random in
            let host = random.pick(["", ".", "a b", "a/b", "\0", ":80", String(repeating: "h", count: 1_025)])
            definition.hosts[HostName(host)] = definition.strategy.variants.first?.name ?? "v0"
        },
        Flaw("a salt that is no text") { definition, random in
            definition.salt = random.pick(["", "\0", String(repeating: "s", count: 1_025)])
        },
        Flaw("a cookie that no browser keeps") { definition, random in
            definition.sticky = random.pick([
                StickyCookie(name: "", maxAge: 60), StickyCookie(name: "c", maxAge: .max),
                StickyCookie(name: "c", maxAge: .min), StickyCookie(name: "a;b\0", maxAge: 60),
                StickyCookie(name: "__Host-c", maxAge: 60, isSecure: false),
                StickyCookie(name: "c", maxAge: 60, path: ""), StickyCookie(name: "c", maxAge: 60, domain: "..\0"),
            ])
        },
        Flaw("nothing to remember what was assigned") { definition, _ in
            (definition.missingUnit, definition.sticky) = (.assign, nil)
        },
        .plan("no steps") { plan, _ in plan.steps = [] },
        .plan("a step of all") { plan, _ in plan.steps = [.all] },
        .plan("steps that fall") { plan, _ in plan.steps = [.percent(2), .percent(1)] },
        .plan("times out of range") { plan, random in
            plan.count = .units
            let time = random.pick([Int.min, -1, Int.max])
            switch random.number(in: 0...3) {
            case 0: plan.interval = time
            case 1: plan.settle = time
            case 2: plan.dwell = time
            default: plan.deadline = time
            }
        },
        .plan("a margin of nothing") { plan, _ in (plan.count, plan.margin) = (.units, .zero) },
        .plan("a schedule with a limit") { plan, _ in (plan.count, plan.limit) = (.nothing, .percent(1)) },
        .plan("a bound of 0") { plan, _ in (plan.count, plan.falseAdvance) = (.units, .zero) },
        .plan("percentiles that fall") { plan, _ in
            (plan.count, plan.latency) = (.units, [.percent(99), .percent(50)])
        },
        Flaw("an adaptation that forgets all") { definition, _ in
            definition.strategy = .fixed(EditedPolicy.v1)
            (definition.progression, definition.adaptation) = (nil, AdaptationPlan(forget: .all))
        },
        Flaw("a release that is not compatible") { definition, _ in definition.compatible = [[:]] },
    ]

    private static func invalid(_ flaw: Flaw, _ random: inout RandomPolicy) -> RolloutPolicy {
        var definition = random.rollout()
        // The last flaw stays whole: an earlier one may be hidden by it, never the other way round.
        if random.chance(1, in: 2) { random.pick(flaws).apply(&definition, &random) }
        flaw.apply(&definition, &random)
        return RolloutPolicy(
            revision: 2,
            rollouts: ["sms": definition, "ui": RolloutDefinition(.fixed(["app": "v1"]))]
        )
    }

    /// Every edit, with arguments that make sense and such as do not.
    private static let edits: [@Sendable (inout RolloutPolicy) throws -> Void] = [
        { try $0.setShare(of: "sms", to: .percent(25)) },
        { try $0.setRelease(of: "stable", in: "sms", to: [:]) },
        { try $0.setRelease(of: "v0", in: "sms", to: EditedPolicy.v3) },
        { try $0.setSalt(of: "sms", to: "\0") },
        { try $0.startCanary(of: "sms", serving: [:], to: .all) },
        { try $0.promote("sms") },
        { try $0.abort("sms") },
        { try $0.startShadow(of: "sms", serving: [:], to: .all) },
        { try $0.promoteShadow("sms") },
        { try $0.force("\0", to: "v0", in: "sms") },
        { try $0.unforce("u", in: "sms") },
        { try $0.disable("v1", in: "sms") },
        { try $0.enable("nobody", in: "sms") },
        { try $0.drain("v1", in: "sms") },
        { try $0.undrain("v0", in: "sms") },
        { try $0.rebalance("sms", weights: [:]) },
        { try $0.rebalance("sms", weights: ["v0": 3, "v1": 1]) },
        { try $0.rebalance("sms", weights: ["v0": .max]) },
        { try $0.setCoverage(of: "sms", to: .percent(10)) },
        { try $0.setCoverage(of: "sms", to: .all) },
    ]

    /// The error of this type that a call throws, or nil.
    ///
    /// `#expect(throws:)` takes every error apart to describe it, also the right one. One with many problems takes it long.
    private static func error<Failure: Error>(
        _ call: () async throws -> Void
    ) async -> Failure? {
        do {
            try await call()
            return nil
        } catch {
            return error as? Failure
        }
    }

    @Test("What takes a policy throws its problems, and nothing traps", arguments: flaws)
    func everyEntry(flaw: Flaw) async throws {
        var random = RandomPolicy(seed: flaw.testDescription.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) })
        let valid = EditedPolicy.canary(10)
        for _ in 0..<(StressEffort.isLong ? 12 : 2) {
            let policy = Self.invalid(flaw, &random)
            let problems = try #require(throws: PolicyError.self, "\(policy.json)") { try policy.validate() }
            #expect(!problems.description.isEmpty)

            await #expect(Self.error { _ = try RolloutRouter(policy: policy) } == problems)
            await #expect(Self.error { _ = try policy.movement(to: valid) } == problems)
            await #expect(Self.error { _ = try valid.movement(to: policy) } == problems)
            let unloaded: PolicyError? = await Self.error {
                _ = try await ReleaseResources(for: policy, defaults: ["sms": EditedPolicy.v1]) { id, _ in
                    Issue.record("\(id) was loaded")
                }
            }
            #expect(unloaded == problems)
            let models = try await ReleaseResources(for: valid) { _, release in release }
            await #expect(Self.error { try await models.prepare(from: policy, to: policy) } == problems)
            #expect(models.status.loaded == ["sms": [EditedPolicy.v1, EditedPolicy.v2]])
            let router = try RolloutRouter(policy: valid)
            let updater = RolloutUpdater(router, gates: [models])
            let invalid = UpdateError.invalid(problems)
            await #expect(Self.error { _ = try await updater.update(to: policy) } == invalid)
            await #expect(Self.error { _ = try await updater.update { $0 = policy } } == invalid)
            #expect(router.snapshot().policy == valid)

            // These cannot throw. They only have to return.
            _ = (policy.epochDemands(from: valid), valid.epochDemands(from: policy), policy.epochDemands(from: policy))
            #expect(policy.digest.utf8.count == 64 && policy.json.utf8.first == UInt8(ascii: "{"))
            #expect(policy == policy && policy.rollouts.values.allSatisfy { $0.strategy.variants.count < 1_000 })
            for edit in Self.edits {
                var edited = policy
                do {
                    try edit(&edited)
                } catch {
                    #expect((error as? EditError)?.description.isEmpty == false)
                    #expect(edited == policy)
                }
            }
        }
    }
}
