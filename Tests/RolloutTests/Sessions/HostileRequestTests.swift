import Testing

@testable import Rollout

@Suite("Whatever a request holds")
struct HostileRequestTests {
    @Test(
        "times before 1970 and after 2106 are decided, and nothing is written",
        arguments: [
            UnixTime(seconds: .min), -4_000_000_000, -1, 4_294_963_740, 4_294_967_295, 4_294_967_296,
            UnixTime(seconds: .max),
        ] as [UnixTime]
    )
    func outsideOfTime(_ now: UnixTime) throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = try Fixture.sessions()
        for unit in [nil, "alice"] {
            for cookies in [nil, try sessions.cookie("canary", unit: unit)] {
                let request = SessionRequest(unit: unit, host: Fixture.host, cookies: cookies, now: now)
                let answer = sessions.route(request, through: handle)
                // The token is genuine, and its time makes no sense: a bucket may be left of it, if there is one.
                let isDrawn = unit != nil || answer.decision.bucket != nil
                #expect(answer.decision.reason == (isDrawn ? .split : .missingUnit))
                #expect(isDrawn || answer.decision.variant.name == "stable")
                #expect(answer.setCookie == nil)
            }
        }
        #expect(sessions.counts.written == 0)
        #expect(sessions.counts.unwritten(.timeOutOfRange) == 4 && sessions.counts.unwritten == 4)
    }

    @Test(
        "the first and the last minute that 32 bits hold are written",
        arguments: [0, 59, 4_294_963_739] as [UnixTime]
    )
    func insideOfTime(_ now: UnixTime) throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let answer = try Fixture.sessions().route(SessionRequest(unit: "alice", now: now), through: handle)
        let token = try token(in: answer.setCookie)
        #expect(Int64(token.issued) == now.seconds / 60 * 60 && token.expires == token.issued + 3600)
    }

    @Test("headers of 64 KB and 1,000 cookies of our name are read, four of them tried")
    func manyCookies() throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = SessionRouter(keys: try Fixture.keys(7)) { 500_000 }
        let good = try sessions.cookie("canary")
        let bad = "\(Fixture.cookieName)=AQcA\(String(repeating: "A", count: 52)); "
        let rows: [(header: String, loss: TokenLoss?, tried: Int)] = [
            (String(repeating: bad, count: 1_000) + good, .badTag, 4),
            (String(repeating: "other=1; ", count: 7_000) + good, nil, 0),
            (good + "; " + String(repeating: "x", count: 65_536), nil, 0),
            (String(repeating: ";", count: 65_536) + good, nil, 0),
            (String(repeating: good + "; ", count: 1_000), nil, 0),
            ("\(Fixture.cookieName)=" + String(repeating: "A", count: 65_536), .malformed, 1),
        ]
        for row in rows {
            let before = sessions.counts.lost
            let request = SessionRequest(host: Fixture.host, cookies: row.header, now: Fixture.now)
            let answer = sessions.route(request, through: handle)
            #expect(answer.token == (row.loss.map { .lost($0) } ?? .valid), "\(row.header.prefix(40))")
            #expect(answer.decision.variant.name == (row.loss == nil ? "canary" : "stable"))
            #expect(sessions.counts.lost - before == row.tried)
        }
    }

    @Test("several Cookie headers are one, joined by \"; \"")
    func severalHeaders() throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = try Fixture.sessions()
        let (canary, stable) = (try sessions.cookie("canary"), try sessions.cookie("stable"))
        let half = canary.index(canary.startIndex, offsetBy: 30)
        let rows: [(headers: [String], verdict: TokenVerdict)] = [
            ([], .absent), ([""], .absent), (["", canary], .valid), (["a=1; b=2", canary, "c=3"], .valid),
            ([canary, stable], .lost(.contradicted)),
            ([String(canary[..<half]), String(canary[half...])], .lost(.malformed)),
            (["x=1", "x=2", "\(Fixture.cookieName)=1", "\(Fixture.cookieName)=2", canary], .valid),
            ([String](repeating: "\(Fixture.cookieName)=1", count: 4) + [canary], .lost(.malformed)),
        ]
        for row in rows {
            let several = SessionRequest(host: Fixture.host, cookies: row.headers, now: Fixture.now)
            let joined = row.headers.joined(separator: "; ")
            let one = SessionRequest(host: Fixture.host, cookies: joined, now: Fixture.now)
            #expect(sessions.route(several, through: handle).token == row.verdict, "\(row.headers)")
            #expect(sessions.route(one, through: handle).token == row.verdict, "\(row.headers)")
        }
    }

    @Test("no header of any bytes gives the canary to somebody who was not drawn into it")
    func randomHeaders() throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = SessionRouter(keys: try Fixture.keys(7)) { 500_000 }
        let unit = try Fixture.unit(drawnTo: "stable", by: handle)
        let elsewhere = Array(try sessions.cookie("canary", unit: unit, host: "elsewhere").utf8)
        var generator = SplitMix64(seed: 12)
        var canaries = 0
        for _ in 0..<(StressEffort.isLong ? 2_000 : 400) {
            var bytes = elsewhere
            for _ in 0..<Int.random(in: 0...3, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            let cookies = String(decoding: bytes, as: UTF8.self)
            for host in [nil, Fixture.host, .letters(70_000, "h")] {
                let request = SessionRequest(unit: unit, host: host, cookies: cookies, now: Fixture.now)
                if sessions.route(request, through: handle).decision.variant.name != "stable" { canaries += 1 }
                if host != nil, generator.next() % 64 > 0 { break }
            }
        }
        #expect(canaries == 0)
    }

    @Test("a host longer than any rule's is signed like another", arguments: [1_024, 1_025, 70_000])
    func longHost(_ length: Int) throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = try Fixture.sessions()
        let host = String(repeating: "h", count: length)
        let first = sessions.route(SessionRequest(unit: "a", host: host, now: Fixture.now), through: handle)
        let second = SessionRequest(unit: "a", host: host.uppercased(), cookies: first.setCookie, now: Fixture.now)
        #expect(sessions.route(second, through: handle).token == .valid)
        let third = SessionRequest(unit: "a", host: host + "h", cookies: first.setCookie, now: Fixture.now)
        #expect(sessions.route(third, through: handle).token == .lost(.badTag))
    }

    @Test("an impossible bucket in a signed token is no bucket", arguments: [1_000_000, .max] as [UInt32])
    func impossibleBucket(_ bucket: UInt32) throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = SessionRouter(keys: try Fixture.keys(7)) { 500_000 }
        for (variant, expected) in [("canary", nil), (nil, 500_000)] as [(VariantName?, Int?)] {
            let cookies = try sessions.cookie(variant, bucket: bucket)
            let request = SessionRequest(host: Fixture.host, cookies: cookies, now: Fixture.now)
            #expect(sessions.route(request, through: handle).decision.bucket == expected)
        }
    }
}
