import Foundation
import Testing

@testable import Rollout

/// Texts stand side by side in a signed message: what ends one must not be able to begin the next.
@Suite("In what is signed")
struct SignedBoundaryTests {
    struct Place: Sendable, CustomTestStringConvertible {
        let rollout: RolloutID
        let host: String
        let unit: String?
        var testDescription: String { "\(rollout) | \(host) | \(unit ?? "")" }
    }

    /// Two lists of texts, the same when written without a gap.
    static let shifted: [(Place, Place)] = [
        (Place(rollout: "sms", host: "ab", unit: "c"), Place(rollout: "sms", host: "a", unit: "bc")),
        (Place(rollout: "sms", host: "a", unit: "bc"), Place(rollout: "sms", host: "ab", unit: "c")),
        (Place(rollout: "sms", host: "", unit: "abc"), Place(rollout: "sms", host: "abc", unit: nil)),
        (Place(rollout: "sms", host: "abc", unit: nil), Place(rollout: "sms", host: "ab", unit: "c")),
        (Place(rollout: "smsa", host: "b", unit: "c"), Place(rollout: "sms", host: "ab", unit: "c")),
        (Place(rollout: "sm", host: "sab", unit: "c"), Place(rollout: "sms", host: "ab", unit: "c")),
    ]

    @Test("no character moves from one text to the next: rollout, host, unit", arguments: shifted)
    func token(_ owner: Place, _ other: Place) throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = try Fixture.sessions()
        let cookies = try sessions.cookie("canary", unit: owner.unit, host: owner.host, rollout: owner.rollout)
        let request = SessionRequest(unit: other.unit, host: other.host, cookies: cookies, now: Fixture.now)
        #expect(sessions.route(request, through: handle).token == .lost(.badTag))
    }

    @Test("nor from a variant to the unit, nor back", arguments: [("canar", "yalice"), ("canarya", "lice")])
    func decision(_ variant: String, _ unit: String) throws {
        let (_, handle) = try Fixture.router(Fixture.policy(percent: 100))
        let sessions = try Fixture.sessions()
        let good = try #require(sessions.header(for: handle.decision(for: "alice"), unit: "alice", now: Fixture.now))
        #expect(sessions.adopt(good, for: "alice", through: handle, now: Fixture.now).taint == nil)
        let header = good.replacingOccurrences(of: "v=\"canary\"", with: "v=\"\(variant)\"")
        #expect(sessions.adopt(header, for: unit, through: handle, now: Fixture.now).taint == .forged)
    }

    /// Signs like the library, and keeps what it is given.
    private final class Witness: MessageAuthenticator {
        let hmac: HMACSHA256
        let messages = Lock<[[UInt8]]>([])

        init(_ hmac: HMACSHA256) { self.hmac = hmac }

        func tag(of message: Span<UInt8>) -> AuthenticationTag? {
            unsafe message.withUnsafeBytes { message in
                messages.withLock { unsafe $0.append(Array(message)) }
                return AuthenticationTag(unsafe hmac.tag(of: message).bytes)
            }
        }
    }

    @Test("the first word says what for")
    func purpose() throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let witness = Witness(HMACSHA256(key: Fixture.secret(7)))
        let sessions = SessionRouter(keys: try SigningKeys([SigningKey(id: 7, authenticator: witness)]))
        _ = sessions.route(SessionRequest(unit: "alice", now: Fixture.now), through: handle).setCookie
        _ = sessions.header(for: handle.decision(for: "alice"), unit: "alice", now: Fixture.now)
        let labels = witness.messages.withLock { $0.map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) } }
        #expect(labels == ["rollout.sticky.v1", "rollout.decision.v1"])
    }
}
