import Foundation
import Testing

@testable import Rollout

@Suite("Stated bucketings")
struct StatedBucketingTests {
    static func policy(
        _ bucketing: Bucketing,
        _ strategy: RolloutStrategy = .canary(.percent(50), stable: ["a": "1"], canary: ["a": "2"])
    ) -> RolloutPolicy {
        RolloutPolicy(revision: 1, rollouts: ["sms": RolloutDefinition(strategy, bucketing: bucketing)])
    }

    static func handle(_ policy: RolloutPolicy) throws -> RolloutHandle {
        try #require(RolloutRouter(policy: policy).rollout("sms"))
    }

    static func test(_ weights: [Int], coverage: Share = .all) -> RolloutStrategy {
        let variants = weights.enumerated().map { index, weight in
            WeightedVariant(VariantName("v\(index)") ?? "v", weight: weight, release: ["a": "\(index)"])
        }
        return .abTest(variants, coverage: coverage)
    }

    // MARK: The function

    /// A bucketing of any kind that a policy accepts.
    private static func random(_ random: inout SplitMix64) -> Bucketing {
        func pick<Value>(_ values: [Value]) -> Value { values[Int.random(in: values.indices, using: &random)] }
        let hash = pick(Bucketing.Hash.allCases)
        let buckets = Int.random(in: 1...1_000_000, using: &random)
        if hash == .integer { return Bucketing(.integer, buckets: pick([1, 2, 100, 1_000_000, buckets])) }
        let prefix = pick([
            "", "a:", "séed", "👍🏽.", String(repeating: "p", count: Int.random(in: 0...200, using: &random)),
        ])
        var encodings: [Bucketing.Encoding] = [.utf8, .cbor, .cborPair]
        if hash.takesCodeUnits { encodings += [.utf16, .utf32] }
        let encoding = pick(encodings)
        let suffix = encoding == .cborPair ? "" : pick(["", "é", "__ns", String(repeating: "s", count: 70)])
        return Bucketing(
            hash,
            of: prefix + "{unit}" + suffix,
            encoding: encoding,
            seed: hash.isSeeded ? pick([0, 1, .max, UInt32.random(in: 0...(.max), using: &random)]) : 0,
            bits: hash.isDigest ? pick([1, 19, 20, 28, 60, 63, 64, 65, 127, 128, 64]) : 64,
            isSigned: !hash.isDigest && Bool.random(using: &random),
            buckets: pick([nil, 1, 3, 100, 9_999, 1_000_000, buckets]),
            reduction: .remainder
        )
    }

    /// Texts that are and are not integers of 64 bits.
    private static let integers = [
        "0", "-0", "007", "1.0", "+1", "18446744073709551615", "18446744073709551616", "-9223372036854775808",
        "-9223372036854775809", "-", "1 ", "１",
    ]

    private static func unit(_ random: inout SplitMix64) -> String {
        // Few are long, because each is written, read and hashed.
        let longest = StressEffort.isLong || Int.random(in: 0..<8, using: &random) == 0 ? 70_000 : 300
        return switch Int.random(in: 0..<8, using: &random) {
        case 0: String(Int.random(in: -1_000...1_000, using: &random))
        case 1, 2: integers[Int.random(in: integers.indices, using: &random)]
        case 3: String(repeating: "é", count: Int.random(in: 1...150, using: &random))
        case 4: "日本-\(random.next())-👍🏽"
        case 5: .letters(Int.random(in: 1...longest, using: &random), "u")
        default: "user-\(random.next())"
        }
    }

