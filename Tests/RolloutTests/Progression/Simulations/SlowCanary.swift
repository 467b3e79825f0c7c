import Rollout

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Requests with latencies, lognormal about 100 ms, at a share of 10 %. Latency is compared at p50, p90 and p99. No request fails.
struct SlowCanary: Sendable {
    /// The standard deviation of the logarithm.
    var sigma = 0.5
    /// The latency in the canary of a request that would take so many milliseconds in stable.
    let stretched: @Sendable (Double) -> Double

    /// A fifth slower at every percentile.
    static let everywhere = SlowCanary { 1.2 * $0 }

    /// Slower only above p97, and at p99 by a fifth.
    static let atTheEnd: SlowCanary = {
        let (p97, p99) = (100 * exp(0.5 * 1.88079), 100 * exp(0.5 * 2.32635))
        let slope = (1.2 * p99 - p97) / (p99 - p97)
        return SlowCanary { $0 <= p97 ? $0 : p97 + slope * ($0 - p97) }
    }()

    /// As fast as stable.
    static let healthy = SlowCanary(sigma: 1) { $0 }

    /// How many requests it takes until the canary is taken back, from when there are thresholds, or nil if so many do not do.
    ///
    /// The thresholds stand as soon as stable had 1,000 requests.
    func requestsUntilRollback(window size: Int, most: Int, seed: UInt64) -> Int? {
        let share = Share.percent(10)
        let plan = ProgressionPlan(steps: [.percent(99)], count: .requests, latency: [50, 90, 99].map(Share.percent))
        var traffic = SimulatedTraffic(seed: seed)
        var analysis = CanaryAnalysis(under: plan, at: share)
        var (forThresholds, requests) = (0, 0)
        while requests < most {
            var window = traffic.window(size, share: share, canary: 0, stable: 0)
            window.stable.slow = slow(window.stable.requests, in: &traffic) { $0 }
            window.canary.slow = slow(window.canary.requests, in: &traffic, stretched)
            if forThresholds < 1_000 { forThresholds += window.stable.requests } else { requests += size }
            if analysis.judge(window, at: share).verdict == .rollBack { return requests }
        }
        return nil
    }

    /// How many of so many requests are slower than each edge.
    private func slow(
        _ requests: Int,
        in traffic: inout SimulatedTraffic,
        _ stretched: (Double) -> Double
    ) -> VariantOutcomes.Slow {
        var between = Array(repeating: 0, count: LatencyEdge.count + 1)
        for _ in 0..<requests {
            let milliseconds = stretched(100 * exp(sigma * traffic.normal()))
            // The edges are 2^(i/8) ms, and this many are below.
            let edges = (8 * log2(milliseconds)).rounded(.up)
            between[min(max(Int(edges), 0), LatencyEdge.count)] += 1
        }
        var slower = Array(repeating: 0, count: LatencyEdge.count)
        var sum = 0
        for index in slower.indices.reversed() {
            sum += between[index + 1]
            slower[index] = sum
        }
        return .thanEdges(requests: slower, units: [])
    }
}
