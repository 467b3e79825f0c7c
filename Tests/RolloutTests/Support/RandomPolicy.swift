import Rollout

/// Valid policies over every feature, from a seed.
struct RandomPolicy {
    var generator: SplitMix64

    init(seed: UInt64) { generator = SplitMix64(seed: seed) }

    /// Units that are easily mistaken for each other, and ordinary ones.
    static let units = [
        "alice", "bob", "qa-1", "42", "042", "-7", "9223372036854775807", "-9223372036854775808",
        "18446744073709551615", "caf\u{E9}", "cafe\u{301}", "\u{1F469}\u{200D}\u{1F4BB}", "\u{212A}", "K", " alice",
        "alice\n", "550e8400-e29b-41d4-a716-446655440000", "\"quoted\\\"", "exactly-15-byte", "exactly-16-bytes",
        String(repeating: "long", count: 60), String(repeating: "\u{E9}", count: 512),
    ]

    static let hosts = [
        "stable.example", "canary.example", "xn--caf-dma.example", "[::1]", "[2001:db8::a]", "10.0.0.1", "localhost",
        "a~!$&'()+;=b", "my_service", String(repeating: "h", count: 1_024),
    ]

    static let ids: [RolloutID] = ["sms", "ui", "ranker", "a.b", "-", "0", "recommender_v2", "Sms"]

    mutating func policy(revision: UInt32) -> RolloutPolicy {
        var rollouts: [RolloutID: RolloutDefinition] = [:]
        for id in Self.ids where chance(3, in: 4) {
            rollouts[id] = rollout()
            // One name for all of them would give cookies that a request carries together.
            rollouts[id]?.sticky?.name += id.text
        }
        return RolloutPolicy(
            revision: revision,
            environment: chance(1, in: 3) ? pick(["production", "caf\u{E9}", "cafe\u{301}"]) : nil,
            rollouts: rollouts
        )
    }

    mutating func rollout() -> RolloutDefinition {
        let strategy = strategy()
        var rollout = RolloutDefinition(strategy)
        let names = strategy.variants.map(\.name)
        let targets =
            switch strategy.kind {
            case .fixed, .shadow: [names[0], "canary"]
            case .canary, .abTest: names
            }
        if chance(1, in: 2) { rollout.salt = pick(["s", "sms-2026-11", "caf\u{E9}", "cafe\u{301}", Self.longSalt]) }
        rollout.epoch = pick([0, 0, 1, 5, .max])
        if chance(1, in: 2) {
            for host in Self.hosts where chance(1, in: 3) { rollout.hosts[HostName(host)] = pick(targets) }
        }
        if chance(1, in: 2) {
            for unit in Self.units where chance(1, in: 3) { rollout.forced[UnitID(unit)] = pick(targets) }
        }
        for name in names.dropFirst() {
            if chance(1, in: 6) { rollout.disabled.insert(name) }
            if chance(1, in: 6) { rollout.draining.insert(name) }
        }
        if chance(2, in: 3) {
            rollout.sticky = cookie()
            rollout.missingUnit = pick([.first, .assign])
        }
        if chance(1, in: 4) { rollout.compatible = strategy.variants.map(\.release) + [["app": "other"]] }
        if chance(1, in: 4) {
            if strategy.kind == .abTest {
                rollout.adaptation = adaptation()
            } else {
                rollout.progression = progression(beside: rollout.sticky)
            }
        }
        return rollout
    }

    /// The policy with other ways to put units into buckets, and draws that come before.
    mutating func stating(_ policy: RolloutPolicy) -> RolloutPolicy {
        var policy = policy
        for (id, rollout) in policy.rollouts {
            if chance(1, in: 3) { policy.rollouts[id]?.bucketing = bucketing(for: rollout) }
            if rollout.missingUnit == .first, chance(1, in: 2) {
                policy.rollouts[id]?.enrolment = (0..<number(in: 1...4)).map { _ in enrolmentDraw(of: id) }
            }
        }
        return policy
    }

    // MARK: Parts

    /// Without buckets beside weights, which would have to be cut in them, and beside a plan that counts units.
    private mutating func bucketing(for rollout: RolloutDefinition) -> Bucketing {
        let isWhole = rollout.strategy.kind == .canary && rollout.progression == nil
        let buckets = isWhole ? pick([nil, 1, 3, 100, 9_999, 1_000_000]) : nil
        return switch number(in: 0...3) {
        case 0 where isWhole: Bucketing(.integer, buckets: buckets ?? 100)
        case 0, 1:
            Bucketing(.murmur3, of: pick(["{unit}", "a:{unit}", "caf\u{E9}{unit}-z"]), seed: 7, buckets: buckets)
        case 2: Bucketing(.java31, of: "{unit}s", encoding: .utf16, isSigned: chance(1, in: 2), buckets: buckets)
        default: Bucketing(.sha1, of: "x.{unit}", bits: pick([32, 60, 128]), buckets: buckets)
        }
    }

