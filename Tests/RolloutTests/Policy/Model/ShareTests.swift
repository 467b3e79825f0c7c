import Testing

@testable import Rollout

@Suite("Shares")
struct ShareTests {
    @Test("Every number of buckets has a text that is read back", arguments: 0..<4)
    func texts(quarter: Int) throws {
        // One in 149 of a million (37 in the long form), from another start each.
        for buckets in stride(from: quarter, through: 1_000_000, by: StressEffort.isLong ? 37 : 149) {
            let share = try #require(Share(buckets: buckets))
            if Share(percentText: share.percentText) != share { Issue.record("\(buckets): \(share)") }
            let percent = try #require(Double(share.percentText))
            if Share(percent: percent) != share { Issue.record("\(buckets): \(percent)") }
        }
    }

    @Test(
        "are written as short as they are exact",
        arguments: [(0, "0"), (1, "0.0001"), (10, "0.001"), (333_333, "33.3333"), (250_000, "25"), (1_000_000, "100")]
    )
    func percentText(buckets: Int, text: String) throws {
        let share = try #require(Share(buckets: buckets))
        #expect(share.percentText == text)
        #expect(share.description == text + " %")
    }

    @Test(
        "never round",
        arguments: [-1, 100.00001, 33.33333, 0.00005, .nan, .infinity, -.infinity, 1e300, .leastNonzeroMagnitude]
    )
    func noShare(percent: Double) {
        #expect(Share(percent: percent) == nil)
    }

    @Test("have limits and an order")
    func limits() {
        #expect(Share(buckets: -1) == nil)
        #expect(Share(buckets: 1_000_001) == nil)
        #expect(Share(buckets: .max) == nil)
        #expect(Share(buckets: 0) == Share.zero)
        #expect(Share(percent: 100) == .all)
        #expect(Share(percent: -0.0) == Share.zero)
        #expect(Share.percent(10) < .percent(10.0001))
        for text in ["", " 10", "10 ", "10 %", "ten", "[10]", "null", "10,5", "0x1"] {
            #expect(Share(percentText: text) == nil)
        }
    }
}
