import Testing

@testable import Rollout

@Suite("Somebody else's HMAC")
struct AuthenticatorTests {
    /// Stands for swift-crypto.
    struct Vault: MessageAuthenticator {
        let secret: [UInt8]
        var isOpen = true

        func tag(of message: Span<UInt8>) -> AuthenticationTag? {
            guard isOpen else { return nil }
            let key = HMACSHA256(key: secret)
            return unsafe message.withUnsafeBytes { message in AuthenticationTag(unsafe key.tag(of: message).bytes) }
        }
    }

    @Test("signs and verifies what the library does")
    func interchangeable() throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let own = SessionRouter(keys: try Fixture.keys(7))
        let vault = SessionRouter(
            keys: try SigningKeys([SigningKey(id: 7, authenticator: Vault(secret: Fixture.secret(7)))])
        )
        for (writer, reader) in [(own, vault), (vault, own)] {
            let first = writer.route(SessionRequest(unit: "a", host: "h", now: Fixture.now), through: handle)
            let request = SessionRequest(unit: "a", host: "h", cookies: first.setCookie, now: Fixture.now)
            #expect(reader.route(request, through: handle).token == .valid)
        }
    }

    /// Does something at every call, and gives the right tag.
    struct Watched: MessageAuthenticator {
        let action: @Sendable () -> Void

        func tag(of message: Span<UInt8>) -> AuthenticationTag? {
            action()
            return Vault(secret: Fixture.secret(7)).tag(of: message)
        }
    }

    private func sessions(
        drawing bucket: @escaping @Sendable () -> Int = { 42 },
        _ action: @escaping @Sendable () -> Void
    ) throws -> SessionRouter {
        let keys = try SigningKeys([SigningKey(id: 7, authenticator: Watched(action: action))])
        return SessionRouter(keys: keys, drawBucket: bucket)
    }

    struct Crowd: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let unit: String?
        /// How many times a signature is computed, to check and to write.
        let calls: Int
        let cookies: @Sendable (SessionRouter) throws -> [String]
    }

    private static let forged = String(repeating: "A", count: 22)

    @Test(
        "is asked about four cookies of a name at most",
        arguments: [
            Crowd(testDescription: "none", unit: nil, calls: 1) { _ in [] },
            Crowd(testDescription: "1,000 that are genuine", unit: nil, calls: 4) {
                Array(repeating: try $0.cookie("canary"), count: 1_000)
            },
            Crowd(testDescription: "1,000 forged ones without a unit", unit: nil, calls: 4 + 1) { sessions in
                Array(repeating: try sessions.cookie("canary").dropLast(22) + forged, count: 1_000)
            },
            Crowd(testDescription: "1,000 forged ones with a unit", unit: "a", calls: 2 * 4 + 1) { sessions in
                Array(repeating: try sessions.cookie("canary").dropLast(22) + forged, count: 1_000)
            },
            Crowd(testDescription: "four that cost nothing, then a genuine one", unit: nil, calls: 1) {
                Array(repeating: "\(Fixture.cookieName)=x", count: 4) + [try $0.cookie("canary")]
            },
            Crowd(testDescription: "1,000 of another name", unit: nil, calls: 1) { _ in
                Array(repeating: "other=1", count: 1_000)
            },
        ]
    )
    func signatures(_ row: Crowd) throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let calls = Lock(0)
        let sessions = try sessions { calls.withLock { $0 += 1 } }
        let cookies = try row.cookies(Fixture.sessions())
        let request = SessionRequest(unit: row.unit, host: Fixture.host, cookies: cookies, now: Fixture.now)
        _ = sessions.route(request, through: handle)
        #expect(calls.withLock { $0 } == row.calls)
    }

    /// Publishes a policy the first time it is called.
    private func once(_ policy: RolloutPolicy, on router: RolloutRouter) -> @Sendable () -> Void {
        let isDone = Lock(false)
        return {
            let isFirst = isDone.withLock { isDone in
                defer { isDone = true }
                return !isDone
            }
            if isFirst { #expect(throws: Never.self) { try router.update(to: policy) } }
        }
    }

    @Test("that takes so long that an update passes: the request is judged by one policy, the new one")
    func updateWhileVerifying() throws {
        let (router, handle) = try Fixture.router(Fixture.policy(percent: 0) { $0.draining = ["canary"] })
        let renamed = try Fixture.policy(revision: 8, percent: 0) {
            $0.draining = ["canary"]
            $0.sticky?.name = "renamed"
        }
        let sessions = try sessions(once(renamed, on: router))
        let cookies = try Fixture.sessions().cookie("canary")
        let answer = sessions.route(
            SessionRequest(host: Fixture.host, cookies: cookies, now: Fixture.now),
            through: handle
        )
        #expect(answer.token == .absent, "the new policy's cookie has another name")
        #expect(answer.decision.revision == 8 && answer.decision.variant.name == "stable")
        #expect(try #require(answer.setCookie).hasPrefix("renamed="))
        #expect(sessions.counts.lost == 0)
    }

    @Test("that has nothing to verify: an update that passes while a bucket is drawn is noticed too")
    func updateWhileDrawing() throws {
        let (router, handle) = try Fixture.router(Fixture.policy())
        let renamed = try Fixture.policy(revision: 8) { $0.sticky?.name = "renamed" }
        let publish = once(renamed, on: router)
        let sessions = try sessions(
            drawing: {
                publish()
                return 42
            },
            {}
        )
        let answer = sessions.route(SessionRequest(host: Fixture.host, now: Fixture.now), through: handle)
        #expect(answer.decision.revision == 8)
        #expect(try #require(answer.setCookie).hasPrefix("renamed="))
    }

    @Test("during which the epoch rises: another service's decision is of the old one")
    func updateWhileAdopting() throws {
        let (router, handle) = try Fixture.router(Fixture.policy(percent: 100))
        let header = try Fixture.sessions().header(for: handle.decision(for: "alice"), unit: "alice", now: Fixture.now)
        let raised = try Fixture.policy(revision: 8, percent: 100, epoch: 4)
        let sessions = try sessions(once(raised, on: router))
        let adopted = sessions.adopt(header, for: "alice", through: handle, now: Fixture.now)
        #expect(adopted.taint == .otherEpoch && adopted.decision.revision == 8)
    }

    @Test("that cannot be reached: nothing is believed, nothing is written, all is decided", arguments: [nil, "alice"])
    func closed(_ unit: String?) throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let vault = Vault(secret: Fixture.secret(7), isOpen: false)
        let sessions = SessionRouter(keys: try SigningKeys([SigningKey(id: 7, authenticator: vault)]))
        let cookies = try Fixture.sessions().cookie("canary")
        let request = SessionRequest(unit: unit, host: Fixture.host, cookies: cookies, now: Fixture.now)
        let answer = sessions.route(request, through: handle)
        #expect(answer.token == .lost(.badTag) && answer.setCookie == nil)
        // Without a unit, a draw that no cookie keeps would be another one at the next request.
        #expect(answer.decision.reason == (unit == nil ? .missingUnit : .split))
        #expect(answer.decision == handle.decision(for: unit))
        #expect(sessions.counts.written == 0)
        #expect(sessions.counts.unwritten(.unsigned) == 1 && sessions.counts.unwritten == 1)
        #expect(sessions.explanation(for: request, through: handle).obstacle == .unsigned)
    }

    @Test("signs a decision that travels; if it cannot, none travels and none is believed", arguments: [true, false])
    func pairing(_ isOpen: Bool) throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let vault = Vault(secret: Fixture.secret(7), isOpen: isOpen)
        let sessions = SessionRouter(keys: try SigningKeys([SigningKey(id: 7, authenticator: vault)]))
        let own = SessionRouter(keys: try Fixture.keys(7))
        let decision = handle.decision(for: try Fixture.unit(drawnTo: "canary", by: handle))
        let good = own.header(for: decision, unit: "alice", now: Fixture.now)
        #expect(sessions.header(for: decision, unit: "alice", now: Fixture.now) == (isOpen ? good : nil))
        let adopted = sessions.adopt(good, for: "alice", through: handle, now: Fixture.now)
        #expect(adopted.taint == (isOpen ? nil : .forged))
        #expect(adopted.decision.reason == (isOpen ? .sticky : .split))
        #expect(sessions.counts.tainted(.forged) == (isOpen ? 0 : 1))
    }

    @Test("gives a tag of 16 bytes, or none", arguments: 0...40)
    func length(_ count: Int) {
        let tag = AuthenticationTag((0..<count).map { UInt8($0 + 1) })
        #expect(tag.map { "\($0.words)" } == (count < 16 ? nil : "(72623859790382856, 651345242494996240)"))
    }
}