    private mutating func enrolmentDraw(of id: RolloutID) -> EnrolmentDraw {
        let bounds = [number(in: 0...1_000_000), number(in: 0...1_000_000)].sorted()
        let ranges = pick([[0..<900_000], [bounds[0]..<bounds[1]], [0..<bounds[0], bounds[1]..<1_000_000]])
        return switch number(in: 0...2) {
        case 0: .salt(pick(["holdout", "caf\u{E9}"]), in: ranges)
        // A layer of its own, because rollouts of one layer may not overlap; twice in one rollout it is one draw.
        case 1: .layer(LayerName(id.text) ?? "layer", in: ranges)
        default: .bucketing(Bucketing(.murmur3, of: "ns-{unit}", buckets: pick([nil, 1_000])), in: ranges)
        }
    }

    private mutating func progression(beside cookie: StickyCookie?) -> ProgressionPlan {
        var plan = ProgressionPlan(steps: pick([[.percent(1)], [.percent(1), .percent(5), .percent(50)]]))
        plan.interval = pick([1, 15, 3_600])
        plan.settle = pick([0, 60, 86_400])
        plan.dwell = pick([0, 300, 604_800])
        plan.confirm = pick([.nothing, .promotion, .everything])
        if chance(1, in: 3) {
            plan.count = .nothing
            return plan
        }
        if chance(1, in: 2), cookie?.maxAge != 34_560_000 {
            (plan.deadline, plan.onDeadline) = (34_560_000, pick([.hold, .abort, .advance]))
        }
        plan.margin = pick([plan.margin, .init(relative: .percent(5), absolute: .zero)])
        plan.limit = pick([nil, .percent(2.5)])
        plan.latency = pick([[], [.percent(50), .percent(99.9)]])
        (plan.falseRollback, plan.falseAdvance) = pick([(.percent(1), .percent(5)), (.percent(0.0001), .percent(20))])
        return plan
    }

    private mutating func adaptation() -> AdaptationPlan {
        AdaptationPlan(
            interval: pick([1, 300]),
            floor: pick([.zero, .percent(0.3)]),
            forget: pick([.zero, .percent(50)]),
            maxStep: pick([.percent(0.0001), .all])
        )
    }

    private mutating func strategy() -> RolloutStrategy {
        switch number(in: 0...9) {
        case 0: .fixed(release())
        case 1...3: .canary(share(), stable: release(), canary: release())
        case 4, 5: .shadow(share(), primary: release(), shadow: release())
        default: .abTest(test())
        }
    }

    private mutating func test() -> RolloutStrategy.ABTest {
        let count = chance(1, in: 40) ? 256 : pick([1, 2, 2, 3, 3, 4, 5, 6, 9, 17, 40])
        var weights = (0..<count).map { _ in pick([0, 1, 1, 1, 2, 3, 10, number(in: 0...1_000_000)]) }
        if weights.allSatisfy({ $0 == 0 }) { weights[number(in: 0...count - 1)] = pick([1, 7, 1_000_000]) }
        let variants = weights.indices.map { WeightedVariant(name($0), weight: weights[$0], release: release()) }
        var test = RolloutStrategy.ABTest(variants, coverage: pick([.all, .all, share()]))
        if chance(1, in: 2) { test.allocation = allocation(test) }
        if chance(1, in: 2) { test.allocation = test.allocation.map { spread($0, within: test.coverage.buckets) } }
        return test
    }

    /// The ranges with gaps before, between and behind them.
    private mutating func spread(_ ranges: [AllocatedRange], within coverage: Int) -> [AllocatedRange] {
        guard coverage < 1_000_000, ranges.count <= 500 else { return ranges }
        var (end, left) = (0, 1_000_000 - coverage)
        var spread: [AllocatedRange] = []
        for range in ranges {
            let gap = chance(1, in: 2) ? number(in: 0...left) : 0
            if gap > 0 { spread.append(AllocatedRange(nil, end..<(end + gap))) }
            spread.append(AllocatedRange(range.variant, (end + gap)..<(end + gap + range.buckets.count)))
            end += gap + range.buckets.count
            left -= gap
        }
        if spread.contains(where: { $0.variant == nil }), left > 0 {
            spread.append(AllocatedRange(nil, end..<1_000_000))
        }
        return spread
    }

