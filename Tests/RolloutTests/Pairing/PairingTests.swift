import Foundation
import Testing

@testable import Rollout

@Suite("A decision that travels")
struct PairingTests {
    private static let now = Fixture.now

    @Test("is written as the contract has it, and adopted", arguments: [nil, "alice"])
    func golden(_ unit: String?) throws {
        let (_, handle) = try Fixture.router(Fixture.policy(percent: 100, missingUnit: .first))
        let sessions = try Fixture.sessions()
        let decision = handle.decision(for: unit)
        let header = try #require(sessions.header(for: decision, unit: unit, now: Self.now))
        let (variant, flag) = unit == nil ? ("stable", 0) : ("canary", 1)
        #expect(header.hasPrefix("\"sms\";v=\"\(variant)\";e=3;r=7;i=\(Self.now);k=7;u=?\(flag);t=:"))
        #expect(header.hasSuffix("==:"))
        let adopted = sessions.adopt(header, for: unit, through: handle, now: Self.now + 59)
        #expect(!adopted.isTainted)
        #expect(adopted.decision.variant == decision.variant && adopted.decision.reason == .sticky)
    }

    @Test("reaches the same variant and this service's component of it, whatever that service would have decided")
    func ownComponent() throws {
        let (_, app) = try Fixture.router(Fixture.policy(percent: 100))
        let (_, model) = try Fixture.router(
            Fixture.policy(revision: 6, percent: 0) {
                $0.strategy = .canary(.zero, stable: ["model": "m1"], canary: ["model": "m2"])
            }
        )
        let sessions = try Fixture.sessions()
        let header = sessions.header(for: app.decision(for: "alice"), unit: "alice", now: Self.now)
        let adopted = sessions.adopt(header, for: "alice", through: model, now: Self.now)
        #expect(adopted.decision.variant.release[.model] == "m2" && !adopted.isTainted)
        #expect(adopted.decision.revision == 6 && adopted.decision.bucket == nil)
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let taint: DecisionTaint?
        let header: @Sendable (_ good: String) throws -> String?

        init(_ description: String, _ taint: DecisionTaint?, _ header: @escaping @Sendable (String) throws -> String?) {
            testDescription = description
            self.taint = taint
            self.header = header
        }

        /// A header in which one part stands in the place of another.
        static func replacing(_ part: String, by other: String, _ taint: DecisionTaint?) -> Row {
            Row("\(part) as \(other)", taint) { good in
                #expect(good.contains(part))
                return good.replacingOccurrences(of: part, with: other)
            }
        }
    }

    static let rows = [
        Row("as it was sent", nil) { $0 },
        Row("with spaces round it", nil) { "  \($0)  " },
        Row("with spaces before parameters", nil) { $0.replacingOccurrences(of: ";", with: ";  ") },
        Row("after another rollout's", nil) { "\"ui\";v=\"a\\\"b\\\\\";x;y=?0;z=:e30=:;n=-1 \t,\t \($0)" },
        Row("before another rollout's", nil) { "\($0),\"sms2\"" },
        .replacing(";u=?1", by: ";u", nil),
        Row("none", .missing) { _ in nil },
        Row("empty", .missing) { _ in "" },
        Row("spaces", .missing) { _ in "   " },
        Row("another rollout's alone", .missing) { _ in "\"ui\";v=\"canary\"" },
        Row("a rollout that is spelled otherwise", .missing) {
            $0.replacingOccurrences(of: "\"sms\"", with: "\"SMS\"")
        },
        Row("twice", .duplicate) { "\($0), \($0)" },
        Row("with a comma at its end", .malformed) { "\($0)," },
        Row("with a comma at its start", .malformed) { ",\($0)" },
        Row("with a tab at its end", nil) { "\($0) \t" },
        Row("beside a token", nil) { "sms, \($0)" },
        Row("beside an inner list", nil) { "(\"sms\";v=1 sms);sms, \($0)" },
        Row("beside a decimal, a date and a display string", nil) { "1.5, \($0), @-1;d=@0, %\"%c3%bc\"" },
        Row("with a tab at its start", .malformed) { "\t\($0)" },
        Row("with a line feed", .malformed) { "\($0)\n" },
        Row("with a NUL", .malformed) { "\0\($0)" },
        Row("beyond ASCII", .malformed) { "\"ü\", \($0)" },
        Row("beside an inner list that is not closed", .malformed) { "(\"ui\", \($0)" },
        Row("within an inner list", .missing) { "(\($0))" },
        Row("without its last character", .malformed) { String($0.dropLast()) },
        Row("without its tag", .malformed) { String($0[..<($0.firstRange(of: ";t=")?.lowerBound ?? $0.endIndex)]) },
        Row("with an unknown parameter", .malformed) { "\($0);x=1" },
        Row("with a parameter twice", .malformed) { "\($0);e=3" },
        Row("with an upper-case key", .malformed) { "\($0);E=3" },
        Row("with a bare semicolon", .malformed) { "\($0);" },
        .replacing("e=3", by: "e=\"3\"", .malformed),
        .replacing("e=3", by: "e=3.0", .malformed),
        .replacing("e=3", by: "e=-3", .malformed),
        .replacing("e=3", by: "e=@3", .malformed),
        .replacing("v=\"canary\"", by: "v=canary", .malformed),
        .replacing("\"sms\"", by: "sms", .missing),
        .replacing("e=3", by: "e=4294967296", .malformed),
        .replacing("e=3", by: "e=1234567890123456", .malformed),
        .replacing("e=3", by: "e=", .malformed),
        .replacing("e=3", by: "e", .malformed),
        .replacing("e=3", by: "e =3", .malformed),
        .replacing("k=7", by: "k=256", .malformed),
        .replacing("u=?1", by: "u=1", .malformed),
        .replacing("u=?1", by: "u=?2", .malformed),
        .replacing("==:", by: ":", .malformed),
        .replacing("t=:", by: "t=:AAAA", .malformed),
        .replacing("t=:", by: "t=", .malformed),
        .replacing("k=7", by: "k=8", .unknownKey),
        .replacing("canary", by: "stable", .forged),
        .replacing("canary", by: "canar\\\"", .forged),
        .replacing("e=3", by: "e=4", .forged),
        .replacing("r=7", by: "r=8", .forged),
        .replacing("i=1800000030", by: "i=1800000031", .forged),
        .replacing("u=?1", by: "u=?0", .forged),
        .replacing(";u=?1", by: "", .forged),
    ]

