import Testing

@testable import Rollout

/// The bounds on both mistakes, on simulated traffic. The seeds are fixed, so a rate is one number and not a chance.
///
/// These are short forms. `cd Benchmarks && swift run -c release Statistics` runs the same simulations thousands of times each.
@Suite("What the statistics of progression promise")
struct ErrorBoundTests {
    private static let runs = StressEffort.seeds(20, long: 100)
    private static let windows = StressEffort.isLong ? 600 : 200

    /// The most of so many runs that a rate may hit: nominal, and three standard deviations more.
    private static func most(_ rate: Double, of runs: Int) -> Double {
        let runs = Double(runs)
        return runs * rate + 3 * (runs * rate * (1 - rate)).squareRoot()
    }

    /// The median, with a run that came to no end above all others.
    private static func median(_ values: [Int?]) -> Int { values.map { $0 ?? .max }.sorted()[values.count / 2] }

    // MARK: Taken back

    @Test(
        "A harmless canary is taken back at most as often as stated, looked at after every window",
        arguments: HealthyTraffic.all
    )
    func falseRollbacks(_ healthy: HealthyTraffic) {
        let evidence = Self.runs.map { healthy.largestEvidence(windows: Self.windows, seed: $0) }
        let takenBack = evidence.count { $0 >= ln(20) }
        let suspicious = evidence.count { $0 >= ln(20) / 2 }
        #expect(Double(takenBack) <= Self.most(0.05, of: evidence.count), "\(takenBack) of \(evidence.count)")
        #expect(Double(suspicious) <= Self.most(0.05.squareRoot(), of: evidence.count), "\(suspicious)")
    }

    @Test(
        "Not even a share that follows the evidence takes a harmless canary back more often",
        arguments: [(3, Share.percent(50)), (1.5, .percent(1))]
    )
    func shareByEvidence(limit: Double, above: Share) {
        let takenBack = Self.runs.count {
            HealthyTraffic.largestEvidence(limit: limit, above: above, windows: Self.windows / 2, seed: $0) >= ln(20)
        }
        #expect(Double(takenBack) <= Self.most(0.05, of: Self.runs.count), "\(takenBack) of \(Self.runs.count)")
    }

    @Test(
        "Harm is found after so many requests (median), by counts and by weight",
        arguments: [(0.01, 0.02, 95, 21_000), (0.01, 0.05, 20, 2_400), (0.001, 0.5, 20, 100)],
        [ProgressionPlan.Count.requests, .units]
    )
    func detection(_ traffic: (stable: Double, canary: Double, window: Int, limit: Int), _ count: ProgressionPlan.Count)
    {
        let harmful = HarmfulTraffic(stable: traffic.stable, canary: traffic.canary, window: traffic.window)
        let requests = StressEffort.seeds(11, long: 51).map {
            harmful.requestsUntilRollback(count, most: 20 * traffic.limit, seed: $0)
        }
        // A median of few runs varies more than one of a thousand.
        #expect(Double(Self.median(requests)) <= 1.2 * Double(traffic.limit), "\(Self.median(requests)) requests")
    }

    @Test("Harm is found soon if it begins late, too")
    func lateHarm() {
        // 300 windows are five restarts. Without them it takes twice as long.
        let late = HarmfulTraffic(stable: 0.01, canary: 0.02, window: 2_400, share: .percent(50), healthyWindows: 300)
        let requests = StressEffort.seeds(9, long: 41).map {
            late.requestsUntilRollback(.requests, most: 200_000, seed: $0)
        }
        #expect(Self.median(requests) <= 36_000, "\(Self.median(requests)) requests")
    }

    // MARK: Going on

    @Test(
        "A canary at the last margin is promoted at most as often as stated",
        arguments: [(0.01, 0.013), (0.001, 0.0022), (0.05, 0.061)]
    )
    func falseAdvances(stable: Double, canary: Double) {
        let stepped = SteppedCanary(canary: canary, stable: stable)
        let promoted = Self.runs.count { stepped.windowsUntilPromotion(most: Self.windows / 4, seed: $0) != nil }
        #expect(Double(promoted) <= Self.most(0.05, of: Self.runs.count), "\(promoted) of \(Self.runs.count)")
    }

    @Test("A healthy canary is promoted, and soon", arguments: [0, 0.001, 0.01, 0.05])
    func promotions(rate: Double) {
        let stepped = SteppedCanary(canary: rate, stable: rate)
        let windows = Self.runs.map { stepped.windowsUntilPromotion(most: 200, seed: $0) }
        #expect(windows.count { $0 == nil } <= 1)
        #expect(Self.median(windows) <= 24, "\(Self.median(windows)) windows")
    }

    // MARK: Units

    @Test(
        "Units that fail again and again are one failure each",
        arguments: [{ _ in .percent(50) }, HealthyTraffic.ramp] as [@Sendable (Double) -> Share]
    )
    func returningUnits(share: @Sendable (Double) -> Share) {
        let units = ReturningUnits(count: StressEffort.isLong ? 5_000 : 1_000)
        let outcomes = StressEffort.seeds(8, long: 20).map { units.takesBack(share: share, windows: 30, seed: $0) }
        let byUnits = outcomes.count(where: \.byUnits)
        #expect(Double(byUnits) <= Self.most(0.01, of: outcomes.count), "\(byUnits) of \(outcomes.count)")
        // Or else there was nothing to withstand.
        #expect(outcomes.count(where: \.byRequests) > 0)
    }

