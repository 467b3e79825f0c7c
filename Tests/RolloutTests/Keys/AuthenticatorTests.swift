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

    @Test("that cannot be reached: nothing is believed, nothing is written, all is decided")
    func closed() throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let vault = Vault(secret: Fixture.secret(7), isOpen: false)
        let sessions = SessionRouter(keys: try SigningKeys([SigningKey(id: 7, authenticator: vault)]))
        let cookies = try Fixture.sessions().cookie("canary")
        let answer = sessions.route(
            SessionRequest(host: Fixture.host, cookies: cookies, now: Fixture.now),
            through: handle
        )
        #expect(answer.token == .lost(.badTag) && answer.setCookie == nil && answer.decision.reason == .split)
        #expect(sessions.counts.written == 0)
    }

    @Test("signs a decision that travels, or it does not travel and none is believed", arguments: [true, false])
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
