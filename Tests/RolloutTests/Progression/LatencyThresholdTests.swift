import Testing

@testable import Rollout

@Suite("Thresholds of latency")
struct LatencyThresholdTests {
    /// A side of so many requests, each from a unit of its own, of which so many were slower than the edges below a number.
    private static func side(_ requests: Int, slower counts: [(below: Int, count: Int)]) -> VariantOutcomes {
        let slower = (0..<LatencyEdge.count).map { edge in counts.first { edge < $0.below }?.count ?? 0 }
        let units = VariantOutcomes.Units(arrived: requests, entered: requests, enteredFailed: 0, failed: 0)
        return VariantOutcomes(
            requests: requests,
            failures: 0,
            units: units,
            slow: .thanEdges(requests: slower, units: slower)
        )
    }

    private static func window(_ stable: VariantOutcomes, _ canary: VariantOutcomes) -> CanaryWindow {
        CanaryWindow(stable: stable, canary: canary, weight: .percent(10), isSettled: true)
    }

    @Test("Edges rise from 1 ms by the eighth root of 2, to a minute")
    func edges() {
        #expect(LatencyEdge.all.count == 128)
        #expect(LatencyEdge.all[0] == .milliseconds(1))
        #expect(LatencyEdge.all[8] == .milliseconds(2))
        #expect(LatencyEdge.all[80] == .milliseconds(1_024))
        #expect(LatencyEdge.all[4] == .nanoseconds(1_414_214))
        #expect(LatencyEdge.all[127] > .seconds(60) && LatencyEdge.all[127] < .seconds(61))
        #expect(zip(LatencyEdge.all, LatencyEdge.all.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test("A threshold is the smallest edge that stable exceeds no more than it may, and is fixed once a stage")
    func fixed() {
        var thresholds = LatencyThresholds([.percent(50), .percent(99)])
        // The highest percentile wants 1,000 requests of stable.
        thresholds.observe(Self.side(999, slower: [(10, 600), (40, 400), (60, 9)]))
        #expect(thresholds.edges == [nil, nil])
        thresholds.observe(Self.side(1, slower: []))
        #expect(thresholds.edges == [10, 40])
        // What follows changes nothing before the next stage, which begins with the thresholds of the last.
        thresholds.observe(Self.side(100_000, slower: [(100, 90_000)]))
        thresholds.beginStage()
        #expect(thresholds.edges == [10, 40])
        thresholds.observe(Self.side(1_000, slower: [(20, 1_000)]))
        #expect(thresholds.edges == [20, 20])
    }

    @Test("Outcomes beyond a threshold are counted by units or by requests, and not at all before there is one")
    func counted() throws {
        var thresholds = LatencyThresholds([.percent(90)])
        var canary = Self.side(100, slower: [(30, 40)])
        canary.slow = .thanEdges(
            requests: (0..<LatencyEdge.count).map { $0 < 30 ? 40 : 0 },
            units: (0..<LatencyEdge.count).map { $0 < 30 ? 25 : 0 }
        )
        let window = Self.window(Self.side(900, slower: [(20, 500), (30, 90)]), canary)
        #expect(thresholds.slow(at: 0, in: window, .units) == nil)
        thresholds.observe(window.stable)
        #expect(thresholds.edges == [20])
        let units = try #require(thresholds.slow(at: 0, in: window, .units))
        #expect(units == (25, 90))
        let requests = try #require(thresholds.slow(at: 0, in: window, .requests))
        #expect(requests == (40, 90))
    }

    @Test("A canary that is slower is taken back for its latency, and one that is not is not")
    func analysis() {
        for (slow, verdict) in [(10, CanaryVerdict.hold), (60, .rollBack)] {
            let plan = ProgressionPlan(steps: [.percent(99)], latency: [.percent(90)])
            var analysis = CanaryAnalysis(under: plan, at: .percent(10))
            var last: CanaryJudgement?
            for _ in 0..<20 {
                let window = Self.window(
                    Self.side(900, slower: [(20, 450), (30, 90)]),
                    Self.side(100, slower: [(30, slow)])
                )
                let seen = CanaryObservation(share: .percent(10), age: 0, reading: .window(window))
                last = analysis.judge(seen)
                if last?.verdict == .rollBack { break }
            }
            #expect(last?.verdict == verdict)
            if verdict == .rollBack { #expect(last?.reason == .latency) }
        }
    }

    @Test("Sides that count in different ways what is slow are no data")
    func mixed() {
        let plan = ProgressionPlan(steps: [.percent(99)], latency: [.percent(90)])
        var stable = Self.side(900, slower: [])
        stable.slow = .thanThresholds([9])
        let window = Self.window(stable, Self.side(100, slower: []))
        #expect(window.fault(for: plan) == "stable and canary count in different ways what is slow")
    }
}
