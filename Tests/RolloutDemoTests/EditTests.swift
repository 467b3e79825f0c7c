import Rollout
import Testing

@Suite("edit")
struct EditTests {
    private let folder: TemporaryFolder
    private let old: RolloutPolicy

    init() throws {
        folder = try TemporaryFolder()
        old = try RolloutPolicy(json: Recorded.text(Recorded.strategies))
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let words: [String]
        /// What the policy needs to have been through before.
        var before: @Sendable (inout RolloutPolicy) throws -> Void = { _ in }
        let edit: @Sendable (inout RolloutPolicy) throws -> Void

        var testDescription: String { words.joined(separator: " ") }
    }

    static let rows: [Row] = [
        Row(words: ["share", "sms", "25"]) { try $0.setShare(of: "sms", to: .percent(25)) },
        Row(words: ["share", "sms", "33.3333"]) { try $0.setShare(of: "sms", to: .percent(33.3333)) },
        Row(words: ["share", "ranker", "0"]) { try $0.setShare(of: "ranker", to: .zero) },
        Row(words: ["promote", "sms"]) { try $0.promote("sms") },
        Row(words: ["abort", "sms"]) { try $0.abort("sms") },
        Row(words: ["abort", "ranker"]) { try $0.abort("ranker") },
        Row(words: ["start-canary", "ui", "1", "app=v4", "model=x=y"]) {
            try $0.startCanary(of: "ui", serving: [.app: "v4", .model: "x=y"], to: .percent(1))
        },
        Row(words: ["start-shadow", "ui", "5", "app=v4"]) {
            try $0.startShadow(of: "ui", serving: [.app: "v4"], to: .percent(5))
        },
        Row(words: ["promote-shadow", "ranker"]) { try $0.promoteShadow("ranker") },
        Row(words: ["release", "ui", "stable", "app=green"]) {
            try $0.setRelease(of: "stable", in: "ui", to: [.app: "green"])
        },
        Row(words: ["salt", "sms", "pepper"]) { try $0.setSalt(of: "sms", to: "pepper") },
        Row(
            words: ["convert", "sms"],
            before: { $0.rollouts["sms"]?.bucketing = Bucketing(.crc32, buckets: 100) }
        ) { try $0.convert("sms") },
        Row(words: ["salt", "sms"]) { try $0.setSalt(of: "sms", to: nil) },
        Row(words: ["force", "sms", "alice", "canary"]) { try $0.force("alice", to: "canary", in: "sms") },
        Row(words: ["force", "sms", "--", "-5", "stable"]) { try $0.force("-5", to: "stable", in: "sms") },
        Row(words: ["unforce", "sms", "qa-1"]) { try $0.unforce("qa-1", in: "sms") },
        Row(words: ["disable", "recommender", "bandit"]) { try $0.disable("bandit", in: "recommender") },
        Row(words: ["enable", "recommender", "bandit"], before: { try $0.disable("bandit", in: "recommender") }) {
            try $0.enable("bandit", in: "recommender")
        },
        Row(words: ["drain", "recommender", "bandit"]) { try $0.drain("bandit", in: "recommender") },
        Row(words: ["undrain", "recommender", "bandit"], before: { try $0.drain("bandit", in: "recommender") }) {
            try $0.undrain("bandit", in: "recommender")
        },
        Row(words: ["rebalance", "recommender", "treatment=3", "bandit=0"]) {
            try $0.rebalance("recommender", weights: ["treatment": 3, "bandit": 0])
        },
        Row(words: ["coverage", "recommender", "40"]) { try $0.setCoverage(of: "recommender", to: .percent(40)) },
        Row(words: ["add", "recommender", "fresh", "2", "model=x"]) {
            try $0.addVariant(WeightedVariant("fresh", weight: 2, release: [.model: "x"]), to: "recommender")
        },
        Row(words: ["remove", "recommender", "treatment"]) { try $0.removeVariant("treatment", from: "recommender") },
        Row(words: ["host", "sms", "Beta.example:8080", "canary"]) {
            try $0.setHost("beta.example", to: "canary", in: "sms")
        },
        Row(
            words: ["unhost", "sms", "beta.example"],
            before: { try $0.setHost("beta.example", to: "canary", in: "sms") }
        ) { try $0.removeHost("beta.example", from: "sms") },
        Row(words: ["rollback", Recorded.strategies], before: { try $0.setShare(of: "sms", to: .percent(50)) }) {
            try $0.rollBack(to: RolloutPolicy(json: Recorded.text(Recorded.strategies)))
        },
        Row(
            words: ["rollback", Recorded.strategies, "ui"],
            before: { try $0.setRelease(of: "stable", in: "ui", to: [.app: "v9"]) }
        ) { try $0.rollBack("ui", to: RolloutPolicy(json: Recorded.text(Recorded.strategies))) },
        Row(words: ["forget", "web"], before: { $0.removed = ["web": 3] }) { try $0.forget("web") },
        Row(words: ["coverage", "recommender", "90"]) { try $0.setCoverage(of: "recommender", to: .percent(90)) },
    ]

