import Testing

@testable import Rollout

@Suite("Enrolment")
struct EnrolmentTests {
    private static let units = (0..<60_000).map { HashedUnit("user-\($0)") }

    private static func rollout(
        _ enrolment: [EnrolmentDraw],
        weights: [Int] = [1, 1],
        _ change: (inout RolloutDefinition) -> Void = { _ in }
    ) -> RolloutDefinition {
        var definition = RolloutDefinition(
            StatedBucketingTests.test(weights),
            enrolment: enrolment
        )
        change(&definition)
        return definition
    }

    private static func router(_ rollouts: [RolloutID: RolloutDefinition]) throws -> RolloutRouter {
        try RolloutRouter(policy: RolloutPolicy(revision: 1, rollouts: rollouts))
    }

    /// A unit's bucket in a draw, by the contract.
    private static func bucket(_ unit: String, _ draw: EnrolmentDraw) -> Int? {
        draw.ownSalt.map { ReferenceBucketing.bucket(unit: unit, salt: $0) }
    }

    @Test("Every way to ask gives the contract's answer", arguments: StressEffort.seeds(5, long: 20))
    func contract(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        func ranges() -> [Range<Int>] {
            let cuts = Set(
                (0..<2 * Int.random(in: 1...20, using: &random)).map { _ in
                    Int.random(in: 0...1_000_000, using: &random)
                }
            )
            let sorted = cuts.sorted()
            return stride(from: 0, to: sorted.count - 1, by: 2).map { sorted[$0]..<sorted[$0 + 1] }
        }
        let draws: [EnrolmentDraw] = (0..<Int.random(in: 1...4, using: &random)).map { index in
            switch Int.random(in: 0..<3, using: &random) {
            case 0: .layer(LayerName("layer-\(index)") ?? "l", in: ranges())
            case 1: .salt("sält-\(index)", in: ranges())
            default: .bucketing(Bucketing(.crc32, of: "\(index):{unit}", buckets: 1_000), in: ranges())
            }
        }
        let crc = draws.map { draw in
            draw.bucketing.map { CRCDraw(prefix: $0.parts.prefix) }
        }
        let many = Int.random(in: 0..<2, using: &random) == 0
        let isStated = Int.random(in: 0..<3, using: &random) == 0
        let isForced = Int.random(in: 0..<2, using: &random) == 0
        let definition = Self.rollout(draws, weights: [Int](repeating: 1, count: many ? 9 : 2)) {
            if isStated { $0.bucketing = Bucketing(.murmur3, of: "x{unit}") }
            if isForced { $0.forced = ["7": "v1"] }
        }
        let handle = try #require(Self.router(["r": definition]).rollout("r"))
        var plain = definition
        plain.enrolment = []
        let without = try #require(Self.router(["r": plain]).rollout("r"))
        for unit in 0..<250 {
            let text = String(unit)
            let passes = zip(draws, crc).allSatisfy { draw, crc in
                let bucket = crc?.bucket(of: text) ?? Self.bucket(text, draw) ?? -1
                return draw.ranges.contains { $0.contains(bucket) }
            }
            let decision = handle.decision(for: text)
            let expected = without.decision(for: text)
            if passes || expected.reason == .forced {
                #expect(decision.variant.name == expected.variant.name)
                #expect(decision.bucket == expected.bucket)
                #expect(decision.reason == expected.reason)
            } else {
                #expect(decision.variant.name.text == "v0")
                #expect(decision.reason == .notEnrolled)
                #expect(decision.bucket == nil)
            }
            #expect(handle.decision(for: unit) == decision)
            #expect(handle.decision(for: HashedUnit(text)) == decision)
            #expect(handle.decision(for: Array(text.utf8).span) == decision)
            #expect(handle.decision(for: text, host: "h.example") == decision)
            #expect(handle.explanation(for: text).decision == decision)
            #expect(handle.explanation(for: text).steps.first { $0.decides }?.answer == decision)
        }
        #expect(handle.decision(for: nil).reason == .missingUnit)
    }

    private struct CRCDraw {
        let prefix: String

        func bucket(of unit: String) -> Int {
            var hash = CRC32()
            for byte in (prefix + unit).utf8 { hash.append(UInt64(byte), count: 1) }
            return Int(hash.value % 1_000) * 1_000
        }
    }

