import Foundation
import Testing

@testable import Rollout

@Suite("An invitation")
struct InvitationTests {
    private static let now = Fixture.now

    private static func pair(_ header: String?) throws -> String { String(try #require(header).prefix { $0 != ";" }) }

    @Test(
        "keeps the canary before, during and after a ramp, and loses it at an abort",
        arguments: [.variant, .bucket] as [StickyCookie.Pin],
        [nil, "alice"]
    )
    func ramp(_ pin: StickyCookie.Pin, _ unit: String?) throws {
        let (router, handle) = try Fixture.router(Fixture.policy(percent: 0, pin: pin))
        let sessions = SessionRouter(keys: try Fixture.keys(7)) { 999_999 }
        let header = sessions.invite(to: .canary, through: handle, host: Fixture.host, unit: unit, now: Self.now)
        let cookies = try Self.pair(header)
        #expect(header?.hasSuffix("; Secure; HttpOnly; SameSite=Lax; Path=/; Max-Age=3570") == true)
        let request = SessionRequest(unit: unit, host: Fixture.host, cookies: cookies, now: Self.now)
        for (revision, percent) in [(7, 0), (8, 1), (9, 50), (10, 100), (11, 50), (12, 0)] as [(UInt32, Double)] {
            if revision > 7 {
                try router.update(to: Fixture.policy(revision: revision, percent: percent, pin: pin))
            }
            let answer = sessions.route(request, through: handle)
            #expect(answer.token == .valid && answer.setCookie == nil)
            #expect(answer.decision.variant.name == "canary" && answer.decision.reason == .sticky)
            #expect(answer.decision.bucket == nil, "no chance made it")
        }
        let disabled = try Fixture.policy(revision: 13, percent: 50, pin: pin) { $0.disabled = ["canary"] }
        try router.update(to: disabled)
        #expect(sessions.route(request, through: handle).token == .lost(.variantGone))
        try router.update(to: Fixture.policy(revision: 14, percent: 0, pin: pin))
        #expect(sessions.route(request, through: handle).token == .valid)

        var aborted = try Fixture.policy(revision: 15, percent: 0, pin: pin)
        try aborted.abort("sms")
        try router.update(to: aborted)
        let last = sessions.route(request, through: handle)
        #expect(last.token == .lost(.olderEpoch) && last.decision.variant.name == "stable")
        #expect(sessions.counts.invited == 1 && sessions.counts.lost == 2)
    }

    @Test("binds itself to the unit that logs in with it", arguments: [.variant, .bucket] as [StickyCookie.Pin])
    func login(_ pin: StickyCookie.Pin) throws {
        let (_, handle) = try Fixture.router(Fixture.policy(percent: 0, pin: pin))
        let sessions = try Fixture.sessions()
        let invited = sessions.invite(to: .canary, through: handle, host: Fixture.host, now: Self.now)
        let login = SessionRequest(unit: "alice", host: Fixture.host, cookies: invited, now: Self.now + 600)
        let answer = sessions.route(login, through: handle)
        #expect(answer.decision.reason == .sticky && answer.decision.variant.name == "canary")
        let (before, after) = (try token(in: invited), try token(in: answer.setCookie))
        #expect(after == before && after.bucket == .max)
        for (unit, verdict) in [("alice", .valid), ("bob", .lost(.badTag)), (nil, .lost(.badTag))]
            as [(String?, TokenVerdict)]
        {
            let request = SessionRequest(unit: unit, host: Fixture.host, cookies: answer.setCookie, now: Self.now)
            #expect(sessions.route(request, through: handle).token == verdict)
        }
        // The login wrote one cookie, and so did bob and nobody where a draw needs one.
        #expect(sessions.counts.invited == 1 && sessions.counts.written == (pin == .variant ? 3 : 2))
    }

    struct Uninvited: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var variant: VariantName = .canary
        var host = Fixture.host
        var now = Fixture.now
        var obstacle: CookieObstacle?
        var edit: @Sendable (inout RolloutDefinition) -> Void = { _ in }
    }

    @Test(
        "is nil if nobody can accept it, and is counted if it could not be written",
        arguments: [
            Uninvited(testDescription: "an unknown variant", variant: "canari"),
            Uninvited(testDescription: "another rollout's variant", variant: "shadow"),
            Uninvited(testDescription: "a name with the tag of nobody", variant: "v1102552066"),
            // Found by trying: SHA-256 of "sms", a zero and either name begins with the same four bytes.
            Uninvited(testDescription: "a name with the tag of another variant", variant: "v82954") {
                $0.strategy = .abTest([
                    WeightedVariant("stable", weight: 1, release: ["app": "v1"]),
                    WeightedVariant("v63876", weight: 1, release: ["app": "v2"]),
                ])
                ($0.hosts, $0.forced) = ([:], [:])
            },
            Uninvited(testDescription: "a disabled variant") { $0.disabled = ["canary"] },
            Uninvited(testDescription: "a rollout without a cookie") { ($0.sticky, $0.missingUnit) = (nil, .first) },
            Uninvited(testDescription: "a strategy that draws nothing", variant: "stable") {
                $0.strategy = .fixed(["app": "v1", "model": "v1"])
                ($0.hosts, $0.forced) = ([:], [:])
            },
            Uninvited(testDescription: "a host outside the domain", obstacle: .outsideDomain) {
                $0.sticky?.domain = "example.org"
            },
            Uninvited(testDescription: "milliseconds", now: 1_800_000_000_000, obstacle: .timeOutOfRange),
        ]
    )
    func uninvited(_ row: Uninvited) throws {
        let (_, handle) = try Fixture.router(Fixture.policy(row.edit))
        let sessions = try Fixture.sessions()
        #expect(sessions.invite(to: row.variant, through: handle, host: row.host, now: row.now) == nil)
        #expect(sessions.counts.invited == 0 && sessions.counts.written == 0)
        let obstacles = CookieObstacle.allCases.filter { sessions.counts.unwritten($0) > 0 }
        #expect(obstacles == [row.obstacle].compactMap(\.self))
        let absent = try RolloutRouter(policy: Fixture.policy()).rollout("gone", default: ["app": "v1"])
        #expect(sessions.invite(to: "default", through: absent, now: Self.now) == nil)
    }

    @Test("leads into any variant that is open, also one that is draining, and holds on a whole domain")
    func open() throws {
        let (_, handle) = try Fixture.router(
            Fixture.policy(percent: 50) {
                $0.draining = ["canary"]
                $0.sticky?.domain = "sms-app.local"
            }
        )
        let sessions = try Fixture.sessions()
        for variant in ["stable", "canary"] as [VariantName] {
            let cookies = sessions.invite(to: variant, through: handle, host: "a.sms-app.local", now: Self.now)
            let request = SessionRequest(unit: "alice", host: "b.sms-app.local", cookies: cookies, now: Self.now)
            #expect(sessions.route(request, through: handle).decision.variant.name == variant)
        }
    }

    @Test("leaves no bucket behind, and does not hide that of another token")
    func noBucket() throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = SessionRouter(keys: try Fixture.keys(7)) { 500_000 }
        let invitation = try sessions.cookie("canary", bucket: .max, issued: Self.now - 3600)
        let older = try sessions.cookie("stable", bucket: 42, epoch: 2)
        for (cookies, bucket) in [([invitation], 500_000), ([invitation, older], 42), ([older, invitation], 42)] {
            let request = SessionRequest(host: Fixture.host, cookies: cookies, now: Self.now)
            #expect(sessions.route(request, through: handle).decision.bucket == bucket)
        }
    }

