/// The latencies that progression tells apart: 2^(i/8) ms for i in 0 ..< 128, from 1 ms to a minute, each 9 % above the one
/// before.
public enum LatencyEdge {
    /// How many there are.
    public static let count = 128

    /// All edges, rising.
    public static let all: [Duration] = {
        let root = 2.0.squareRoot().squareRoot().squareRoot()
        var fractions = [1.0]
        for _ in 1..<8 { fractions.append(fractions[fractions.count - 1] * root) }
        return (0..<count).map { index in
            .nanoseconds(Int64((fractions[index % 8] * 1e6).rounded()) << (index / 8))
        }
    }()

    /// By the index of a range of latencies, how many edges lie in lower ranges.
    ///
    /// That many edges a latency in the range counts as slower than. So it counts as slower than an edge if it is above the upper
    /// edge of the range in which that lies, which is at most 4 % higher: always the same latency, for requests and for units.
    static let exceeded: [UInt8] = {
        let ranges = all.map { LatencyRange(nanoseconds: $0.nanosecondsForLatency).index }
        return (0..<LatencyRange.count).map { range in UInt8(ranges.count { $0 < range }) }
    }()
}

extension LatencyHistogram {
    /// How many requests were slower than each of ``LatencyEdge/all``. O(ranges that hold something).
    var slowerThanEdges: [Int] {
        var counts = [Int](repeating: 0, count: LatencyEdge.count + 1)
        forEach { range, count in counts[Int(LatencyEdge.exceeded[range.index])] += count }
        var sum = 0
        for place in counts.indices.reversed() {
            sum += counts[place]
            counts[place] = sum
        }
        return Array(counts.dropFirst())
    }
}