    @Test("A range of buckets is a range of points, to the last one", arguments: 0..<20 as Range<UInt64>)
    func points(seed: UInt64) throws {
        func bucket(of point: UInt64) -> Int { Int((UInt128(point) * 1_000_000) >> 64) }
        var random = SplitMix64(seed: seed)
        let edges = [0, 1, 499_999, 500_000, 999_999, 1_000_000, Int.random(in: 0...1_000_000, using: &random)]
            .shuffled(
                using: &random
            )
        let range = min(edges[0], edges[1])..<max(edges[0], edges[1])
        // An empty range has no gate, because no unit passes.
        guard let gate = EnrolmentGate([.salt("s", in: [range])], orElse: Outcome(word: 7)) else {
            return #expect(range.isEmpty)
        }
        var words: [UInt64] = [1, 2, 3]
        let start = Int(EnrolmentGate.append(gate, to: &words))
        let (lowest, highest) = (words[start + 2], words[start + 2] + words[start + 3])
        #expect(start % EnrolmentGate.size == 0 && words.count == start + EnrolmentGate.size)
        #expect(bucket(of: lowest) == range.lowerBound && bucket(of: highest) == range.upperBound - 1)
        #expect(lowest == 0 || bucket(of: lowest - 1) == range.lowerBound - 1)
        #expect(highest == .max || bucket(of: highest + 1) == range.upperBound)
        #expect(words[start + 4] == 7)
    }