    @Test("Every operation does what the library's edit does, and raises the revision", arguments: rows)
    func operations(row: Row) throws {
        var policy = old
        try row.before(&policy)
        let path = try folder.path("p.json", policy.json)
        let result = try Demo.run(["edit", path] + row.words, input: [])
        #expect(result.status == 0, "\(result.error)")
        var expected = policy
        expected.revision = 8
        try row.edit(&expected)
        #expect(expected != policy)
        #expect(try RolloutPolicy(json: result.text) == expected)
        #expect(result.errorLines.first == "revision 7 -> 8")

        let next = try folder.path("next.json", result.text)
        #expect(try Demo.run("plan", path, next).text == result.error, "plan says what edit said")
        let quiet = try Demo.run(["edit", "--quiet", "-"] + row.words, input: policy.json.utf8)
        #expect(quiet.text == result.text)
        #expect(quiet.error == "")
    }

    @Test("The help lists every operation, and each has a row above")
    func help() throws {
        let lines = try Demo.run("edit", "--help").lines
        let start = try #require(lines.firstIndex(of: "operations:"))
        let names = lines[(start + 1)...].prefix { !$0.isEmpty }.filter { !$0.hasPrefix("      ") }
            .compactMap { $0.split(separator: " ").first.map(String.init) }
        #expect(Set(names) == Set(Self.rows.map { $0.words[0] }))
        let bare = try Demo.run("edit", Recorded.policy, "help")
        #expect(bare.error.contains("operations: " + names.joined(separator: ", ")))
    }

