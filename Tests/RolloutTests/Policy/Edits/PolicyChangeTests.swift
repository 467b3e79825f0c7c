import Foundation
import Testing

@testable import Rollout

/// Everything that a policy can say is named if it changes.
@Suite("Changes between two policies")
struct PolicyChangeTests {
    /// A member of the document, and a policy with another value there.
    struct Row: Sendable, CustomTestStringConvertible {
        /// The member as the JSON Schema has it: a definition and a property.
        let member: String
        let old: RolloutPolicy
        let change: @Sendable (inout RolloutPolicy) -> Void
        /// Each change as it is printed.
        let changes: [String]

        var testDescription: String { member }
    }

    private static func row(
        _ member: String,
        of old: RolloutPolicy = canary,
        _ changes: String...,
        change: @escaping @Sendable (inout RolloutPolicy) -> Void
    ) -> Row {
        Row(member: member, old: old, change: change, changes: changes)
    }

    private static let canary: RolloutPolicy = {
        var policy = EditedPolicy.canary(10)
        policy.sms.sticky = StickyCookie(name: "v", maxAge: 3_600)
        return policy
    }()

    private static let outOfService = canary.changed { policy in
        policy.sms.disabled = [.canary]
        policy.sms.draining = [.canary]
    }

    private static let dormant: RolloutPolicy = {
        var policy = EditedPolicy.fixed()
        policy.sms.sticky = StickyCookie(name: "v", maxAge: 3_600)
        return policy
    }()

    private static let progressing = EditedPolicy.canary(10).changed { policy in
        policy.sms.progression = ProgressionPlan(steps: [.percent(1), .percent(5)])
    }

    private static let adapting = EditedPolicy.fixed().changed { $0.sms.adaptation = AdaptationPlan() }

    private static let rise =
        "the canary rises by another plan, and what was shown of it counts no more; no answer changes by that"
    private static let weights = "the weights follow by another plan; no answer changes by that"

    /// A change of a plan, by what is printed between the name of the plan and what the change means.
    private static func plan(
        _ member: String,
        _ changes: String...,
        change: @escaping @Sendable (inout ProgressionPlan) -> Void
    ) -> Row {
        let edit: Edit = { policy in
            var plan = policy.sms.progression ?? ProgressionPlan(steps: [])
            change(&plan)
            policy.sms.progression = plan
        }
        return Row(
            member: member,
            old: progressing,
            change: edit,
            changes: changes.map { "progression.\($0): \(rise)" }
        )
    }

    private typealias Edit = @Sendable (inout RolloutPolicy) -> Void

    private static func cookie(_ change: @escaping @Sendable (inout StickyCookie) -> Void) -> Edit {
        { policy in
            var cookie = policy.sms.sticky ?? StickyCookie(name: "none", maxAge: 60)
            change(&cookie)
            policy.sms.sticky = cookie
        }
    }

    private static let withHosts: RolloutPolicy = {
        var policy = canary
        policy.sms.hosts = ["a.local": .canary, "b.local": .stable]
        return policy
    }()

    private static let v1 = #"{"app":"v1","model":"v1"}"#
    private static let v2 = #"{"app":"v2","model":"v2"}"#
    private static let v3 = #"{"app":"v3","model":"v3"}"#
    private static let release = "serves another release"

