import Testing

@testable import Rollout

/// Visitors over days of simulated time. Shares are held against 4 standard deviations of a binomial draw, at fixed seeds:
/// a right library passes always, since nothing else is random.
@Suite("Pins")
struct PinTests {
    private static let visitors = 800
    private static let lifetimes = 20
    private static let life = Int64(Fixture.maxAge)

    @Test(
        "20 lifetimes at 10 % stay at 10 %: no ratchet into the canary, none out of it",
        arguments: [
            StickyCookie.Pin.variant, .bucket,
        ]
    )
    func steady(_ pin: StickyCookie.Pin) throws {
        let (_, handle) = try Fixture.router(Fixture.policy(pin: pin))
        let sessions = try Fixture.sessions(seed: 20)
        var crowd = [Browser](repeating: Browser(), count: 100)
        var everInCanary = Set<Int>()
        var drawn = 0
        for lifetime in 0..<Self.lifetimes {
            let start = Fixture.now + Int64(lifetime) * Self.life
            let first = crowd.indices.map { crowd[$0].visit(sessions, handle, at: start).decision }
            // Every visit is a chance to lose one side's tokens and not the other's. The last is in the token's last second.
            for later in [60, Self.life / 2, Self.life - 31] {
                let again = crowd.indices.map { crowd[$0].visit(sessions, handle, at: start + later).decision }
                #expect(again.map(\.variant) == first.map(\.variant), "lifetime \(lifetime)")
                #expect(again.allSatisfy { $0.reason == .sticky }, "lifetime \(lifetime)")
            }
            let inCanary = first.indices.filter { first[$0].variant.name == "canary" }
            expectShare(inCanary.count, of: crowd.count, is: 0.1)
            drawn += inCanary.count
            everInCanary.formUnion(inCanary)
        }
        #expect(crowd.allSatisfy { $0.received == Self.lifetimes }, "one cookie a lifetime")
        expectShare(drawn, of: crowd.count * Self.lifetimes, is: 0.1)
        // Their cookies end with the lifetime, so each draws anew: 1 - 0.9^20 = 88 % have been in it once.
        expectShare(everInCanary.count, of: crowd.count, is: 0.878)
    }

