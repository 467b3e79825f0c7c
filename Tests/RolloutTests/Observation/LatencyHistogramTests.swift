import Foundation
import Testing

@testable import Rollout

@Suite("Latency histogram")
struct LatencyHistogramTests {
    /// Every edge between 1 us and 1,000 s in nanoseconds, as the steps are stated.
    static let edges: [UInt64] = {
        var edges: [UInt64] = [1_000]
        var start: UInt64 = 1_000
        for _ in 0..<9 {
            let fortieth = start / 40
            for step in 41...100 { edges.append(fortieth * UInt64(step)) }
            for step in 26...50 { edges.append(fortieth * UInt64(4 * step)) }
            for step in 26...50 { edges.append(fortieth * UInt64(8 * step)) }
            start *= 10
        }
        return edges
    }()

    private func histogram(_ nanoseconds: [UInt64]) -> LatencyHistogram {
        var histogram = LatencyHistogram()
        for latency in nanoseconds { histogram.add(1, in: LatencyRange(nanoseconds: latency)) }
        return histogram
    }

    @Test("a range includes its upper edge and excludes its lower one")
    func edges() {
        #expect(Self.edges.count == LatencyRange.count - 1)
        for (index, edge) in Self.edges.enumerated() {
            #expect(LatencyRange(index: index).upperEdge == edge)
            #expect(LatencyRange(nanoseconds: edge).index == index)
            #expect(LatencyRange(nanoseconds: edge + 1).index == index + 1)
        }
    }

