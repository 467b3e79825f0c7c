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
        @Test("lets the cookie go when its life is over, and not before")
        func expires() throws {
            let shop = try Shop(["short", "long"].map { StickyCookie(name: $0, maxAge: 60, isSecure: false) })
            let minute = UnixTime(seconds: Fixture.now.seconds / 60 * 60)
            // While the browser waits, two of its own seconds go by.
            let seen = try shop.visit([
                .route(at: minute + 59), .route(at: minute).about(1), .wait, .look(), .look().about(1),
            ]).seen
            #expect(try #require(seen[0].answer?.setCookie).hasSuffix("Max-Age=1"))
            #expect(try #require(seen[1].answer?.setCookie).hasSuffix("Max-Age=60"))
            #expect(seen[3].cookies.isEmpty)
            #expect(try seen[4].cookies == [#require(seen[1].given)])
        }

        private struct Place {
            let description: String
            let cookie: StickyCookie
            let host: String
            /// Where the browser sends it.
            let sent: [Shop.Step]
            /// Where it does not.
            let kept: [Shop.Step]
        }

        private static let places = [
            Place(
                description: "Path: below the path",
                cookie: StickyCookie(name: "path", maxAge: 3600, isSecure: false, path: "/app"),
                host: Fixture.host,
                sent: [.look("/app"), .look("/app/inner")],
                kept: [.look("/"), .look("/apple")]
            ),
            Place(
                description: "Domain: to subdomains",
                cookie: StickyCookie(name: "domain", maxAge: 3600, isSecure: false, domain: Fixture.host),
                host: Fixture.host,
                sent: [.look(), .look(on: "www.\(Fixture.host)")],
                kept: [.look(on: "localhost")]
            ),
            Place(
                description: "no Domain: to the host alone",
                cookie: StickyCookie(name: "host", maxAge: 3600, isSecure: false),
                host: Fixture.host,
                sent: [.look()],
                kept: [.look(on: "www.\(Fixture.host)")]
            ),
            Place(
                description: "__Host-: kept by localhost, which browsers trust without TLS",
                cookie: StickyCookie(name: "__Host-v", maxAge: 3600),
                host: "localhost",
                sent: [.look(on: "localhost")],
                kept: [.look()]
            ),
            Place(
                description: "Secure: not kept over plain HTTP",
                cookie: StickyCookie(name: "secure", maxAge: 3600),
                host: Fixture.host,
                sent: [],
                kept: [.look()]
            ),
        ]

        // A browser follows no more than 20 redirections, so it takes two visits.
        @Test("sends the cookie where its attributes say, until it is told to forget it", arguments: [0..<2, 2..<5])
        func attributes(_ range: Range<Int>) throws {
            let places = Self.places[range]
            // From a page outside of every path, so that only the attributes can say which cookie is meant.
            let steps = places.enumerated().flatMap { index, place in
                ([.route(on: place.host)] + place.sent + place.kept + [.signOut(on: place.host)] + place.sent)
                    .map { $0.about(index) }
            }
            var rest = try Shop(places.map(\.cookie)).visit(steps).seen[...]
            for place in places {
                let given = try #require(rest.popFirst()?.given, "\(place.description)")
                func expect(_ cookies: [String], at steps: [Shop.Step], _ when: String) {
                    for step in steps {
                        let seen = rest.popFirst()?.cookies
                        #expect(seen == cookies, "\(place.description), \(when): \(step.host)\(step.path)")
                    }
                }
                expect([given], at: place.sent, "sent")
                expect([], at: place.kept, "not sent")
                _ = rest.popFirst()
                expect([], at: place.sent, "forgotten")
            }
        }
    }
#endif