    static let rows: [Row] = [
        row("revision", "revision: 1 -> 2: decisions and new cookies carry it") { $0.revision = 2 },
        row("environment", "environment: null -> \"staging\": the status shows another label") {
            $0.environment = "staging"
        },
        row("removed", "removed: {} -> {\"web\":3}: what may come back, and above which epoch, is remembered otherwise")
        {
            $0.removed = ["web": 3]
        },
        row(
            "rollout.strategy",
            "strategy.type: \"canary\" -> \"fixed\": the rollout has another strategy",
            "strategy.release: \(v1) -> \(v3): \"stable\" \(release)",
            "strategy.canary: \(v2) -> null: \"canary\" is gone, and its cookies lose",
            "strategy.percent: 10 -> null: the strategy has no share any more"
        ) { $0.sms.strategy = .fixed(EditedPolicy.v3) },
        row("rollout.salt", "salt: \"sms\" -> \"pepper\": every unit is drawn anew") { $0.sms.salt = "pepper" },
        row(
            "rollout.bucketing",
            #"bucketing: null -> {"buckets":100,"hash":"crc-32"}: every unit is drawn anew, by another function"#
        ) { $0.sms.bucketing = Bucketing(.crc32, buckets: 100) },
        row(
            "rollout.enrolment",
            #"enrolment: null -> [{"layer":"a","ranges":[[0,5]]}]: other units are drawn: not all are enrolled"#
        ) { $0.sms.enrolment = [.layer("a", in: [0..<5])] },
        row("rollout.epoch", "epoch: 0 -> 3: cookies that hold another epoch lose") { $0.sms.epoch = 3 },
        row(
            "rollout.sticky",
            #"sticky: {"cookie":"v","maxAge":3600} -> null: no cookie is read or written any more: "#
                + "sessions are drawn by their units alone"
        ) { $0.sms.sticky = nil },
        row(
            "rollout.hosts",
            of: withHosts,
            #"hosts["b.local"]: "stable" -> "canary": requests of the host are forced to another variant"#,
            #"hosts["c.local"]: null -> "stable": requests of the host are forced to a variant"#,
            #"hosts["a.local"]: "canary" -> null: requests of the host are drawn like any other"#
        ) { $0.sms.hosts = ["b.local": .canary, "c.local": .stable] },
        row(
            "rollout.forced",
            #"forced.qa-1: null -> "canary": the unit is forced to a variant"#
        ) { $0.sms.forced = ["qa-1": .canary] },
        row(
            "rollout.disabled",
            #"disabled: [] -> ["canary"]: nobody gets a variant that is disabled, by whatever rule"#
        ) { $0.sms.disabled = [.canary] },
        row(
            "rollout.draining",
            #"draining: [] -> ["canary"]: nobody is drawn into a variant that drains; live cookies keep it"#
        ) { $0.sms.draining = [.canary] },
        row(
            "rollout.missingUnit",
            #"missingUnit: "first" -> "assign": a request without a unit is given a bucket, which its cookie remembers"#
        ) { $0.sms.missingUnit = .assign },
        row(
            "rollout.compatible",
            "compatible: null -> [\(v1),{\"app\":\"v2\",…: other releases may be served from now on; no answer changes by that"
        ) { $0.sms.compatible = [EditedPolicy.v1, EditedPolicy.v2] },

        row("fixed.release", of: EditedPolicy.fixed(), "strategy.release: \(v1) -> \(v2): \"stable\" \(release)") {
            $0.sms.strategy = .fixed(EditedPolicy.v2)
        },
        row("canary.percent", "strategy.percent: 10 -> 25.5: another share of the units gets the canary") {
            $0.sms.strategy = .canary(.percent(25.5), stable: EditedPolicy.v1, canary: EditedPolicy.v2)
        },
        row("canary.stable", "strategy.stable: \(v1) -> \(v3): \"stable\" \(release)") {
            $0.sms.strategy = .canary(.percent(10), stable: EditedPolicy.v3, canary: EditedPolicy.v2)
        },
        row("canary.canary", "strategy.canary: \(v2) -> \(v3): \"canary\" \(release)") {
            $0.sms.strategy = .canary(.percent(10), stable: EditedPolicy.v1, canary: EditedPolicy.v3)
        },
        row(
            "shadow.percent",
            of: EditedPolicy.shadow(10),
            "strategy.percent: 10 -> 0: another share of the requests is copied"
        ) { $0.sms.strategy = EditedPolicy.shadow(0).sms.strategy },
        row("shadow.primary", of: EditedPolicy.shadow(10), "strategy.primary: \(v1) -> \(v3): \"primary\" \(release)") {
            $0.sms.strategy = .shadow(.percent(10), primary: EditedPolicy.v3, shadow: EditedPolicy.v2)
        },
        row("shadow.shadow", of: EditedPolicy.shadow(10), "strategy.shadow: \(v2) -> \(v3): \"shadow\" \(release)") {
            $0.sms.strategy = .shadow(.percent(10), primary: EditedPolicy.v1, shadow: EditedPolicy.v3)
        },
        row(
            "abTest.coverage",
            of: EditedPolicy.test([1, 1]),
            "strategy.coverage: 100 -> 80: another share of the units is enrolled"
        ) { $0.smsTest.coverage = .percent(80) },
        row(
            "abTest.variants",
            of: EditedPolicy.test([1, 1, 1]),
            #"strategy.variants[2].release: {"model":"m2"} -> {"model":"m9"}: "v9" serves another release"#,
            #"strategy.variants: ["v0","v1"] -> ["v1","v0"]: the variants stand in another order, "#
                + "in which their buckets are laid out if no ranges are written",
            #"strategy.variants[2].name: "v2" -> "v9": "v9" stands in place of "v2", whose cookies lose"#,
            #"strategy.variants[0].name: "v0" -> "v1": another variant is the first, which serves in place of all others"#
        ) { policy in
            policy.smsTest.variants.swapAt(0, 1)
            policy.smsTest.variants[2] = WeightedVariant("v9", weight: 1, release: [.model: "m9"])
        },
        row(
            "abTest.variants.name",
            of: EditedPolicy.test([1, 1]),
            #"strategy.variants[1].name: "v1" -> "other": "other" stands in place of "v1", whose cookies lose"#,
            #"strategy.variants[1].weight: 1 -> 2: "other" has another weight"#
        ) { policy in
            policy.smsTest.variants[1].name = "other"
            policy.smsTest.variants[1].weight = 2
        },
        row(
            "abTest.variants.weight",
            of: EditedPolicy.test([1, 1]),
            #"strategy.variants[1].weight: 1 -> 3: "v1" has another weight"#
        ) { $0.smsTest.variants[1].weight = 3 },
        row(
            "abTest.variants.release",
            of: EditedPolicy.test([1, 1]),
            #"strategy.variants[1].release: {"model":"m1"} -> {"model":"x"}: "v1" serves another release"#
        ) { $0.smsTest.variants[1].release = [.model: "x"] },
        row(
            "abTest.allocation",
            of: EditedPolicy.test([1, 1]),
            #"strategy.allocation: null -> [["v1",0,500000],["v0",500000,1000000]]: "#
                + "buckets have other owners"
        ) { $0.smsTest.allocation = [AllocatedRange("v1", 0..<500_000), AllocatedRange("v0", 500_000..<1_000_000)] },

        row(
            "abTest.allocation",
            of: EditedPolicy.test([1, 1]),
            #"strategy.allocation: null -> [["v0",0,500000],["v1",500000,1000000]]: "#
                + "the same ranges of buckets are written in another way"
        ) { $0.smsTest.allocation = [AllocatedRange("v0", 0..<500_000), AllocatedRange("v1", 500_000..<1_000_000)] },
        row(
            "rollout.disabled",
            of: outOfService,
            #"disabled: ["canary"] -> []: "canary" is back in service: "#
                + "draws, hosts, forced units and cookies lead there again",
            #"draining: ["canary"] -> []: "canary" is back in service: "#
                + "draws, hosts, forced units and cookies lead there again"
        ) { policy in
            policy.sms.disabled = []
            policy.sms.draining = []
        },
        row(
            "rollout.disabled",
            of: outOfService,
            #"disabled: ["canary"] -> []: "canary" only drains now: "#
                + "hosts, forced units and cookies lead there again, and no draws"
        ) { $0.sms.disabled = [] },
        row(
            "rollout.draining",
            of: outOfService,
            #"draining: ["canary"] -> []: "canary" is disabled now"#
        ) { $0.sms.draining = [] },
        row(
            "sticky.domain",
            of: dormant,
            "sticky.domain: null -> \"example.com\": "
                + "dormant while the strategy is fixed: no answer changes before units are drawn again",
            "missingUnit: \"first\" -> \"assign\": "
                + "dormant while the strategy is fixed: no answer changes before units are drawn again"
        ) { policy in
            policy.sms.sticky?.domain = "example.com"
            policy.sms.missingUnit = .assign
        },
        row(
            "sticky.domain",
            of: canary.changed { $0.sms.sticky?.domain = ".Example.com" },
            "sticky.domain: \".Example.com\" -> \"example.com\": the same domain in another spelling: tokens keep",
            change: cookie { $0.domain = "example.com" }
        ),

        // Every member of a plan that comes or goes is named.
        row(
            "rollout.progression",
            of: progressing,
            #"progression.steps: [1,5] -> null: \#(rise)"#,
            #"progression.count: "units" -> null: \#(rise)"#,
            #"progression.interval: 15 -> null: \#(rise)"#,
            #"progression.settle: 60 -> null: \#(rise)"#,
            #"progression.dwell: 300 -> null: \#(rise)"#,
            #"progression.onDeadline: "hold" -> null: \#(rise)"#,
            #"progression.confirm: "nothing" -> null: \#(rise)"#,
            #"progression.margin: {"absolute":0.1,"relative":20} -> null: \#(rise)"#,
            #"progression.tolerance: {"absolute":0,"relative":0} -> null: \#(rise)"#,
            #"progression.latency: [] -> null: \#(rise)"#,
            #"progression.falseRollback: 1 -> null: \#(rise)"#,
            #"progression.falseAdvance: 5 -> null: \#(rise)"#
        ) { $0.sms.progression = nil },
        plan("progression.steps", "steps: [1,5] -> [1,5,25]") { $0.steps.append(.percent(25)) },
        plan("progression.count", #"count: "units" -> "requests""#) { $0.count = .requests },
        plan("progression.interval", "interval: 15 -> 5") { $0.interval = 5 },
        plan("progression.settle", "settle: 60 -> 30") { $0.settle = 30 },
        plan("progression.dwell", "dwell: 300 -> 0") { $0.dwell = 0 },
        plan("progression.deadline", "deadline: null -> 86400") { $0.deadline = 86_400 },
        plan(
            "progression.onDeadline",
            "deadline: null -> 86400",
            #"onDeadline: "hold" -> "abort""#
        ) { ($0.deadline, $0.onDeadline) = (86_400, .abort) },
        plan("progression.confirm", #"confirm: "nothing" -> "promotion""#) { $0.confirm = .promotion },
        plan(
            "progression.margin",
            #"margin: {"absolute":0.1,"relative":20} -> {"absolute":0.02,"relative":10}"#
        ) { $0.margin = ProgressionPlan.Margin(relative: .percent(10), absolute: .percent(0.02)) },
        plan(
            "margin.relative",
            #"margin: {"absolute":0.1,"relative":20} -> {"absolute":0.1,"relative":10}"#
        ) { $0.margin.relative = .percent(10) },
        plan(
            "margin.absolute",
            #"margin: {"absolute":0.1,"relative":20} -> {"absolute":0,"relative":20}"#
        ) { $0.margin.absolute = .zero },
        plan(
            "progression.tolerance",
            #"tolerance: {"absolute":0,"relative":0} -> {"absolute":0,"relative":2}"#
        ) { $0.tolerance.relative = .percent(2) },
        plan("progression.limit", "limit: null -> 2.5") { $0.limit = .percent(2.5) },
        plan("progression.latency", "latency: [] -> [50,99.9]") { $0.latency = [.percent(50), .percent(99.9)] },
        plan("progression.falseRollback", "falseRollback: 1 -> 0.5") { $0.falseRollback = .percent(0.5) },
        plan("progression.falseAdvance", "falseAdvance: 5 -> 10") { $0.falseAdvance = .percent(10) },
        row(
            "rollout.adaptation",
            of: adapting,
            "adaptation.interval: 300 -> null: \(weights)",
            "adaptation.floor: 2 -> null: \(weights)",
            "adaptation.forget: 1 -> null: \(weights)",
            "adaptation.maxStep: 20 -> null: \(weights)"
        ) { $0.sms.adaptation = nil },
        row("adaptation.interval", of: adapting, "adaptation.interval: 300 -> 60: \(weights)") {
            $0.sms.adaptation?.interval = 60
        },
        row("adaptation.floor", of: adapting, "adaptation.floor: 2 -> 0: \(weights)") {
            $0.sms.adaptation?.floor = .zero
        },
        row("adaptation.forget", of: adapting, "adaptation.forget: 1 -> 5: \(weights)") {
            $0.sms.adaptation?.forget = .percent(5)
        },
        row("adaptation.maxStep", of: adapting, "adaptation.maxStep: 20 -> 100: \(weights)") {
            $0.sms.adaptation?.maxStep = .all
        },

        row(
            "sticky.cookie",
            "sticky.cookie: \"v\" -> \"w\": the cookie is renamed: live sessions are drawn anew",
            change: cookie { $0.name = "w" }
        ),
        row(
            "sticky.maxAge",
            "sticky.maxAge: 3600 -> 60: assignments last shorter: cookies that are older than that lose at once",
            change: cookie { $0.maxAge = 60 }
        ),
        row(
            "sticky.pin",
            #"sticky.pin: "variant" -> "bucket": a cookie keeps the bucket alone: sessions follow a change of shares at once"#,
            change: cookie { $0.pin = .bucket }
        ),
        row(
            "sticky.secure",
            "sticky.secure: true -> false: the cookie travels over plain HTTP too",
            change: cookie { $0.isSecure = false }
        ),
        row(
            "sticky.sameSite",
            #"sticky.sameSite: "Lax" -> "Strict": "#
                + "browsers decide by another rule whether requests from other sites bring the cookie",
            change: cookie { $0.sameSite = .strict }
        ),
        row(
            "sticky.path",
            #"sticky.path: "/" -> "/shop": browsers send new cookies to other paths, and keep those of the old path: "#
                + "sessions end where these are not sent",
            change: cookie { $0.path = "/shop" }
        ),
        row(
            "sticky.domain",
            #"sticky.domain: null -> "example.com": browsers send the cookie to other hosts, and tokens of the old scope lose: "#
                + "live sessions are drawn anew",
            change: cookie { $0.domain = "example.com" }
        ),
    ]

    @Test("Each member is named, with its old and its new value and what that means", arguments: rows)
    func named(row: Row) throws {
        var new = row.old
        row.change(&new)
        let movement = try row.old.movement(to: new)
        let changes = try movement.changes + MovementTests.kept(movement).changes
        #expect(Set(changes.map(\.description)) == Set(row.changes))
        #expect(changes.count == row.changes.count)
        // The way back changes the same places.
        let back = try new.movement(to: row.old)
        let places = try back.changes + MovementTests.kept(back).changes
        #expect(places.count == changes.count)
    }

    /// Members that no policy says otherwise: containers, and words with one value. The parts of a bucketing change with it.
    private static let constant: Set<String> = [
        "$schema", "schema", "rollouts", "fixed.type", "canary.type", "abTest.type", "shadow.type", "bucketing.hash",
        "bucketing.text", "bucketing.encoding", "bucketing.seed", "bucketing.bits", "bucketing.signed",
        "bucketing.buckets",
        "bucketing.reduce", "enrolmentDraw.layer", "enrolmentDraw.salt", "enrolmentDraw.bucketing",
        "enrolmentDraw.ranges",
    ]

    @Test("No member of the schema is left out")
    func everyMember() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../..")
        let file = root.appending(path: "Sources/Rollout/Rollout.docc/policy.schema.json")
        let schema = try JSONDocument(parsing: Array(Data(contentsOf: file))).root
        var members = Set(Self.members(of: schema, ""))
        for (name, definition) in try #require(schema["$defs"]).members {
            members.formUnion(Self.members(of: definition, name))
        }
        #expect(members.count > 30)
        let named = Set(Self.rows.map(\.member))
        #expect(members.subtracting(Self.constant).subtracting(named).sorted() == [])
        #expect(named.subtracting(members).sorted() == [])
    }