    /// The parts that are due, rounded either way, cut to pieces and shuffled.
    private mutating func allocation(_ test: RolloutStrategy.ABTest) -> [AllocatedRange] {
        let sum = test.variants.map(\.weight).reduce(0, +)
        var counts = test.variants.map { test.coverage.buckets * $0.weight / sum }
        var fractional = test.variants.indices.filter { test.coverage.buckets * test.variants[$0].weight % sum > 0 }
        fractional.shuffle(using: &generator)
        for index in fractional.prefix(test.coverage.buckets - counts.reduce(0, +)) { counts[index] += 1 }
        let most = pick([1, 2, 4, 1_024 / test.variants.count])
        var pieces: [(VariantName, Int)] = []
        for (variant, count) in zip(test.variants, counts) where count > 0 {
            var cuts: Set<Int> = [0, count]
            for _ in 1..<max(2, most) where count > 1 && most > 1 { cuts.insert(number(in: 1...count - 1)) }
            let sorted = cuts.sorted()
            pieces += zip(sorted, sorted.dropFirst()).map { (variant.name, $1 - $0) }
        }
        var from = 0
        return pieces.shuffled(using: &generator).map { name, count in
            defer { from += count }
            return AllocatedRange(name, from..<from + count)
        }
    }

    private func name(_ index: Int) -> VariantName {
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        let text = String(letters[index % 26]) + (index < 26 ? "" : ".\(index)_a-rather-long-name-of-a-variant")
        return VariantName(text) ?? "unnamed"
    }

    private mutating func release() -> Release {
        switch number(in: 0...3) {
        case 0: ["app": pick(["v1", "v2", "v3"])]
        case 1: ["model": pick(["m 1", "~m~", String(repeating: "m", count: 128)])]
        default: ["app": pick(["v1", "v2"]), "model": pick(["v1", "v2"])]
        }
    }

    private mutating func share() -> Share {
        let buckets = pick([0, 1, 1_000_000, 999_999, 500_000, 333_333, number(in: 0...1_000_000)])
        return Share(buckets: buckets) ?? .zero
    }

    private mutating func cookie() -> StickyCookie {
        var cookie = StickyCookie(name: pick(["sms", "__Host-v", "a!b"]), maxAge: pick([60, 3_600, 34_560_000]))
        cookie.pin = pick([.variant, .bucket])
        cookie.sameSite = pick([.lax, .strict, .unrestricted])
        if !cookie.name.hasPrefix("__"), cookie.sameSite != .unrestricted { cookie.isSecure = pick([true, false]) }
        if !cookie.name.hasPrefix("__") {
            cookie.path = pick(["/", "/shop"])
            cookie.domain = pick([nil, "example.com"])
        }
        return cookie
    }

    private static let longSalt = String(repeating: "x", count: 1_024)

    // MARK: Requests

    /// A request that meets the rollout's rules and edges more often than chance would.
    mutating func request(for id: RolloutID, of rollout: RolloutDefinition) -> ReferenceEvaluator.Request {
        var request = ReferenceEvaluator.Request()
        switch number(in: 0...5) {
        case 0: request.unit = pick([nil, ""])
        case 1: request.unit = pick(Self.units)
        case 2: request.unit = String(Int64(truncatingIfNeeded: generator.next()))
        default: request.unit = "user-\(generator.next() % 100_000)"
        }
        if chance(1, in: 3) { request.host = header() }
        if chance(1, in: 2) { request.held = held(for: id, of: rollout) }
        return request
    }

    private mutating func header() -> String {
        let others = ["", ".", ":", ":80", "::1", "other.example", String(repeating: "h", count: 1_025)]
        let host = pick(Self.hosts + others)
        let dressed = chance(1, in: 3) ? host.uppercased() : host
        return dressed + pick(["", "", ".", ":8443", ":", ".:80", ":x", "..", ":80."])
    }

    private mutating func held(for id: RolloutID, of rollout: RolloutDefinition) -> ReferenceEvaluator.Held {
        let names = rollout.strategy.variants.map(\.name)
        let epochs = [rollout.epoch, rollout.epoch, rollout.epoch &- 1, rollout.epoch &+ 1]
        return ReferenceEvaluator.Held(
            variant: pick([nil, "gone", pick(names), pick(names)]),
            rollout: chance(1, in: 8) ? "another" : id,
            bucket: chance(1, in: 8) ? nil : min(max(pick(edges(of: rollout)) + number(in: -1...1), 0), 999_999),
            epoch: pick(epochs)
        )
    }

    private mutating func edges(of rollout: RolloutDefinition) -> [Int] {
        let anywhere = number(in: 0...999_999)
        return switch rollout.strategy {
        case .canary(let share, _, _): [anywhere, share.buckets]
        case .abTest(let test):
            [anywhere, test.coverage.buckets] + (test.allocation ?? []).map(\.buckets.upperBound)
        default: [anywhere]
        }
    }

    // MARK: Chance

    mutating func number(in range: ClosedRange<Int>) -> Int { .random(in: range, using: &generator) }

    mutating func chance(_ part: Int, in whole: Int) -> Bool { number(in: 1...whole) <= part }

    mutating func pick<Value>(_ values: [Value]) -> Value { values[number(in: 0...values.count - 1)] }
}
