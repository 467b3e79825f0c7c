import Testing

@testable import Rollout

@Suite("What an analysis says of a canary")
struct CanaryAnalysisTests {
    /// By requests, so that a row needs few numbers.
    static let byRequests = ProgressionPlan(steps: [.percent(5), .percent(25)], count: .requests)

    private static func side(_ requests: Int, _ failures: Int) -> VariantOutcomes {
        VariantOutcomes(requests: requests, failures: failures)
    }

    /// A window of so many requests and failures on each side.
    private static func window(
        _ canary: (Int, Int),
        _ stable: (Int, Int),
        share: Double = 5,
        isSettled: Bool = true
    ) -> CanaryObservation.Reading {
        .window(
            CanaryWindow(
                stable: side(stable.0, stable.1),
                canary: side(canary.0, canary.1),
                weight: .percent(share),
                isSettled: isSettled
            )
        )
    }

    /// As many units as requests.
    private static func units(
        _ canary: (Int, Int),
        _ stable: (Int, Int),
        weight: Double = 5
    ) -> CanaryObservation.Reading {
        func side(_ count: (Int, Int)) -> VariantOutcomes {
            let units = VariantOutcomes.Units(
                arrived: count.0,
                entered: count.0,
                enteredFailed: count.1,
                failed: count.1
            )
            return VariantOutcomes(requests: count.0, failures: count.1, units: units)
        }
        return .window(
            CanaryWindow(stable: side(stable), canary: side(canary), weight: .percent(weight), isSettled: true)
        )
    }

    private static let healthy = window((500, 5), (9_500, 95))
    private static let fewOutcomes = window((5, 0), (95, 1))