    @Test("Units pass the last gate with a canary at the margin at most as often as stated")
    func gateByUnits() {
        let units = ReturningUnits(count: StressEffort.isLong ? 5_000 : 1_000)
        let outcomes = StressEffort.seeds(8, long: 20).map { units.passesLastGate(windows: 30, seed: $0) }
        let byUnits = outcomes.count(where: \.byUnits)
        let most = Self.most(0.05, of: outcomes.count)
        #expect(Double(byUnits) <= most, "\(byUnits) of \(outcomes.count)")
        #expect(Double(outcomes.count(where: \.byRequests)) > most)
    }

    @Test("A canary that gets too few units is found, and one that gets its due is not suspected")
    func mismatch() {
        let few = StressEffort.seeds(7, long: 31).map {
            SampleMismatch.unitsUntilAlarm(canary: 0.09, most: 100_000, seed: $0)
        }
        #expect(Self.median(few) <= 20_000, "\(Self.median(few)) units")
        for seed in StressEffort.seeds(4, long: 20) {
            #expect(SampleMismatch.unitsUntilAlarm(canary: 0.1, most: 100 * Self.windows, seed: seed) == nil)
        }
        for seed in StressEffort.seeds(2, long: 10) {
            #expect(!SampleMismatch.alarmsOnRamp(seed: seed), "units that come back")
            #expect(SampleMismatch.alarmsOnRamp(countsAgain: true, seed: seed))
        }
    }

    // MARK: Latency

    @Test("A canary that is slower is found after so many requests (median), and one that is as fast is left alone")
    func latency() {
        let everywhere = StressEffort.seeds(9, long: 51).map {
            SlowCanary.everywhere.requestsUntilRollback(window: 200, most: 40_000, seed: $0)
        }
        #expect(Self.median(everywhere) <= 3_200, "\(Self.median(everywhere)) requests")
        let atTheEnd = StressEffort.seeds(3, long: 21).map {
            SlowCanary.atTheEnd.requestsUntilRollback(window: 1_200, most: 200_000, seed: $0)
        }
        #expect(Self.median(atTheEnd) <= 50_000, "\(Self.median(atTheEnd)) requests")
        for seed in StressEffort.seeds(4, long: 20) {
            #expect(SlowCanary.healthy.requestsUntilRollback(window: 500, most: 20_000, seed: seed) == nil)
        }
    }

    // MARK: Unsettled

    @Test("What began under an earlier share takes no harmless canary back")
    func unsettled() {
        let timeouts = Self.runs.count { UnsettledTraffic.takesBackAfterTimeouts(seed: $0) }
        #expect(Double(timeouts) <= Self.most(0.01, of: Self.runs.count), "\(timeouts) of \(Self.runs.count)")
        let runs = StressEffort.seeds(6, long: 50)
        let sessions = runs.count { UnsettledTraffic.takesBackAfterSessions(seed: $0) }
        #expect(Double(sessions) <= Self.most(0.01, of: runs.count), "\(sessions) of \(runs.count)")
        // Or else there was nothing to withstand.
        for seed in runs.prefix(3) {
            #expect(UnsettledTraffic.takesBackAfterTimeouts(countsThem: true, seed: seed))
            #expect(UnsettledTraffic.takesBackAfterSessions(countsThem: true, seed: seed))
        }
    }

    // MARK: The default plan

    @Test("The default plan promotes what is healthy, and takes back what a fixed threshold promotes")
    func defaultPlan() {
        let runs = StressEffort.seeds(9, long: 51)
        let healthy = runs.map { PlannedCanary(canary: 0.01, stable: 0.01).run(minutes: 240, seed: $0) }
        #expect(healthy.count { !$0.isPromoted } <= 1)
        #expect(Self.median(healthy.map { Int($0.minutes) }) <= 30)

        let doubled = runs.map { PlannedCanary(canary: 0.02, stable: 0.01).run(minutes: 240, seed: $0) }
        #expect(Self.median(doubled.map { $0.isTakenBack ? Int($0.minutes) : nil }) <= 15)

        for seed in runs {
            let small = PlannedCanary(canary: 0.005, stable: 0.001)
            #expect(small.run(minutes: 240, seed: seed).isTakenBack)
            #expect(small.runByFlagger(minutes: 240, seed: seed).isPromoted)
            let outage = PlannedCanary(canary: 0.5, stable: 0.001).run(minutes: 240, seed: seed)
            #expect(outage.isTakenBack && outage.failuresBefore < 7, "\(outage)")
        }
    }

    // MARK: Adaptation

    private static let adapted: [(AdaptedTest, most: Double)] = [
        (AdaptedTest([0.8, 0.82, 0.85]), 200),
        (AdaptedTest([0.7, 0.72, 0.74, 0.76, 0.8]), 550),
        (AdaptedTest([0.8, 0.82, 0.85], then: [0.86, 0.82, 0.8]), 1_000),
    ]

    @Test("Weights by efficacy lose little beside the best variant (mean)", arguments: adapted)
    func regret(_ test: AdaptedTest, most: Double) {
        let regret = StressEffort.seeds(1, long: 12).map { test.regret(seed: $0) }
        let mean = regret.reduce(0, +) / Double(regret.count)
        #expect(mean <= most, "\(regret)")
    }
}
