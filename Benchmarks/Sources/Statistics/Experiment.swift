import Foundation
import Rollout

/// Some simulations of one kind.
struct Experiment: Sendable {
    /// A number to ask for them by.
    let item: Int
    let rows: @Sendable (Effort) async -> [Row]

    static let all = [
        Experiment(item: 1, rows: evaluation),
        Experiment(item: 2, rows: falseRollbacks),
        Experiment(item: 3, rows: detection),
        Experiment(item: 4, rows: gates),
        Experiment(item: 5, rows: returningUnits),
        Experiment(item: 6, rows: mismatch),
        Experiment(item: 7, rows: latency),
        Experiment(item: 8, rows: unsettled),
        Experiment(item: 9, rows: plans),
        Experiment(item: 10, rows: adaptation),
    ]

    /// How long a judgement takes. It decides nothing, since it depends on the machine.
    @Sendable private static func evaluation(_ effort: Effort) async -> [Row] {
        let (rounds, count) = (1_000, 100)
        func microseconds(_ plan: ProgressionPlan) -> Double {
            let slow = VariantOutcomes.Slow.thanThresholds(plan.latency.map { _ in 12 })
            let window = CanaryWindow(
                stable: VariantOutcomes(requests: 1_425, failures: 14, slow: slow),
                canary: VariantOutcomes(requests: 75, failures: 1, slow: slow),
                weight: .percent(5),
                isSettled: true
            )
            var analysis = CanaryAnalysis(under: plan, at: .percent(5))
            // The best round is the one that the machine disturbed least.
            return (0..<rounds).reduce(.infinity) { best, _ in
                let start = ContinuousClock.now
                for _ in 0..<count { _ = analysis.judge(window, at: .percent(5)) }
                return min(best, (ContinuousClock.now - start) / .microseconds(count))
            }
        }
        let plain = microseconds(ProgressionPlan(steps: [.percent(99)], count: .requests))
        let percentiles = (1...8).map { Share.percent(Double(10 * $0)) }
        let full = microseconds(ProgressionPlan(steps: [.percent(99)], count: .requests, latency: percentiles))
        return [
            .shown(1, "a judgement: harm, gate, forecast", runs: rounds * count, "\(Row.number(plain)) us"),
            .shown(1, "one more metric", runs: rounds * count, "\(Row.number((full - plain) / 8)) us"),
        ]
    }

    @Sendable private static func falseRollbacks(_ effort: Effort) async -> [Row] {
        var rows: [Row] = []
        for healthy in HealthyTraffic.all {
            let evidence = await effort.run(2_000) { healthy.largestEvidence(windows: 2_000, seed: $0) }
            for rate in [0.01, 0.05] {
                let hits = evidence.map { $0 >= -log(rate) }
                rows.append(
                    .atMost(rate, 2, "healthy, falseRollback \(Row.percent(rate)): \(healthy.description)", hits)
                )
            }
        }
        return rows
    }

    @Sendable private static func detection(_ effort: Effort) async -> [Row] {
        let cases = [
            (HarmfulTraffic(stable: 0.01, canary: 0.02, window: 95), "1 -> 2 %", 21_000.0),
            (HarmfulTraffic(stable: 0.01, canary: 0.05, window: 20), "1 -> 5 %", 2_400.0),
            (HarmfulTraffic(stable: 0.001, canary: 0.002, window: 959), "0.1 -> 0.2 %", 210_000.0),
            (HarmfulTraffic(stable: 0.001, canary: 0.5, window: 20), "0.1 -> 50 %", 100.0),
        ]
        var rows: [Row] = []
        for (harmful, name, limit) in cases {
            let byCount = await effort.run(1_000) {
                Double(harmful.requestsUntilRollback(.requests, most: 4_000_000, seed: $0))
            }
            let byWeight = await effort.run(1_000) {
                Double(harmful.requestsUntilRollback(.units, most: 4_000_000, seed: $0))
            }
            rows.append(.median(3, "\(name) at 10 %, found after", byCount, most: limit, "requests"))
            // A tenth more, or one window.
            let most = Row.median(of: byCount) + max(0.1 * Row.median(of: byCount), Double(harmful.window))
            rows.append(.median(3, "the same by weight", byWeight, most: most, "requests"))
        }
        let late = HarmfulTraffic(stable: 0.01, canary: 0.02, window: 600, share: .percent(50), healthyWindows: 5_000)
        let requests = await effort.run(300) {
            Double(late.requestsUntilRollback(.requests, most: 4_000_000, seed: $0))
        }
        rows.append(.median(3, "1 -> 2 % at 50 %, after 5,000 healthy windows", requests, most: 32_000, "requests"))
        return rows
    }

