import Foundation
import Rollout
import Testing

@Suite("plan")
struct PlanTests {
    private let folder: TemporaryFolder
    private let old: RolloutPolicy

    init() throws {
        folder = try TemporaryFolder()
        old = try RolloutPolicy(json: Recorded.text(Recorded.strategies))
    }

    private func plan(_ new: RolloutPolicy, _ options: String...) throws -> Demo.Result {
        let paths = try [folder.path("old.json", old.json), folder.path("new.json", new.json)]
        return try Demo.run(["plan"] + paths + options, input: [])
    }

    private func edited(_ edit: (inout RolloutPolicy) throws -> Void) rethrows -> RolloutPolicy {
        var policy = old
        policy.revision += 1
        try edit(&policy)
        return policy
    }

    @Test("The JSON has moved, minimum, matrix and changes of every rollout, and added and removed ones")
    func json() throws {
        let new = try edited { policy in
            try policy.setShare(of: "sms", to: .percent(25))
            policy.rollouts["ui"] = nil
            policy.rollouts["fresh"] = RolloutDefinition(.fixed([.app: "v1"]))
            policy.rollouts["recommender"] = nil
            policy.environment = nil
        }
        let sms =
            #""sms":{"changes":[{"new":25,"old":10,"path":"strategy.percent","#
            + #""text":"another share of the units gets the canary"}],"#
            + #""matrix":{"canary":{"canary":100000},"stable":{"canary":150000,"stable":750000}},"#
            + #""minimum":150000,"moved":150000}"#
        let root =
            #""changes":[{"new":8,"old":7,"path":"revision","text":"decisions and new cookies carry it"},"#
            + #"{"new":null,"old":"production","path":"environment","text":"the status shows another label"}]"#
        let result = try plan(new, "--json")
        #expect(result.status == 0)
        #expect(result.error == "")
        #expect(
            result.text == #"{\#(root),"rollouts":{"fresh":{"added":true},"#
                + #""ranker":{"changes":[],"matrix":{"primary":{"primary":1000000}},"minimum":0,"moved":0},"#
                + #""recommender":{"removed":true},\#(sms),"ui":{"removed":true}},"verdict":{"outcome":"accepted"}}"#
                + "\n"
        )
        #expect(
            try plan(new, "--json", "--rollout", "sms").text
                == #"{\#(root),"rollouts":{\#(sms)},"verdict":{"outcome":"accepted"}}"# + "\n"
        )
    }

    @Test("Between two salts the numbers are the product of the shares, and are marked")
    func salts() throws {
        var new = edited { $0.rollouts["sms"]?.salt = "other" }
        new.rollouts["sms"]?.epoch += 1
        #expect(
            try plan(new, "--json", "--rollout", "sms").text.contains(
                #""expected":true,"matrix":{"canary":{"canary":10000,"stable":90000},"#
                    + #""stable":{"canary":90000,"stable":810000}},"minimum":0,"moved":180000}"#
            )
        )
        let text = try plan(new).text
        #expect(text.contains("on average, because units are drawn anew"))
        #expect(
            text.contains(
                "\n  180,000 more move than have to, because everybody is drawn anew: "
                    + "let the salt, the bucketing and the enrolment stay what they are\n"
            )
        )
    }

    @Test("People get the matrix beside the minimum, what else changes, and rollouts that stay in one line")
    func text() throws {
        let new = try edited { policy in
            try policy.rebalance("recommender", weights: ["control": 1, "treatment": 2])
            policy.rollouts["ranker"] = nil
            policy.rollouts["fresh"] = RolloutDefinition(.fixed([.app: "v1"]))
            try policy.setHost("canary.sms-app.local", to: "stable", in: "sms")
        }
        let result = try plan(new)
        #expect(result.status == 0)
        #expect(
            result.text == """
                revision 7 -> 8

                fresh: added

                ranker: removed; its handles serve their default, or the first variant

                recommender: 200,000 buckets (20 %) move, the minimum is 200,000
                             to control        to treatment        to bandit
                  control       400,000  40 %       200,000  20 %          0   0 %
                  treatment           0   0 %       200,000  20 %          0   0 %
                  bandit              0   0 %             0   0 %    200,000  20 %
                  strategy.variants[0].weight: 2 -> 1: "control" has another weight
                  strategy.variants[1].weight: 1 -> 2: "treatment" has another weight

                sms: 0 buckets (0 %) move, the minimum is 0
                  hosts["canary.sms-app.local"]: "canary" -> "stable": requests of the host are forced to another variant

                ui: unchanged

                A router that runs the old policy takes the new one.

                """
        )
    }

    @Test("Of very many changes the first are listed for people, and all in JSON")
    func manyChanges() throws {
        let new = edited { policy in
            for unit in 0..<30 { policy.rollouts["sms"]?.forced[UnitID("unit-\(unit)")] = "canary" }
        }
        let result = try plan(new)
        #expect(result.lines.filter { $0.contains("the unit is forced") }.count == 20)
        #expect(result.lines.contains("  and 10 changes more, which --json lists"))
        #expect(try plan(new, "--json").text.components(separatedBy: "the unit is forced").count == 31)
    }

    // MARK: More than the minimum

    @Test(
        "If somebody moved more by hand than necessary, the edits that move fewer are named, and do",
        arguments: [
            (
                #""weight": 1, "release": {"model": "ucb-1.0"}"#, #""weight": 5, "release": {"model": "ucb-1.0"}"#,
                "fewer move with: edit FILE rebalance recommender bandit=5"
            ),
            (#""coverage": 80"#, #""coverage": 40"#, "fewer move with: edit FILE coverage recommender 40"),
            (
                ",\n          " + #"{"name": "bandit", "weight": 1, "release": {"model": "ucb-1.0"}}"#, "",
                "fewer move with: edit FILE remove recommender bandit"
            ),
            (
                #"{"name": "bandit""#,
                #"{"name": "new", "weight": 4, "release": {"model": "it's"}}, {"name": "bandit""#,
                #"fewer move with: edit FILE add recommender new 4 model='it'\''s'"#
            ),
            (
                #"{"name": "control", "weight": 2"#, #"{"name": "control", "weight": 7"#,
                "fewer move with: edit FILE rebalance recommender control=7"
            ),
            (
                #""coverage": 80,"#,
                #""coverage": 100, "allocation": [["bandit", 0, 250000], ["control", 250000, 750000], "#
                    + #"["treatment", 750000, 1000000]],"#, "fewer move with: edit FILE coverage recommender 100"
            ),
        ]
    )
    func byHand(old part: String, new other: String, advice: String) throws {
        let text = try Recorded.text(Recorded.strategies)
        #expect(text.contains(part))
        let byHand = text.replacingOccurrences(of: part, with: other)
            .replacingOccurrences(of: #""revision": 7"#, with: #""revision": 8"#)
        let new = try folder.path("by-hand.json", byHand)
        let result = try Demo.run("plan", Recorded.strategies, new)
        let line = try #require(result.lines.first { $0.contains(" fewer move") }, "\(result.text)")
        #expect(line.hasSuffix(advice), "\(line)")

        // What it says is so.
        let words = try #require(line.components(separatedBy: "edit FILE ").last)
        let next = folder.path + "/next.json"
        let edit = try Demo.shell(#"eval "\"$0\" edit \"$1\" $2" > "$3""#, Recorded.strategies, words, next)
        #expect(edit.status == 0, "\(edit.error)")
        func moved(_ path: String) throws -> Int {
            let document = try JSONDocument(parsing: Demo.run("plan", "--json", Recorded.strategies, path).output)
            return try #require(document.root["rollouts"]?["recommender"]?["moved"]?.integer(as: Int.self))
        }
        let fewer = line.split(separator: " ").first.flatMap { Int($0.filter { $0 != "," }) }
        #expect(try moved(new) - moved(next) == fewer)
    }

    @Test("If no edit moves fewer, the plan says only that")
    func noEdit() throws {
        // A canary's buckets are the first, a test's in declared order.
        let new = edited { policy in
            policy.rollouts["sms"]?.strategy = .abTest([
                WeightedVariant("stable", weight: 9, release: [.app: "v1", .model: "v1"]),
                WeightedVariant("canary", weight: 1, release: [.app: "v2", .model: "v2"]),
            ])
        }
        #expect(try plan(new).lines.contains("  200,000 more move than have to; no edit moves fewer"))
        let reordered = edited { policy in
            guard case .abTest(var test) = policy.rollouts["recommender"]?.strategy else { return }
            test.variants.swapAt(1, 2)
            policy.rollouts["recommender"]?.strategy = .abTest(test)
        }
        #expect(
            try plan(reordered).lines
                .contains("  400,000 fewer move if the variants keep the buckets they own, written as their allocation")
        )
        let turned = edited { policy in
            guard case .abTest(var test) = policy.rollouts["recommender"]?.strategy else { return }
            test.variants.reverse()
            policy.rollouts["recommender"]?.strategy = .abTest(test)
        }
        let lines = try plan(turned).lines
        let head = "recommender: 1,000,000 buckets (100 %) move, the minimum is 200,000"
        #expect(lines.contains { $0.hasPrefix(head) }, "\(lines)")
        #expect(lines.contains { $0.hasPrefix("  800,000 fewer move if ") }, "\(lines)")
        #expect(try !plan(edited { try $0.setShare(of: "sms", to: .percent(50)) }).text.contains("fewer"))
    }

    @Test("A hint runs even if the name of a variant begins with a hyphen")
    func hyphen() throws {
        let text = { (revision: Int, weight: Int) in
            """
            {"schema": 1, "revision": \(revision), "rollouts": {"t": {"strategy": {"type": "ab_test", "variants": [
              {"name": "x", "weight": 1, "release": {"app": "a"}}, {"name": "z", "weight": 1, "release": {"app": "c"}},
              {"name": "-y", "weight": \(weight), "release": {"app": "b"}}]}}}}
            """
        }
        let old = try folder.path("hyphen-a.json", text(1, 1))
        let new = try folder.path("hyphen-b.json", text(2, 2))
        let line = try #require(Demo.run("plan", old, new).lines.first { $0.contains(" fewer move") })
        let words = try #require(line.components(separatedBy: "edit FILE ").last)
        #expect(words == "rebalance t -- -y=2")
        let edit = try Demo.run(["edit", old] + words.components(separatedBy: " "), input: [])
        #expect(edit.status == 0, "\(edit.error)")
    }

    @Test("Of many variants, the pairs that share buckets")
    func manyVariants() throws {
        let variants = (0..<8).map { #"{"name": "v\#($0)", "weight": 1, "release": {"app": "a"}}"# }
        let text = { (revision: Int, weights: String) in
            """
            {"schema": 1, "revision": \(revision), "rollouts": {"r": {"strategy": {"type": "ab_test",
              "variants": [\(variants.joined(separator: ", "))\(weights)]}}}}
            """
        }
        let last = #", {"name": "none", "weight": 1, "release": {"app": "a"}}"#
        let paths = try [folder.path("a.json", text(1, last)), folder.path("b.json", text(2, ""))]
        let result = try Demo.run(["plan"] + paths, input: [])
        #expect(result.lines.filter { $0.contains("  ->  ") }.count == 8 + 7 + 1)
        #expect(result.lines.contains("  none  ->  v7  111,111  11.1111 %"))
    }

    struct Verdict: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let change: @Sendable (inout RolloutPolicy) -> Void
        let status: Int32
        let json: String
        let line: String
    }

    private static func green(_ policy: inout RolloutPolicy) {
        policy.rollouts["ui"] = RolloutDefinition(.fixed([.app: "v4"]))
    }

    static let verdicts: [Verdict] = [
        Verdict(
            testDescription: "accepted",
            change: { policy in
                green(&policy)
                policy.rollouts["ui"]?.epoch = 1
                policy.revision = 8
            },
            status: 0,
            json: #"{"outcome":"accepted"}"#,
            line: "A router that runs the old policy takes the new one."
        ),
        Verdict(
            testDescription: "unchanged",
            change: { _ in },
            status: 0,
            json: #"{"outcome":"unchanged"}"#,
            line: "Nothing changes: both are the same policy."
        ),
        Verdict(
            testDescription: "ignored",
            change: { $0.revision = 6 },
            status: 1,
            json: #"{"code":"olderRevision","outcome":"ignored","#
                + #""reason":"Revision 6 is older than 7: give the new content a higher revision."}"#,
            line: "A router that runs the old policy ignores the new one. "
                + "Revision 6 is older than 7: give the new content a higher revision."
        ),
        Verdict(
            testDescription: "refused: the revision is taken",
            change: green,
            status: 1,
            json: #"{"code":"revisionTaken","outcome":"refused","#
                + #""reason":"Revision 7 runs already, with other content: give the new content a higher revision."}"#,
            line: "A router that runs the old policy refuses the new one. "
                + "Revision 7 runs already, with other content: give the new content a higher revision."
        ),
        Verdict(
            testDescription: "refused: an epoch has to rise",
            change: { policy in
                green(&policy)
                policy.revision = 8
            },
            status: 1,
            json: #"{"code":"needsEpoch","outcome":"refused","#
                + #""reason":"Older assignments would get the wrong variant. "#
                + #"rollouts.ui.epoch: expected at least 1, because the release of \"stable\" changed, found 0"}"#,
            line:
                "A router that runs the old policy refuses the new one. Older assignments would get the wrong variant. "
                + "rollouts.ui.epoch: expected at least 1, because the release of \"stable\" changed, found 0"
        ),
    ]

    @Test("The verdict is a router's, and so is the exit status; --rollout does not narrow it", arguments: verdicts)
    func verdict(row: Verdict) throws {
        var new = old
        row.change(&new)
        for options in [["--json"], ["--json", "--rollout", "sms"]] {
            let paths = try [folder.path("old.json", old.json), folder.path("new.json", new.json)]
            let result = try Demo.run(["plan"] + paths + options, input: [])
            #expect(result.status == row.status)
            #expect(result.text.hasSuffix(#","verdict":\#(row.json)}"# + "\n"), "\(result.text)")
        }
        let text = try plan(new)
        #expect(text.status == row.status)
        #expect(text.lines.last == row.line)
    }

    @Test("Its numbers are those that counting each bucket gives", arguments: 0..<12 as Range<UInt64>)
    func bruteForce(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var (before, after) = (RandomRollout.definition(using: &random), RandomRollout.definition(using: &random))
        before.salt = nil
        after.salt = nil
        let paths = try [before, after].enumerated().map { index, definition in
            let policy = RolloutPolicy(revision: UInt32(index), rollouts: ["r": definition])
            return try folder.path("\(index).json", policy.json)
        }
        let result = try Demo.run(["plan", "--json"] + paths, input: [])
        #expect(result.error == "")

        let (old, new) = (try Self.owners(before), try Self.owners(after))
        let names = (before.strategy.variants.map(\.name.text), after.strategy.variants.map(\.name.text))
        var counts = [Int](repeating: 0, count: names.0.count * names.1.count)
        var bucket = 0
        while bucket < old.count {
            counts[old[bucket] * names.1.count + new[bucket]] += 1
            bucket += 1
        }
        var matrix: [String: [String: Int]] = [:]
        for (index, count) in counts.enumerated() where count > 0 {
            matrix[names.0[index / names.1.count], default: [:]][names.1[index % names.1.count]] = count
        }
        let moved = matrix.map { from, row in row.filter { $0.key != from }.values.reduce(0, +) }.reduce(0, +)
        let gains = Set(names.0 + names.1).map { name in
            max(0, matrix.values.reduce(0) { $0 + ($1[name] ?? 0) } - (matrix[name]?.values.reduce(0, +) ?? 0))
        }
        let numbers = try JSONDocument(parsing: result.output).root["rollouts"]?["r"]
        #expect(numbers?["moved"]?.integer(as: Int.self) == moved)
        #expect(numbers?["minimum"]?.integer(as: Int.self) == gains.reduce(0, +))
        let rows = numbers?["matrix"]?.members.map { from, row in
            (from, Dictionary(uniqueKeysWithValues: row.members.map { ($0, $1.integer(as: Int.self) ?? -1) }))
        }
        #expect(Dictionary(uniqueKeysWithValues: rows ?? []) == matrix)
    }

    /// The place of the variant that serves each bucket, by the ranges that an explanation lists.
    private static func owners(_ definition: RolloutDefinition) throws -> [Int] {
        let names = definition.strategy.variants.map(\.name)
        let router = try RolloutRouter(policy: RolloutPolicy(revision: 1, rollouts: ["r": definition]))
        let explanation = try #require(router.snapshot().explanation(for: "anybody", in: "r"))
        var owners = [Int](repeating: 0, count: 1_000_000)
        for range in explanation.steps.compactMap(\.draw).flatMap(\.ranges) where !range.isDisabled && !range.isDraining
        {
            let owner = range.variant.flatMap(names.firstIndex) ?? 0
            for bucket in range.buckets { owners[bucket] = owner }
        }
        return owners
    }

    @Test("An invalid policy ends with 1 and all problems of both")
    func invalid() throws {
        let bad = try folder.path("bad.json", #"{"schema": 1, "revision": -1, "rollouts": {}}"#)
        for paths in [[bad, Recorded.policy], [Recorded.policy, bad]] {
            let result = try Demo.run(["plan", "--json"] + paths, input: [])
            #expect(result.status == 1)
            #expect(result.text == "")
            #expect(result.errorLines.count == 1)
            #expect(result.error.hasPrefix("\(bad):1:27: revision: "))
        }
        #expect(try Demo.run("plan", bad, bad).errorLines.count == 2)
    }

    @Test("What cannot be used ends with 2")
    func unusable() throws {
        #expect(try Demo.run("plan", Recorded.policy, "/nowhere").status == 2)
        #expect(try Demo.run("plan", "-", "-").error.contains("only one of the two"))
        let unknown = try Demo.run("plan", Recorded.policy, Recorded.strategies, "--rollout", "smss")
        #expect(unknown.status == 2)
        #expect(unknown.error == "RolloutDemo: --rollout: unknown rollout \"smss\"; did you mean \"sms\"?\n")
        let input = try Demo.run("plan", "-", Recorded.policy, input: Recorded.text(Recorded.policy))
        #expect(input.lines.last == "Nothing changes: both are the same policy.")
    }
}