    @Test(
        "Python agrees on the bucket of many units under as many bucketings",
        .enabled(if: Python.isThere, "python3 is not installed: the published vectors have to do")
    )
    func python() throws {
        var random = SplitMix64(seed: 16)
        var (lines, ours) = ([String](), [String]())
        for _ in 0..<(StressEffort.isLong ? 4_000 : 1_500) {
            var bucketing = Self.random(&random)
            if bucketing.buckets != nil, bucketing.hash != .integer, Bool.random(using: &random) {
                bucketing.reduction = .scale
            }
            let unit = Self.unit(&random)
            let tree = JSONTree.object([("bucketing", PolicyWriter.tree(of: bucketing)), ("unit", .string(unit))])
            lines.append(tree.canonicalText)
            let decision = try Self.decision(for: unit, bucketing)
            ours.append(decision.bucket.map(String.init) ?? "null")
        }
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Vectors/bucketing.py")
        let theirs = try Python.run(
            String(decoding: Data(contentsOf: script), as: UTF8.self),
            input: lines.joined(separator: "\n") + "\n"
        )
        .split(separator: "\n").map(String.init)
        #expect(theirs.count == ours.count)
        for (line, (mine, other)) in zip(lines, zip(ours, theirs)) where mine != other {
            Issue.record("ours is \(mine), Python's \(other): \(line.prefix(300))")
        }
    }

    /// The decision of a compiled policy, without a router for each of thousands.
    private static func decision(for unit: String, _ bucketing: Bucketing) throws -> Decision {
        let policy = policy(bucketing)
        try policy.validate()
        let compiled = try CompiledPolicy(policy, after: Roster(), appliedAt: 0)
        return try #require(RolloutSnapshot(compiled: compiled).decision(for: unit, in: "sms"))
    }

    @Test("A signed number of 2^31 is nobody's, and so is a unit that is no integer")
    func nobody() throws {
        // Java's hash of this word is -2^31.
        let signed = try Self.handle(Self.policy(Bucketing(.java31, isSigned: true)))
        let integer = try Self.handle(Self.policy(Bucketing(.integer, buckets: 100)))
        for decision in [signed.decision(for: "polygenelubricants"), integer.decision(for: "alice")] {
            #expect(decision.variant.name == .stable)
            #expect(decision.reason == .notEnrolled)
            #expect(decision.bucket == nil)
        }
        // As a remainder it is as good as any other number.
        let remainder = try Self.handle(Self.policy(Bucketing(.java31, isSigned: true, buckets: 100)))
        #expect(remainder.decision(for: "polygenelubricants").bucket == 480_000)
        #expect(signed.explanation(for: "polygenelubricants").description.contains("lies behind all buckets"))
        #expect(integer.explanation(for: "alice").description.contains(#""alice" is no decimal integer of 64 bits"#))
    }

    @Test(
        "An integer is divided by its value, never negative",
        arguments: [
            ("0", 0), ("7", 7), ("107", 7), ("-1", 99), ("-100", 0), ("18446744073709551615", 15),
            ("-9223372036854775808", 92), ("18446744073709551616", nil), ("-9223372036854775809", nil), ("007", nil),
            ("1.0", nil), ("-0", nil), ("+1", nil), (" 1", nil), ("-", nil), ("99999999999999999999", nil),
        ] as [(String, Int?)]
    )
    func integers(_ unit: String, _ cell: Int?) throws {
        let handle = try Self.handle(Self.policy(Bucketing(.integer, buckets: 100)))
        #expect(handle.decision(for: unit).bucket == cell.map { $0 * 10_000 })
        if let number = Int64(unit), String(number) == unit {
            #expect(handle.decision(for: number).bucket == cell.map { $0 * 10_000 })
        }
    }

    @Test("Every way to ask gives one answer, forced units and hosts before the draw")
    func everyEntry() throws {
        var policy = Self.policy(Bucketing(.murmur3, of: "sms:{unit}", buckets: 100))
        policy.rollouts["sms"]?.forced = ["42": .canary]
        policy.rollouts["sms"]?.hosts = ["c.example": .canary]
        let handle = try Self.handle(policy)
        for unit in 0..<500 {
            let text = String(unit)
            let decision = handle.decision(for: text)
            #expect(decision == handle.decision(for: unit))
            #expect(decision == handle.decision(for: UInt64(unit)))
            #expect(decision == handle.decision(for: HashedUnit(text)))
            #expect(decision == handle.decision(for: Array(text.utf8).span))
            #expect(decision == handle.decision(for: text, host: "other.example"))
            #expect(decision == handle.explanation(for: text).decision)
            #expect(decision.reason == (unit == 42 ? .forced : .split))
            #expect(handle.decision(for: text, host: "c.example").reason == .host)
        }
        #expect(handle.decision(for: "").reason == .missingUnit)
        let unit = try #require(handle.exampleUnit(in: .canary))
        #expect(handle.decision(for: unit).variant.name == .canary)
    }