    private static func members(of schema: JSONValue, _ path: String) -> [String] {
        let items = schema["items"].map { members(of: $0, path) } ?? []
        guard let properties = schema["properties"] else { return items }
        return items
            + properties.members.flatMap { key, value in
                let place = path.isEmpty ? key : "\(path).\(key)"
                return [place] + members(of: value, place)
            }
    }

    @Test("Whatever differs between two random rollouts has a change", arguments: StressEffort.seeds(75, long: 150))
    func random(seed: UInt64) throws {
        var random = RandomPolicy(seed: seed)
        let (one, two) = (random.rollout(), random.rollout())
        let documents = try [one, two].map { definition in
            let policy = RolloutPolicy(revision: 1, rollouts: ["sms": definition])
            return try JSONDocument(parsing: Array(policy.json.utf8)).root["rollouts"]?["sms"]
        }
        let changes = one.changes(to: two, id: "sms")
        #expect(one.changes(to: one, id: "sms").isEmpty)
        let keys = Set(documents.flatMap { $0?.members.map(\.key) ?? [] })
        for key in keys where documents[0]?[key]?.bytes != documents[1]?[key]?.bytes {
            #expect(changes.contains { $0.place.elements.first == .key(key) }, "\(key), seed \(seed)")
        }
        #expect(changes.allSatisfy { Array($0.old.utf8) != Array($0.new.utf8) && !$0.text.isEmpty })
    }

