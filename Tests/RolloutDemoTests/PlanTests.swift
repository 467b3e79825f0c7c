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

    @Test("The JSON has moved, minimum and matrix of every rollout, and added and removed ones")
    func json() throws {
        let new = try edited { policy in
            try policy.setShare(of: "sms", to: .percent(25))
            policy.rollouts["ui"] = nil
            policy.rollouts["fresh"] = RolloutDefinition(.fixed([.app: "v1"]))
            policy.rollouts["recommender"] = nil
        }
        let result = try plan(new, "--json")
        #expect(result.status == 0)
        #expect(result.error == "")
        #expect(
            result.text == #"{"fresh":{"added":true},"#
                + #""ranker":{"matrix":{"primary":{"primary":1000000}},"minimum":0,"moved":0},"#
                + #""recommender":{"removed":true},"#
                + #""sms":{"matrix":{"canary":{"canary":100000},"stable":{"canary":150000,"stable":750000}},"#
                + #""minimum":150000,"moved":150000},"ui":{"removed":true}}"# + "\n"
        )
        #expect(try plan(new, "--json").text == old.movement(to: new).json + "\n")
        #expect(
            try plan(new, "--json", "--rollout", "sms").text
                == #"{"sms":{"matrix":{"canary":{"canary":100000},"stable":{"canary":150000,"stable":750000}},"#
                + #""minimum":150000,"moved":150000}}"# + "\n"
        )
    }

    @Test("Between two salts the numbers are the product of the shares, and are marked")
    func salts() throws {
        var new = edited { $0.rollouts["sms"]?.salt = "other" }
        new.rollouts["sms"]?.epoch += 1
        #expect(
            try plan(new, "--json", "--rollout", "sms").text
                == #"{"sms":{"expected":true,"matrix":{"canary":{"canary":10000,"stable":90000},"#
                + #""stable":{"canary":90000,"stable":810000}},"minimum":0,"moved":180000}}"# + "\n"
        )
        #expect(try plan(new).text.contains("on average, because the salts differ"))
    }

    @Test("People get the matrix in buckets and percent beside the minimum, and rollouts that stay in one line")
    func text() throws {
        let new = try edited { policy in
            try policy.rebalance("recommender", weights: ["control": 1, "treatment": 2])
            policy.rollouts["ranker"] = nil
            policy.rollouts["fresh"] = RolloutDefinition(.fixed([.app: "v1"]))
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

                sms: unchanged

                ui: unchanged

                """
        )
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
        let nobody = #", {"name": "none", "weight": 0, "release": {"app": "a"}}"#
        let paths = try [folder.path("a.json", text(1, nobody)), folder.path("b.json", text(2, ""))]
        let result = try Demo.run(["plan"] + paths, input: [])
        #expect(result.lines.filter { $0.contains("->") }.count == 1 + 8)
        #expect(result.lines.contains("  v7  ->  v7  125,000  12.5 %"))
    }

    @Test("What a router would say against the update is said", arguments: [6, 7, 8] as [UInt32])
    func objection(revision: UInt32) throws {
        var new = old
        new.revision = revision
        new.rollouts["ui"] = RolloutDefinition(.fixed([.app: "v4"]))
        let result = try plan(new)
        #expect(result.status == 0)
        switch revision {
        case 6: #expect(result.lines.last?.contains("ignores the new one: its revision is older") == true)
        case 7: #expect(result.lines.last?.contains("refuses the new one. Revision 7 runs") == true)
        default:
            let demand = "rollouts.ui.epoch: expected at least 1, because the release of \"stable\" changed, found 0"
            #expect(result.lines.last?.hasSuffix(demand) == true, "\(result.text)")
        }
        #expect(try plan(old).lines.last == "Nothing changes: both are the same policy.")
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
        #expect(result.status == 0)

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
        let numbers = try JSONDocument(parsing: result.output).root["r"]
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
