import Testing

@testable import Rollout

/// A cookie's domain covers many hosts, and a browser sends the cookie to all of them.
@Suite("A cookie's domain")
struct CookieDomainTests {
    private static let now = Fixture.now

    private static func handle(
        _ domain: String? = "sms-app.local",
        missingUnit: RolloutDefinition.MissingUnit = .assign,
        pin: StickyCookie.Pin = .variant
    ) throws -> RolloutHandle {
        let policy = try Fixture.policy(percent: 50, pin: pin, missingUnit: missingUnit) { $0.sticky?.domain = domain }
        return try Fixture.router(policy).1
    }

    @Test(
        "is what a token is bound to: the version stays on every host below it, and one cookie is written",
        arguments: [nil, "alice"],
        [.variant, .bucket] as [StickyCookie.Pin]
    )
    func inside(_ unit: String?, _ pin: StickyCookie.Pin) throws {
        let (handle, sessions) = (try Self.handle(pin: pin), try Fixture.sessions())
        var browser = Browser(unit: unit)
        browser.host = "a.sms-app.local"
        let first = browser.visit(sessions, handle, at: Self.now)
        let isWritten = unit == nil || pin == .variant
        #expect((first.setCookie?.contains("; Domain=sms-app.local") == true) == isWritten)
        for host in ["b.sms-app.local", "sms-app.local", "A.B.C.SMS-App.local.:8443", "x.sms-app.local.", ".", nil] {
            browser.host = host
            let there = browser.visit(sessions, handle, at: Self.now)
            #expect(there.token == (isWritten ? .valid : .absent), "\(host ?? "")")
            #expect(there.decision.variant == first.decision.variant && there.decision.bucket == first.decision.bucket)
            #expect(there.setCookie == nil)
        }
        #expect(sessions.counts.written == (isWritten ? 1 : 0) && sessions.counts.unwritten == 0)
    }

    static let outsiders = [
        "other.example", "xsms-app.local", "sms-app.local.example", "local", "app.local", "ms-app.local",
        "sms-app.localx", "sms-app-local", "[::1]:80", "127.0.0.1", ".local", String(repeating: "h", count: 2_000),
    ]

    @Test("has hosts outside it: there no cookie is written, which is counted", arguments: outsiders)
    func outside(_ host: String) throws {
        let (handle, sessions) = (try Self.handle(), try Fixture.sessions())
        for unit in [nil, "alice"] {
            let before = sessions.counts
            let request = SessionRequest(unit: unit, host: host, now: Self.now)
            for _ in 0..<5 {
                let answer = sessions.route(request, through: handle)
                #expect(answer.setCookie == nil && answer.token == .absent)
                #expect(answer.decision == handle.decision(for: unit, host: host), "the same at every request")
                #expect(unit != nil || answer.decision.reason == .missingUnit)
            }
            #expect(sessions.counts.unwritten(.outsideDomain) - before.unwritten(.outsideDomain) == 5)
            #expect(sessions.counts.unwritten - before.unwritten == 5 && sessions.counts.written == 0)
            let told = sessions.explanation(for: request, through: handle)
            #expect(told.obstacle == .outsideDomain && told.setCookie == nil && !told.drewBucket)
        }
    }

    @Test("leaves tokens as they are outside it: they count, and a login writes none")
    func judgedOutside() throws {
        let (handle, sessions) = (try Self.handle(), try Fixture.sessions())
        let host = "other.example"
        let cookies = try sessions.cookie("canary", host: host, domain: "sms-app.local")
        let valid = sessions.route(SessionRequest(host: host, cookies: cookies, now: Self.now), through: handle)
        #expect(valid.token == .valid && valid.decision.reason == .sticky && sessions.counts.unwritten == 0)
        let login = SessionRequest(unit: "alice", host: host, cookies: cookies, now: Self.now)
        let answer = sessions.route(login, through: handle)
        #expect(answer.decision.reason == .sticky && answer.decision.variant.name == "canary")
        #expect(answer.setCookie == nil && sessions.counts.unwritten(.outsideDomain) == 1)
        // What is left of a token is a bucket, and a bucket needs no other draw.
        let older = try sessions.cookie("canary", bucket: 42, epoch: 2, host: host, domain: "sms-app.local")
        let left = sessions.route(SessionRequest(host: host, cookies: older, now: Self.now), through: handle)
        #expect(left.decision.bucket == 42 && left.decision.reason == .split && left.setCookie == nil)
    }

    @Test("has no cookie to lose if none is due: by host rule, or if missing units get the first variant")
    func notDue() throws {
        let sessions = try Fixture.sessions()
        let outside = SessionRequest(host: "other.example", now: Self.now)
        let first = sessions.route(outside, through: try Self.handle(missingUnit: .first))
        #expect(first.decision.reason == .missingUnit)
        let ruled = SessionRequest(host: "canary.sms-app.local", now: Self.now)
        #expect(sessions.route(ruled, through: try Self.handle("example.org")).decision.reason == .host)
        let known = SessionRequest(unit: "alice", host: "other.example", now: Self.now)
        #expect(sessions.route(known, through: try Self.handle(pin: .bucket)).decision.reason == .split)
        #expect(sessions.counts.unwritten == 0 && sessions.counts.written == 0)
    }

    @Test("is one scope in every spelling", arguments: [".sms-app.local", "SMS-App.LOCAL", ".SMS-app.local"])
    func spelling(_ domain: String) throws {
        let sessions = try Fixture.sessions()
        let cookies = try sessions.cookie("canary", host: "a.sms-app.local", domain: domain)
        for other in ["sms-app.local", domain] {
            let request = SessionRequest(host: "b.sms-app.local", cookies: cookies, now: Self.now)
            #expect(sessions.route(request, through: try Self.handle(other)).token == .valid)
        }
        let told = sessions.explanation(for: SessionRequest(now: Self.now), through: try Self.handle(domain))
        #expect(told.domain == "sms-app.local")
    }

    @Test(
        "that appears, changes or goes voids the tokens of before",
        arguments: [nil, "local.example", "a.sms-app.local"]
    )
    func changed(_ domain: String?) throws {
        let (handle, sessions) = (try Self.handle(domain), try Fixture.sessions())
        let old = try sessions.cookie("canary", host: "b.a.sms-app.local", domain: "sms-app.local")
        let request = SessionRequest(unit: nil, host: "b.a.sms-app.local", cookies: old, now: Self.now)
        #expect(sessions.route(request, through: handle).token == .lost(.badTag))
    }

    @Test("A visitor without unit and bucket whose cookie a replica leaves alone gets the first variant there")
    func behind() throws {
        let (handle, sessions) = (try Self.handle(nil), try Fixture.sessions())
        let cookies = [try sessions.cookie("canary", revision: 8), try sessions.cookie("stable", revision: 8)]
        let request = SessionRequest(host: Fixture.host, cookies: cookies, now: Self.now)
        for _ in 0..<5 {
            let answer = sessions.route(request, through: handle)
            #expect(answer.token == .lost(.contradicted))
            #expect(answer.decision.reason == .missingUnit && answer.setCookie == nil)
        }
        #expect(sessions.counts.unwritten == 0, "it is another replica's to write")
    }
}
