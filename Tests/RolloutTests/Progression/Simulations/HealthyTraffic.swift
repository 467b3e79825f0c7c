import Rollout

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Traffic on which a canary fails as often as stable, at any time.
struct HealthyTraffic: Sendable, CustomStringConvertible {
    let description: String
    /// The share, and the rate of failures, when so large a part of the time is over.
    let share: @Sendable (_ progress: Double) -> Share
    let rate: @Sendable (_ progress: Double) -> Double

    /// The shares of a ramp, each for a fifth of the time.
    static let ramp: @Sendable (Double) -> Share = { [1, 5, 10, 25, 50].map(Share.percent)[min(Int($0 * 5), 4)] }

    static let all = [
        HealthyTraffic(description: "0.1 % fail, share 10 %", share: { _ in .percent(10) }, rate: { _ in 0.001 }),
        HealthyTraffic(description: "1 % fail, share 1 %", share: { _ in .percent(1) }, rate: { _ in 0.01 }),
        HealthyTraffic(description: "1 % fail, share 50 %", share: { _ in .percent(50) }, rate: { _ in 0.01 }),
        HealthyTraffic(description: "20 % fail, share 10 %", share: { _ in .percent(10) }, rate: { _ in 0.2 }),
        HealthyTraffic(
            description: "a ramp, on which failures rise from 0.5 to 2 %",
            share: ramp,
            rate: { 0.005 + 0.015 * $0 }
        ),
        HealthyTraffic(
            description: "a ramp, 1 % fail, with an incident of 20 %",
            share: ramp,
            rate: { 0.85..<0.88 ~= $0 ? 0.2 : 0.01 }
        ),
    ]

    /// The largest evidence of harm that so many windows of 500 requests ever show, as a logarithm.
    func largestEvidence(windows: Int, seed: UInt64) -> Double {
        var traffic = SimulatedTraffic(seed: seed)
        var analysis = CanaryAnalysis(under: ProgressionPlan(steps: [.percent(99)], count: .requests), at: share(0))
        var largest = 0.0
        for index in 0..<windows {
            let progress = Double(index) / Double(windows)
            let (share, rate) = (share(progress), rate(progress))
            let window = traffic.window(500, share: share, canary: rate, stable: rate)
            largest = max(largest, analysis.judge(window, at: share).evidence?.logHarm ?? 0)
        }
        return largest
    }

    /// The same, if the evidence itself sets the share, to make the most of chance: one share while the evidence is above the
    /// limit, else the other one of 1 and 50 %, and each for 5 windows at least.
    static func largestEvidence(limit: Double, above: Share, windows: Int, seed: UInt64) -> Double {
        let below = Share.percent(above == .percent(50) ? 1 : 50)
        var traffic = SimulatedTraffic(seed: seed)
        var share = below
        var analysis = CanaryAnalysis(under: ProgressionPlan(steps: [.percent(99)], count: .requests), at: share)
        var (evidence, largest) = (0.0, 0.0)
        var age = 0
        for _ in 0..<windows {
            let next = evidence > log(limit) ? above : below
            if age >= 5, next != share { (share, age) = (next, 0) }
            age += 1
            let window = traffic.window(2_000, share: share, canary: 0.01, stable: 0.01)
            evidence = analysis.judge(window, at: share).evidence?.logHarm ?? 0
            largest = max(largest, evidence)
        }
        return largest
    }
}
