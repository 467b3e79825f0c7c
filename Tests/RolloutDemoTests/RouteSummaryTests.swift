import Foundation
import Testing

@Suite("route: the summary")
struct RouteSummaryTests {
    private struct Line: Decodable {
        struct Shadow: Decodable { let variant: String }
        let rollout: String
        let variant: String
        let reason: String
        let bucket: Int?
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
        let buckets = Set(drawn.compactMap(\.bucket)).count
        #expect(100 < buckets && buckets < drawn.count)
        let note = try #require(result.errorLines.map(singleSpaced).last)
        #expect(
            note.hasPrefix("sample ratio: as due, by the first requests of \(grouped(buckets)) buckets (evidence 0.")
        )
        #expect(note.hasSuffix(", wrong from 1,000 on)"))
        expected.append(note)
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

    /// The summary of requests by these units, in the order given.
    private func summary(
        _ units: [String],
        _ policy: String = Recorded.policy,
        rollout: String = "sms",
        _ options: String...
    ) throws -> [String] {
        let input = units.map { "{\"rollout\":\"\(rollout)\",\"unit\":\"\($0)\"}\n" }.joined()
        let result = try Demo.run(["route", "--policy", policy] + options, input: input.utf8)
        #expect(result.status == 0)
        return result.errorLines.map(singleSpaced)
    }

    @Test("A unit that makes up more than 5 % of the requests is named, and one that makes up 5 % is not")
    func frequentUnit() throws {
        func notes(_ count: Int, of total: Int) throws -> [String] {
            let others = (0..<(total - count)).map { "user-\($0)" }
            return try summary(others + Array(repeating: "undefined", count: count)).filter { $0.hasPrefix("note: ") }
        }
        let advice = "and they all share one bucket: does the log write it for everybody?"
        #expect(try notes(11, of: 200) == ["note: the unit \"undefined\" makes up 5.50 % of the requests, \(advice)"])
        #expect(try notes(10, of: 200) == [])
        #expect(try notes(1, of: 1) == [])
        // More units than are counted at a time.
        let found = try notes(1_200, of: 20_000)
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("note: the unit \"undefined\" makes up ") == true)
        // A number and its text are one unit; no unit is none.
        let mixed = "{\"unit\":7}\n{\"unit\":\"7\"}\n" + String(repeating: "{}\n", count: 20)
        let result = try Demo.run("route", "--policy", Recorded.policy, input: mixed)
        #expect(result.errorLines.filter { $0.hasPrefix("note: ") }.count == 1)
        #expect(result.error.contains("note: the unit \"7\" makes up 9.09 % of the requests"))
    }

    @Test("Of many frequent units the first three are named")
    func frequentUnits() throws {
        let notes = try summary((0..<50).map { "u\($0 % 5)" }).filter { $0.hasPrefix("note: ") }
        #expect(notes.count == 4)
        #expect(notes[0].hasPrefix("note: the unit \"u0\" makes up 20.00 % of the requests"))
        #expect(notes[3] == "note: 2 other units make up more than 5 % of the requests each")
    }

    @Test("A log that is no fair sample of the units is called one, however long; each bucket counts once")
    func sampleRatio() throws {
        let units = (0..<3_000).map { "user-\($0)" }
        let lines = try Demo.run(
            "route",
            "--quiet",
            "--policy",
            Recorded.policy,
            input: units.map { "{\"unit\":\"\($0)\"}\n" }.joined()
        ).lines
        let canary = zip(units, lines).filter { $0.1.contains(#""variant":"canary""#) }.map(\.0)
        let stable = zip(units, lines).filter { $0.1.contains(#""variant":"stable""#) }.map(\.0)
        #expect(canary.count > 200)

        // Half of what the log of the stable instances would be is lost.
        let partial = try #require(try summary(canary + Array(stable.prefix(stable.count / 2))).last)
        #expect(partial.hasPrefix("sample ratio: wrong, by the first requests of 1,"), "\(partial)")
        #expect(partial.contains(", wrong from 1,000 on): stable "))
        #expect(partial.contains(" where 10.00 % is due; the requests are no fair sample of the units"))
        // The same units over and over are no news.
        let few = Array(canary.prefix(3)) + Array(stable.prefix(3))
        let repeated = try #require(
            try summary(Array(repeating: few, count: 400).flatMap { $0 }).last { $0.contains("evidence") }
        )
        #expect(repeated.hasPrefix("sample ratio: as due, by the first requests of 6 buckets (evidence "))
    }

    @Test("The shares that are due are those of the enrolled units, and only where units are drawn")
    func dueShares() throws {
        let units = (0..<2_000).map { "user-\($0)" }
        let test = try summary(units, Recorded.strategies, rollout: "recommender")
        #expect(test.last?.hasPrefix("sample ratio: as due, by the first requests of 1,") == true)
        for rollout in ["ranker", "ui"] {
            #expect(try !summary(units, Recorded.strategies, rollout: rollout).contains { $0.contains("evidence") })
        }
    }

    @Test(
        "A time that no cookie can hold is said",
        arguments: [
            (1_800_000_000_000, true, true), (-1, true, false), (4_294_967_296, true, false), (.max, true, false),
            (4_294_967_295, true, false), (4_294_967_294, true, false), (4_294_963_740, true, false),
            (429_496_373_899, true, false), (429_496_373_900, true, true), (4_294_963_739, false, false),
            (0, false, false),
            (1_800_000_000, false, false),
        ]
    )
    func impossibleTime(now: Int, isSaid: Bool, isMilliseconds: Bool) throws {
        let sticky = try StickyPolicy()
        let result = try sticky.route(#"{"unit":"alice","host":"www.sms-app.local"}"#, "--keys", sticky.keys, now: now)
        let note =
            "note: --now \(now) "
            + ((4_294_963_740...4_294_967_294).contains(now)
                ? "is too late for a cookie of 3,600 seconds, so no such one is written: "
                : "cannot be a time in a cookie, so none is honoured or written: ")
            + "expected seconds in 0 ... 4,294,963,739" + (isMilliseconds ? ", found milliseconds, it seems" : "")
        #expect(result.errorLines.contains(note) == isSaid, "\(result.error)")
        #expect(result.text.contains(#""setCookie":null"#) == isSaid)
    }

    private func singleSpaced(_ line: String) -> String { line.split(separator: " ").joined(separator: " ") }

    private func grouped(_ number: Int) -> String {
        number < 1_000 ? "\(number)" : "\(number / 1_000),\(String(format: "%03d", number % 1_000))"
    }

    private func percent(_ part: Int, of whole: Int) -> String {
        String(format: "%.2f %%", Double(part) * 100 / Double(whole))
    }
}