    @Test("a browser that sends expired cookies keeps its bucket, and so its variant at an equal share")
    func bucketSurvives() throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = try Fixture.sessions(seed: 21)
        for _ in 0..<100 {
            let first = sessions.route(SessionRequest(now: Fixture.now), through: handle)
            let late = SessionRequest(cookies: first.setCookie, now: Fixture.now + 2 * Self.life)
            let second = sessions.route(late, through: handle)
            #expect(second.token == .lost(.expired))
            #expect(second.decision == first.decision)
            #expect(try token(in: second.setCookie).issued == UInt32((Fixture.now - 30 + 2 * Self.life).seconds))
        }
    }

    @Test("a ramp to 50 % with pin \"variant\": live sessions stay, new ones get 50 %, all of them after a lifetime")
    func rampWithVariant() throws {
        let (router, handle) = try Fixture.router(Fixture.policy())
        let sessions = try Fixture.sessions(seed: 22)
        var crowd = [Browser](repeating: Browser(), count: Self.visitors)
        let before = crowd.indices.map { crowd[$0].visit(sessions, handle, at: Fixture.now).isCanary }
        expectShare(before.count { $0 }, of: crowd.count, is: 0.1)

        try router.update(to: Fixture.policy(revision: 8, percent: 50))
        let during = crowd.indices.map { crowd[$0].visit(sessions, handle, at: Fixture.now + 600).isCanary }
        #expect(during == before, "both ways")
        var newcomers = [Browser](repeating: Browser(), count: Self.visitors)
        let new = newcomers.indices.filter { newcomers[$0].visit(sessions, handle, at: Fixture.now + 600).isCanary }
        expectShare(new.count, of: newcomers.count, is: 0.5)

        let after = crowd.indices.filter { crowd[$0].visit(sessions, handle, at: Fixture.now + Self.life).isCanary }
        expectShare(after.count, of: crowd.count, is: 0.5)
    }

    @Test("a ramp to 50 % with pin \"bucket\" moves exactly the new interval, at once, and back")
    func rampWithBucket() throws {
        let (router, handle) = try Fixture.router(Fixture.policy(pin: .bucket))
        let sessions = try Fixture.sessions(seed: 23)
        var crowd = [Browser](repeating: Browser(), count: Self.visitors)
        for index in crowd.indices { crowd[index].visit(sessions, handle, at: Fixture.now) }
        for (revision, percent) in [(8, 50), (9, 30), (10, 100), (11, 0), (12, 10)] as [(UInt32, Double)] {
            try router.update(to: Fixture.policy(revision: revision, percent: percent, pin: .bucket))
            let answers = crowd.indices.map { crowd[$0].visit(sessions, handle, at: Fixture.now + 60) }
            for answer in answers {
                let bucket = try #require(answer.decision.bucket)
                if answer.isCanary != (bucket < Int(percent * 10_000)) {
                    Issue.record("bucket \(bucket) at \(percent) %")
                }
            }
            expectShare(answers.count { $0.isCanary }, of: crowd.count, is: percent / 100)
        }
        #expect(crowd.allSatisfy { $0.received == 1 }, "nothing was written again")
    }

    @Test("units that are known keep to pins as visitors do")
    func knownUnits() throws {
        let (router, handle) = try Fixture.router(Fixture.policy())
        let sessions = try Fixture.sessions()
        var crowd = (0..<1_000).map { Browser(unit: "user-\($0)") }
        let before = crowd.indices.map { crowd[$0].visit(sessions, handle, at: Fixture.now).isCanary }
        #expect(before == crowd.map { handle.decision(for: $0.unit ?? "").variant.name == "canary" })
        try router.update(to: Fixture.policy(revision: 8, percent: 50))
        let during = crowd.indices.map { crowd[$0].visit(sessions, handle, at: Fixture.now + 60).isCanary }
        #expect(during == before)
        try router.update(to: Fixture.policy(revision: 9, percent: 50, pin: .bucket))
        let unpinned = crowd.indices.map { crowd[$0].visit(sessions, handle, at: Fixture.now + 60).isCanary }
        #expect(unpinned == crowd.map { handle.decision(for: $0.unit ?? "").variant.name == "canary" })
    }

    @Test(
        "a visitor without a unit gets a cookie in every epoch, under either pin",
        arguments: [0, 1, 3, .max] as [UInt32],
        [.variant, .bucket] as [StickyCookie.Pin]
    )
    func firstVisit(_ epoch: UInt32, _ pin: StickyCookie.Pin) throws {
        let (_, handle) = try Fixture.router(Fixture.policy(epoch: epoch, pin: pin))
        for bucket in [42, 500_000] {
            let sessions = SessionRouter(keys: try Fixture.keys(7)) { bucket }
            let first = sessions.route(SessionRequest(host: Fixture.host, now: Fixture.now), through: handle)
            #expect(first.decision.reason == .split && first.decision.bucket == bucket)
            let token = try token(in: first.setCookie)
            #expect(token.bucket == UInt32(bucket) && token.epoch == epoch)
            let cookies = first.setCookie
            let request = SessionRequest(host: Fixture.host, cookies: cookies, now: Fixture.now + 60)
            let second = sessions.route(request, through: handle)
            #expect(second.token == .valid && second.decision.reason == .sticky && second.setCookie == nil)
            #expect(second.decision.variant == first.decision.variant && second.decision.bucket == bucket)
        }
    }

    @Test("the bucket of a new visitor is uniform and comes from the system's generator")
    func systemGenerator() throws {
        let (_, handle) = try Fixture.router(Fixture.policy(percent: 50))
        let sessions = SessionRouter(keys: try Fixture.keys(7))
        let buckets = (0..<2_000).compactMap { _ in
            sessions.route(SessionRequest(now: Fixture.now), through: handle).decision.bucket
        }
        #expect(buckets.count == 2_000)
        #expect(Set(buckets).count > 1_980, "2 repetitions are to be expected")
        // Not seeded: 6 standard deviations, which one run in 500 million exceeds.
        let low = buckets.count { $0 < Share.bucketCount / 2 }
        #expect(abs(low - 1_000) < 135)
    }

    private func expectShare(
        _ count: Int,
        of total: Int,
        is share: Double,
        _ location: SourceLocation = #_sourceLocation
    ) {
        let deviation = (Double(total) * share * (1 - share)).squareRoot()
        #expect(abs(Double(count) - Double(total) * share) <= 4 * deviation, sourceLocation: location)
    }
}

extension SessionDecision {
    fileprivate var isCanary: Bool { decision.variant.name == "canary" }
}
