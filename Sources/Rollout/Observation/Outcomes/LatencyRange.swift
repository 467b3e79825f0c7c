/// One of the ranges that latencies are counted in: 992 of them, log-linear.
///
/// Between 1 us and 1,000 s, each of the nine decades has 110 ranges: from 1 to 2.5 in steps of 0.025, to 5 in steps of 0.1,
/// to 10 in steps of 0.2. So no range is wider than 4 % of its lower edge, and its middle is at most 2 % from every latency in
/// it. The first range holds all that is shorter, the last one all that is longer. Ranges are open below and closed above, as
/// the `le` of Prometheus is.
struct LatencyRange: Hashable, Comparable {
    /// 0 ..< 992, from short to long.
    let index: Int

    static let count = 9 * perDecade + 2
    static let perDecade = 110
    static let last = LatencyRange(index: count - 1)
    /// Nanoseconds.
    static let longest: UInt64 = 1_000_000_000_000

    @inline(__always)
    init(index: Int) { self.index = index }

    /// The range of a latency in nanoseconds.
    ///
    /// **Claim:** the latency lies between the edges of its range. Because
    /// 1. `below` is the latency less 1 ns. So a range that is closed above in whole nanoseconds is closed below here, as the
    ///    results of a division that rounds down are;
    /// 2. `steps` counts fortieths of the decade's first edge, which is 40 ..< 400 of them;
    /// 3. all edges of a decade are whole numbers of these: each one from 40 to 100, each fourth to 200, each eighth to 400.
    ///
    /// Each division is by a constant, so none takes a division.
    @inline(__always)
    init(nanoseconds: UInt64) {
        if nanoseconds <= 1_000 {
            index = 0
            return
        }
        if nanoseconds > Self.longest {
            index = Self.last.index
            return
        }
        let below = nanoseconds &- 1
        let decade: Int
        let steps: UInt64
        if below < 1_000_000 {
            if below < 10_000 {
                (decade, steps) = (0, below / 25)
            } else if below < 100_000 {
                (decade, steps) = (1, below / 250)
            } else {
                (decade, steps) = (2, below / 2_500)
            }
        } else if below < 1_000_000_000 {
            if below < 10_000_000 {
                (decade, steps) = (3, below / 25_000)
            } else if below < 100_000_000 {
                (decade, steps) = (4, below / 250_000)
            } else {
                (decade, steps) = (5, below / 2_500_000)
            }
        } else {
            if below < 10_000_000_000 {
                (decade, steps) = (6, below / 25_000_000)
            } else if below < 100_000_000_000 {
                (decade, steps) = (7, below / 250_000_000)
            } else {
                (decade, steps) = (8, below / 2_500_000_000)
            }
        }
        let step = Int(truncatingIfNeeded: steps)
        let place = step < 100 ? step &- 40 : step < 200 ? 60 &+ (step &- 100) >> 2 : 85 &+ (step &- 200) >> 3
        index = 1 &+ decade &* Self.perDecade &+ place
    }

    static func < (left: LatencyRange, right: LatencyRange) -> Bool { left.index < right.index }

    /// The upper edge, which the range includes, in nanoseconds; nil for the last range, which has none.
    var upperEdge: UInt64? {
        if index == 0 { return 1_000 }
        if index >= Self.last.index { return nil }
        let place = (index - 1) % Self.perDecade + 1
        let steps = place <= 60 ? 40 + place : place <= 85 ? 100 + 4 * (place - 60) : 200 + 8 * (place - 85)
        return (0..<(index - 1) / Self.perDecade).reduce(25 * UInt64(steps)) { edge, _ in edge * 10 }
    }

    /// What stands for a latency of this range, in seconds: the middle. The last range stands for its lower edge.
    var middle: Double {
        let lower = index == 0 ? 0 : Double(LatencyRange(index: index - 1).upperEdge ?? Self.longest)
        let upper = Double(upperEdge ?? Self.longest)
        return (lower + upper) / 2e9
    }
}

extension Duration {
    /// The duration in whole nanoseconds, rounded up, so that it stays above every edge that it is above; 0 if it is negative.
    /// What is beyond ``LatencyRange/longest`` may come out as any number beyond it.
    @inline(__always)
    var nanosecondsForLatency: UInt64 {
        let attoseconds = attoseconds
        if attoseconds <= 0 { return 0 }
        if attoseconds > Int128(LatencyRange.longest) * 1_000_000_000 { return .max }
        // 10^9 is 2^9 times 1,953,125, and what is left of 10^21 after nine bits is below 2^61.
        //
        // **Claim:** the product is the quotient by 1,953,125. Because the factor is 2^84 / 1,953,125, rounded up by less than
        // one; so the product exceeds the quotient times 2^84 by less than 2^61, and 1 / 1,953,125 of 2^84 is more than that.
        let part = UInt64(truncatingIfNeeded: (attoseconds &+ 999_999_999) >> 9)
        return part.multipliedFullWidth(by: 9_903_520_314_283_042_200).high >> 20
    }
}
