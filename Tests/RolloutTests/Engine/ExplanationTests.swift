import Foundation
import Rollout
import Testing

@Suite("Explanations")
struct ExplanationTests {
    @Test(
        "An explanation has the engine's decision, and exactly one rule decides",
        arguments: StressEffort.seeds(6, long: 30)
    )
    func agreement(seed: UInt64) throws {
        var random = RandomPolicy(seed: seed)
        let policy = random.policy(revision: 9)
        let router = try RolloutRouter(policy: policy)
        let snapshot = router.snapshot()
        for (id, rollout) in policy.rollouts.sorted(by: { $0.key < $1.key }) {
            let handle = try #require(router.rollout(id))
            for _ in 0..<20 {
                let request = random.request(for: id, of: rollout)
                let held = request.held?.assignment
                let explanation = handle.explanation(for: request.unit, host: request.host, holding: held)
                let decision = handle.decision(for: request.unit, host: request.host, holding: held)
                let flaws = Self.flaws(explanation, decision, rollout, id)
                if !flaws.isEmpty {
                    Issue.record("\(flaws), seed \(seed), \(request)\n\(decision)\n\(explanation)\n\(policy.json)")
                }
                #expect(
                    snapshot.explanation(for: request.unit, in: id, host: request.host, holding: held) == explanation
                )
                try checkWhatElse(explanation, handle, request)
            }
        }
    }

    /// What is wrong with an explanation, beside the engine's decision and the reference's arithmetic.
    private static func flaws(
        _ explanation: Explanation,
        _ decision: Decision,
        _ rollout: RolloutDefinition,
        _ id: RolloutID
    ) -> [String] {
        var flaws: [String] = []
        func check(_ isRight: Bool, _ flaw: String) { if !isRight { flaws.append(flaw) } }
        check(explanation.decision == decision, "another decision")
        check(explanation.steps.map(\.rule) == [.host, .forced, .assignment, .draw, .missingUnit], "other rules")
        let deciding = explanation.steps.filter(\.decides)
        check(deciding.count == 1, "not one rule decides")
        check(explanation.steps.prefix { !$0.decides }.allSatisfy { $0.answer == nil }, "an earlier rule has an answer")
        guard let step = deciding.first else { return flaws }
        check(step.answer == decision, "the deciding rule answers something else")
        check(reasons[step.rule]?.contains(decision.reason) == true, "no reason of the rule")
        let isRuled = step.rule == .host || step.rule == .forced
        check(decision.reason != .notEnrolled || (decision.bucket == nil) == isRuled, "a bucket, or none")
        if let draw = step.draw {
            check(draw.bucket == decision.bucket, "another bucket")
            let owner = draw.owner
            let isServed = owner.variant != nil && !owner.isDisabled && !owner.isDraining
            check(isServed == (decision.reason != .notEnrolled), "who owns the bucket is not who is served")
            check(!isServed || owner.variant == decision.variant.name, "another owner")
        } else {
            check(decision.reason != .split, "a split without a draw")
        }
        for draw in (explanation.steps.map(\.draw) + [explanation.sampling?.draw]).compactMap(\.self) {
            check(draw.owner.buckets.contains(draw.bucket), "an owner of other buckets")
            check(draw.ranges.first?.buckets.lowerBound == 0, "ranges that do not begin at 0")
            check(draw.ranges.last?.buckets.upperBound == 1_000_000, "ranges that do not end at a million")
            if let unit = explanation.unit, draw.key != nil {
                check(draw.bucket == ReferenceBucketing.bucket(unit: unit, salt: draw.salt), "a bucket of another salt")
            }
        }
        let isCopied = explanation.sampling?.draw.map { draw in
            draw.owner.variant == .shadow && !draw.owner.isDisabled && !draw.owner.isDraining
        }
        check((isCopied ?? false) == (decision.shadow != nil), "another copy")
        check((explanation.sampling != nil) == (rollout.strategy.kind == .shadow), "sampling without a shadow, or none")
        let arrows = explanation.description.split(separator: "\n").filter { $0.hasPrefix("->") }
        check(arrows.count == 1, "not one arrow")
        return flaws
    }

    private static let reasons: [Explanation.Rule: Set<Decision.Reason>] = [
        .host: [.host, .notEnrolled],
        .forced: [.forced, .notEnrolled],
        .assignment: [.sticky, .stale, .notEnrolled],
        .draw: [.fixed, .split, .notEnrolled],
        .missingUnit: [.missingUnit],
    ]

    /// The next answer after that of a host or an assignment is what the request gets without it.
    private func checkWhatElse(
        _ explanation: Explanation,
        _ handle: RolloutHandle,
        _ request: ReferenceEvaluator.Request
    ) throws {
        let answers = explanation.steps.filter { $0.answer != nil }
        guard answers.count > 1 else { return }
        switch answers[0].rule {
        case .host:
            let decision = handle.decision(for: request.unit, holding: request.held?.assignment)
            #expect(answers[1].answer == decision, "\(explanation)")
        case .assignment:
            #expect(answers[1].answer == handle.decision(for: request.unit), "\(explanation)")
        default: break
        }
    }

    private static func router(_ edit: (inout RolloutDefinition) -> Void = { _ in }) throws -> RolloutRouter {
        var definition = RolloutDefinition(
            .canary(.percent(10), stable: [.app: "v1"], canary: [.app: "v2"]),
            epoch: 3,
            hosts: ["canary.example": "canary"],
            forced: ["qa": "canary"]
        )
        edit(&definition)
        return try RolloutRouter(policy: RolloutPolicy(revision: 7, rollouts: ["sms": definition]))
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var unit: String?
        var host: String?
        var holds: Assignment?
        var edit: @Sendable (inout RolloutDefinition) -> Void = { _ in }
        let rule: Explanation.Rule
        let saw: String

        var testDescription: String { saw }
    }

    private static func held(_ variant: VariantName?, bucket: Int? = 42, epoch: UInt32 = 3) -> Assignment? {
        Assignment(variant: variant, of: "sms", bucket: bucket, epoch: epoch, revision: 1)
    }

    private static let fixed: @Sendable (inout RolloutDefinition) -> Void = {
        $0 = RolloutDefinition(.fixed([.app: "v1"]))
    }
    private static let sticky = StickyCookie(name: "c", maxAge: 60)
    private static let pinned = StickyCookie(name: "c", maxAge: 60, pin: .bucket)

    static let rows: [Row] = [
        Row(unit: "alice", rule: .host, saw: "the request names no host"),
        Row(unit: "alice", host: ":80", rule: .host, saw: "the request names no host"),
        Row(host: "X.example:80", rule: .host, saw: #"no rule names "x.example"; 1 host has one"#),
        Row(host: "Canary.example.", rule: .host, saw: #""canary.example" is given canary"#),
        Row(
            host: "canary.example",
            edit: { $0.disabled = ["canary"] },
            rule: .host,
            saw: #""canary.example" is given canary, which is disabled"#
        ),
        Row(
            host: "canary.example",
            edit: { $0.strategy = .fixed([.app: "v1"]) },
            rule: .host,
            saw: #""canary.example" is given canary, and there is none at present"#
        ),
        Row(
            unit: "qa",
            edit: { $0.strategy = .shadow(.zero, primary: [.app: "v1"], shadow: [.app: "v2"]) },
            rule: .forced,
            saw: #""qa" is forced to canary, and there is none at present"#
        ),
        Row(rule: .forced, saw: "the request brings no unit"),
        Row(unit: "bob", rule: .forced, saw: #""bob" is not forced; 1 unit is"#),
        Row(unit: "qa", rule: .forced, saw: #""qa" is forced to canary"#),
        Row(unit: "qa", edit: { $0.forced = [:] }, rule: .forced, saw: #""qa" is not forced; no unit is"#),
        Row(rule: .assignment, saw: "the request holds none"),
        Row(holds: held("canary"), rule: .assignment, saw: "of canary, bucket 42, epoch 3"),
        Row(
            holds: held("canary", epoch: 4),
            rule: .assignment,
            saw: "of canary, bucket 42, epoch 4: newer than this policy's epoch 3"
        ),
        Row(
            holds: held("canary", epoch: 2),
            rule: .assignment,
            saw: "of canary, bucket 42, epoch 2: older than this policy's epoch 3"
        ),
        Row(
            holds: held("canary", epoch: 2),
            edit: {
                $0.sticky = sticky
                $0.missingUnit = .assign
            },
            rule: .assignment,
            saw: "of canary, bucket 42, epoch 2: older than this policy's epoch 3; the draw takes its bucket"
        ),
        Row(
            holds: held("canary"),
            edit: { $0.disabled = ["canary"] },
            rule: .assignment,
            saw: "of canary, bucket 42, epoch 3: the variant is gone, has no share left, or is disabled"
        ),
        Row(
            holds: held("other"),
            rule: .assignment,
            saw: "of an unknown variant, bucket 42, epoch 3: the variant is gone, has no share left, or is disabled"
        ),
        Row(
            holds: held(nil, bucket: nil),
            rule: .assignment,
            saw: "of no variant, no bucket, epoch 3: the visitor was not enrolled"
        ),
        Row(
            unit: "alice",
            holds: held("canary"),
            edit: { $0.sticky = pinned },
            rule: .assignment,
            saw: "of canary, bucket 42, epoch 3: only the bucket is pinned, and the unit has its own"
        ),
        Row(
            holds: held("canary", bucket: nil),
            edit: { $0.sticky = pinned },
            rule: .assignment,
            saw: "of canary, no bucket, epoch 3: it has no bucket to pin"
        ),
        Row(
            holds: held("canary"),
            edit: fixed,
            rule: .assignment,
            saw: "a rollout of this strategy keeps no assignments"
        ),
        Row(rule: .draw, saw: "the request brings no unit, and no bucket"),
        Row(unit: "alice", edit: { $0.strategy = abTest(.all) }, rule: .draw, saw: "belongs to stable"),
        Row(edit: fixed, rule: .draw, saw: "stable answers every request"),
        Row(
            unit: "alice",
            edit: { $0.strategy = abTest(.zero) },
            rule: .draw,
            saw: "belongs to nobody: it is outside the coverage"
        ),
        Row(
            unit: "alice",
            edit: {
                $0.strategy = .canary(.all, stable: [.app: "v1"], canary: [.app: "v2"])
                $0.draining = ["canary"]
            },
            rule: .draw,
            saw: "belongs to canary, which is draining"
        ),
        Row(
            unit: "alice",
            edit: {
                $0.strategy = .canary(.all, stable: [.app: "v1"], canary: [.app: "v2"])
                $0.disabled = ["canary"]
            },
            rule: .draw,
            saw: "belongs to canary, which is disabled"
        ),
        Row(unit: "alice", rule: .missingUnit, saw: "the request brings a unit"),
        Row(rule: .missingUnit, saw: "the request brings no unit"),
        Row(edit: fixed, rule: .missingUnit, saw: "the strategy needs no unit"),
    ]

    private static func abTest(_ coverage: Share) -> RolloutStrategy {
        let stable = WeightedVariant("stable", weight: 1, release: [.app: "v1"])
        return .abTest([stable, WeightedVariant("canary", weight: 0, release: [.app: "v2"])], coverage: coverage)
    }

    @Test("Each rule says what it saw", arguments: rows)
    func saw(row: Row) throws {
        let handle = try #require(try Self.router(row.edit).rollout("sms"))
        let explanation = handle.explanation(for: row.unit, host: row.host, holding: row.holds)
        let step = try #require(explanation.steps.first { $0.rule == row.rule })
        let drawn = step.draw.map { "bucket \(grouped($0.bucket)) " } ?? ""
        #expect(step.saw == (row.rule == .draw ? drawn : "") + row.saw)
        #expect(explanation.decision == handle.decision(for: row.unit, host: row.host, holding: row.holds))
    }

    @Test(
        "A pinned bucket decides, even if it is not enrolled; a bucket that is only supplied does not",
        arguments: [(StickyCookie.Pin.bucket, Explanation.Rule.assignment), (.variant, .draw)]
    )
    func buckets(pin: StickyCookie.Pin, rule: Explanation.Rule) throws {
        let router = try Self.router { definition in
            definition.strategy = Self.abTest(.zero)
            definition.sticky = StickyCookie(name: "c", maxAge: 60, pin: pin)
            definition.missingUnit = .assign
        }
        let explanation = try #require(router.rollout("sms")).explanation(for: nil, holding: Self.held(nil))
        let step = try #require(explanation.steps.first { $0.decides })
        #expect(step.rule == rule)
        #expect(step.answer?.reason == .notEnrolled)
        #expect(step.draw?.bucket == 42)
        #expect(step.draw?.key == nil)
    }

    @Test("The text has the rules in order, an arrow, the numbers of the draw, and what was not asked")
    func text() throws {
        let handle = try #require(try Self.router().rollout("sms"))
        let explanation = handle.explanation(for: "alice", host: "x")
        let draw = try #require(explanation.steps[3].draw)
        let (key, salt) = (Self.digits(try #require(draw.key)), Self.digits(draw.saltHash))
        let bucket = grouped(draw.bucket)
        #expect(
            explanation.description == """
                sms: canary, epoch 3, revision 7
                unit "alice", host "x"

                   1. host rule      no rule names "x"; 1 host has one
                   2. forced unit    "alice" is not forced; 1 unit is
                   3. assignment     the request holds none
                -> 4. draw           bucket \(bucket) belongs to stable
                                     key     0x\(key)   XXH3-64 of the unit
                                     salt    0x\(salt)   XXH3-64 of "rollout\\u0000sms"
                                     bucket  \(bucket) of 1,000,000
                                       canary        0 ..<   100,000
                                       stable  100,000 ..< 1,000,000  <- \(bucket)
                                     so: stable (app v1), split
                   5. missing unit   not asked: the request brings a unit

                decision: stable (app v1) by split, bucket \(draw.bucket), revision 7
                """
        )
    }

    private static func digits(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    @Test("Of many ranges, the text shows those near the bucket, and the copy to a shadow has a salt of its own")
    func details() throws {
        let many = try #require(
            try Self.router { definition in
                let ranges = (0..<500).map {
                    AllocatedRange($0.isMultiple(of: 2) ? "a" : "b", $0 * 2_000..<($0 + 1) * 2_000)
                }
                let variants = ["a", "b"].map { WeightedVariant($0, weight: 1, release: [.app: "v1"]) }
                definition = RolloutDefinition(.abTest(RolloutStrategy.ABTest(variants, allocation: ranges)))
            }
            .rollout("sms")
        )
        let lines = many.explanation(for: "alice").description.split(separator: "\n")
        #expect(lines.count { $0.contains(" ..< ") } == 7)
        #expect(lines.count { $0.contains("  <- ") } == 1)
        #expect(lines.contains { $0.hasSuffix("(493 more ranges)") })

        let ranker = try #require(
            try Self.router {
                $0 = RolloutDefinition(.shadow(.percent(50), primary: [.app: "r1"], shadow: [.app: "r2"]))
            }
            .rollout("sms")
        )
        let texts = (0..<20).map { ranker.explanation(for: "user-\($0)").description }
        let copied = try #require(texts.first { $0.contains("copied to shadow") })
        #expect(copied.contains(#"XXH3-64 of "rollout\u0000sms\u0000shadow""#))
        #expect(copied.contains("is among the 500,000 copied (50 %)"))
        let missed = try #require(texts.first { !$0.contains("copied to shadow") })
        #expect(missed.contains("6. shadow copy    no copy: bucket "))
        #expect(ranker.explanation(for: nil).sampling?.rule == .shadow)
        #expect(ranker.explanation(for: nil, host: "x").host == "x")
        #expect(ranker.explanation(for: nil).sampling?.saw == "no copy: the request brings no unit")
    }

    @Test("The JSON has the keys that the documentation lists")
    func json() throws {
        let handle = try #require(try Self.router().rollout("sms"))
        let decision =
            #"{"bucket":null,"epoch":3,"reason":"forced","release":{"app":"v2"},"revision":7,"rollout":"sms","shadow":null,"#
            + #""variant":"canary"}"#
        let explanation = handle.explanation(for: "qa", host: "x")
        let draw = try #require(explanation.steps[3].draw)
        let drawn =
            #"{"bucket":\#(draw.bucket),"epoch":3,"reason":"split","release":{"app":"v1"},"revision":7,"rollout":"sms","shadow":null,"#
            + #""variant":"stable"}"#
        #expect(
            explanation.json
                == #"{"adaptation":null,"decision":\#(decision),"host":"x","progression":null,"rollout":"sms","sampling":null,"steps":["#
                + #"{"answer":null,"decides":false,"draw":null,"rule":"host","saw":"no rule names \"x\"; 1 host has one"},"#
                + #"{"answer":\#(decision),"decides":true,"draw":null,"rule":"forced","saw":"\"qa\" is forced to canary"},"#
                + #"{"answer":null,"decides":false,"draw":null,"rule":"assignment","saw":"the request holds none"},"#
                + #"{"answer":\#(drawn),"decides":false,"draw":{"bucket":\#(draw.bucket),"#
                + #""key":"0x\#(Self.digits(try #require(draw.key)))","#
                + #""owner":{"disabled":false,"draining":false,"from":100000,"to":1000000,"variant":"stable"},"#
                + #""salt":"sms","saltHash":"0x\#(Self.digits(draw.saltHash))","stated":null},"rule":"draw","#
                + #""saw":"bucket \#(grouped(draw.bucket)) belongs to stable"},"#
                + #"{"answer":null,"decides":false,"draw":null,"rule":"missing_unit","saw":"the request brings a unit"}],"#
                + #""strategy":"canary","unit":"qa"}"#
        )
        #expect(handle.explanation(for: nil).json.hasSuffix(#""strategy":"canary","unit":null}"#))
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        #expect(String(decoding: try encoder.encode(explanation), as: UTF8.self) == explanation.json)
    }

    @Test("A handle to a rollout that is gone explains that, and a snapshot explains by its own policy")
    func absent() async throws {
        let router = try Self.router()
        let handle = try #require(router.rollout("sms"))
        let snapshot = router.snapshot()
        try await RolloutUpdater(router).update(to: RolloutPolicy(revision: 8, rollouts: [:]))
        let explanation = handle.explanation(for: "alice", host: "canary.example")
        #expect(explanation.decision == handle.decision(for: "alice", host: "canary.example"))
        #expect(explanation.steps.map(\.rule) == [.absent])
        #expect(explanation.steps.map(\.decides) == [true])
        #expect(explanation.steps.first?.answer == explanation.decision)
        #expect(explanation.steps.first?.saw == #"revision 8 has no rollout "sms""#)
        #expect(explanation.rollout == "sms")
        #expect(explanation.strategy == nil)
        #expect(router.snapshot().explanation(for: "alice", in: "sms") == nil)
        #expect(snapshot.explanation(for: "alice", in: "sms")?.decision.revision == 7)
    }

    @Test("A handle with a default explains the default while there is no rollout, and the rollout afterwards")
    func defaults() async throws {
        let router = RolloutRouter()
        let handle = router.rollout("sms", default: [.app: "v0"])
        let before = handle.explanation(for: "alice")
        #expect(before.rollout == "sms")
        #expect(before.steps.map(\.rule) == [.absent])
        #expect(before.decision == handle.decision(for: "alice"))
        #expect(before.decision.variant.release[.app] == "v0")
        let policy = try Self.router().snapshot().policy
        try await RolloutUpdater(router).update(to: policy)
        for unit in ["alice", "qa", nil] {
            let explanation = handle.explanation(for: unit, holding: Self.held("canary"))
            #expect(explanation.decision == handle.decision(for: unit, holding: Self.held("canary")))
            #expect(explanation == router.snapshot().explanation(for: unit, in: "sms", holding: Self.held("canary")))
            #expect(explanation.steps[2].saw == "of canary, bucket 42, epoch 3")
        }
    }
}
