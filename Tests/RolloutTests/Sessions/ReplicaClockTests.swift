import Testing

@testable import Rollout

@Suite("Replicas whose clocks differ by more than two minutes")
struct ReplicaClockTests {
    @Test(
        "replace a cookie from the future once, and then both keep it, at ten seconds from visit to visit",
        arguments: [150, 600] as [Int64],
        [true, false]
    )
    func samePolicy(ahead: Int64, isFastFirst: Bool) throws {
        let (_, handle) = try Fixture.router(Fixture.policy(percent: 50))
        let sessions = try Fixture.sessions(seed: 26)
        for visitor in 0..<20 {
            let lostBefore = sessions.counts.lost(.issuedInFuture)
            var browser = Browser(unit: visitor.isMultiple(of: 2) ? nil : "user-\(visitor)")
            var variants: [Decision.Variant] = []
            for step in 0..<30 {
                let now = Fixture.now + 10 * Int64(step)
                let isFast = step.isMultiple(of: 2) == isFastFirst
                let answer = browser.visit(sessions, handle, at: now, serverTime: isFast ? now + ahead : now)
                variants.append(answer.decision.variant)
            }
            // What the slow clock issues is in nobody's future, so the second cookie is the last.
            #expect(browser.received == (isFastFirst ? 2 : 1), "visitor \(visitor)")
            #expect(sessions.counts.lost(.issuedInFuture) - lostBefore == (isFastFirst ? 1 : 0), "visitor \(visitor)")
            #expect(Set(variants.dropFirst()).count == 1, "visitor \(visitor)")
        }
    }

    // A time that cannot be true makes all that a token says doubtful, its epoch too.
    @Test(
        "believe a newer epoch as soon as its time may be true, and not before",
        arguments: [(121, .lost(.issuedInFuture)), (120, .newerEpoch)] as [(Int64, TokenVerdict)]
    )
    func newerEpoch(ahead: Int64, verdict: TokenVerdict) throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = SessionRouter(keys: try Fixture.keys(7)) { 500_000 }
        let cookies = try sessions.cookie("canary", epoch: 4, revision: 8, issued: Fixture.now + ahead)
        let request = SessionRequest(host: Fixture.host, cookies: cookies, now: Fixture.now)
        let answer = sessions.route(request, through: handle)
        let isBehind = verdict == .newerEpoch
        #expect(answer.token == verdict)
        #expect(answer.decision.reason == (isBehind ? .stale : .split))
        #expect(answer.decision.bucket == (isBehind ? nil : 500_000), "nor is the bucket believed")
        #expect((answer.setCookie == nil) == isBehind)
        #expect(sessions.counts.stale == (isBehind ? 1 : 0))
    }
}
