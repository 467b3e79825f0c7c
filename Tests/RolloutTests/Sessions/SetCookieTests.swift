import Testing

@testable import Rollout

@Suite("The Set-Cookie header")
struct SetCookieTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let cookie: StickyCookie
        let name: String
        let attributes: String
    }

    static let cases = [
        Case(
            testDescription: "defaults",
            cookie: StickyCookie(name: "sms-app-version", maxAge: 3600),
            name: "sms-app-version",
            attributes: "; Secure; HttpOnly; SameSite=Lax; Path=/; Max-Age="
        ),
        Case(
            testDescription: "plain HTTP",
            cookie: StickyCookie(name: "v", maxAge: 3600, isSecure: false, sameSite: .strict, path: "/app"),
            name: "v",
            attributes: "; HttpOnly; SameSite=Strict; Path=/app; Max-Age="
        ),
        Case(
            testDescription: "bound to the host",
            cookie: StickyCookie(name: "__Host-v", maxAge: 3600, sameSite: .unrestricted),
            name: "__Host-v",
            attributes: "; Secure; HttpOnly; SameSite=None; Path=/; Max-Age="
        ),
        Case(
            testDescription: "for a domain",
            cookie: StickyCookie(name: "v", maxAge: 3600, domain: "example.org"),
            name: "v",
            attributes: "; Secure; HttpOnly; SameSite=Lax; Path=/; Domain=example.org; Max-Age="
        ),
    ]

    @Test("has the attributes of the policy, and is deleted by the same", arguments: cases)
    func golden(_ row: Case) throws {
        let policy = try Fixture.policy { $0.sticky = row.cookie }
        let (_, handle) = try Fixture.router(policy)
        let answer = try Fixture.sessions().route(SessionRequest(unit: "alice", now: Fixture.now), through: handle)
        let header = try #require(answer.setCookie)
        let text = header.dropFirst(row.name.count + 1).prefix(56)
        // Issued at the minute's start, 30 seconds ago.
        #expect(header == "\(row.name)=\(text)\(row.attributes)3570")
        #expect(try Fixture.sessions().deletion(through: handle) == "\(row.name)=\(row.attributes)0")
    }

    @Test("has nothing to delete if the rollout keeps no cookie")
    func nothing() throws {
        let (router, handle) = try Fixture.router(Fixture.policy { ($0.sticky, $0.missingUnit) = (nil, .first) })
        #expect(try Fixture.sessions().deletion(through: handle) == nil)
        #expect(try Fixture.sessions().deletion(through: router.rollout("gone", default: ["app": "v1"])) == nil)
    }
}