    @Sendable private static func gates(_ effort: Effort) async -> [Row] {
        var rows: [Row] = []
        for (stable, canary, name) in [
            (0.01, 0.013, "1 -> 1.3 %"), (0.001, 0.0022, "0.1 -> 0.22 %"), (0.05, 0.061, "5 -> 6.1 %"),
        ] {
            let stepped = SteppedCanary(canary: canary, stable: stable)
            let windows = await effort.run(2_000) { stepped.windowsUntilPromotion(most: 400, seed: $0) }
            rows.append(.atMost(0.05, 4, "\(name), at the last margin, promoted", windows.map { $0 != nil }))
        }
        for rate in [0, 0.001, 0.01, 0.05] {
            let stepped = SteppedCanary(canary: rate, stable: rate)
            let windows = await effort.run(1_000) { stepped.windowsUntilPromotion(most: 400, seed: $0) }
            let name = "healthy at \(Row.percent(rate)), promoted"
            rows.append(.atLeast(0.985, 4, name, windows.map { $0 != nil }))
            rows.append(.median(4, "\(name) after", windows.map { $0.map(Double.init) }, most: 22, "windows"))
        }
        return rows
    }

    @Sendable private static func returningUnits(_ effort: Effort) async -> [Row] {
        let shares: [(String, @Sendable (Double) -> Share)] = [
            ("at 10 %", { _ in .percent(10) }), ("at 50 %", { _ in .percent(50) }), ("on a ramp", HealthyTraffic.ramp),
        ]
        var rows: [Row] = []
        for (name, share) in shares {
            let outcomes = await effort.run(400) { ReturningUnits().takesBack(share: share, windows: 150, seed: $0) }
            rows.append(.atMost(0.01, 5, "healthy \(name), taken back by units", outcomes.map(\.byUnits)))
            let byRequests = outcomes.map(\.byRequests)
            rows.append(.shown(5, "by requests", runs: outcomes.count, Row.percent(Row.rate(of: byRequests))))
        }
        let outcomes = await effort.run(300) { ReturningUnits().passesLastGate(windows: 150, seed: $0) }
        rows.append(.atMost(0.05, 5, "at the last margin, passes the gate by units", outcomes.map(\.byUnits)))
        let byRequests = outcomes.map(\.byRequests)
        rows.append(.shown(5, "by requests", runs: outcomes.count, Row.percent(Row.rate(of: byRequests))))
        return rows
    }

    @Sendable private static func mismatch(_ effort: Effort) async -> [Row] {
        let units = await effort.run(500) { SampleMismatch.unitsUntilAlarm(canary: 0.09, most: 200_000, seed: $0) }
        let none = await effort.run(1_000) { SampleMismatch.unitsUntilAlarm(canary: 0.1, most: 500_000, seed: $0) }
        let ramp = await effort.run(300) { SampleMismatch.alarmsOnRamp(seed: $0) }
        let again = await effort.run(300) { SampleMismatch.alarmsOnRamp(countsAgain: true, seed: $0) }
        return [
            .median(6, "9 % instead of 10, alarm after", units.map { $0.map(Double.init) }, most: 17_000, "units"),
            .rate(6, "10 % as due, alarm", none.map { $0 != nil }, most: 0.003),
            .rate(6, "units that return on a ramp, alarm", ramp, most: 0.003),
            .shown(6, "counted again in another variant", runs: again.count, Row.percent(Row.rate(of: again))),
        ]
    }

    @Sendable private static func latency(_ effort: Effort) async -> [Row] {
        let everywhere = await effort.run(200) {
            SlowCanary.everywhere.requestsUntilRollback(window: 200, most: 400_000, seed: $0)
        }
        let atTheEnd = await effort.run(200) {
            SlowCanary.atTheEnd.requestsUntilRollback(window: 1_200, most: 4_000_000, seed: $0)
        }
        let healthy = await effort.run(400) {
            SlowCanary.healthy.requestsUntilRollback(window: 500, most: 500_000, seed: $0)
        }
        return [
            .median(
                7,
                "20 % slower, found after",
                everywhere.map { $0.map(Double.init) },
                most: 2_600,
                "requests"
            ),
            .median(7, "slower only above p97", atTheEnd.map { $0.map(Double.init) }, most: 42_000, "requests"),
            .atMost(0.01, 7, "as fast as stable, taken back", healthy.map { $0 != nil }),
        ]
    }

    @Sendable private static func unsettled(_ effort: Effort) async -> [Row] {
        let timeouts = await effort.run(2_000) { UnsettledTraffic.takesBackAfterTimeouts(seed: $0) }
        let counted = await effort.run(2_000) { UnsettledTraffic.takesBackAfterTimeouts(countsThem: true, seed: $0) }
        let sessions = await effort.run(500) { UnsettledTraffic.takesBackAfterSessions(seed: $0) }
        let pinned = await effort.run(500) { UnsettledTraffic.takesBackAfterSessions(countsThem: true, seed: $0) }
        var rows: [Row] = [
            .atMost(0.01, 8, "50 -> 5 % and timeouts, taken back", timeouts),
            .shown(8, "by counts", runs: counted.count, Row.percent(Row.rate(of: counted))),
            .atMost(0.01, 8, "1 -> 5 % and pinned sessions, taken back", sessions),
            .shown(8, "by counts", runs: pinned.count, Row.percent(Row.rate(of: pinned))),
        ]
        for (limit, above) in [(3.0, Share.percent(50)), (1.5, .percent(1))] {
            let evidence = await effort.run(2_000) {
                HealthyTraffic.largestEvidence(limit: limit, above: above, windows: 500, seed: $0)
            }
            let name = "\(above) while the evidence is above \(Row.number(limit)), taken back"
            rows.append(.atMost(0.01, 8, name, evidence.map { $0 >= log(100) }))
        }
        return rows
    }