    @Test("is believed as it was sent, and else made afresh and marked", arguments: rows)
    func header(_ row: Row) throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = try Fixture.sessions()
        let unit = try Fixture.unit(drawnTo: .canary, by: handle)
        #expect(handle.decision(for: unit).variant.name == .canary)
        let good = try #require(sessions.header(for: handle.decision(for: unit), unit: unit, now: Self.now))
        let adopted = sessions.adopt(try row.header(good), for: unit, through: handle, now: Self.now)
        #expect(adopted.taint == row.taint)
        if let taint = row.taint {
            #expect(adopted.decision == handle.decision(for: unit))
            #expect(sessions.counts.tainted(taint) == 1 && sessions.counts.tainted == 1)
            #expect(sessions.header(for: adopted, unit: unit, now: Self.now) == nil, "a taint travels on")
        } else {
            #expect(sessions.counts.tainted == 0)
            let next = sessions.header(for: adopted, unit: unit, now: Self.now)
            #expect(sessions.adopt(next, for: unit, through: handle, now: Self.now).taint == nil)
        }
    }

    @Test(
        "lives 60 seconds, give or take a clock that is two minutes ahead",
        arguments: [
            (now - 121, DecisionTaint.issuedInFuture), (now - 120, nil), (now, nil), (now + 59, nil),
            (now + 60, .expired), (UnixTime(seconds: .max), .expired), (UnixTime(seconds: .min), .issuedInFuture),
        ] as [(UnixTime, DecisionTaint?)]
    )
    func life(_ time: UnixTime, _ taint: DecisionTaint?) throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = try Fixture.sessions()
        let header = sessions.header(for: handle.decision(for: "alice"), now: Self.now)
        #expect(sessions.adopt(header, for: "alice", through: handle, now: time).taint == taint)
        let patient = SessionRouter(keys: try Fixture.keys(7), decisionLife: 600)
        let isAdopted = taint == nil || time == Self.now + 60
        #expect((patient.adopt(header, for: "alice", through: handle, now: time).taint == nil) == isAdopted)
    }

    @Test("lives 60 seconds by a session router that was told nothing else")
    func lifeByDefault() throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = SessionRouter(keys: try Fixture.keys(7))
        let header = sessions.header(for: handle.decision(for: "alice"), now: Self.now)
        #expect(sessions.adopt(header, for: "alice", through: handle, now: Self.now + 59).taint == nil)
        #expect(sessions.adopt(header, for: "alice", through: handle, now: Self.now + 60).taint == .expired)
    }

    @Test("of a variant whose tag is that of another name is of an unknown variant")
    func collision() throws {
        // Found by trying: SHA-256 of "sms", a zero and either name begins with the same four bytes.
        let (here, there): (VariantName, VariantName) = ("v63876", "v82954")
        #expect(VariantTag(here, in: "sms") == VariantTag(there, in: "sms"))
        func handle(_ name: VariantName) throws -> RolloutHandle {
            let policy = try Fixture.policy {
                $0.strategy = .abTest([
                    WeightedVariant("control", weight: 0, release: ["model": "m1"]),
                    WeightedVariant(name, weight: 1, release: ["model": "m2"]),
                ])
                ($0.hosts, $0.forced) = ([:], [:])
            }
            return try Fixture.router(policy).1
        }
        let (app, model) = (try handle(there), try handle(here))
        let sessions = try Fixture.sessions()
        let header = sessions.header(for: app.decision(for: "alice"), unit: "alice", now: Self.now)
        let adopted = sessions.adopt(header, for: "alice", through: model, now: Self.now)
        #expect(adopted.taint == .unknownVariant && adopted.decision == model.decision(for: "alice"))
        #expect(sessions.adopt(header, for: "alice", through: app, now: Self.now).taint == nil)
    }

    @Test("is of this unit alone, if it is of one", arguments: ["bob", "Alice", "", nil])
    func unit(_ other: String?) throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = try Fixture.sessions()
        let bound = sessions.header(for: handle.decision(for: "alice"), unit: "alice", now: Self.now)
        #expect(sessions.adopt(bound, for: other, through: handle, now: Self.now).taint == .forged)
        let free = sessions.header(for: handle.decision(for: "alice"), now: Self.now)
        #expect(sessions.adopt(free, for: other, through: handle, now: Self.now).taint == nil)
    }

    @Test("is not adopted by a policy of another epoch, without the variant, or that has it disabled")
    func policies() throws {
        let (_, app) = try Fixture.router(Fixture.policy(percent: 100))
        let sessions = try Fixture.sessions()
        let header = sessions.header(for: app.decision(for: "alice"), unit: "alice", now: Self.now)
        let rows: [(policy: RolloutPolicy, taint: DecisionTaint?)] = [
            (try Fixture.policy(epoch: 2), .otherEpoch), (try Fixture.policy(epoch: 4), .otherEpoch),
            (try Fixture.policy(percent: 0), nil), (try Fixture.policy { $0.draining = ["canary"] }, nil),
            (try Fixture.policy { $0.disabled = ["canary"] }, .unknownVariant),
            (
                try Fixture.policy {
                    $0.strategy = .fixed(["app": "v1"])
                    $0.hosts = [:]
                    $0.forced = [:]
                }, .unknownVariant
            ),
        ]
        for row in rows {
            let (_, model) = try Fixture.router(row.policy)
            let adopted = sessions.adopt(header, for: "alice", through: model, now: Self.now)
            #expect(adopted.taint == row.taint)
            #expect(adopted.decision == model.decision(for: "alice") || row.taint == nil)
            if row.taint == nil { #expect(adopted.decision.variant.name == "canary") }
        }
    }

    @Test("of a rollout that draws nothing is adopted too, with its copy to a shadow", arguments: [nil, "alice"])
    func strategies(_ unit: String?) throws {
        let policy = RolloutPolicy(
            revision: 1,
            rollouts: [
                "ui": RolloutDefinition(.fixed(["app": "v3"])),
                "ranker": RolloutDefinition(.shadow(.all, primary: ["model": "r1"], shadow: ["model": "r2"])),
            ]
        )
        let router = try RolloutRouter(policy: policy)
        let sessions = try Fixture.sessions()
        let (ui, ranker) = (try #require(router.rollout("ui")), try #require(router.rollout("ranker")))
        let decisions = [ui.decision(for: unit), ranker.decision(for: unit)]
        let header = sessions.header(for: decisions, unit: unit, now: Self.now)
        for (handle, decision) in zip([ui, ranker], decisions) {
            let adopted = sessions.adopt(header, for: unit, through: handle, now: Self.now)
            #expect(adopted.taint == nil && adopted.decision == decision)
        }
    }

    @Test("of a retired rollout does not travel, and is not adopted by one")
    func retired() throws {
        let (router, handle) = try Fixture.router(Fixture.policy(epoch: 0))
        let sessions = try Fixture.sessions()
        let before = sessions.header(for: handle.decision(for: "alice"), now: Self.now)
        try router.update(to: RolloutPolicy(revision: 8, rollouts: [:]))
        #expect(sessions.header(for: handle.decision(for: "alice"), now: Self.now) == nil)
        let adopted = sessions.adopt(before, for: "alice", through: handle, now: Self.now)
        #expect(adopted.taint == .unknownVariant && adopted.decision.reason == .absent)
    }

    @Test("at an impossible time does not travel", arguments: [-1, 4_294_967_296, .min, .max] as [Int64])
    func time(_ seconds: Int64) throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let now = UnixTime(seconds: seconds)
        #expect(try Fixture.sessions().header(for: handle.decision(for: "alice"), now: now) == nil)
    }

    @Test("is checked by Python by the contract alone", .enabled(if: Python.isThere, "python3 is not installed"))
    func python() throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let header = try #require(
            try Fixture.sessions().header(for: handle.decision(for: "zoë"), unit: "zoë", now: Self.now)
        )
        let script = """
            import base64, hmac, re, struct, sys
            header, unit, key = (sys.stdin.readline().rstrip("\\n") for _ in range(3))
            rollout, variant, e, r, i, k, u, t = re.fullmatch(
                r'"([^"]+)";v="([^"]+)";e=(\\d+);r=(\\d+);i=(\\d+);k=(\\d+);u=\\?([01]);t=:([^:]+):', header).groups()
            message = b"rollout.decision.v1\\0"
            for text in [rollout, variant] + ([unit] if u == "1" else []):
                message += struct.pack(">I", len(text.encode())) + text.encode()
            message += struct.pack(">III", int(e), int(r), int(i))
            print(hmac.new(bytes.fromhex(key), message, "sha256").digest()[:16] == base64.b64decode(t), k, u)
            """
        #expect(try Python.run(script, input: "\(header)\nzoë\n\(hexadecimal(Fixture.secret(7)))\n") == "True 7 1\n")
    }
}
