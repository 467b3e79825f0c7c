import Testing

@testable import Rollout

/// Two replicas of one service share browsers. What one writes, the other must be able to leave alone.
@Suite("A stale replica")
struct ReplicaTests {
    struct Change: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let policy: @Sendable () throws -> RolloutPolicy
    }

    /// What the replica that is ahead has got already.
    static let changes = [
        Change(testDescription: "a ramp") { try Fixture.policy(revision: 8, percent: 50) },
        Change(testDescription: "a ramp down to nothing") { try Fixture.policy(revision: 8, percent: 0) },
        Change(testDescription: "a new epoch") { try Fixture.policy(revision: 8, epoch: 4) },
        Change(testDescription: "a rollback") {
            try Fixture.policy(revision: 8, percent: 0, epoch: 4) { $0.disabled = ["canary"] }
        },
        Change(testDescription: "a canary that drains") {
            try Fixture.policy(revision: 8) { $0.draining = ["canary"] }
        },
        Change(testDescription: "a longer life") { try Fixture.policy(revision: 8, maxAge: 7200) },
        Change(testDescription: "a shorter life") { try Fixture.policy(revision: 8, maxAge: 600) },
        Change(testDescription: "the other pin") { try Fixture.policy(revision: 8, pin: .bucket) },
    ]

    // Two minutes are tolerated and 30 seconds pass between two visits: so where clocks differ by two minutes and a half, no
    // token is still too far in the future when it is next seen.
    @Test(
        "never fights over a cookie, nor where clocks differ by as much as they may",
        arguments: changes,
        [-150, -90, 0, 90, 150]
    )
    func noPingPong(_ change: Change, skew: Int64) throws {
        let (_, behind) = try Fixture.router(Fixture.policy())
        let (_, ahead) = try Fixture.router(change.policy())
        var generator = SplitMix64(seed: 5)
        let sessions = try Fixture.sessions(seed: 5)
        for visitor in 0..<8 {
            var browser = Browser(unit: visitor % 2 == 0 ? nil : "user-\(visitor)")
            // Less than seven minutes, so within any life by any clock: every cookie beyond the two replicas' first ones is
            // a fight.
            for step in 0..<13 {
                let now = Fixture.now + 30 * Int64(step)
                let isBehind = Bool.random(using: &generator)
                browser.visit(sessions, isBehind ? behind : ahead, at: now, serverTime: isBehind ? now + skew : now)
            }
            #expect(browser.received <= 2, "visitor \(visitor)")
        }
    }

    @Test("answers a token of a newer epoch with the first variant, writes nothing, and counts it")
    func newerEpoch() throws {
        let (_, handle) = try Fixture.router(Fixture.policy(percent: 100))
        let sessions = try Fixture.sessions()
        for (count, unit) in [nil, "alice"].enumerated() {
            let cookies = try sessions.cookie("canary", epoch: 4, revision: 8, unit: unit)
            let request = SessionRequest(unit: unit, host: Fixture.host, cookies: cookies, now: Fixture.now)
            let answer = sessions.route(request, through: handle)
            #expect(answer.decision.reason == .stale && answer.decision.variant.name == "stable")
            #expect(answer.setCookie == nil && answer.token == .newerEpoch)
            #expect(sessions.counts.stale == count + 1)
        }
    }

    @Test("decides as usual if a later revision added a variant, and leaves the cookie alone")
    func newerVariant() throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = SessionRouter(keys: try Fixture.keys(7)) { 0 }
        let cookies = try sessions.cookie("treatment", bucket: 999_999, revision: 8)
        let answer = sessions.route(
            SessionRequest(host: Fixture.host, cookies: cookies, now: Fixture.now),
            through: handle
        )
        #expect(answer.decision.reason == .split && answer.decision.bucket == 999_999)
        #expect(answer.setCookie == nil)
    }

    // (revision, whether the cookie is replaced): only a later revision may be one that lets tokens grow older.
    @Test("leaves a token alone that only a later revision lets live so long", arguments: [(8, false), (7, true)])
    func longerLife(_ row: (revision: UInt32, isReplaced: Bool)) throws {
        let (_, handle) = try Fixture.router(Fixture.policy(maxAge: 3600))
        let sessions = SessionRouter(keys: try Fixture.keys(7)) { 500_000 }
        let cookies = try sessions.cookie("canary", revision: row.revision, issued: Fixture.now - 3700, life: 7200)
        let request = SessionRequest(host: Fixture.host, cookies: cookies, now: Fixture.now)
        let answer = sessions.route(request, through: handle)
        #expect(answer.token == .lost(.outlived))
        #expect(answer.decision.reason == .split && answer.decision.bucket == 42)
        #expect((answer.setCookie != nil) == row.isReplaced)
    }

    @Test("validates what another replica signed: nothing but the key and the policy is shared")
    func otherReplica() throws {
        let (_, here) = try Fixture.router(Fixture.policy())
        let (_, there) = try Fixture.router(Fixture.policy())
        let first = try Fixture.sessions().route(SessionRequest(unit: "a", host: "h", now: Fixture.now), through: here)
        let request = SessionRequest(unit: "a", host: "h", cookies: first.setCookie, now: Fixture.now + 119)
        let second = try Fixture.sessions(seed: 9).route(request, through: there)
        #expect(second.token == .valid && second.decision.variant == first.decision.variant)
    }

    /// Publishes a policy while the request's tag is computed, in the middle of a decision.
    private struct Interrupting: MessageAuthenticator {
        let hmac: HMACSHA256
        let update: @Sendable () -> Void

        func tag(of message: Span<UInt8>) -> AuthenticationTag? {
            update()
            return unsafe message.withUnsafeBytes { message in AuthenticationTag(unsafe hmac.tag(of: message).bytes) }
        }
    }

    @Test("starts again if the policy changes between the cookie and the decision")
    func changedMeanwhile() throws {
        let (router, handle) = try Fixture.router(Fixture.policy(percent: 100))
        let next = try Fixture.policy(revision: 8, percent: 100, epoch: 4, maxAge: 600)
        let keys = SigningKey(
            id: 7,
            authenticator: Interrupting(hmac: HMACSHA256(key: Fixture.secret(7))) { _ = try? router.update(to: next) }
        )
        let sessions = SessionRouter(keys: try SigningKeys([keys])) { 0 }
        let cookies = try Fixture.sessions().cookie("canary", epoch: 4, revision: 8)
        // By the old policy it is stale; by the new one it is valid.
        let request = SessionRequest(host: Fixture.host, cookies: cookies, now: Fixture.now)
        let answer = sessions.route(request, through: handle)
        #expect(answer.decision.revision == 8 && answer.decision.reason == .sticky && answer.token == .valid)
        #expect(sessions.counts.stale == 0, "counted once, by the policy that decided")
    }

    @Test("starts again if the policy changes while a bucket is drawn")
    func changedWhileDrawing() throws {
        let (router, handle) = try Fixture.router(Fixture.policy())
        let next = try Fixture.policy(revision: 8, percent: 100, maxAge: 600)
        let sessions = SessionRouter(keys: try Fixture.keys(7)) {
            _ = try? router.update(to: next)
            return 500_000
        }
        let answer = sessions.route(SessionRequest(host: Fixture.host, now: Fixture.now), through: handle)
        #expect(answer.decision.revision == 8)
        let token = try token(in: answer.setCookie)
        #expect(token.revision == 8 && token.expires == token.issued + 600, "the life is the new policy's too")
    }

    @Test("decides by one policy and its cookie while updates race")
    func race() async throws {
        let (router, handle) = try Fixture.router(Fixture.policy(revision: 1, epoch: 1))
        let sessions = try Fixture.sessions()
        let isDone = Lock(false)
        let seen = Lock((mixed: 0, revision: UInt32(0)))
        // Threads of their own: a reader that spins in the pool would keep the other tests from it.
        await onThreads([
            {
                // Even if an update fails, the reader is told to end.
                defer { isDone.withLock { $0 = true } }
                // The epoch and the cookie's name change together: a token read by one and judged by the other would show.
                for revision in UInt32(2)...400 {
                    let updated = try? router.update(
                        to: Fixture.policy(revision: revision, epoch: revision) {
                            $0.sticky?.name = "c\(revision)"
                            $0.strategy = .canary(
                                .all,
                                stable: ["app": "s\(revision)"],
                                canary: ["app": "v\(revision)"]
                            )
                        }
                    )
                    if updated != revision { Issue.record("revision \(revision) was not taken") }
                }
            },
            {
                while !isDone.withLock({ $0 }) {
                    let answer = sessions.route(SessionRequest(unit: "alice", now: Fixture.now), through: handle)
                    let revision = answer.decision.revision
                    let isMixed = revision > 1 && answer.setCookie?.hasPrefix("c\(revision)=") != true
                    let isOther = answer.decision.epoch != revision
                    seen.withLock { $0 = ($0.mixed + (isMixed || isOther ? 1 : 0), revision) }
                }
            },
        ])
        let (mixed, revision) = seen.withLock { $0 }
        #expect(mixed == 0)
        #expect(revision > 1, "updates were seen")
    }
}
