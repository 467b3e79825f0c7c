import Testing

@testable import Rollout

/// A visitor outside the coverage is in no variant: his token keeps the bucket and pins nothing, so the coverage of now
/// decides whether he takes part.
@Suite("Sessions outside the coverage of an A/B test")
struct CoverageSessionTests {
    private static let names: [VariantName] = ["control", "small", "large"]

    /// Equal weights: at 30 % the ranges end at 100,000, 200,000 and 300,000; at 90 % at three times those.
    private static func policy(_ revision: UInt32, coverage: Double, _ pin: StickyCookie.Pin) throws -> RolloutPolicy {
        let variants = names.map { WeightedVariant($0, weight: 1, release: ["model": "m1"]) }
        return try Fixture.policy(revision: revision, pin: pin) {
            $0.strategy = .abTest(variants, coverage: .percent(coverage))
            ($0.hosts, $0.forced) = ([:], [:])
        }
    }

    struct Visitor: Sendable, CustomTestStringConvertible {
        let bucket: Int
        /// What 90 % of coverage give the bucket, or nil for nothing.
        let entered: VariantName?
        var testDescription: String { "bucket \(bucket)" }
    }

    static let visitors = [
        Visitor(bucket: 300_000, entered: "small"), Visitor(bucket: 599_999, entered: "small"),
        Visitor(bucket: 600_000, entered: "large"), Visitor(bucket: 899_999, entered: "large"),
        Visitor(bucket: 900_000, entered: nil), Visitor(bucket: 999_999, entered: nil),
    ]

    @Test("keep the bucket, and enter once the coverage reaches it, by a draw that is pinned", arguments: visitors)
    func pinVariant(_ visitor: Visitor) throws {
        let (router, handle) = try Fixture.router(Self.policy(1, coverage: 30, .variant))
        let sessions = try Self.sessions(drawing: visitor.bucket)
        var browser = Browser()
        try expectOutside(&browser, visitor, sessions, handle)

        try router.update(to: Self.policy(2, coverage: 90, .variant))
        let entry = browser.visit(sessions, handle, at: Fixture.now + 120)
        #expect(entry.decision.variant.name == (visitor.entered ?? "control"))
        #expect(entry.decision.bucket == visitor.bucket && entry.token == .valid)
        #expect(entry.decision.reason == (visitor.entered == nil ? .notEnrolled : .split))
        #expect(browser.received == (visitor.entered == nil ? 1 : 2), "what was drawn is news, or it is not")
        guard let entered = visitor.entered else { return }
        let pinned = try token(in: entry.setCookie)
        #expect(pinned.variant == VariantTag(entered, in: "sms") && pinned.bucket == UInt32(visitor.bucket))
        #expect(Int64(pinned.issued) == (Fixture.now + 90).seconds, "a session of its own, with a life of its own")

        // What he has entered he keeps when the coverage shrinks again, until that life is over.
        try router.update(to: Self.policy(3, coverage: 30, .variant))
        let kept = browser.visit(sessions, handle, at: Fixture.now + 180)
        #expect(kept.decision.variant == entry.decision.variant && kept.decision.reason == .sticky)
        #expect(browser.received == 2)
        let end = UnixTime(seconds: Int64(pinned.expires))
        let late = SessionRequest(host: Fixture.host, cookies: browser.cookie, now: end)
        let over = sessions.route(late, through: handle)
        #expect(over.token == .lost(.expired) && over.decision.reason == .notEnrolled)
        #expect(try token(in: over.setCookie).variant == .notEnrolled)
    }

    @Test("enter and leave with the coverage if the bucket is pinned, and the cookie stays", arguments: visitors)
    func pinBucket(_ visitor: Visitor) throws {
        let (router, handle) = try Fixture.router(Self.policy(1, coverage: 30, .bucket))
        let sessions = try Self.sessions(drawing: visitor.bucket)
        var browser = Browser()
        try expectOutside(&browser, visitor, sessions, handle)
        for (revision, coverage) in [(2, 90), (3, 30), (4, 90)] as [(UInt32, Double)] {
            try router.update(to: Self.policy(revision, coverage: coverage, .bucket))
            let answer = browser.visit(sessions, handle, at: Fixture.now + 60 * Int64(revision))
            let entered = coverage == 90 ? visitor.entered : nil
            #expect(answer.decision.variant.name == (entered ?? "control"), "revision \(revision)")
            #expect(answer.decision.reason == (entered == nil ? .notEnrolled : .sticky), "revision \(revision)")
            #expect(answer.decision.bucket == visitor.bucket && answer.token == .valid)
        }
        #expect(browser.received == 1, "the bucket in it is right whatever the coverage")
    }

    /// Draws this bucket once, and then one of `control`: a bucket that is not kept shows.
    private static func sessions(drawing bucket: Int) throws -> SessionRouter {
        let next = Lock(bucket)
        return SessionRouter(keys: try Fixture.keys(7)) {
            next.withLock { bucket in
                defer { bucket = 0 }
                return bucket
            }
        }
    }

    /// The first visit, outside, and a second one that changes nothing.
    private func expectOutside(
        _ browser: inout Browser,
        _ visitor: Visitor,
        _ sessions: SessionRouter,
        _ handle: RolloutHandle
    ) throws {
        let first = browser.visit(sessions, handle, at: Fixture.now)
        #expect(first.decision.variant.name == "control" && first.decision.reason == .notEnrolled)
        let token = try token(in: first.setCookie)
        #expect(token.variant == .notEnrolled && token.bucket == UInt32(visitor.bucket))
        let second = browser.visit(sessions, handle, at: Fixture.now + 60)
        #expect(second.decision == first.decision && second.token == .valid && second.setCookie == nil)
    }
}