    @Sendable private static func plans(_ effort: Effort) async -> [Row] {
        func run(_ stable: Double, _ canary: Double, _ runs: Int) async -> (
            [PlannedCanary.End], flagger: [PlannedCanary.End]
        ) {
            let planned = PlannedCanary(canary: canary, stable: stable)
            let ends = await effort.run(runs) { planned.run(minutes: 600, seed: $0) }
            return (ends, await effort.run(runs) { planned.runByFlagger(minutes: 600, seed: $0) })
        }
        func flagger(_ what: String, _ ends: [PlannedCanary.End], _ measured: String) -> Row {
            .shown(9, "Flagger's rule: \(what)", runs: ends.count, measured)
        }
        func minutes(_ ends: [PlannedCanary.End], _ isEnd: KeyPath<PlannedCanary.End, Bool>) -> [Double?] {
            ends.map { $0[keyPath: isEnd] ? $0.minutes : nil }
        }
        let (healthy, healthyByFlagger) = await run(0.01, 0.01, 4_000)
        let (doubled, doubledByFlagger) = await run(0.01, 0.02, 1_000)
        let (small, smallByFlagger) = await run(0.001, 0.005, 1_000)
        let (outage, outageByFlagger) = await run(0.001, 0.5, 1_000)
        let outlived = outage.map { !$0.isTakenBack || $0.failuresBefore >= 7 }
        let flaggersFailures = outageByFlagger.map { Double($0.failures) as Double? }
        return [
            .atLeast(0.985, 9, "healthy at 1 %, promoted", healthy.map(\.isPromoted)),
            .median(9, "healthy at 1 %, promoted after", minutes(healthy, \.isPromoted), most: 30, "min"),
            flagger(
                "healthy at 1 %, taken back",
                healthyByFlagger,
                Row.percent(Row.rate(of: healthyByFlagger.map(\.isTakenBack)))
            ),
            .median(9, "1 -> 2 %, taken back after", minutes(doubled, \.isTakenBack), most: 15, "min"),
            flagger(
                "1 -> 2 %, taken back",
                doubledByFlagger,
                Row.percent(Row.rate(of: doubledByFlagger.map(\.isTakenBack)))
            ),
            .rate(9, "0.1 -> 0.5 %, promoted", small.map(\.isPromoted), most: 0),
            flagger(
                "0.1 -> 0.5 %, promoted",
                smallByFlagger,
                Row.percent(Row.rate(of: smallByFlagger.map(\.isPromoted)))
            ),
            .rate(9, "0.1 -> 50 %, outlives a window with its 7th failure", outlived, most: 0),
            .shown(
                9,
                "0.1 -> 50 %, taken back after (median)",
                runs: outage.count,
                "\(Row.number(Row.median(of: minutes(outage, \.isTakenBack)))) min, "
                    + "\(Row.number(Row.median(of: outage.map { Double($0.failures) }))) failures"
            ),
            flagger(
                "0.1 -> 50 %, taken back after (median)",
                outageByFlagger,
                "\(Row.number(Row.median(of: minutes(outageByFlagger, \.isTakenBack)))) min, "
                    + "\(Row.number(Row.median(of: flaggersFailures))) failures"
            ),
        ]
    }

    @Sendable private static func adaptation(_ effort: Effort) async -> [Row] {
        let cases = [
            (AdaptedTest([0.8, 0.82, 0.85]), "80, 82, 85 %", 200.0),
            (AdaptedTest([0.7, 0.72, 0.74, 0.76, 0.8]), "70, 72, 74, 76, 80 %", 550.0),
            (AdaptedTest([0.8, 0.82, 0.85], then: [0.86, 0.82, 0.8]), "80, 82, 85, then 86, 82, 80 %", 1_000.0),
        ]
        var rows: [Row] = []
        for (test, name, limit) in cases {
            let regret = await effort.run(100) { test.regret(seed: $0) }
            let even = await effort.run(100) { test.regret(isAdapted: false, seed: $0) }
            let mean = regret.reduce(0, +) / Double(regret.count)
            rows.append(
                Row(
                    item: 10,
                    what: "\(name) succeed: lost beside the best (mean)",
                    runs: regret.count,
                    measured: Row.number(mean),
                    bound: "at most \(Row.number(limit))",
                    isOver: mean > limit
                )
            )
            let evenMean = even.reduce(0, +) / Double(even.count)
            rows.append(.shown(10, "by an even split", runs: even.count, Row.number(evenMean)))
        }
        return rows
    }
}
