#if canImport(Glibc)
    import Testing

    @testable import Rollout

    /// One after the other: each starts some processes.
    @Suite(
        "A real browser",
        .serialized,
        .enabled(if: Chromium.isThere, "chromium is not installed: no real browser was asked to keep the cookie")
    )
    struct RealBrowserTests {
        @Test("keeps the cookie, sends it back as it was, and still does when started again; scripts do not see it")
        func keeps() throws {
            let shop = try Shop()
            let (seen, scripts) = try shop.visit([.route(), .route(at: Fixture.now + 1)])
            #expect(seen[0].cookies.isEmpty && seen[0].answer?.token == .absent && seen[0].reason == .split)
            let given = try #require(seen[0].given)
            #expect(scripts == "another=one", "of the two that it has")

            let later = try shop.visit([.route(at: Fixture.now + 3000)]).seen
            for answered in [seen[1], later[0]] {
                #expect(answered.cookies == [given])
                #expect(answered.answer?.token == .valid && answered.reason == .sticky && answered.given == nil)
                #expect(answered.answer?.decision.variant.name == seen[0].answer?.decision.variant.name)
            }
        }

        @Test("replaces a cookie whose token is out of time by the service's clock")
        func replacesExpired() throws {
            let end = Fixture.now + Int64(Fixture.maxAge)
            let seen = try Shop().visit([.route(), .route(at: end), .route(at: end)]).seen
            try expectReplacement(in: seen[0], seen[1], seen[2], because: .expired)
        }

        @Test("replaces a cookie of an older epoch")
        func replacesOlderEpoch() throws {
            let shop = try Shop()
            let before = try shop.visit([.route()]).seen
            try shop.router.update { $0.rollouts["sms"]?.epoch += 1 }
            let after = try shop.visit([.route(at: Fixture.now + 60), .route(at: Fixture.now + 60)]).seen
            try expectReplacement(in: before[0], after[0], after[1], because: .olderEpoch)
        }

        private func expectReplacement(
            in first: Shop.Seen,
            _ second: Shop.Seen,
            _ third: Shop.Seen,
            because cause: TokenLoss
        ) throws {
            let old = try #require(first.given)
            #expect(second.cookies == [old] && second.answer?.token == .lost(cause))
            let new = try #require(second.given)
            #expect(new != old)
            #expect(third.cookies == [new] && third.reason == .sticky, "the new one alone")
        }

        @Test("replaces the cookie of a visitor who logs in, and forgets it when they log out")
        func login() throws {
            let seen = try Shop().visit([
                .route(), .route(unit: "alice"), .route(unit: "alice"), .signOut(), .route(unit: "alice"),
            ]).seen
            let anonymous = try #require(seen[0].given)
            #expect(seen[1].cookies == [anonymous] && seen[1].reason == .sticky)
            let own = try #require(seen[1].given)
            #expect(own != anonymous)
            #expect(seen[2].cookies == [own] && seen[2].reason == .sticky && seen[2].given == nil)
            #expect(seen[2].answer?.decision.variant.name == seen[0].answer?.decision.variant.name)
            #expect(seen[3].cookies == [own])
            #expect(seen[4].cookies.isEmpty && seen[4].reason == .split)
        }

        // A life ends with a whole minute, so the second in which it is given says how much of it is left.
        @Test("lets the cookie go when its life is over, and not before", arguments: [(second: 59, life: 1), (0, 60)])
        func expires(_ row: (second: Int64, life: Int)) throws {
            let shop = try Shop(StickyCookie(name: Fixture.cookieName, maxAge: 60, isSecure: false))
            let now = UnixTime(seconds: Fixture.now.seconds / 60 * 60 + row.second)
            // While the browser waits, two of its own seconds go by.
            let seen = try shop.visit([.route(at: now), .wait, .look()]).seen
            let given = try #require(seen[0].answer?.setCookie)
            #expect(given.hasSuffix("Max-Age=\(row.life)"))
            #expect(seen[2].cookies.isEmpty == (row.life == 1))
        }

        struct Place: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let cookie: StickyCookie
            let host: String
            /// Where the browser sends it.
            let sent: [Shop.Step]
            /// Where it does not.
            let kept: [Shop.Step]
        }

        static let places = [
            Place(
                testDescription: "Path: below the path",
                cookie: StickyCookie(name: "v", maxAge: 3600, isSecure: false, path: "/app"),
                host: Fixture.host,
                sent: [.look("/app"), .look("/app/inner")],
                kept: [.look("/"), .look("/apple")]
            ),
            Place(
                testDescription: "Domain: to subdomains",
                cookie: StickyCookie(name: "v", maxAge: 3600, isSecure: false, domain: Fixture.host),
                host: Fixture.host,
                sent: [.look(), .look(on: "www.\(Fixture.host)")],
                kept: [.look(on: "localhost")]
            ),
            Place(
                testDescription: "no Domain: to the host alone",
                cookie: StickyCookie(name: "v", maxAge: 3600, isSecure: false),
                host: Fixture.host,
                sent: [.look()],
                kept: [.look(on: "www.\(Fixture.host)")]
            ),
            Place(
                testDescription: "__Host-: kept by localhost, which browsers trust without TLS",
                cookie: StickyCookie(name: "__Host-v", maxAge: 3600),
                host: "localhost",
                sent: [.look(on: "localhost")],
                kept: [.look()]
            ),
            Place(
                testDescription: "Secure: not kept over plain HTTP",
                cookie: StickyCookie(name: "v", maxAge: 3600),
                host: Fixture.host,
                sent: [],
                kept: [.look()]
            ),
        ]

        @Test("sends the cookie where its attributes say, until it is told to forget it", arguments: places)
        func attributes(_ place: Place) throws {
            // From a page outside of every path, so that only the attributes can say which cookie is meant.
            let visit = try Shop(place.cookie).visit(
                [.route(on: place.host)] + place.sent + place.kept + [.signOut(on: place.host)] + place.sent
            )
            let given = try #require(visit.seen[0].given)
            var rest = visit.seen.dropFirst()
            for step in place.sent { #expect(rest.popFirst()?.cookies == [given], "\(step.host)\(step.path)") }
            for step in place.kept { #expect(rest.popFirst()?.cookies == [], "\(step.host)\(step.path)") }
            _ = rest.popFirst()
            for step in place.sent { #expect(rest.popFirst()?.cookies == [], "forgotten: \(step.host)\(step.path)") }
        }
    }
#endif
