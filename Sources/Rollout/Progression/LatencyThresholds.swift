/// The latency beyond which an outcome counts as slow, for each percentile: what stable exceeds with the percentile's rest.
///
/// A threshold is fixed once a stage, when it has settled and stable had requests enough. Until then the last stage's stands, and
/// at first there is none. Any threshold is right that is known before a window; a better one only shows more.
struct LatencyThresholds {
    private let percentiles: [Share]
    /// The number of the edge, or nil while there is none.
    private(set) var edges: [Int?]
    /// What stable's requests of the stage were slower than, until the thresholds of the stage are fixed.
    private var stable = (requests: 0, slower: Array(repeating: 0, count: LatencyEdge.count))
    private var isFixed = false

    init(_ percentiles: [Share]) {
        self.percentiles = percentiles
        edges = percentiles.map { _ in nil }
    }

    mutating func beginStage() {
        stable = (0, Array(repeating: 0, count: LatencyEdge.count))
        isFixed = false
    }

    /// Takes in what stable did in a settled window. O(edges), and nothing once the thresholds are fixed.
    mutating func observe(_ side: VariantOutcomes) {
        guard !isFixed, let highest = percentiles.last, case .thanEdges(let slower, _) = side.slow else { return }
        stable.requests = CanaryTrials.Side.sum(stable.requests, side.requests)
        for index in slower.indices {
            stable.slower[index] = CanaryTrials.Side.sum(stable.slower[index], slower[index])
        }
        guard Self.rest(highest, of: stable.requests) >= Self.parts(10) else { return }
        isFixed = true
        edges = percentiles.map { percentile in
            stable.slower.firstIndex { Self.parts($0) <= Self.rest(percentile, of: stable.requests) }
                ?? LatencyEdge.count - 1
        }
    }

    // In millionths, so that a tenth of 900 requests is 90 of them. 1 - 0.9 is less than 0.1.

    private static func parts(_ count: Int) -> Double { Double(count) * Double(Share.bucketCount) }

    private static func rest(_ percentile: Share, of requests: Int) -> Double {
        Double(requests) * Double(Share.bucketCount - percentile.buckets)
    }

    /// How many outcomes of each side were slower than a percentile's threshold, or nil if nothing can be said of that.
    func slow(at percentile: Int, in window: CanaryWindow, _ count: ProgressionPlan.Count) -> (
        canary: Int, stable: Int
    )? {
        guard let canary = slow(at: percentile, of: window.canary, count),
            let stable = slow(at: percentile, of: window.stable, count)
        else { return nil }
        return (canary, stable)
    }

    private func slow(at percentile: Int, of side: VariantOutcomes, _ count: ProgressionPlan.Count) -> Int? {
        switch side.slow {
        case .unknown: nil
        case .thanThresholds(let slow): slow[percentile]
        case .thanEdges(let requests, let units): edges[percentile].map { (count == .units ? units : requests)[$0] }
        }
    }
}
