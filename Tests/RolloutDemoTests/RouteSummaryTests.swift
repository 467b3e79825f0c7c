import Foundation
import Testing

@Suite("route: the summary")
struct RouteSummaryTests {
    private struct Line: Decodable {
        struct Shadow: Decodable { let variant: String }
        let rollout: String
        let variant: String
        let reason: String
        let shadow: Shadow?
    }

    @Test("It counts what the decision lines say, on the recorded log")
    func recordedLog() throws {
        let result = try Demo.run("route", "--policy", Recorded.policy, Recorded.log)
        #expect(result.status == 0)
        let lines = try result.lines.map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
        #expect(lines.count == 2_000)
        let drawn = lines.filter { $0.reason == "split" }
        var expected = ["2,000 requests decided by revision 7, 0 lines refused", "sms: canary, 2,000 requests"]
        expected.append("variant requests share drawn expected")
        for (variant, share, version) in [("stable", 90, "v1"), ("canary", 10, "v2")] {
            let count = lines.filter { $0.variant == variant }.count
            let drawnCount = drawn.filter { $0.variant == variant }.count
            let cells = [
                variant, grouped(count), percent(count, of: 2_000), percent(drawnCount, of: drawn.count), "\(share) %",
                "app \(version), model \(version)",
            ]
            expected.append(cells.joined(separator: " "))
        }
        let reasons = Dictionary(grouping: lines, by: \.reason).mapValues(\.count).sorted { $1.value < $0.value }
        expected.append("reasons: " + reasons.map { "\($0.key) \(grouped($0.value))" }.joined(separator: ", "))
        expected.append("drawn: the share among the \(grouped(drawn.count)) requests that no rule decided")
        #expect(reasons.count == 4)
        #expect(result.errorLines.map(singleSpaced) == expected)
    }

    @Test("It has a part for each rollout that decided, and counts copies and refused lines")
    func severalRollouts() throws {
        var input = "nonsense\n"
        for unit in 0..<100 {
            input += "{\"rollout\":\"ranker\",\"unit\":\(unit)}\n{\"rollout\":\"recommender\",\"unit\":\(unit)}\n"
        }
        let result = try Demo.run("route", "--policy", Recorded.strategies, input: input)
        #expect(result.status == 1)
        let lines = try result.lines.map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
        let copies = lines.filter { $0.shadow?.variant == "shadow" }.count
        #expect(0 < copies && copies < 100)
        let summary = result.errorLines.map(singleSpaced)
        #expect(summary[0].hasPrefix("line 1: "))
        #expect(summary[1] == "200 requests decided by revision 7, 1 line refused")
        #expect(summary.contains("shadow \(copies) \(copies).00 % 25 % model r2"))
        #expect(summary.contains("primary 100 100.00 % 100 % model r1"))
        for variant in ["control", "treatment", "bandit"] {
            let count = lines.filter { $0.variant == variant }.count
            #expect(summary.contains { $0.hasPrefix("\(variant) \(count) \(count).00 % ") })
        }
        #expect(!result.error.contains("sms"))
    }

    @Test("--quiet leaves only what is wrong")
    func quiet() throws {
        let result = try Demo.run("route", "--quiet", "--policy", Recorded.policy, input: "{}\n[]\n{}\n")
        #expect(result.lines.count == 2)
        #expect(result.errorLines.count == 1)
        #expect(result.error.hasPrefix("line 2: "))
        #expect(result.status == 1)
    }

    private func singleSpaced(_ line: String) -> String { line.split(separator: " ").joined(separator: " ") }

    private func grouped(_ number: Int) -> String {
        number < 1_000 ? "\(number)" : "\(number / 1_000),\(String(format: "%03d", number % 1_000))"
    }

    private func percent(_ part: Int, of whole: Int) -> String {
        String(format: "%.2f %%", Double(part) * 100 / Double(whole))
    }
}
