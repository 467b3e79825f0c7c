import Testing

@testable import Rollout

/// The bounds on both mistakes, on simulated traffic. The seeds are fixed, so a rate is one number and not a chance.
@Suite("What the statistics of progression promise")
struct ErrorBoundTests {
    /// Traffic that a harmless canary meets: shares and rates by window.
    struct Healthy: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let share: @Sendable (Int) -> Double
        let rate: @Sendable (Int) -> Double
    }

    private static let ramp: @Sendable (Int) -> Double = { [1, 5, 10, 25, 50][min($0 / 60, 4)] }

    static let healthy: [Healthy] = [
        Healthy(testDescription: "0.1 % at 10 %", share: { _ in 10 }, rate: { _ in 0.001 }),
        Healthy(testDescription: "1 % at 1 %", share: { _ in 1 }, rate: { _ in 0.01 }),
        Healthy(testDescription: "1 % at 50 %", share: { _ in 50 }, rate: { _ in 0.01 }),
        Healthy(testDescription: "20 % at 10 %", share: { _ in 10 }, rate: { _ in 0.2 }),
        Healthy(
            testDescription: "a ramp on which the rate quadruples",
            share: ramp,
            rate: { 0.005 + 0.015 * Double($0) / 300 }
        ),
        Healthy(testDescription: "a ramp with an incident", share: ramp, rate: { 250..<259 ~= $0 ? 0.2 : 0.01 }),
    ]

    private static let runs = StressEffort.seeds(40, long: 200)

    /// The most of so many runs that a rate may hit: nominal, and three standard deviations more.
    private static func most(_ rate: Double, of runs: Int) -> Double {
        let runs = Double(runs)
        return runs * rate + 3 * (runs * rate * (1 - rate)).squareRoot()
    }

    @Test(
        "A harmless canary is taken back at most as often as stated, looked at after every window",
        arguments: healthy
    )
    func falseRollbacks(_ healthy: Healthy) {
        let plan = ProgressionPlan(steps: [.percent(99)], count: .requests, falseRollback: .percent(5))
        var (takenBack, suspicious) = (0, 0)
        for seed in Self.runs {
            var traffic = SimulatedTraffic(seed: seed)
            var analysis = CanaryAnalysis(under: plan, at: .percent(healthy.share(0)))
            var largest = 0.0
            for index in 0..<300 {
                let (share, rate) = (Share.percent(healthy.share(index)), healthy.rate(index))
                let window = traffic.window(500, share: share, canary: rate, stable: rate)
                let seen = analysis.judge(CanaryObservation(share: share, age: 0, reading: .window(window)))
                largest = max(largest, seen.evidence?.harm ?? 0)
            }
            if largest >= 20 { takenBack += 1 }
            if largest >= 20.0.squareRoot() { suspicious += 1 }
        }
        #expect(Double(takenBack) <= Self.most(0.05, of: Self.runs.count), "\(takenBack) of \(Self.runs.count)")
        #expect(Double(suspicious) <= Self.most(0.05.squareRoot(), of: Self.runs.count), "\(suspicious)")
    }

    @Test(
        "Harm is found after so many requests (median), by counts and by weight",
        arguments: [(0.01, 0.02, 95, 21_000), (0.01, 0.05, 20, 2_400), (0.001, 0.5, 20, 100)],
        [ProgressionPlan.Count.requests, .units]
    )
    func detection(_ traffic: (stable: Double, canary: Double, window: Int, limit: Int), _ count: ProgressionPlan.Count)
    {
        let plan = ProgressionPlan(steps: [.percent(99)], count: count)
        let requests = StressEffort.seeds(31, long: 101).map { seed in
            var random = SimulatedTraffic(seed: seed)
            var analysis = CanaryAnalysis(under: plan, at: .percent(10))
            var requests = 0
            while requests < 20 * traffic.limit {
                var window = random.window(
                    traffic.window,
                    share: .percent(10),
                    canary: traffic.canary,
                    stable: traffic.stable
                )
                window.countEachRequestAsUnit()
                requests += traffic.window
                let seen = analysis.judge(CanaryObservation(share: .percent(10), age: 0, reading: .window(window)))
                if seen.verdict == .rollBack { break }
            }
            return requests
        }
        let median = requests.sorted()[requests.count / 2]
        // A median of few runs varies more than one of a thousand.
        #expect(Double(median) <= 1.2 * Double(traffic.limit), "\(median) requests")
    }

    /// Runs a canary from step to step, by gates alone, until it is promoted or the windows are used up.
    private static func isPromoted(_ seed: UInt64, canary: Double, stable: Double, windows: Int) -> (Bool, windows: Int)
    {
        let steps = [1, 5, 10, 25, 50].map { Share.percent($0) }
        let plan = ProgressionPlan(steps: steps, count: .requests, settle: 0, dwell: 0, falseRollback: .percent(0.0001))
        var traffic = SimulatedTraffic(seed: seed)
        var share = steps[0]
        var analysis = CanaryAnalysis(under: plan, at: share)
        for count in 1...windows {
            let window = traffic.window(6_000, share: share, canary: canary, stable: stable)
            switch analysis.judge(CanaryObservation(share: share, age: 0, reading: .window(window))).verdict {
            case .promote: return (true, count)
            case .advance: share = plan.next(after: share) ?? share
            case .rollBack: return (false, count)
            case .hold: break
            }
        }
        return (false, windows)
    }

    @Test(
        "A canary at the final margin is promoted at most as often as stated",
        arguments: [(0.01, 0.013), (0.001, 0.0022), (0.05, 0.061)]
    )
    func falseAdvances(stable: Double, canary: Double) {
        let promoted = Self.runs.filter { Self.isPromoted($0, canary: canary, stable: stable, windows: 60).0 }.count
        #expect(Double(promoted) <= Self.most(0.05, of: Self.runs.count), "\(promoted) of \(Self.runs.count)")
    }

    @Test("A healthy canary is promoted, and soon", arguments: [0, 0.001, 0.01, 0.05])
    func promotions(rate: Double) {
        let runs = Self.runs.prefix(40).map { Self.isPromoted($0, canary: rate, stable: rate, windows: 200) }
        #expect(runs.count(where: \.0) >= runs.count - 1)
        let median = runs.map(\.windows).sorted()[runs.count / 2]
        #expect(median <= 24, "\(median) windows")
    }

    @Test("What began under a larger share takes no harmless canary back")
    func unsettled() {
        // From 50 to 5 %: for 30 s requests still time out that began when half of them were the canary's.
        var takenBack = 0
        let plan = ProgressionPlan(steps: [.percent(99)], count: .requests)
        for seed in Self.runs {
            var traffic = SimulatedTraffic(seed: seed)
            var analysis = CanaryAnalysis(under: plan, at: .percent(50))
            for index in 0..<40 {
                let isOld = index < 20
                let share = Share.percent(isOld ? 50 : 5)
                var window = traffic.window(1_500, share: share, canary: 0, stable: 0)
                // One of a hundred times out after 30 s, two windows later.
                let late = traffic.binomial(15, index < 22 ? 0.5 : 0.05)
                window.canary.requests += late
                window.canary.failures += late
                window.stable.requests += 15 - late
                window.stable.failures += 15 - late
                if 20..<24 ~= index { (window.isSettled, window.weight) = (false, .percent(50)) }
                let seen = analysis.judge(CanaryObservation(share: share, age: 0, reading: .window(window)))
                if seen.verdict == .rollBack {
                    takenBack += 1
                    break
                }
            }
        }
        #expect(Double(takenBack) <= Self.most(0.01, of: Self.runs.count), "\(takenBack) of \(Self.runs.count)")
    }

    @Test("Units that fail again and again are one failure each")
    func units() {
        // 1 % of the units fail half of their requests. By requests, that takes harmless canaries back.
        var takenBack = (units: 0, requests: 0)
        for seed in Self.runs {
            var random = SplitMix64(seed: seed)
            let broken = (0..<50).map { _ in Double.random(in: 0..<1, using: &random) < 0.1 }
            let canaryBroken = broken.count(where: \.self)
            var byUnits = CanaryAnalysis(under: ProgressionPlan(steps: [.percent(99)]), at: .percent(10))
            var byRequests = CanaryAnalysis(
                under: ProgressionPlan(steps: [.percent(99)], count: .requests),
                at: .percent(10)
            )
            var traffic = SimulatedTraffic(seed: seed &+ 1_000_000)
            for index in 0..<30 {
                let isFirst = index == 0
                func side(_ units: Int, _ broken: Int) -> VariantOutcomes {
                    let failures = traffic.binomial(10 * broken, 0.5) + traffic.binomial(10 * (units - broken), 0.005)
                    let counted = VariantOutcomes.Units(
                        arrived: isFirst ? units : 0,
                        entered: isFirst ? units : 0,
                        enteredFailed: isFirst ? broken / 2 : 0,
                        failed: isFirst ? min(broken, failures) : 0
                    )
                    return VariantOutcomes(requests: 10 * units, failures: failures, units: counted)
                }
                let window = CanaryWindow(
                    stable: side(4_500, 50 - canaryBroken),
                    canary: side(500, canaryBroken),
                    weight: .percent(10),
                    isSettled: true
                )
                let seen = CanaryObservation(share: .percent(10), age: 0, reading: .window(window))
                _ = byUnits.judge(seen)
                _ = byRequests.judge(seen)
            }
            let empty = CanaryObservation(share: .percent(10), age: 0, reading: .missing("the end"))
            if byUnits.judge(empty).verdict == .rollBack { takenBack.units += 1 }
            if byRequests.judge(empty).verdict == .rollBack { takenBack.requests += 1 }
        }
        #expect(Double(takenBack.units) <= Self.most(0.01, of: Self.runs.count), "\(takenBack)")
        #expect(takenBack.requests > Self.runs.count / 10, "\(takenBack)")
    }
}
