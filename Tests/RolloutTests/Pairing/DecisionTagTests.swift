import Foundation
import Testing

@testable import Rollout

@Suite("The tag of a decision that travels")
struct DecisionTagTests {
    private static let unit = "alice"

    @Test("is refused with any bit flipped")
    func everyBit() throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = try Fixture.sessions()
        let decision = handle.decision(for: Self.unit)
        let good = try #require(sessions.header(for: decision, unit: Self.unit, now: Fixture.now))
        let tag = try Self.tag(in: good)
        let bytes = try #require(Base64.standard.decode(Array(tag.utf8)))
        #expect(bytes.count == 16)
        for bit in 0..<128 {
            var flipped = bytes
            flipped[bit / 8] ^= 0x80 >> UInt8(bit % 8)
            let header = good.replacingOccurrences(of: tag, with: Base64.standard.encode(flipped))
            let adopted = sessions.adopt(header, for: Self.unit, through: handle, now: Fixture.now)
            #expect(adopted.taint == .forged, "bit \(bit)")
        }
        #expect(sessions.counts.tainted(.forged) == 128 && sessions.counts.tainted == 128)
        #expect(sessions.adopt(good, for: Self.unit, through: handle, now: Fixture.now).taint == nil)
    }

    @Test("is worth nothing in a cookie, and a cookie's nothing here", arguments: [nil, unit])
    func otherPurpose(_ unit: String?) throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = try Fixture.sessions()
        let header = try #require(sessions.header(for: handle.decision(for: unit), unit: unit, now: Fixture.now))
        let decisionTag = try Self.tag(in: header)
        let cookie = try sessions.cookie("canary", unit: unit)
        let value = cookie.utf8.dropFirst(Fixture.cookieName.utf8.count + 1)
        var token = try #require(unsafe Array(value).withUnsafeBytes { unsafe TokenBytes(text: $0) })

        let words = [token.tag.words.0, token.tag.words.1]
        let stickyTag = Base64.standard.encode(
            words.flatMap { word in stride(from: 56, through: 0, by: -8).map { UInt8(word >> UInt64($0) & 255) } }
        )
        let forged = header.replacingOccurrences(of: decisionTag, with: stickyTag)
        #expect(sessions.adopt(forged, for: unit, through: handle, now: Fixture.now).taint == .forged)

        token.tag = try #require(AuthenticationTag(Base64.standard.decode(Array(decisionTag.utf8)) ?? []))
        let cookies = "\(Fixture.cookieName)=\(token.text)"
        let request = SessionRequest(unit: unit, host: Fixture.host, cookies: cookies, now: Fixture.now)
        #expect(sessions.route(request, through: handle).token == .lost(.badTag))
    }

    /// The 24 characters between the colons.
    private static func tag(in header: String) throws -> String {
        let start = try #require(header.firstRange(of: ";t=:")).upperBound
        return String(header[start...].dropLast())
    }
}