    @Test("the classic buckets, and the simple numbers of every decade, are edges")
    func simpleEdges() {
        let classic: [UInt64] = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000].map { $0 * 1_000_000 }
        let edges = Set(Self.edges)
        #expect(edges.isSuperset(of: classic))
        for decade in 0..<9 {
            let start = (0..<decade).reduce(1_000 as UInt64) { edge, _ in edge * 10 }
            #expect(edges.isSuperset(of: [2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20].map { start * $0 / 2 }))
        }
    }

    @Test("a latency is in the range that a search of the edges finds, and the range's middle is within 2 %")
    func search() {
        var random = SplitMix64(seed: 13)
        for _ in 0..<20_000 {
            let scale = UInt64.random(in: 0...40, using: &random)
            let latency = UInt64.random(in: 0...1 << scale, using: &random)
            let expected = Self.edges.firstIndex { latency <= $0 } ?? Self.edges.count
            let range = LatencyRange(nanoseconds: latency)
            #expect(range.index == expected, "\(latency) ns")
            if latency > 1_000, latency <= LatencyRange.longest {
                let error = abs(range.middle * 1e9 - Double(latency)) / Double(latency)
                #expect(error <= 0.02, "\(latency) ns")
            }
        }
    }

    static let durations: [(Duration, UInt64)] = [
        (.zero, 0), (.seconds(-1), 0), (.nanoseconds(1), 1), (.milliseconds(5), 5_000_000),
        (.milliseconds(5) + Duration(secondsComponent: 0, attosecondsComponent: 1), 5_000_001),
        (.seconds(1_000), 1_000_000_000_000), (.seconds(10 * 365 * 86_400), .max),
        (Duration(secondsComponent: .max, attosecondsComponent: 0), .max),
        (Duration(secondsComponent: .min, attosecondsComponent: 0), 0),
    ]

    @Test("a duration is counted by its nanoseconds, rounded up", arguments: durations)
    func nanoseconds(duration: Duration, expected: UInt64) {
        #expect(duration.nanosecondsForLatency == expected)
    }

    @Test("counts above an edge are exact")
    func above() {
        let latencies = histogram([4_999_999, 5_000_000, 5_000_001, 80_000_000, 3_000_000_000_000])
        #expect(latencies.count == 5)
        #expect(latencies.count(above: .milliseconds(5)) == 3)
        #expect(latencies.count(above: .seconds(1_000)) == 1)
        #expect(latencies.count(above: .zero) == 5)
        #expect(latencies.counts(upTo: [.milliseconds(5), .milliseconds(100), .seconds(10)]) == [2, 4, 4])
    }

    @Test("quantiles and the mean are right to 2 %")
    func quantiles() throws {
        var random = SplitMix64(seed: 17)
        let latencies = (0..<5_000).map { _ in UInt64.random(in: 1_000_000...100_000_000, using: &random) }.sorted()
        let histogram = histogram(latencies)
        for fraction in [0, 0.01, 0.5, 0.9, 0.99, 1] {
            let exact = Double(latencies[max(Int((fraction * 5_000).rounded(.up)), 1) - 1]) / 1e9
            let quantile = try #require(histogram.quantile(fraction)) / .seconds(1)
            #expect(abs(quantile - exact) <= 0.02 * exact)
        }
        let mean = Double(latencies.reduce(0, +)) / 5_000 / 1e9
        #expect(abs(try #require(histogram.mean) / .seconds(1) - mean) <= 0.02 * mean)
        #expect(LatencyHistogram().quantile(0.5) == nil)
        #expect(LatencyHistogram().mean == nil)
    }

    @Test("sums and differences agree range by range")
    func arithmetic() {
        let (early, late) = (histogram([10, 5_000, 5_000]), histogram([10, 5_000, 5_000, 5_000, .max]))
        #expect(late.since(early) == histogram([5_000, .max]))
        #expect(late.since(early).map { early + $0 } == late)
        #expect(early.since(late) == nil)
        // As much in all, but in another range.
        #expect(histogram([5_000, 5_000]).since(histogram([10])) == nil)
        #expect(histogram([10]).since(histogram([5_000])) == nil)
    }

    @Test(
        "sums and differences are those of each range, whichever ranges hold something",
        arguments: 0..<20 as Range<UInt64>
    )
    func arithmeticByRange(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        func some() -> [UInt64] {
            (0..<Int.random(in: 0...12, using: &random)).map { _ in Self.edges[Int.random(in: 0..<8, using: &random)] }
        }
        let (left, right) = (some(), some())
        let sum = histogram(left) + histogram(right)
        #expect(sum == histogram(left + right))
        #expect(sum.since(histogram(left)) == histogram(right))
        let isPart = Set(left).allSatisfy { edge in left.count { $0 == edge } <= right.count { $0 == edge } }
        #expect((histogram(right).since(histogram(left)) != nil) == isPart)
    }

    @Test("a histogram is read back as it was written")
    func coding() throws {
        let latencies = histogram([10, 5_000_000, 5_000_001, 5_000_001, .max])
        let json = try JSONEncoder().encode(latencies)
        #expect(String(decoding: json, as: UTF8.self).contains(#""upTo":[1000,5000000,5200000,null]"#))
        #expect(try JSONDecoder().decode(LatencyHistogram.self, from: json) == latencies)
    }

    @Test(
        "a histogram that cannot be is refused with the place",
        arguments: [
            (#"{"upTo": [1000], "counts": []}"#, "0 counts for 1 ranges"),
            (#"{"upTo": [1001], "counts": [1]}"#, "1001 must be the edge of a range"),
            (#"{"upTo": [5000000, 5000000], "counts": [1, 1]}"#, "5000000 must be the edge of a range, above"),
            (#"{"upTo": [null, 1000], "counts": [1, 1]}"#, "1000 must be the edge of a range, above"),
            (#"{"upTo": [1000], "counts": [-1]}"#, "-1 must be 1 ... 1125899906842624"),
            (#"{"upTo": [1000], "counts": [0]}"#, "0 must be 1 ..."),
            (#"{"upTo": [1000], "counts": [9223372036854775807]}"#, "9223372036854775807 must be 1 ..."),
        ]
    )
    func badInput(json: String, message: String) throws {
        let error = #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(LatencyHistogram.self, from: Data(json.utf8))
        }
        #expect(error.map { "\($0)" }?.contains(message) == true)
    }
}
