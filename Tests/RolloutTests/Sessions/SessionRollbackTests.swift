import Testing

@testable import Rollout

@Suite("A rollback")
struct SessionRollbackTests {
    @Test("reaches everybody at once: live tokens, forces and hosts, and not one request gets the canary")
    func abort() throws {
        let (router, handle) = try Fixture.router(Fixture.policy(percent: 100))
        let sessions = try Fixture.sessions()
        var crowd = (0..<(StressEffort.isLong ? 10_000 : 2_000)).map { Browser(unit: $0 % 2 == 0 ? nil : "user-\($0)") }
        let before = crowd.indices.count { crowd[$0].visit(sessions, handle, at: Fixture.now).isCanary }
        #expect(before == crowd.count)

        try router.update { try $0.abort("sms") }
        var after = crowd
        let evicted = after.indices.map { after[$0].visit(sessions, handle, at: Fixture.now + 1) }
        #expect(!evicted.contains { $0.isCanary })
        #expect(evicted.allSatisfy { $0.decision.reason == .split }, "nobody is drawn to a variant that is disabled")
        #expect(sessions.counts.lost(.olderEpoch) == crowd.count)
        for unit in ["qa-canary", "qa-stable", "user-1", nil] {
            for host in ["canary.sms-app.local", "stable.sms-app.local", Fixture.host, nil] {
                let cookies = try sessions.cookie("canary", unit: unit, host: host)
                let request = SessionRequest(unit: unit, host: host, cookies: cookies, now: Fixture.now)
                #expect(
                    !sessions.route(request, through: handle).isCanary,
                    "\(unit ?? "nobody") at \(host ?? "no host")"
                )
            }
        }

        // The canary comes again in a newer epoch: what was signed before it stays void.
        try router.update(to: Fixture.policy(revision: 9, percent: 10, epoch: 5))
        var replayed = Array(crowd.prefix(crowd.count / 10))
        let answers = replayed.indices.map { replayed[$0].visit(sessions, handle, at: Fixture.now + 2) }
        #expect(answers.allSatisfy { $0.token == .lost(.olderEpoch) && $0.decision.reason == .split })
    }

    @Test("that only drains leaves live sessions be, and lets nobody in")
    func draining() throws {
        let (router, handle) = try Fixture.router(Fixture.policy(percent: 50))
        let sessions = try Fixture.sessions()
        var crowd = [Browser](repeating: Browser(), count: 200)
        let before = crowd.indices.map { crowd[$0].visit(sessions, handle, at: Fixture.now).isCanary }
        try router.update(to: Fixture.policy(revision: 8, percent: 50) { $0.draining = ["canary"] })
        let during = crowd.indices.map { crowd[$0].visit(sessions, handle, at: Fixture.now + 60).isCanary }
        #expect(during == before)
        var newcomers = [Browser](repeating: Browser(), count: 200)
        #expect(newcomers.indices.count { newcomers[$0].visit(sessions, handle, at: Fixture.now + 60).isCanary } == 0)
        let late = Fixture.now + Int64(Fixture.maxAge)
        #expect(crowd.indices.count { crowd[$0].visit(sessions, handle, at: late).isCanary } == 0, "until they expire")
    }

    @Test("that disables without a new epoch evicts as well")
    func disabled() throws {
        let (router, handle) = try Fixture.router(Fixture.policy(percent: 100))
        let sessions = try Fixture.sessions()
        var browser = Browser()
        #expect(browser.visit(sessions, handle, at: Fixture.now).isCanary)
        try router.update(to: Fixture.policy(revision: 8, percent: 100) { $0.disabled = ["canary"] })
        let answer = browser.visit(sessions, handle, at: Fixture.now + 1)
        #expect(answer.token == .lost(.variantGone) && !answer.isCanary)
        #expect(try token(in: answer.setCookie).variant == .notEnrolled)
    }

    @Test("that removes the rollout, its cookie or its strategy leaves cookies alone")
    func removed() throws {
        let (router, handle) = try Fixture.router(Fixture.policy(percent: 100))
        let sessions = try Fixture.sessions()
        let cookies = try sessions.cookie("canary")
        let request = SessionRequest(host: Fixture.host, cookies: cookies, now: Fixture.now)
        try router.update(to: Fixture.policy(revision: 8, missingUnit: .first) { $0.sticky = nil })
        #expect(sessions.route(request, through: handle).decision.reason == .missingUnit)
        try router.update(
            to: Fixture.policy(revision: 9) {
                $0.strategy = .fixed(["app": "v1"])
                ($0.hosts, $0.forced, $0.epoch) = ([:], [:], $0.epoch + 1)
            }
        )
        #expect(sessions.route(request, through: handle).decision.reason == .fixed)
        try router.update(to: RolloutPolicy(revision: 10, rollouts: [:]))
        #expect(sessions.route(request, through: handle).decision.reason == .absent)
        #expect(sessions.counts.written == 0 && sessions.counts.lost == 0)
    }
}

extension SessionDecision {
    fileprivate var isCanary: Bool { decision.variant.name == "canary" }
}