    /// One way to a row of the table: what is seen before, and what it comes to.
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var plan = CanaryAnalysisTests.byRequests
        var start = 5.0
        /// Share, age, reading.
        let seen: [(Double, Double, CanaryObservation.Reading)]
        let verdict: CanaryVerdict
        let reason: CanaryReason?
        var detail: String?
    }

    private static func plan(_ change: (inout ProgressionPlan) -> Void) -> ProgressionPlan {
        var plan = byRequests
        change(&plan)
        return plan
    }

    static let rows: [Row] = [
        Row(
            testDescription: "1: harm takes back, whatever else is so",
            seen: [(5, 0, window((500, 60), (9_500, 95), isSettled: false))],
            verdict: .rollBack,
            reason: .failures
        ),
        Row(
            testDescription: "1: beyond the limit, beside a stable that is no better",
            plan: plan { $0.limit = .percent(2) },
            seen: [(5, 400, window((5_000, 500), (95_000, 9_500)))],
            verdict: .rollBack,
            reason: .limit
        ),
        Row(
            testDescription: "1: slow",
            plan: plan { $0.latency = [.percent(99)] },
            seen: [
                (
                    5, 400,
                    .window(
                        CanaryWindow(
                            stable: VariantOutcomes(requests: 9_500, failures: 95, slow: .thanThresholds([95])),
                            canary: VariantOutcomes(requests: 500, failures: 5, slow: .thanThresholds([60])),
                            weight: .percent(5),
                            isSettled: true
                        )
                    )
                )
            ],
            verdict: .rollBack,
            reason: .latency
        ),
        Row(
            testDescription: "1: harm takes back at a share that was lowered too",
            start: 25,
            seen: [(25, 400, healthy), (5, 0, window((500, 60), (9_500, 95)))],
            verdict: .rollBack,
            reason: .failures
        ),
        Row(
            testDescription: "1: what was shown once stays shown, whatever comes after",
            seen: [
                (5, 0, window((500, 60), (9_500, 95))),
                (5, 400, window((500_000, 4_000), (9_500_000, 95_000))),
            ],
            verdict: .rollBack,
            reason: .failures
        ),
        Row(
            testDescription: "1: a canary that was healthy for long is watched like a new one at the next share",
            seen: Array(repeating: (5, 0, window((500, 5), (9_500, 95))), count: 50)
                + [(25, 0, window((600, 30), (1_800, 18)))],
            verdict: .rollBack,
            reason: .failures
        ),
        Row(
            testDescription: "1: no weight makes less of a share than it is",
            plan: ProgressionPlan(steps: [.percent(25)]),
            seen: [(5, 400, units((500, 5), (9_500, 95), weight: 0))],
            verdict: .hold,
            reason: .gathering
        ),
        Row(
            testDescription: "2: late, and the plan takes back what is inconclusive",
            plan: plan { ($0.deadline, $0.onDeadline) = (3_600, .abort) },
            seen: [(5, 3_601, fewOutcomes)],
            verdict: .rollBack,
            reason: .inconclusive
        ),
        Row(
            testDescription: "2: late without any data too",
            plan: plan { ($0.deadline, $0.onDeadline) = (3_600, .abort) },
            seen: [(5, 3_601, .missing("the source is gone"))],
            verdict: .rollBack,
            reason: .inconclusive
        ),
        Row(
            testDescription: "2: not at the deadline itself",
            plan: plan { ($0.deadline, $0.onDeadline) = (3_600, .abort) },
            seen: [(5, 3_600, fewOutcomes)],
            verdict: .hold,
            reason: .gathering
        ),
        Row(
            testDescription: "2: not at a share of 0",
            plan: plan { ($0.deadline, $0.onDeadline) = (3_600, .abort) },
            start: 0,
            seen: [(0, 3_601, fewOutcomes)],
            verdict: .hold,
            reason: .notStarted
        ),
        Row(
            testDescription: "2: not at a share that somebody lowered",
            plan: plan { ($0.deadline, $0.onDeadline) = (3_600, .abort) },
            start: 25,
            seen: [(5, 3_601, fewOutcomes)],
            verdict: .hold,
            reason: .lowered
        ),
        Row(
            testDescription: "3: lowered by others",
            start: 25,
            seen: [(25, 400, healthy), (5, 400, window((50_000, 500), (950_000, 9_500)))],
            verdict: .hold,
            reason: .lowered
        ),
        Row(
            testDescription: "3: lowered to 0 is lowered, not unstarted",
            start: 25,
            seen: [(0, 0, healthy)],
            verdict: .hold,
            reason: .lowered
        ),
        Row(
            testDescription: "3: raised again, it goes on",
            start: 25,
            seen: [(5, 0, healthy), (10, 400, window((50_000, 500), (950_000, 9_500)))],
            verdict: .advance,
            reason: nil
        ),
        Row(
            testDescription: "4: a canary at 0 never starts by itself",
            start: 0,
            seen: [(0, 100_000, window((0, 0), (1_000_000, 100)))],
            verdict: .hold,
            reason: .notStarted
        ),
        Row(
            testDescription: "5: no window",
            seen: [(5, 400, .missing("the source is 30 s late"))],
            verdict: .hold,
            reason: .noData,
            detail: "the source is 30 s late"
        ),
        Row(
            testDescription: "6: suspicious holds back what the gate would let through",
            seen: [(5, 400, window((50_000, 575), (950_000, 9_500)))],
            verdict: .hold,
            reason: .suspicious
        ),
        Row(
            testDescription: "6: units that went missing",
            plan: ProgressionPlan(steps: [.percent(5)]),
            seen: [(5, 400, units((1_000, 10), (29_000, 290))), (5, 415, units((49_500, 495), (920_500, 9_205)))],
            verdict: .hold,
            reason: .mismatch
        ),
        Row(
            testDescription: "7: what began under an earlier share opens no gate",
            seen: [(5, 400, window((50_000, 500), (950_000, 9_500), isSettled: false))],
            verdict: .hold,
            reason: .settling
        ),
        Row(
            testDescription: "8: too young",
            seen: [(5, 299, window((50_000, 500), (950_000, 9_500)))],
            verdict: .hold,
            reason: .dwelling
        ),
        Row(
            testDescription: "8: an age that is no number is none",
            seen: [(5, .nan, window((50_000, 500), (950_000, 9_500)))],
            verdict: .hold,
            reason: .dwelling
        ),
        Row(
            testDescription: "9: on to the next step",
            seen: [(5, 300, window((50_000, 500), (950_000, 9_500)))],
            verdict: .advance,
            reason: nil
        ),
        Row(
            testDescription: "9: after the last step, promoted",
            start: 25,
            seen: [(25, 300, window((250_000, 2_500), (750_000, 7_500)))],
            verdict: .promote,
            reason: nil
        ),
        Row(
            testDescription: "9: units that entered open the gate",
            plan: ProgressionPlan(steps: [.percent(5)]),
            seen: [(5, 400, units((50_000, 500), (950_000, 9_500)))],
            verdict: .promote,
            reason: nil
        ),
        Row(
            testDescription: "9: a person confirms everything",
            plan: plan { $0.confirm = .everything },
            seen: [(5, 300, window((50_000, 500), (950_000, 9_500)))],
            verdict: .hold,
            reason: .confirmation
        ),
        Row(
            testDescription: "9: whoever confirms promotions leaves steps alone",
            plan: plan { $0.confirm = .promotion },
            seen: [(5, 300, window((50_000, 500), (950_000, 9_500)))],
            verdict: .advance,
            reason: nil
        ),
        Row(
            testDescription: "9: a person confirms the promotion",
            plan: plan { $0.confirm = .promotion },
            start: 25,
            seen: [(25, 300, window((250_000, 2_500), (750_000, 7_500)))],
            verdict: .hold,
            reason: .confirmation
        ),
        Row(
            testDescription: "9: the deadline moves it on",
            plan: plan { ($0.deadline, $0.onDeadline) = (3_600, .advance) },
            seen: [(5, 3_601, fewOutcomes)],
            verdict: .advance,
            reason: .inconclusive
        ),
        Row(
            testDescription: "9: a schedule asks for nothing but its time",
            plan: ProgressionPlan(steps: [.percent(5), .percent(25)], count: .nothing),
            seen: [(5, 300, .missing("nothing is counted"))],
            verdict: .advance,
            reason: nil
        ),
        Row(
            testDescription: "8: a schedule has its time",
            plan: ProgressionPlan(steps: [.percent(5)], count: .nothing),
            seen: [(5, 299, window((500, 500), (9_500, 0)))],
            verdict: .hold,
            reason: .dwelling
        ),
        Row(
            testDescription: "10: late, and judged on",
            plan: plan { $0.deadline = 3_600 },
            seen: [(5, 3_601, fewOutcomes)],
            verdict: .hold,
            reason: .inconclusive
        ),
        Row(
            testDescription: "10: late, it may still advance",
            plan: plan { $0.deadline = 3_600 },
            seen: [(5, 3_601, fewOutcomes), (5, 3_616, window((50_000, 500), (950_000, 9_500)))],
            verdict: .advance,
            reason: nil
        ),
        Row(
            testDescription: "11: no traffic on the canary",
            seen: [(5, 400, window((0, 0), (9_500, 95)))],
            verdict: .hold,
            reason: .noTraffic,
            detail: "canary"
        ),
        Row(
            testDescription: "11: no traffic on stable",
            seen: [(5, 400, window((100, 1), (0, 0)))],
            verdict: .hold,
            reason: .noTraffic,
            detail: "stable"
        ),
        Row(
            testDescription: "12: not enough yet",
            seen: [(5, 400, fewOutcomes)],
            verdict: .hold,
            reason: .gathering
        ),
    ]

    @Test("The first row that applies decides", arguments: rows)
    func table(_ row: Row) throws {
        var analysis = CanaryAnalysis(under: row.plan, at: .percent(row.start))
        var last: CanaryJudgement?
        for (share, age, reading) in row.seen {
            last = analysis.judge(CanaryObservation(share: .percent(share), age: age, reading: reading))
        }
        let judgement = try #require(last)
        #expect(judgement.verdict == row.verdict, "\(judgement)")
        #expect(judgement.reason == row.reason, "\(judgement)")
        #expect(judgement.evidence.map { $0.mismatch >= 1_000 } ?? false == (row.reason == .mismatch))
        #expect(judgement.detail == row.detail)
    }

    @Test("Each stage has a gate of its own")
    func stages() {
        var analysis = CanaryAnalysis(under: Self.byRequests, at: .percent(5))
        let many = Self.window((50_000, 500), (950_000, 9_500))
        #expect(analysis.judge(CanaryObservation(share: .percent(5), age: 400, reading: many)).verdict == .advance)
        let next = analysis.judge(CanaryObservation(share: .percent(25), age: 400, reading: Self.fewOutcomes))
        #expect(next.reason == .gathering)
        #expect((next.evidence?.gate ?? .infinity) < 1.2)
    }

    // MARK: Counts that cannot be

    static let impossible: [(String, VariantOutcomes)] = [
        ("requests is -1, and must be in 0 ... 9,007,199,254,740,992", VariantOutcomes(requests: -1, failures: 0)),
        ("failures is -5, and must be in 0 ... 9,007,199,254,740,992", VariantOutcomes(requests: 10, failures: -5)),
        ("11 failures, and only 10 requests", VariantOutcomes(requests: 10, failures: 11)),
        (
            "requests is 9,223,372,036,854,775,807, and must be in 0 ... 9,007,199,254,740,992",
            VariantOutcomes(requests: .max, failures: 0)
        ),
        (
            "no units: count them, or write \"count\": \"requests\" and mean it",
            VariantOutcomes(requests: 10, failures: 1)
        ),
        ("11 entered, and only 10 requests", counted(arrived: 1, entered: 11, enteredFailed: 0, failed: 0)),
        ("11 arrived, and only 10 requests", counted(arrived: 11, entered: 1, enteredFailed: 0, failed: 0)),
        ("2 enteredFailed, and only 1 entered", counted(arrived: 1, entered: 1, enteredFailed: 2, failed: 2)),
        ("6 failed, and only 5 failures", counted(arrived: 1, entered: 1, enteredFailed: 0, failed: 6)),
        (
            "arrived is -1, and must be in 0 ... 9,007,199,254,740,992",
            counted(arrived: -1, entered: 1, enteredFailed: 0, failed: 0)
        ),
    ]

    private static func counted(arrived: Int, entered: Int, enteredFailed: Int, failed: Int) -> VariantOutcomes {
        let units = VariantOutcomes.Units(
            arrived: arrived,
            entered: entered,
            enteredFailed: enteredFailed,
            failed: failed
        )
        return VariantOutcomes(requests: 10, failures: 5, units: units)
    }

    @Test("A count that cannot be is no data, and moves nothing", arguments: impossible)
    func impossibleCounts(sentence: String, side: VariantOutcomes) {
        let plan = ProgressionPlan(
            steps: [.percent(5)],
            count: sentence.contains("requests is") || sentence.contains("failures") && side.units == nil
                ? .requests : .units
        )
        let good = Self.counted(arrived: 1, entered: 1, enteredFailed: 0, failed: 0)
        for (stable, canary, name) in [(good, side, "canary"), (side, good, "stable")] {
            var analysis = CanaryAnalysis(under: plan, at: .percent(5))
            let window = CanaryWindow(stable: stable, canary: canary, weight: .percent(5), isSettled: true)
            let judgement = analysis.judge(CanaryObservation(share: .percent(5), age: 400, reading: .window(window)))
            #expect(judgement.verdict == .hold)
            #expect(judgement.reason == .noData)
            #expect(judgement.detail == "\(name): \(sentence)")
            #expect(judgement.evidence?.logHarm == 0)
        }
    }

    @Test("Counts at their limits trap nowhere", arguments: [ProgressionPlan.Count.units, .requests])
    func extremes(count: ProgressionPlan.Count) {
        var analysis = CanaryAnalysis(
            under: ProgressionPlan(steps: [.percent(5)], count: count, limit: .percent(1), latency: [.percent(50)]),
            at: .percent(5)
        )
        let most = 1 << 53
        let edges = Array(repeating: most, count: LatencyEdge.count)
        let units = VariantOutcomes.Units(arrived: most, entered: most, enteredFailed: most, failed: most)
        let side = VariantOutcomes(
            requests: most,
            failures: most,
            units: units,
            slow: .thanEdges(requests: edges, units: edges)
        )
        for _ in 0..<2_000 {
            let window = CanaryWindow(stable: side, canary: side, weight: .all, isSettled: true)
            let judgement = analysis.judge(CanaryObservation(share: .percent(5), age: 400, reading: .window(window)))
            #expect(!(judgement.evidence?.logHarm.isNaN ?? true))
            #expect(!(judgement.evidence?.logGate.isNaN ?? true))
        }
    }

    // MARK: Words

    @Test("A judgement has its figures, as text and as JSON")
    func words() {
        var analysis = CanaryAnalysis(under: Self.byRequests, at: .percent(5))
        let little = analysis.judge(CanaryObservation(share: .percent(5), age: 400, reading: Self.healthy))
        #expect(
            little.description
                == "5 %: gathering; 500 canary requests, 5 failed; evidence 3 of 20, about 28 s more"
        )
        let many = Self.window((50_000, 500), (950_000, 9_500))
        let enough = analysis.judge(CanaryObservation(share: .percent(5), age: 415, reading: many))
        #expect(
            enough.description.hasPrefix("5 %: 1 % of 50,500 fail against 1 % of 959,500, evidence "),
            "\(enough)"
        )
        #expect(
            little.tree.canonicalText
                == #"{"advance":{"evidence":3.00498,"needed":20,"windowsToGo":2},"next":25,"percent":5,"#
                + #""rollback":{"evidence":0.690978,"needed":100,"p":1},"verdict":"hold","why":"gathering"}"#
        )
        let harm = Self.window((5_000, 600), (95_000, 950))
        let back = analysis.judge(CanaryObservation(share: .percent(5), age: 430, reading: harm))
        #expect(
            back.description.hasPrefix("5 %: failures, evidence ")
                && back.description.hasSuffix(
                    " of 100; since the share settled, 1.99 % of 55,500 fail against 1 % of 1,054,500"
                ),
            "\(back)"
        )
    }

    @Test(
        "Numbers and times are short",
        arguments: [
            (0.41234, 2, "0.41"), (120_000, 3, "120000"), (1e300, 6, "1e+300"), (0, 3, "0"), (99.96, 3, "100"),
            (-2.5, 6, "-2.5"), (1.0 / 3, 6, "0.333333"), (4.2e-9, 6, "4.2e-09"), (.infinity, 6, "1e+308"),
        ] as [(Double, Int, String)]
    )
    func numbers(number: Double, digits: Int, text: String) {
        #expect(significant(number, digits: digits) == text)
    }

    @Test(
        arguments: [
            (0.2, "1 s"), (59, "59 s"), (60, "1 min"), (61, "2 min"), (3_600, "1 h"), (12_000, "3 h 20 min"),
            (187_200, "2 d 4 h"), (1e12, "30 years or"),
        ] as [(Double, String)]
    )
    func times(seconds: Double, text: String) {
        #expect(spelled(seconds: seconds) == text)
    }
}
