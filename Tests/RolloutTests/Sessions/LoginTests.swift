import Testing

@testable import Rollout

@Suite("Logging in")
struct LoginTests {
    @Test(
        "keeps the variant, the bucket and the end, and binds the token to the unit",
        arguments: ["canary", "stable"]
    )
    func keeps(_ variant: VariantName) throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = try Fixture.sessions()
        let anonymous = try sessions.cookie(variant, revision: 6)
        let other = variant == .canary ? VariantName.stable : .canary
        let unit = try Fixture.unit(drawnTo: other, by: handle)

        let request = SessionRequest(unit: unit, host: Fixture.host, cookies: anonymous, now: Fixture.now)
        let answer = sessions.route(request, through: handle)
        #expect(answer.decision.variant.name == variant)
        #expect(answer.decision.reason == .sticky)
        let (before, after) = (try token(in: anonymous), try token(in: answer.setCookie))
        #expect(after.variant == before.variant && after.bucket == before.bucket)
        #expect(after.issued == before.issued && after.expires == before.expires)
        #expect(after.epoch == 3 && after.revision == 7)
        #expect(answer.setCookie?.hasSuffix("Max-Age=3570") == true)

        let bound = answer.setCookie
        let again = SessionRequest(unit: unit, host: Fixture.host, cookies: bound, now: Fixture.now)
        #expect(sessions.route(again, through: handle).token == .valid)
        #expect(sessions.route(again, through: handle).setCookie == nil, "written once")
        for stranger in ["somebody", ""] {
            let request = SessionRequest(unit: stranger, host: Fixture.host, cookies: bound, now: Fixture.now)
            #expect(sessions.route(request, through: handle).token == .lost(.badTag))
        }
    }

    @Test(
        "draws the unit where nothing was pinned",
        arguments: [
            TokenAtLogin.notEnrolled, .evicted, .olderEpoch, .expired, .pinsBucket,
        ]
    )
    func draws(_ token: TokenAtLogin) throws {
        let pin: StickyCookie.Pin = token == .pinsBucket ? .bucket : .variant
        let (_, handle) = try Fixture.router(Fixture.policy(pin: pin))
        let sessions = try Fixture.sessions()
        let unit = try Fixture.unit(drawnTo: "stable", by: handle)
        let cookies =
            switch token {
            case .notEnrolled: try sessions.cookie(nil)
            case .evicted: try sessions.cookie("treatment")
            case .olderEpoch: try sessions.cookie("canary", epoch: 2)
            case .expired: try sessions.cookie("canary", issued: Fixture.now - 3600)
            case .pinsBucket: try sessions.cookie("canary")
            }
        let request = SessionRequest(unit: unit, host: Fixture.host, cookies: cookies, now: Fixture.now)
        let answer = sessions.route(request, through: handle)
        #expect(answer.decision == handle.decision(for: unit), "the bucket of the visitor is not the unit's")
        #expect((answer.setCookie != nil) == (token != .pinsBucket))
    }

    enum TokenAtLogin: CaseIterable, Sendable { case notEnrolled, evicted, olderEpoch, expired, pinsBucket }

    /// The table under "Logging out" in `making-assignments-sticky`. A fresh bucket is always the stable variant's.
    @Test(
        "and out again: the browser is drawn anew, or is what it was before",
        arguments: [.variant, .bucket] as [StickyCookie.Pin],
        [.assign, .first] as [RolloutDefinition.MissingUnit]
    )
    func logout(_ pin: StickyCookie.Pin, _ missingUnit: RolloutDefinition.MissingUnit) throws {
        let (_, handle) = try Fixture.router(Fixture.policy(pin: pin, missingUnit: missingUnit))
        let sessions = SessionRouter(keys: try Fixture.keys(7)) { 500_000 }
        let alice = try Fixture.unit(drawnTo: "canary", by: handle)
        let bob = try Fixture.unit(drawnTo: "stable", by: handle)
        var browser = Browser()
        let before = browser.visit(sessions, handle, at: Fixture.now)
        if pin == .variant { browser = Browser() }
        func visit(_ unit: String?) -> SessionDecision {
            browser.unit = unit
            return browser.visit(sessions, handle, at: Fixture.now)
        }
        #expect(visit(alice).decision.variant.name == "canary")
        let after = visit(nil)
        switch (pin, missingUnit) {
        case (.variant, .assign):
            #expect(after.token == .lost(.badTag) && after.decision.bucket == 500_000 && after.setCookie != nil)
            #expect(visit(alice).decision.variant.name == "stable", "the new draw is kept")
        case (.variant, .first):
            #expect(after.token == .lost(.badTag) && after.decision.reason == .missingUnit && after.setCookie == nil)
            #expect(visit(alice).decision.reason == .sticky)
            #expect(visit(bob).decision.reason == .split)
        case (.bucket, _):
            #expect(after.decision.variant == before.decision.variant)
            #expect(after.decision.bucket == before.decision.bucket)
            #expect(after.setCookie == nil && sessions.counts.lost == 0)
            #expect(visit(alice).decision.variant.name == "canary" && visit(bob).decision.variant.name == "stable")
        }
    }

    @Test("has the token signed with the key that signs now")
    func newKey() throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let anonymous = try Fixture.sessions().cookie("canary")
        let sessions = try Fixture.sessions(Fixture.keys(7, 8))
        let request = SessionRequest(unit: "alice", host: Fixture.host, cookies: anonymous, now: Fixture.now)
        let answer = sessions.route(request, through: handle)
        #expect(try token(in: answer.setCookie).key == 8)
        let next = SessionRequest(unit: "alice", host: Fixture.host, cookies: answer.setCookie, now: Fixture.now)
        let afterRetirement = try Fixture.sessions(Fixture.keys(8))
        #expect(afterRetirement.route(next, through: handle).token == .valid)
    }

    @Test("leaves the cookie to the replica that is ahead")
    func behind() throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = try Fixture.sessions()
        let cookies = try sessions.cookie("canary", revision: 8)
        let request = SessionRequest(unit: "alice", host: Fixture.host, cookies: cookies, now: Fixture.now)
        let answer = sessions.route(request, through: handle)
        #expect(answer.decision.reason == .sticky && answer.decision.variant.name == "canary")
        #expect(answer.setCookie == nil)
    }
}