    @Test("contradicts a token that was drawn, even for the same variant")
    func contradiction() throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = try Fixture.sessions()
        let cookies = [try sessions.cookie("canary", bucket: .max), try sessions.cookie("canary")]
        let request = SessionRequest(host: Fixture.host, cookies: cookies, now: Self.now)
        #expect(sessions.route(request, through: handle).token == .lost(.contradicted))
    }

    @Test("is explained as one, and stays one in a store")
    func explained() throws {
        let (_, handle) = try Fixture.router(Fixture.policy(percent: 0))
        let sessions = try Fixture.sessions()
        let cookies = sessions.invite(to: .canary, through: handle, host: Fixture.host, now: Self.now)
        let told = sessions.explanation(
            for: SessionRequest(host: Fixture.host, cookies: cookies, now: Self.now),
            through: handle
        )
        #expect(told.description.contains("\ntoken 1: valid; variant canary, an invitation, epoch 3, "))
        #expect(told.description.contains("-> 3. assignment     an invitation, of canary, epoch 3"))
        #expect(told.json.contains(#""bucket":null,"epoch":3,"expires":1800003600,"invitation":true,"#))
        let assignment = try #require(told.tokens.first?.content).assignment
        #expect(assignment.isInvitation && assignment.bucket == nil)
        let stored = try JSONDecoder().decode(Assignment.self, from: JSONEncoder().encode(assignment))
        #expect(stored == assignment)
        let answer = sessions.route("alice", holding: stored, through: handle)
        #expect(answer.token == .valid && answer.decision.variant.name == "canary")

        let (_, disabled) = try Fixture.router(Fixture.policy(percent: 0) { $0.disabled = ["canary"] })
        let gone = disabled.explanation(for: "alice", holding: stored)
        let saw = "an invitation, of canary, epoch 3: the variant is gone or disabled"
        #expect(gone.steps.contains { $0.saw == saw }, "\(gone)")
    }
}
