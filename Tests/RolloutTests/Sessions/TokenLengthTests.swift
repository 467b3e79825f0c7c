import Testing

@testable import Rollout

@Suite("A token of another length")
struct TokenLengthTests {
    @Test("is no token if it is cut or padded to 0 to 200 characters", arguments: ["A", "=", "_", "%", "\""])
    func everyLength(_ padding: Character) throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        // A fresh bucket would not be the canary's.
        let sessions = SessionRouter(keys: try Fixture.keys(7)) { 500_000 }
        let value = try sessions.cookie("canary").dropFirst(Fixture.cookieName.utf8.count + 1)
        let padded = value + String(repeating: padding, count: 200)
        for length in 0...200 {
            // Another cookie behind it: what is read too far is there to be read.
            let cookies = "\(Fixture.cookieName)=\(padded.prefix(length)); other=\(value)"
            let request = SessionRequest(host: Fixture.host, cookies: cookies, now: Fixture.now)
            let answer = sessions.route(request, through: handle)
            #expect(answer.token == (length == 56 ? .valid : .lost(.malformed)), "\(length) characters")
            #expect(answer.decision.reason == (length == 56 ? .sticky : .split), "\(length) characters")
            #expect(answer.decision.variant.name == (length == 56 ? "canary" : "stable"), "\(length) characters")
        }
        #expect(sessions.counts.lost(.malformed) == 200)
    }
}