    @Test("Texts that look alike and differ in their bytes are two")
    func bytes() throws {
        var (old, new) = (Self.canary, Self.canary)
        (old.environment, new.environment) = ("caf\u{E9}", "cafe\u{301}")
        (old.sms.salt, new.sms.salt) = ("caf\u{E9}", "cafe\u{301}")
        (old.sms.hosts, new.sms.hosts) = (["caf\u{E9}": .stable], ["cafe\u{301}": .stable])
        (old.sms.forced, new.sms.forced) = (["caf\u{E9}": .stable], ["cafe\u{301}": .stable])
        // Whether such a host is allowed is another question, so the definitions are compared as they are.
        #expect(old.changes(to: new).count == 1)
        #expect(
            old.sms.changes(to: new.sms, id: "sms").map(\.place.elements.first) == [
                .key("salt"), .key("hosts"), .key("forced"), .key("hosts"), .key("forced"),
            ]
        )
    }

    @Test("The salt written out as the id is no change")
    func defaultSalt() throws {
        var new = Self.canary
        new.sms.salt = "sms"
        #expect(try MovementTests.kept(Self.canary.movement(to: new)).changes.isEmpty)
    }

    @Test("In JSON a change has its path, its values as they are, and its meaning")
    func json() throws {
        var new = Self.canary
        new.sms.sticky?.name = "w"
        new.revision = 2
        #expect(
            try Self.canary.movement(to: new).json
                == #"{"changes":[{"new":2,"old":1,"path":"revision","text":"decisions and new cookies carry it"}],"#
                + #""rollouts":{"sms":{"changes":[{"new":"w","old":"v","path":"sticky.cookie","#
                + #""text":"the cookie is renamed: live sessions are drawn anew"}],"#
                + #""matrix":{"canary":{"canary":100000},"stable":{"stable":900000}},"minimum":0,"moved":0}}}"#
        )
    }
}

extension JSONValue {
    fileprivate var bytes: [UInt8] { JSONTree(self).canonicalBytes }
}
