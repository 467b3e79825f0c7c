/// How long requests took: how many lie in each of 992 ranges.
///
/// The ranges are log-linear from 1 us to 1,000 s, and at most 4 % wide: so a latency that is read out of them is right to 2 %.
/// Their edges include 1, 1.5, 2, 2.5 and 3 to 10 of every decade exactly, and with them the classic buckets from 5 ms to 10 s.
/// A range includes its upper edge, as the `le` of Prometheus does.
public struct LatencyHistogram: Hashable, Sendable {
    /// The ranges that hold something, in order.
    private var ranges: [LatencyRange] = []
    private var counts: [Int] = []

    /// A histogram of nothing.
    public init() {}

    /// How many requests there are.
    public var count: Int { counts.reduce(0, +) }

    /// How many requests took longer than this.
    ///
    /// Exact if the latency is an edge. Otherwise those in the range that holds the latency are not counted.
    /// O(ranges that hold something).
    public func count(above latency: Duration) -> Int {
        let range = LatencyRange(nanoseconds: latency.nanosecondsForLatency)
        return zip(ranges, counts).reduce(0) { $1.0 > range ? $0 + $1.1 : $0 }
    }

    /// The latency that a fraction of the requests did not exceed, right to 2 %.
    ///
    /// What took more than 1,000 s counts as 1,000 s. O(ranges that hold something).
    ///
    /// - Parameter fraction: 0 ... 1; 0.5 is the median. What lies outside counts as the nearer bound.
    /// - Returns: The latency, or nil if there are no requests.
    public func quantile(_ fraction: Double) -> Duration? {
        let rank = max(1, (min(max(fraction, 0), 1) * Double(count)).rounded(.up))
        var sum = 0
        for (range, count) in zip(ranges, counts) {
            sum += count
            if Double(sum) >= rank { return .seconds(range.middle) }
        }
        return ranges.last.map { .seconds($0.middle) }
    }

    /// The mean latency, right to 2 %, or nil if there are no requests. O(ranges that hold something).
    public var mean: Duration? { counts.isEmpty ? nil : .seconds(sum / Double(count)) }

    /// The sum of all latencies in seconds, right to 2 %: each stands for the middle of its range.
    ///
    /// It never falls while counts rise, because it is added up in one order, and rounding keeps the order of sums.
    var sum: Double { zip(ranges, counts).reduce(0) { $0 + $1.0.middle * Double($1.1) } }

    /// How many requests took no longer than each of these latencies, which must be edges, in order.
    func counts(upTo edges: [Duration]) -> [Int] {
        let limits = edges.map { LatencyRange(nanoseconds: $0.nanosecondsForLatency) }
        return limits.map { limit in zip(ranges, counts).reduce(0) { $1.0 <= limit ? $0 + $1.1 : $0 } }
    }

    /// The requests of both.
    public static func + (left: LatencyHistogram, right: LatencyHistogram) -> LatencyHistogram {
        var sum = left
        sum += right
        return sum
    }

    /// Adds the requests of another histogram. O(ranges of both that hold something).
    public static func += (left: inout LatencyHistogram, right: LatencyHistogram) {
        var (sum, place) = (LatencyHistogram(), 0)
        for (range, count) in zip(right.ranges, right.counts) {
            while place < left.ranges.count, left.ranges[place] < range {
                sum.append(left.counts[place], in: left.ranges[place])
                place += 1
            }
            let isInBoth = place < left.ranges.count && left.ranges[place] == range
            sum.append(isInBoth ? left.counts[place] + count : count, in: range)
            if isInBoth { place += 1 }
        }
        for place in place..<left.ranges.count { sum.append(left.counts[place], in: left.ranges[place]) }
        left = sum
    }

    /// Hands out the ranges that hold something, in order, and how much.
    func forEach(_ body: (LatencyRange, Int) -> Void) {
        for (range, count) in zip(ranges, counts) { body(range, count) }
    }

    /// What came since an earlier histogram, or nil if that holds more in some range. O(ranges of both that hold something).
    func since(_ earlier: LatencyHistogram) -> LatencyHistogram? {
        var (rest, place) = (LatencyHistogram(), 0)
        for (range, count) in zip(ranges, counts) {
            let isInBoth = place < earlier.ranges.count && earlier.ranges[place] == range
            let before = isInBoth ? earlier.counts[place] : 0
            if before > count { return nil }
            if before < count { rest.append(count - before, in: range) }
            if isInBoth { place += 1 }
        }
        // A range that only the earlier one has stops the walk through it.
        return place == earlier.ranges.count ? rest : nil
    }

    /// The largest count of a range: so the sum of all ranges of all six kinds of a row is a number, too, also if somebody made
    /// them up. What is beyond is not counted. A process counts up to 2^49.
    private static let limit = 1 << 50

    /// Counts requests in a range.
    mutating func add(_ count: Int, in range: LatencyRange) {
        let place = ranges.partitioningIndex { $0 >= range }
        if place < ranges.count, ranges[place] == range {
            counts[place] = min(counts[place] + count, Self.limit)
        } else {
            ranges.insert(range, at: place)
            counts.insert(min(count, Self.limit), at: place)
        }
    }

    /// Counts requests in a range above all others.
    private mutating func append(_ count: Int, in range: LatencyRange) {
        ranges.append(range)
        counts.append(min(count, Self.limit))
    }
}

extension LatencyHistogram: Codable {
    private enum CodingKeys: String, CodingKey { case upTo, counts }

    /// Encodes the ranges that hold something: `{"upTo": [5000000, 5200000, null], "counts": [3, 1, 1]}`.
    ///
    /// `upTo` holds the upper edges in nanoseconds, null for the range of all that took more than 1,000 s.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(ranges.map(\.upperEdge), forKey: .upTo)
        try container.encode(counts, forKey: .counts)
    }

    /// Decodes a histogram, whose edges must be those of ranges, in order, and whose counts must be 1 ... 2^50.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let edges = try container.decode([UInt64?].self, forKey: .upTo)
        let counts = try container.decode([Int].self, forKey: .counts)
        guard edges.count == counts.count else {
            throw DecodingError.dataCorruptedError(
                forKey: .counts,
                in: container,
                debugDescription: "\(counts.count) counts for \(edges.count) ranges; there must be one for each"
            )
        }
        for (edge, count) in zip(edges, counts) {
            let range = edge.map(LatencyRange.init(nanoseconds:)) ?? .last
            guard range.upperEdge == edge, ranges.last.map({ $0 < range }) ?? true else {
                throw DecodingError.dataCorruptedError(
                    forKey: .upTo,
                    in: container,
                    debugDescription:
                        "\(edge.map(String.init) ?? "null") must be the edge of a range, above those before it"
                )
            }
            guard 1...Self.limit ~= count else {
                throw DecodingError.dataCorruptedError(
                    forKey: .counts,
                    in: container,
                    debugDescription: "\(count) must be 1 ... \(Self.limit)"
                )
            }
            ranges.append(range)
            self.counts.append(count)
        }
    }
}

extension [LatencyRange] {
    /// The first place from which on the predicate holds; it must hold for all that follow. O(log n).
    fileprivate func partitioningIndex(where predicate: (LatencyRange) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if predicate(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
