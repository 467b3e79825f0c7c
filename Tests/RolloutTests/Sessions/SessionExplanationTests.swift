import Testing

@testable import Rollout

@Suite("Explanations of sessions")
struct SessionExplanationTests {
    private static func sessions() throws -> SessionRouter {
        // One bucket for everybody, so that an explanation and the request itself draw the same.
        SessionRouter(keys: try Fixture.keys(7)) { 123_456 }
    }

    @Test(
        "An explanation comes to what the session decides, writes and counts",
        arguments: StressEffort.seeds(3, long: 20)
    )
    func agreement(seed: UInt64) throws {
        var random = RandomPolicy(seed: seed)
        let sessions = try Self.sessions()
        for _ in 0..<10 {
            var rollout = random.rollout()
            rollout.epoch = 3
            if var sticky = rollout.sticky {
                sticky.name = Fixture.cookieName
                sticky.domain = random.pick([nil, Fixture.host, ".Other.example"])
                rollout.sticky = sticky
            }
            let (_, handle) = try Fixture.router(RolloutPolicy(revision: 7, rollouts: ["sms": rollout]))
            for _ in 0..<20 {
                let unit = random.request(for: "sms", of: rollout).unit
                let host = random.pick([Fixture.host, Fixture.host, RandomPolicy.hosts[0], nil])
                let cookies = try (0..<random.number(in: 0...6)).map { _ in
                    try Self.cookie(rollout, unit, host, sessions, &random)
                }
                let now = Fixture.now + random.pick([0, 0, 0, 70, -200])
                let request = SessionRequest(unit: unit, host: host, cookies: cookies, now: now)
                try Self.check(request, sessions, handle, cookies: cookies.count, seed)
            }
        }
    }