    @Test(
        "What cannot be understood ends with 2, no output, and what was meant",
        arguments: [
            (["promot", "sms"], #"unknown operation "promot"; did you mean "promote"?"#),
            (["startcanary", "sms"], #"did you mean "start-canary"?"#),
            (["frobnicate"], "operations: share, rebalance, coverage, add, remove, promote, abort, "),
            (["share"], "edit share: ID is missing\nusage: RolloutDemo edit FILE share ID PERCENT"),
            (["share", "sms"], "PERCENT is missing"),
            (["share", "sms", "25%"], #"PERCENT: expected a multiple of 0.0001 in 0 ... 100, without a sign"#),
            (["share", "sms", "100.0001"], #"found "100.0001""#),
            (["share", "sms", "0.00001"], #"found "0.00001""#),
            (["share", "sms", "nan"], #"found "nan""#),
            (["share", "sms", "25", "26"], #"unexpected "26""#),
            (["share", "s m s", "25"], #"ID: expected 1 to 64 of the characters A-Z a-z 0-9 . _ -, found "s m s""#),
            (["rebalance", "recommender"], "VARIANT=WEIGHT is missing"),
            (["rebalance", "recommender", "control"], "such as treatment=3"),
            (["rebalance", "recommender", "control=1", "control=2"], "each name once"),
            (
                ["rebalance", "recommender", "control=1.5"],
                #"the weight an integer in 0 ... 1,000,000, and each name once, found "control=1.5""#
            ),
            (["start-canary", "ui", "5"], "COMPONENT=VERSION is missing"),
            (["start-canary", "ui", "5", "=v2"], "such as app=v2"),
            (["share", "smms", "25"], #"no such rollout; it has "ranker", "recommender", "sms" or "ui""#),
            (["promote", "recommender"], "it has no canary to promote; rebalance the weights"),
            (["share", "ui", "5"], "it has no share to set; start a canary or a shadow first"),
            (["start-canary", "sms", "5", "app=v3"], "a canary of 10 % is under way; promote it or abort it first"),
            (["disable", "sms", "canari"], #"it has no variant "canari"; it has "stable" or "canary""#),
            (["remove", "recommender", "control"], "\"control\" is the first variant"),
            (["add", "recommender", "bandit", "1", "model=x"], "it has a variant \"bandit\""),
            (["add", "recommender", "fresh", "1"], "COMPONENT=VERSION is missing"),
            (
                ["add", "recommender", "fresh", "some", "model=x"],
                "WEIGHT: expected an integer in 0 ... 1,000,000, found \"some\""
            ),
            (["add", "sms", "fresh", "1", "model=x"], "it has no weights and no coverage"),
            (["host", "sms", "a.example"], "VARIANT is missing"),
            (["host", "sms", "a.example", "canari"], "it has no variant \"canari\""),
            (["unhost", "sms", "a.example"], "no rule names the host \"a.example\""),
            (["host", "sms", "h:99999", "canary"], "HOST: expected nothing after \":\" but a port in 1 ... 65,535"),
            (["host", "sms", "h:0", "canary"], "found \"h:0\""),
            (["host", "sms", "[::1]:99999", "canary"], "found \"[::1]:99999\""),
            (["unhost", "sms", "h:99999"], "HOST: expected nothing after \":\" but a port in 1 ... 65,535"),
            (["rollback"], "OLD is missing"), (["rollback", "-"], "OLD: expected a file, found \"-\""),
            (["rollback", Recorded.strategies, "nobody"], "the earlier policy has no such rollout"),
            (["promote", "sms", "--in-place", "--in-place"], "--in-place is given twice"),
        ]
    )
    func misunderstood(words: [String], message: String) throws {
        let result = try Demo.run(["edit", Recorded.strategies] + words, input: [])
        #expect(result.status == 2)
        #expect(result.text == "")
        #expect(result.error.contains(message), "\(result.error)")
        #expect(result.error.hasPrefix("RolloutDemo: edit"))
    }

    @Test("From 80 % to 40 % and back to 80 % the ranges are what they were, and nobody swaps")
    func coverage() throws {
        let path = try folder.path("p.json", old.json)
        for (percent, revision) in [("40", 8), ("80", 9)] {
            let before = try RolloutPolicy(json: Recorded.text(path))
            let result = try Demo.run("edit", path, "coverage", "recommender", percent, "--in-place")
            #expect(result.status == 0, "\(result.error)")
            let after = try RolloutPolicy(json: Recorded.text(path))
            #expect(after.revision == revision)
            for case .kept(let movement) in try before.movement(to: after).rollouts.values {
                #expect(movement.moved == movement.minimum)
                let swaps = movement.matrix.filter { from, row in
                    row.keys.contains { $0 != from && $0 != "control" && from != "control" }
                }
                #expect(swaps.isEmpty)
            }
        }
        let last = try RolloutPolicy(json: Recorded.text(path))
        #expect(last.rollouts == old.rollouts)
    }

    @Test("The policy to roll back to may be wrong: its problems, and 1")
    func invalidOld() throws {
        let bad = try folder.path("bad.json", #"{"schema": 1, "revision": -1, "rollouts": {}}"#)
        let result = try Demo.run("edit", Recorded.strategies, "rollback", bad)
        #expect(result.status == 1)
        #expect(result.text == "")
        #expect(result.error.hasPrefix("\(bad):1:27: revision: "))
    }

    @Test("A policy that is invalid, or would be, ends with 1 and its problems; nothing is printed")
    func invalid() throws {
        let bad = try folder.path("bad.json", #"{"schema": 1, "revision": -1, "rollouts": {}}"#)
        let before = try Demo.run("edit", bad, "promote", "sms")
        #expect(before.status == 1)
        #expect(before.text == "")
        #expect(before.error.hasPrefix("\(bad):1:27: revision: "))

        // `policy.json` lists the pairs that may be served.
        let words = ["edit", Recorded.policy, "release", "sms", "canary", "app=v2", "model=v1"]
        let after = try Demo.run(words, input: [])
        #expect(after.status == 1)
        #expect(after.text == "")
        #expect(after.error.contains("The policy is invalid. rollouts.sms.strategy.canary"), "\(after.error)")

        var last = old
        last.revision = .max
        let full = try Demo.run("edit", folder.path("last.json", last.json), "promote", "sms")
        #expect(full.status == 1)
        #expect(full.error.contains("4,294,967,295 runs, and no revision comes after it"))
    }

    @Test(
        "Of the units that are forced, a refusal gives the number",
        arguments: [(1, "1 other is"), (2, "2 others are")]
    )
    func forced(count: Int, words: String) throws {
        var policy = old
        policy.rollouts["ui"]?.forced = [:]
        for number in 0..<count { policy.rollouts["ui"]?.forced[UnitID("qa-\(number)")] = "stable" }
        let result = try Demo.run("edit", folder.path("p.json", policy.json), "unforce", "ui", "nope")
        #expect(result.error.contains("the unit \"nope\" is not forced; \(words)"), "\(result.error)")
    }

    #if os(Linux)
        @Test("An edit whose result cannot be written is not recorded")
        func unwritten() throws {
            let log = try folder.path("log", "")
            let result = try Demo.shell(
                #""$0" edit "$1" share sms 25 --quiet --record "$2" >/dev/full"#,
                Recorded.strategies,
                log
            )
            #expect(result.status == 2)
            #expect(result.error.contains("cannot write to standard output"))
            #expect(try Recorded.text(log).isEmpty)
        }

        @Test("A record that cannot be written once the edit is made is said")
        func unrecorded() throws {
            let result = try Demo.run("edit", Recorded.strategies, "share", "sms", "25", "--record", "/dev/full")
            #expect(result.status == 2)
            #expect(result.error.contains("edit was made, and its record is not in the log: cannot append"))
            #expect(try RolloutPolicy(json: result.text).revision == 8)
        }
    #endif
}