    @Test("Two rollouts of a layer exclude each other, and take what was given to them", .tags(.statistical))
    func layers() throws {
        let router = try Self.router([
            "one": Self.rollout([.layer("checkout", in: [0..<500_000])]),
            "two": Self.rollout([.layer("checkout", in: [500_000..<1_000_000])]),
        ])
        let (one, two) = try (#require(router.rollout("one")), #require(router.rollout("two")))
        let drawn = Self.units.map { (one.decision(for: $0).reason == .split, two.decision(for: $0).reason == .split) }
        #expect(drawn.allSatisfy { $0.0 != $0.1 })
        // Five standard deviations of a fair coin.
        #expect((drawn.count { $0.0 } - 30_000).magnitude < 613)
    }

    @Test("A hold-out is the same people in every rollout that names it", .tags(.statistical))
    func holdOut() throws {
        let draw = EnrolmentDraw.salt("holdout-2026", in: [50_000..<1_000_000])
        let router = try Self.router([
            "one": Self.rollout([draw]),
            "two": Self.rollout([.layer("l", in: [0..<1_000_000]), draw], weights: [1, 2, 3, 4, 5, 6]),
            "three": Self.rollout([draw]) { $0.bucketing = Bucketing(.crc32, of: "k.{unit}") },
        ])
        let handles = try ["one", "two", "three"].map { try #require(router.rollout($0)) }
        let out = handles.map { handle in Self.units.map { handle.decision(for: $0).reason == .notEnrolled } }
        #expect(out[0] == out[1])
        #expect(out[0] == out[2])
        // Five standard deviations of 5 % of 60,000.
        #expect((out[0].count { $0 } - 3_000).magnitude < 267)
    }

    /// A million units against twelve variants of each of four rollouts: `scipy.stats.chi2.isf(1e-6, 11)` is 50.2, so eight tests
    /// have one false alarm in 125,000.
    @Test("Enrolment is independent of every variant of every rollout of the layer", .tags(.statistical))
    func independence() throws {
        let keys = (0..<(StressEffort.isLong ? 1_000_000 : 300_000)).map { number in
            XXH3.hash(DecimalText(UInt64(number)))
        }
        let enrolments: [EnrolmentDraw] = [.layer("checkout", in: []), .salt("holdout-2026", in: [])]
        for draw in enrolments {
            let salt = Bucketing.saltHash(try #require(draw.ownSalt))
            let passing = keys.filter { Bucketing.bucket(ofKey: $0, saltHash: salt) < 300_000 }
            for rollout in ["one", "two", "checkout", "layer"] {
                let hash = Bucketing.saltHash(rollout)
                var counts = [Int](repeating: 0, count: 12)
                for key in passing { counts[Int(Bucketing.bucket(ofKey: key, saltHash: hash)) * 12 / 1_000_000] += 1 }
                let due = Double(passing.count) / 12
                let distance = counts.reduce(0) { $0 + (Double($1) - due) * (Double($1) - due) / due }
                #expect(distance < 50.2, "\(draw), \(rollout)")
            }
        }
    }

    @Test("Valid assignments, hosts and forced units go before the enrolment")
    func precedence() throws {
        let definition = Self.rollout([.salt("nobody", in: [])]) {
            $0.hosts = ["h.example": "v1"]
            $0.forced = ["qa": "v1"]
            $0.sticky = StickyCookie(name: "c", maxAge: 60)
        }
        let handle = try #require(Self.router(["r": definition]).rollout("r"))
        #expect(handle.decision(for: "alice").reason == .notEnrolled)
        #expect(handle.decision(for: "qa").variant.name.text == "v1")
        #expect(handle.decision(for: "alice", host: "h.example").reason == .host)
        let held = Assignment(variant: "v1", of: "r", bucket: 900_000, epoch: 0, revision: 1)
        #expect(handle.decision(for: "alice", holding: held).reason == .sticky)
        #expect(handle.exampleUnit(in: "v1") == nil)
    }

    @Test("Beside a strategy that draws nothing an enrolment is dormant")
    func dormant() throws {
        let definition = RolloutDefinition(
            .shadow(.percent(50), primary: ["a": "1"], shadow: ["a": "2"]),
            enrolment: [.salt("nobody", in: [])]
        )
        let handle = try #require(Self.router(["r": definition]).rollout("r"))
        #expect((0..<100).contains { handle.decision(for: $0).shadow != nil })
        #expect(handle.decision(for: 1).reason == .fixed)
    }

    @Test("Shares count the enrolment: exact movement between equal ones, expected otherwise, and an epoch")
    func movement() throws {
        var policy = RolloutPolicy(
            revision: 1,
            rollouts: [
                "sms": RolloutDefinition(
                    .canary(.percent(10), stable: ["a": "1"], canary: ["a": "2"]),
                    enrolment: [.layer("l", in: [0..<500_000])]
                )
            ]
        )
        let status = try RolloutRouter(policy: policy).status.rollouts[0].variants.map(\.share)
        #expect(status == [.percent(95), .percent(5)])
        var next = policy
        try next.setShare(of: "sms", to: .percent(20))
        let exact = try MovementTests.kept(policy.movement(to: next))
        #expect(exact.moved == 50_000)
        #expect(exact.minimum == 50_000)
        #expect(!exact.isExpected)
        #expect(exact.matrix.values.reduce(0) { $0 + $1.values.reduce(0, +) } == 1_000_000)
        next = policy
        next.rollouts["sms"]?.enrolment = [.layer("l", in: [0..<250_000])]
        #expect(next.epochDemands(from: policy).map(\.causes) == [[.enrolment]])
        let expected = try MovementTests.kept(policy.movement(to: next))
        #expect(expected.isExpected)
        // 5 % times 97.5 %, and 95 % times 2.5 %.
        #expect(expected.moved == 72_500)
        policy.rollouts["sms"]?.enrolment = []
        #expect(
            try RolloutRouter(policy: policy).status.rollouts[0].variants.map(\.share) == [.percent(90), .percent(10)]
        )
    }

    @Test("A salt that is some rollout's is warned of")
    func sharedSalt() {
        let policy = RolloutPolicy(
            revision: 1,
            rollouts: ["one": Self.rollout([]), "two": Self.rollout([.salt("one", in: [0..<5])])]
        )
        #expect(
            policy.warnings.map(\.description) == [
                "rollouts.two.enrolment[0].salt: rollout \"one\" draws by the salt \"one\" too, so the two draws are one: "
                    + "take another text"
            ]
        )
    }

    @Test("An explanation has a step for each draw")
    func explanation() throws {
        let definition = Self.rollout([.layer("checkout", in: [0..<1_000_000]), .salt("none", in: [])])
        let handle = try #require(Self.router(["r": definition]).rollout("r"))
        let steps = handle.explanation(for: "alice").steps.filter { $0.rule == .enrolment }
        let buckets = definition.enrolment.compactMap { Self.bucket("alice", $0) }.map(grouped)
        #expect(
            steps.map(\.saw) == [
                "layer \"checkout\": bucket \(buckets[0]) is among those enrolled",
                "salt \"none\": bucket \(buckets[1]) is not among those enrolled",
            ]
        )
        #expect(steps.map(\.decides) == [false, true])
        #expect(handle.explanation(for: nil).steps.count { $0.rule == .enrolment } == 2)
    }

    @Test("A policy with an enrolment is read as it is written")
    func document() throws {
        let policy = RolloutPolicy(
            revision: 1,
            rollouts: [
                "r": Self.rollout([
                    .layer("l", in: [0..<5, 5..<10]), .salt("caf\u{E9}", in: []),
                    .bucketing(Bucketing(.crc32, of: "x{unit}", buckets: 7), in: [0..<1_000_000]),
                ])
            ]
        )
        #expect(try RolloutPolicy(json: policy.json) == policy)
        var other = policy
        other.rollouts["r"]?.enrolment[1] = .salt("cafe\u{301}", in: [])
        #expect(other != policy)
    }
}