    private static func check(
        _ request: SessionRequest,
        _ sessions: SessionRouter,
        _ handle: RolloutHandle,
        cookies: Int,
        _ seed: UInt64
    ) throws {
        let before = sessions.counts
        let told = sessions.explanation(for: request, through: handle)
        #expect(sessions.counts == before, "an explanation counts nothing")
        let answer = sessions.route(request, through: handle)
        let context: Comment = "seed \(seed), \(request.cookies)\n\(told)"
        #expect(told.explanation.decision == answer.decision, context)
        #expect(told.setCookie == answer.setCookie, context)
        #expect(!told.drewBucket || told.setCookie != nil, context)
        let obstacles = CookieObstacle.allCases.filter { sessions.counts.unwritten($0) > before.unwritten($0) }
        #expect([told.obstacle].compactMap(\.self) == obstacles, context)
        let deciding = told.explanation.steps.filter(\.decides)
        #expect(deciding.map(\.answer) == [answer.decision], context)
        #expect(told.explanation.steps.prefix { !$0.decides }.allSatisfy { $0.answer == nil }, context)
        guard told.cookie != nil else {
            #expect(told.tokens.isEmpty && answer.token == .absent, context)
            return
        }
        #expect(told.tokens.count == min(cookies, 4), context)
        #expect(told.hasMoreTokens == (cookies > 4), context)
        let verdicts = told.tokens.map(\.verdict)
        switch answer.token {
        case .absent: #expect(verdicts.isEmpty, context)
        case .valid, .newerEpoch, .lost: #expect(verdicts.contains(answer.token), context)
        }
        let after = sessions.counts
        for cause in TokenLoss.allCases where cause != .contradicted {
            #expect(verdicts.count { $0 == .lost(cause) } == after.lost(cause) - before.lost(cause), context)
        }
        #expect(
            verdicts.contains(.lost(.contradicted)) == (after.lost(.contradicted) > before.lost(.contradicted)),
            context
        )
    }

    /// A cookie of any kind that a request may bring.
    private static func cookie(
        _ rollout: RolloutDefinition,
        _ unit: String?,
        _ host: String?,
        _ sessions: SessionRouter,
        _ random: inout RandomPolicy
    ) throws -> String {
        if random.chance(1, in: 8) { return "\(Fixture.cookieName)=\(random.pick(["", "x", "\"quoted\""]))" }
        let names = rollout.strategy.variants.map(\.name)
        return try sessions.cookie(
            random.pick([nil, "gone", random.pick(names), random.pick(names)]),
            bucket: random.pick([42, 42, 999_999, .max]),
            epoch: random.pick([2, 3, 3, 3, 3, 4]),
            revision: random.pick([6, 7, 8]),
            issued: Fixture.now + random.pick([-30, -30, -90, 150]),
            life: random.pick([60, 3_600, 3_600]),
            unit: random.pick([unit, nil]),
            host: random.chance(1, in: 8) ? "other.example" : host,
            domain: rollout.sticky?.domain
        )
    }

    private static func told(
        _ cookies: [String],
        unit: String? = nil,
        _ edit: (inout RolloutDefinition) -> Void = { _ in }
    ) throws -> SessionExplanation {
        let (_, handle) = try Fixture.router(try Fixture.policy(percent: 50, edit))
        let request = SessionRequest(unit: unit, host: Fixture.host, cookies: cookies, now: Fixture.now)
        return try sessions().explanation(for: request, through: handle)
    }

    @Test("The text has a line for each token, the bucket that was drawn, and the cookie that is due")
    func text() throws {
        let sessions = try Self.sessions()
        let (good, late) = (try sessions.cookie("canary"), try sessions.cookie("canary", epoch: 2))
        let lines = { (told: SessionExplanation) in told.description.split(separator: "\n").map(String.init) }
        let content = "variant canary, bucket 42, epoch 3, revision 7, issued 1800000000, expires 1800003600, key 7"
        let valid = try lines(Self.told([good, "x=y"]))
        #expect(valid[1...2] == [#"unit none, host "sms-app.local""#, "token 1: valid; \(content), issued to nobody"])
        #expect(valid.contains("-> 3. assignment     of canary, bucket 42, epoch 3"))
        #expect(!valid.contains { $0.hasPrefix("set-cookie: ") })

        let login = try lines(Self.told([good], unit: "dave"))
        #expect(login.last?.hasPrefix("set-cookie: \(Fixture.cookieName)=") == true)

        let older = try lines(Self.told([late, "\(Fixture.cookieName)=x"]))
        #expect(older[2].hasPrefix("token 1: lost: older epoch; variant canary, bucket 42, epoch 2, "))
        #expect(older[3] == "token 2: lost: malformed")
        #expect(older.contains("   3. assignment     bucket 42: it names no variant; the draw takes its bucket"))
        #expect(older.contains("-> 4. draw           bucket 42 belongs to canary"))

        let none = try lines(Self.told(["x=y"]))
        #expect(
            none[2...3] == [
                #"cookies: none is called "sms-app-version""#, "bucket: drawn at random; the cookie keeps it",
            ]
        )

        let outside = try lines(Self.told([]) { $0.sticky?.domain = "Example.org" })
        #expect(outside[2] == #"cookies: none is called "sms-app-version""#)
        #expect(outside.contains("-> 5. missing unit   the request brings no unit"))
        #expect(
            outside.last
                == #"set-cookie: none, because the host "sms-app.local" is outside the cookie's domain "example.org""#
        )

        let many = try lines(Self.told(Array(repeating: good, count: 5)))
        #expect(many.contains(#"more cookies called "sms-app-version": not read"#))
        let contradicted = try Self.told([good, try sessions.cookie("stable")])
        #expect(contradicted.tokens.map(\.verdict) == [.lost(.contradicted), .lost(.contradicted)])
        #expect(
            try lines(
                Self.told([good]) {
                    $0.sticky = nil; $0.missingUnit = .first
                }
            )[2] == "cookies: the rollout keeps none"
        )
    }

    @Test("The JSON is that of the rules, with the tokens and the cookie")
    func json() throws {
        let told = try Self.told([Self.sessions().cookie("canary"), "\(Fixture.cookieName)=x"])
        let json = told.json
        #expect(
            json.contains(
                #""tokens":[{"content":{"boundToUnit":false,"bucket":42,"epoch":3,"expires":1800003600,"#
                    + #""invitation":false,"issued":1800000000,"key":7,"revision":7,"variant":"canary"},"verdict":"valid"},"#
                    + #"{"content":null,"verdict":"lost: malformed"}]"#
            ),
            "\(json)"
        )
        for member in [
            #""cookie":"sms-app-version""#, #""drewBucket":false"#, #""moreTokens":false"#, #""setCookie":null"#,
            #""domain":null"#, #""obstacle":null"#,
        ] {
            #expect(json.contains(member), "\(member)")
        }
        let content = try #require(told.tokens.first?.content)
        #expect(content.variant == "canary" && content.assignment.bucket == 42 && content.key == 7)
        #expect(content.issued == Fixture.now - 30 && content.expires == Fixture.now - 30 + Int64(Fixture.maxAge))
        #expect(!content.isBoundToUnit && !told.drewBucket)
        #expect(json.contains(#""decision":{"bucket":42,"epoch":3,"reason":"sticky""#))
    }
}
