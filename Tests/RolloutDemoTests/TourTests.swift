import Foundation
import Testing

@Suite("The tour")
struct TourTests {
    /// One run for all tests that look at its text. It starts in a folder far from the source tree.
    private static let run = Swift.Result { try Demo.shell(#"cd / && exec "$0""#) }

    @Test("It shows every station, finds no decision amiss, and is plain text when nobody watches")
    func plain() throws {
        let result = try Self.run.get()
        #expect(result.status == 0)
        #expect(result.error == "")
        let titles = [
            "Every strategy",
            "A ramp",
            "Updates under load",
            "Sessions that keep their version",
            "App and model that belong together",
            "A policy that is refused",
            "Updates that are refused",
            "A rollback",
            "Moving in",
            "What became of it",
            "A canary that earns its share",
            "The status",
            "The cost of a decision",
        ]
        for (index, title) in titles.enumerated() {
            #expect(result.lines.contains { $0.hasPrefix("\(index + 1). \(title)") }, "\(title)")
        }
        #expect(!result.text.contains("\u{1B}"))
        #expect(result.lines.allSatisfy { !$0.hasSuffix(" ") })
        #expect(result.text.contains("over 2,000 requests that a real nginx has logged"))
        for (label, isZero) in [
            ("decisions that fit no revision", true), ("revisions that went back", true), ("decisions", false),
            ("policies published meanwhile", false),
        ] {
            let line = try #require(result.lines.first { $0.hasPrefix("  \(label)  ") })
            #expect(line.hasSuffix(" 0") == isZero, "\(line)")
        }
    }

    @Test("The healthy canary is promoted, the harmful one is taken back, and the history says why")
    func progression() throws {
        let lines = try Self.run.get().lines
        #expect(lines.contains { $0.hasSuffix("50 %  promote") })
        #expect(lines.contains { $0.hasSuffix("1 %  rollback: failures") })
        let records = lines.filter { $0.contains("accepted, by progression, because ") }
        #expect(records.count == 4, "three steps of one, and an abort of the other")
        #expect(records.last?.contains(" 1 %: failures, evidence ") == true)
    }

    @Test("Nobody moves in, and a conversion moves whom chance says")
    func movingIn() throws {
        let lines = try Self.run.get().lines
        #expect(lines.contains("  \"integer\", 100 buckets           2,000               100.00 %      0"))
        #expect(
            lines.contains("  180,000 buckets (18 %) move, the minimum is 0; on average, because units are drawn anew")
        )
    }

    @Test("Whoever is in the canary stays in it")
    func ramp() throws {
        let lines = try Self.run.get().lines
        let head = try #require(lines.firstIndex { $0.contains("joined  left") })
        let rows = lines[(head + 1)...].prefix(4).map { $0.split(separator: " ").map(String.init) }
        #expect(rows.map { $0[0] } == ["10", "25", "50", "100"])
        // share, %, units in it, share, %, joined, left, bar
        #expect(rows.map { $0[6] } == ["0", "0", "0", "0"])
        let numbers = rows.map { row in row.map { Int($0.replacing(",", with: "")) ?? 0 } }
        var members = 0
        for row in numbers {
            #expect(row[2] == members + row[5])
            members = row[2]
        }
        #expect(members == 50_000)
        #expect(lines.contains("  stable    750,000  75 %    150,000  15 %"))
        #expect(lines.contains("  150,000 move, and no allocation could move fewer than 150,000."))
    }

    @Test("A gate, a missing epoch and another revision each refuse an update, and no decision changes")
    func refusedUpdates() throws {
        let text = try Self.run.get().text
        #expect(text.contains("refused: \"sms\" cannot serve app v9, model v9: v9.bin: no such file"))
        #expect(text.contains("rollouts.sms.epoch: expected at least 1, because the release of \"canary\" changed"))
        #expect(text.contains("  Revision 7 runs, and not 6 as expected: look at what it says"))
        #expect(text.contains("  4  eve    revision 7  refused"))
        #expect(text.contains("Decisions of 1,056 units that changed meanwhile: 0"))
    }

    @Test("A rollback brings everybody back, and an abort leaves nobody in the canary")
    func rollback() throws {
        let lines = try Self.run.get().lines
        func step(_ name: String) throws -> [String] {
            let line = try #require(lines.first { $0.hasPrefix("  \(name)  ") })
            return line.dropFirst(2 + name.count).split(separator: " ").map(String.init)
        }
        let (first, back) = (try step("canary of 10 %"), try step("rolled back"))
        #expect(first.prefix(2) == ["7", "0"])
        #expect(back.prefix(2) == ["9", "2"])
        #expect(back[2...] == first[2...])
        #expect(back[3] == "100.00")
        #expect(try step("promoted").prefix(3) == ["8", "1", "1,056"])
        #expect(try step("aborted").prefix(3) == ["10", "3", "0"])
    }

    /// The cells of the rows below a table's head, labels without their blanks.
    private func rows(below head: String, _ count: Int) throws -> [[String]] {
        let lines = try Self.run.get().lines
        let start = try #require(lines.firstIndex { $0.contains(head) })
        return lines[(start + 1)...].prefix(count).map { line in
            line.replacing("  ", with: "\t").split(separator: "\t").map {
                $0.trimmingCharacters(in: .whitespaces).replacing(",", with: "")
            }
        }
    }

    @Test("A ramp moves no live session, and a rollback reaches all of them")
    func sessions() throws {
        let rows = try rows(below: "cookies written", 4)
        #expect(rows.map { $0.suffix(2) } == [["0", "2000"], ["0", "0"], ["0", "2000"], [rows[3][2], "2000"]])
        let shares = rows.map { $0[1] }
        #expect(shares[0] == shares[1], "live sessions stay where they are")
        #expect(shares[2].hasPrefix("4") || shares[2].hasPrefix("5"), "new ones are drawn at 50 %: \(shares[2])")
        #expect(shares[3] == "0.00 %", "nobody is left in a canary that was rolled back")
        #expect(try Self.run.get().text.contains("which count no more: 2,001."))
        #expect(try Self.run.get().text.contains("at the four stages: yes, yes, yes, no."))
    }

    @Test("A window tells the versions apart, and a shadow that disagrees is found out")
    func outcomes() throws {
        let rows = try rows(below: "not drawn", 2)
        #expect(rows.map { $0.prefix(2) } == [["stable", "v1"], ["canary", "v2"]])
        let numbers = rows.map { row in row[2...3].map { Int($0) ?? 0 } }
        #expect(numbers.reduce(0) { $0 + $1[0] } == 2_000)
        #expect(
            numbers[1][1] * numbers[0][0] > 3 * numbers[0][1] * numbers[1][0],
            "version 2 fails more often: \(rows)"
        )
        let text = try Self.run.get().text
        let copied = try #require(text.firstMatch(of: /([0-9]+) are copied to the shadow/)?.1)
        let agreed = try #require(text.firstMatch(of: /agrees with the primary's in ([0-9]+) cases/)?.1)
        let differed = try #require(text.firstMatch(of: /and differs in ([0-9]+)\./)?.1)
        #expect(try #require(Int(agreed)) + #require(Int(differed)) == Int(copied))
        #expect(differed != "0" && agreed != "0")
        #expect(text.contains("] became ["))
    }

    @Test("A mixed pair is always marked")
    func pairs() throws {
        let rows = try rows(below: "mixed, unmarked", 4)
        #expect(
            rows.map { $0.suffix(3) } == [
                ["1000", "0", "0"], ["1000", "0", "0"], ["1000", "0", "1000"], ["1000", "0", "0"],
            ]
        )
    }

    @Test(
        "A terminal gets colours, unless NO_COLOR asks for none",
        .enabled(if: Terminal.isAvailable, "needs pseudo-terminals"),
        arguments: [("", true), ("1", false)]
    )
    func colours(noColour: String, expected: Bool) throws {
        let environment = ["NO_COLOR": noColour, "TERM": "xterm"]
        // One station: the rest of the tour says its text in the same way, and another test looks at all of it.
        let text = try Terminal.output(of: [], environment: environment, through: "2. A ramp")
        #expect(text.contains("\u{1B}[") == expected)
        #expect(text.contains("1. Every strategy"))
    }
}
