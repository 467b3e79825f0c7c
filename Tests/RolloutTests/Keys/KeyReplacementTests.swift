import Testing

@testable import Rollout

@Suite("Keys that are replaced", .tags(.concurrency))
struct KeyReplacementTests {
    private typealias Watched = AuthenticatorTests.Watched

    private static func request(_ unit: String?, _ cookies: String?) -> SessionRequest {
        SessionRequest(unit: unit, host: Fixture.host, cookies: cookies, now: Fixture.now)
    }

    // MARK: What a change is

    struct Row: Sendable, CustomTestStringConvertible {
        let old: [UInt8]
        let new: [UInt8]
        let risks: [KeyChange.Risk]
        let text: String
        var testDescription: String { "\(old) by \(new)" }
    }

    private static let early = "so replicas that do not have it yet lose its sessions"
    static let rows = [
        Row(old: [7], new: [8, 7], risks: [], text: "keys 8, 7 (7 signs), before: keys 7 (7 signs)"),
        Row(old: [8, 7], new: [7, 8], risks: [], text: "keys 7, 8 (8 signs), before: keys 8, 7 (7 signs)"),
        Row(old: [7, 8], new: [8], risks: [], text: "keys 8 (8 signs), before: keys 7, 8 (8 signs)"),
        Row(
            old: [7],
            new: [7, 8],
            risks: [.newSigner],
            text: "keys 7, 8 (8 signs), before: keys 7 (7 signs); key 8 signs at once, \(early)"
        ),
        Row(
            old: [8, 7],
            new: [8],
            risks: [.lostSigner],
            text: "keys 8 (8 signs), before: keys 8, 7 (7 signs); "
                + "key 7 signed until now and is gone, so its sessions are lost"
        ),
        Row(
            old: [7],
            new: [8],
            risks: [.newSigner, .lostSigner],
            text: "keys 8 (8 signs), before: keys 7 (7 signs); key 8 signs at once, \(early); "
                + "key 7 signed until now and is gone, so its sessions are lost"
        ),
    ]