    @Test("An assignment's bucket is judged by the ranges of the stated draw")
    func assignedBucket() throws {
        let strategy = Self.test([1, 1, 1, 1, 1, 1])
        var policy = Self.policy(Bucketing(.crc32, buckets: 6), strategy)
        policy.rollouts["sms"]?.sticky = StickyCookie(name: "c", maxAge: 60, pin: .bucket)
        let handle = try Self.handle(policy)
        for place in 0..<6 {
            let bucket = place * 1_000_000 / 6
            let held = try #require(Assignment(variant: nil, of: "sms", bucket: bucket, epoch: 0, revision: 1))
            #expect(handle.decision(for: nil, holding: held).variant.name.text == "v\(place)")
            #expect(handle.decision(for: nil, holding: held).bucket == bucket)
        }
    }

    // MARK: Few buckets

    @Test(
        "Equal weights come out fair under few buckets",
        arguments: [(3, 3), (7, 7), (6, 3), (100, 3), (100, 7), (9_999, 4), (10, 4)]
    )
    func fair(_ cells: Int, _ count: Int) throws {
        let weights = [Int](repeating: 1, count: count)
        let handle = try Self.handle(Self.policy(Bucketing(.integer, buckets: cells), Self.test(weights)))
        var counts = [String: Int]()
        for unit in 0..<cells { counts[handle.decision(for: unit).variant.name.text, default: 0] += 1 }
        let expected = Apportionment(cells, by: weights).counts
        #expect(weights.indices.map { counts["v\($0)"] ?? 0 } == expected)
    }

    @Test("A share of few buckets is what really occurs, in status, movement and samples")
    func occurring() throws {
        let policy = Self.policy(
            Bucketing(.integer, buckets: 100),
            .canary(.percent(12.5), stable: ["a": "1"], canary: ["a": "2"])
        )
        let router = try RolloutRouter(policy: policy)
        let handle = try #require(router.rollout("sms"))
        #expect(handle.exampleUnit(in: .stable) == "13")
        #expect((0..<100).count { handle.decision(for: $0).variant.name == .canary } == 13)
        #expect(router.status.rollouts[0].variants.map(\.share) == [.percent(87), .percent(13)])
        #expect(policy.rollouts["sms"]?.drawnBuckets == [870_000, 130_000])
        #expect(
            policy.warnings.map(\.description)
                == ["rollouts.sms.strategy.percent: 100 buckets cannot express 12.5 %: it is really 13 %"]
        )
        var next = policy
        try next.setShare(of: "sms", to: .percent(20))
        #expect(try MovementTests.kept(policy.movement(to: next)).moved == 70_000)
    }

    @Test("Coverage of few buckets is whole buckets too")
    func coverage() throws {
        let policy = Self.policy(
            Bucketing(.integer, buckets: 10),
            Self.test([1, 1, 1], coverage: .percent(55))
        )
        let handle = try Self.handle(policy)
        let drawn = (0..<10).map {
            handle.decision(for: $0).reason == .split ? handle.decision(for: $0).variant.name.text : ""
        }
        #expect(drawn == ["v0", "v0", "v1", "v1", "v2", "v2", "", "", "", ""])
    }

    @Test(
        "Shares between which no bucket lies are one",
        arguments: [1, 2, 3, 7, 100, 9_999, 65_536, 999_999, 1_000_000]
    )
    func grid(_ cells: Int) {
        let grid = BucketGrid(Bucketing(.crc32, buckets: cells))
        for cell in 0...min(cells, 2_000) {
            let bucket = grid.bucket(of: cell)
            #expect(grid.cells(below: bucket) == cell)
            #expect(grid.rounded(bucket) == bucket)
            if cell < cells {
                #expect(grid.cells(below: bucket + 1) == cell + 1)
                #expect(bucket == cell * 1_000_000 / cells)
            }
        }
    }

    // MARK: Edits and updates

    @Test("Weights change by whole buckets, and no more units move than have to", arguments: [3, 7, 100, 9_999])
    func rebalance(_ cells: Int) throws {
        var random = SplitMix64(seed: UInt64(cells))
        var policy = Self.policy(Bucketing(.integer, buckets: cells), Self.test([1, 1, 1]))
        func variants(_ policy: RolloutPolicy) throws -> [Decision.Variant] {
            let handle = try Self.handle(policy)
            return (0..<cells).map { handle.decision(for: $0).variant }
        }
        var before = try variants(policy)
        for _ in 0..<(StressEffort.isLong || cells < 1_000 ? 30 : 8) {
            var next = policy
            let weights = (0..<3).map { _ in Int.random(in: 0...5, using: &random) }
            guard weights.contains(where: { $0 > 0 }) else { continue }
            try next.rebalance("sms", weights: ["v0": weights[0], "v1": weights[1], "v2": weights[2]])
            try next.validate()
            let movement = try MovementTests.kept(policy.movement(to: next))
            #expect(!movement.isExpected)
            #expect((movement.moved - movement.minimum).magnitude <= 3)
            let after = try variants(next)
            let moved = zip(before, after).count { $0 != $1 }
            #expect((moved * 1_000_000 / cells - movement.moved).magnitude <= 6)
            (policy, before) = (next, after)
        }
    }

    @Test("Coverage goes down and up by whole buckets, and everybody finds back")
    func setCoverage() throws {
        let start = Self.policy(Bucketing(.integer, buckets: 20), Self.test([1, 1], coverage: .percent(80)))
        var policy = start
        try policy.setCoverage(of: "sms", to: .percent(40))
        try policy.validate()
        try policy.setCoverage(of: "sms", to: .percent(80))
        #expect(policy == start)
    }

    @Test("A share that the buckets cannot express is refused, and the nearest ones are named")
    func refused() throws {
        var policy = Self.policy(Bucketing(.integer, buckets: 100))
        let error = #expect(throws: EditError.self) { try policy.setShare(of: "sms", to: .percent(12.5)) }
        #expect(error?.code == .inexactShare)
        #expect(
            error?.description
                == "rollout \"sms\" (canary): its bucketing has 100 buckets, which cannot express 12.5 %; set 12 % or 13 %, "
                + "or convert it to the library's own hash"
        )
        var test = Self.policy(Bucketing(.integer, buckets: 3), Self.test([1, 1]))
        #expect(throws: EditError.self) { try test.setCoverage(of: "sms", to: .percent(50)) }
        try test.setCoverage(of: "sms", to: .percent(66.6666))
    }

    @Test("Another bucketing is drawn anew: an epoch, and an expected movement")
    func epoch() throws {
        let policy = Self.policy(Bucketing(.crc32, buckets: 100))
        var next = policy
        next.rollouts["sms"]?.bucketing?.text = "x{unit}"
        #expect(next.epochDemands(from: policy).map(\.causes) == [[.bucketing]])
        #expect(try MovementTests.kept(policy.movement(to: next)).isExpected)
        #expect(try MovementTests.kept(policy.movement(to: next)).moved == 500_000)
        // A salt beside it has no part in the draw.
        var salted = policy
        salted.rollouts["sms"]?.salt = "pepper"
        #expect(salted.epochDemands(from: policy) == [])
        #expect(try MovementTests.kept(policy.movement(to: salted)).moved == 0)
    }

    @Test("Converted, a rollout draws by the library's own hash, and live sessions stay")
    func convert() throws {
        var policy = Self.policy(Bucketing(.integer, buckets: 3), Self.test([1, 1, 1], coverage: .percent(66.6666)))
        try policy.rebalance("sms", weights: ["v0": 5])
        policy.rollouts["sms"]?.sticky = StickyCookie(name: "c", maxAge: 60)
        let before = policy
        try policy.convert("sms")
        try policy.validate()
        #expect(policy.rollouts["sms"]?.bucketing == nil)
        #expect(policy.epochDemands(from: before) == [])
        #expect(try MovementTests.kept(before.movement(to: policy)).isExpected)
        let unit = try #require(
            (0..<1_000).first { unit in
                let handles = try? (Self.handle(before), Self.handle(policy))
                return handles.map {
                    $0.0.decision(for: unit).reason == .split
                        && $0.0.decision(for: unit).variant.name != $0.1.decision(for: unit).variant.name
                } ?? false
            }
        )
        let held = try #require(Assignment(remembering: Self.handle(before).decision(for: unit)))
        let answer = try Self.handle(policy).decision(for: String(unit), holding: held)
        #expect(answer.reason == .sticky)
        #expect(answer.variant.name == (try Self.handle(before).decision(for: unit).variant.name))
        let error = #expect(throws: EditError.self) { try policy.convert("sms") }
        #expect(error?.code == .notStated)
    }

    @Test("Beside a strategy that draws nothing a bucketing is dormant")
    func dormant() throws {
        let bucketing = Bucketing(.integer, buckets: 2)
        let strategy = RolloutStrategy.shadow(.percent(25), primary: ["a": "1"], shadow: ["a": "2"])
        let stated = try Self.handle(Self.policy(bucketing, strategy))
        let own = try #require(
            RolloutRouter(policy: RolloutPolicy(revision: 1, rollouts: ["sms": RolloutDefinition(strategy)])).rollout(
                "sms"
            )
        )
        for unit in 0..<1_000 {
            #expect((stated.decision(for: unit).shadow == nil) == (own.decision(for: unit).shadow == nil))
            #expect(stated.decision(for: unit).reason == .fixed)
        }
    }

    @Test("The warnings name the values that occur")
    func warnings() {
        var policy = Self.policy(
            Bucketing(.md5, bits: 4, buckets: 100),
            Self.test([1], coverage: .percent(50.5))
        )
        #expect(
            policy.warnings.map(\.message) == [
                "100 buckets cannot express 50.5 %: it is really 51 %",
                "4 bits have 16 values, fewer than the 100 buckets",
            ]
        )
        policy = Self.policy(Bucketing(.integer, buckets: 100))
        policy.rollouts["sms"]?.progression = ProgressionPlan(steps: [.percent(0.5), .percent(5)], count: .requests)
        #expect(
            policy.warnings.map(\.description) == [
                "rollouts.sms.progression.steps[0]: 100 buckets cannot express 0.5 %: the step will be refused; "
                    + "0 % and 1 % can be set"
            ]
        )
    }

    @Test("An explanation says what was hashed, and what became of the number")
    func explanation() throws {
        let handle = try Self.handle(Self.policy(Bucketing(.murmur3, of: "g.one:{unit}", buckets: 100)))
        let explanation = handle.explanation(for: "alice")
        let draw = try #require(explanation.steps.first { $0.rule == .draw }?.draw)
        let stated = try #require(draw.stated)
        #expect(stated.text == "g.one:alice")
        #expect(draw.bucket == stated.cell * 10_000)
        #expect(draw.key == nil)
        #expect(explanation.description.contains("murmur3-32 of \"g.one:alice\""))
        #expect(explanation.description.contains("number  \(stated.cell) of 100   by remainder"))
        #expect(
            explanation.json.contains(
                #""stated":{"bucketing":{"buckets":100,"hash":"murmur3-32","text":"g.one:{unit}"}"#
            )
        )
    }
}