    @Test("sign and verify from the next request on, and say what that does to sessions", arguments: rows)
    func change(_ row: Row) throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = try Fixture.sessions(Fixture.keys(row.old))
        #expect(sessions.keyIDs == row.old)
        let changed = try sessions.replaceKeys(with: Fixture.keys(row.new))
        let change = try #require(changed)
        #expect(change.oldIDs == row.old && change.newIDs == row.new && change.risks == row.risks)
        #expect("\(change)" == row.text)
        #expect(sessions.keyIDs == row.new)
        #expect(try token(in: sessions.route(Self.request("a", nil), through: handle).setCookie).key == row.new.last)
        for id in [7, 8] as [UInt8] {
            let cookies = try Fixture.sessions(Fixture.keys([id])).route(Self.request("a", nil), through: handle)
                .setCookie
            let answer = sessions.route(Self.request("a", cookies), through: handle)
            #expect(answer.token == (row.new.contains(id) ? .valid : .lost(.unknownKey)))
        }
    }

    @Test("by the same change nothing; in another order they do")
    func same() throws {
        let sessions = try Fixture.sessions(Fixture.keys(1, 2, 3))
        #expect(try sessions.replaceKeys(with: Fixture.keys(1, 2, 3)) == nil)
        #expect(try sessions.replaceKeys(with: Fixture.keys(2, 1, 3))?.risks == [])
        #expect(sessions.keyIDs == [2, 1, 3])
    }

    @Test("by another secret under the same number void what the number signed")
    func otherSecret() throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = try Fixture.sessions()
        let cookies = sessions.route(Self.request("a", nil), through: handle).setCookie
        let other = try SigningKeys([SigningKey(id: 7, secret: Fixture.secret(8))])
        let change = try #require(try sessions.replaceKeys(with: other))
        #expect(change.risks == [.newSigner, .lostSigner])
        #expect("\(change)".hasSuffix("; key 7 signed until now and has another secret, so its sessions are lost"))
        #expect(sessions.route(Self.request("a", cookies), through: handle).token == .lost(.badTag))
    }

    @Test("of a service's own authenticator are others each time, and are believed to be those of their numbers")
    func authenticators() throws {
        func keys() throws -> SigningKeys { try SigningKeys([SigningKey(id: 7, authenticator: Watched {})]) }
        let sessions = try Fixture.sessions()
        #expect(try sessions.replaceKeys(with: keys())?.risks == [])
        #expect(try sessions.replaceKeys(with: keys())?.risks == [])
        #expect(try sessions.replaceKeys(with: Fixture.keys(7))?.risks == [])
    }

    // MARK: Requests under way

    /// A session router with one key, number 7, which does something the first time a tag is computed.
    private static func sessions(onFirstTag action: @escaping @Sendable (SessionRouter) -> Void) throws -> SessionRouter
    {
        let router = Lock<SessionRouter?>(nil)
        let authenticator = Watched {
            if let router = router.withLock({ exchange(&$0, with: nil) }) { action(router) }
        }
        let sessions = try Fixture.sessions(SigningKeys([SigningKey(id: 7, authenticator: authenticator)]))
        router.withLock { $0 = sessions }
        return sessions
    }

    private static func replace(_ sessions: SessionRouter, by ids: [UInt8]) {
        #expect(throws: Never.self) { try sessions.replaceKeys(with: Fixture.keys(ids)) }
    }

    /// Keys that would not sign what the request under way signs, and keys that would not even verify it.
    @Test(
        "while a request verifies: it signs with the keys it verified with, the next one with the new ones",
        arguments: [[7, 8], [8]]
    )
    func whileVerifying(_ next: [UInt8]) throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = try Self.sessions { Self.replace($0, by: next) }
        let anonymous = try Fixture.sessions().cookie("canary")
        let login = Self.request("alice", anonymous)
        let answer = sessions.route(login, through: handle)
        #expect(answer.token == .valid && answer.decision.reason == .sticky)
        #expect(try token(in: answer.setCookie).key == 7)
        #expect(sessions.keyIDs == next)
        let there = try Fixture.sessions()
        #expect(there.route(Self.request("alice", answer.setCookie), through: handle).token == .valid)
        #expect(try token(in: sessions.route(login, through: handle).setCookie).key == 8)
    }

    @Test("while a request begins anew because the policy changed too: it goes on with the keys it began with")
    func whileRepeating() throws {
        let (router, handle) = try Fixture.router(Fixture.policy())
        let renewed = try Fixture.policy(revision: 8, maxAge: 7200)
        let sessions = try Self.sessions { sessions in
            Self.replace(sessions, by: [8])
            #expect(throws: Never.self) { try router.update(to: renewed) }
        }
        let anonymous = try Fixture.sessions().cookie("canary")
        let answer = sessions.route(Self.request("alice", anonymous), through: handle)
        #expect(answer.decision.revision == 8, "it began anew")
        #expect(answer.token == .valid)
        #expect(try token(in: answer.setCookie).key == 7)
    }

    @Test("while an explanation is made: it explains what the request would have got")
    func whileExplaining() throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = try Self.sessions { Self.replace($0, by: [8]) }
        let request = Self.request("alice", try Fixture.sessions().cookie("canary"))
        let explanation = sessions.explanation(for: request, through: handle)
        #expect(explanation.tokens.map(\.verdict) == [.valid])
        #expect(try token(in: explanation.setCookie).key == 7)
    }

    @Test("while decisions are signed for the next service: all of one header have one key")
    func whileSigningDecisions() throws {
        var policy = try Fixture.policy()
        policy.rollouts["ui"] = RolloutDefinition(.fixed(["app": "v1"]))
        let router = try RolloutRouter(policy: policy)
        let sessions = try Self.sessions { Self.replace($0, by: [8]) }
        let decisions = router.snapshot()
        let both = ["sms", "ui"].compactMap { decisions.decision(for: "alice", in: $0) }
        let header = try #require(sessions.header(for: both, unit: "alice", now: Fixture.now))
        #expect(header.split(separator: ", ").map { $0.contains(";k=7;") } == [true, true])
        #expect(sessions.keyIDs == [8])
        let there = try Fixture.sessions()
        for id in ["sms", "ui"] as [RolloutID] {
            let handle = try #require(router.rollout(id))
            #expect(!there.adopt(header, for: "alice", through: handle, now: Fixture.now).isTainted, "\(id)")
        }
    }

    /// Two sets of keys. In each the other's signer has the secret of its own. So the signer's number of one with a secret of
    /// the other is what neither signs.
    private struct Crossed {
        let first: SigningKeys
        let second: SigningKeys

        init() throws {
            let (x, y) = (Fixture.secret(1), Fixture.secret(2))
            first = try SigningKeys([SigningKey(id: 8, secret: x), SigningKey(id: 7, secret: y)])
            second = try SigningKeys([SigningKey(id: 7, secret: x), SigningKey(id: 8, secret: y)])
        }
    }

    @Test("again and again under requests on other threads: each is answered by one set, and memory stays")
    func race() async throws {
        let crossed = try Crossed()
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = try Fixture.sessions(crossed.first)
        let (first, second) = (try Fixture.sessions(crossed.first), try Fixture.sessions(crossed.second))
        let login = Self.request("alice", try first.cookie("canary"))
        let decision = handle.decision(for: "alice")

        @Sendable func isWhole() -> Bool {
            let answer = sessions.route(login, through: handle)
            let isFirst = answer.token == .valid
            guard isFirst || answer.token == .lost(.badTag) else { return false }
            let next = Self.request("alice", answer.setCookie)
            let header = sessions.header(for: decision, unit: "alice", now: Fixture.now) ?? ""
            let signer = header.contains(";k=7;") ? first : second
            return (try? token(in: answer.setCookie).key) == (isFirst ? 7 : 8)
                && (isFirst ? first : second).route(next, through: handle).token == .valid
                && !signer.adopt(header, for: "alice", through: handle, now: Fixture.now).isTainted
        }
        let counts = await withCheckedContinuation { continuation in
            onThreads([
                {
                    let counts = stress(readers: 2) {
                        StressCounts(reads: 200, torn: (0..<200).count { _ in !isWhole() })
                    } write: { goesOn in
                        var count = 0
                        while goesOn() {
                            let keys = count.isMultiple(of: 2) ? crossed.second : crossed.first
                            if (try? sessions.replaceKeys(with: keys)) != nil { count += 1 }
                        }
                        return count
                    }
                    continuation.resume(returning: counts)
                }
            ])
        }
        #expect(counts.torn == 0 && counts.reads == 400 && counts.updates > 0)
        #expect(sessions.state.keys.tableCount == 2, "keys that come back use their table again")
    }

    // MARK: Memory

    @Test("by ever other ones are refused in the end, and the last ones stay")
    func limit() throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = try Fixture.sessions()
        let others = try SigningKeys([
            SigningKey(id: 8, authenticator: Watched {}), SigningKey(id: 7, secret: Fixture.secret(7)),
        ])
        for _ in 1..<10_000 { try sessions.replaceKeys(with: others) }
        let error = #expect(throws: SigningKeyError.self) { try sessions.replaceKeys(with: others) }
        #expect(error?.code == .tooManyChanges && error?.message.contains("10,000 times") == true)
        #expect(sessions.keyIDs == [8, 7])
        #expect(try token(in: sessions.route(Self.request("a", nil), through: handle).setCookie).key == 7)
        #expect(try sessions.replaceKeys(with: Fixture.keys(7)) != nil, "keys that were in use before need no table")
        #expect(sessions.keyIDs == [7])
    }
}
