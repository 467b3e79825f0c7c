import Testing

@testable import Rollout

@Suite("A token loses")
struct TokenLossTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let loss: TokenLoss?
        /// How often each cause is counted, if that is not once for the loss.
        var counted: [TokenLoss: Int]?
        let cookie: @Sendable (SessionRouter) throws -> String

        /// How often each cause is counted.
        var counts: [TokenLoss: Int] { counted ?? loss.map { [$0: 1] } ?? [:] }
    }

    static let now = Fixture.now
    static let rows = [
        Row(testDescription: "not at all", loss: nil) { try $0.cookie("canary") },
        Row(testDescription: "not in its last second", loss: nil) { try $0.cookie("canary", issued: now - 3599) },
        Row(testDescription: "not by a clock two minutes ahead", loss: nil) {
            try $0.cookie("canary", issued: now + 120)
        },
        Row(testDescription: "not at maxAge exactly, if its own expiry is later", loss: nil) {
            try $0.cookie("canary", issued: now - 3600, life: 7200)
        },
        Row(testDescription: "by a character too few", loss: .malformed) { String(try $0.cookie("canary").dropLast()) },
        Row(testDescription: "by a character too many", loss: .malformed) { try $0.cookie("canary") + "A" },
        Row(testDescription: "by padding", loss: .malformed) { try $0.cookie("canary") + "==" },
        Row(testDescription: "by quotes", loss: .malformed) {
            try "sms-app-version=\"\($0.cookie("canary").dropFirst(16))\""
        },
        Row(testDescription: "by the other alphabet", loss: .malformed) { _ in
            "sms-app-version=" + String(repeating: "+", count: 56)
        },
        Row(testDescription: "by a NUL", loss: .malformed) { try $0.cookie("canary") + "\0" },
        Row(testDescription: "by its version", loss: .unknownVersion) { _ in
            "sms-app-version=Ag" + String(repeating: "A", count: 54)
        },
        Row(testDescription: "by its key", loss: .unknownKey) { _ in
            "sms-app-version=AQ" + String(repeating: "A", count: 54)
        },
        Row(testDescription: "by its tag", loss: .badTag) { _ in
            "sms-app-version=AQcA" + String(repeating: "A", count: 52)
        },
        Row(testDescription: "of another unit", loss: .badTag) { try $0.cookie("canary", unit: "bob") },
        Row(testDescription: "of another host", loss: .badTag) { try $0.cookie("canary", host: "other.example") },
        Row(testDescription: "of no host", loss: .badTag) { try $0.cookie("canary", host: nil) },
        Row(testDescription: "of another rollout", loss: .badTag) { try $0.cookie("canary", rollout: "ui") },
        Row(testDescription: "when it expires", loss: .expired) { try $0.cookie("canary", issued: now - 3600) },
        Row(testDescription: "when it expires at once", loss: .expired) {
            try $0.cookie("canary", issued: now, life: 0)
        },
        Row(testDescription: "when it is older than maxAge now", loss: .outlived) {
            try $0.cookie("canary", issued: now - 3601, life: 7200)
        },
        Row(testDescription: "when issued in the future", loss: .issuedInFuture) {
            try $0.cookie("canary", issued: now + 121)
        },
        Row(testDescription: "by an older epoch", loss: .olderEpoch) { try $0.cookie("canary", epoch: 2) },
        Row(testDescription: "when its variant is gone", loss: .variantGone) { try $0.cookie("treatment") },
        Row(testDescription: "by its end before a newer epoch counts", loss: .expired) {
            try $0.cookie("canary", epoch: 4, issued: now - 3600)
        },
        Row(testDescription: "by a clock too far ahead before a newer epoch counts", loss: .issuedInFuture) {
            try $0.cookie("canary", epoch: 4, issued: now + 121)
        },
        Row(testDescription: "by the first of several causes", loss: .expired) {
            try $0.cookie("treatment", epoch: 2, issued: now - 9000)
        },
        Row(testDescription: "against one that is as valid", loss: .contradicted) {
            try $0.cookie("canary") + "; " + $0.cookie("stable")
        },
        Row(
            testDescription: "against one that is as valid, and takes the bucket of a third with it",
            loss: .contradicted,
            counted: [.olderEpoch: 1, .contradicted: 1]
        ) {
            try "\($0.cookie("canary", epoch: 2)); \($0.cookie("canary")); \($0.cookie("stable"))"
        },
        Row(testDescription: "not against one that says the same", loss: nil) {
            try $0.cookie("canary") + "; " + $0.cookie("canary", issued: now - 600)
        },
        Row(testDescription: "not against three bad ones before it", loss: nil, counted: [.malformed: 3]) {
            try "sms-app-version=1; sms-app-version=2; sms-app-version=3; \($0.cookie("canary"))"
        },
        Row(testDescription: "as the fifth", loss: .malformed, counted: [.malformed: 4]) {
            try "\(String(repeating: "sms-app-version=1; ", count: 4))\($0.cookie("canary"))"
        },
        Row(testDescription: "not against one that has lost", loss: nil, counted: [.olderEpoch: 1]) {
            try $0.cookie("stable", epoch: 2) + "; " + $0.cookie("canary")
        },
    ]

    @Test("for one cause, which is counted, or is honoured", arguments: rows)
    func cause(_ row: Row) throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        // A fresh bucket would not be the canary's, and the token's, 42, is.
        let sessions = SessionRouter(keys: try Fixture.keys(7)) { 500_000 }
        let cookies = try row.cookie(sessions)
        let answer = sessions.route(
            SessionRequest(host: Fixture.host, cookies: cookies, now: Self.now),
            through: handle
        )
        if let loss = row.loss {
            #expect(answer.token == .lost(loss))
            #expect(answer.decision.reason == .split)
            let leavesBucket = [.expired, .outlived, .olderEpoch, .variantGone].contains(loss)
            #expect(answer.decision.bucket == (leavesBucket ? 42 : 500_000), "what is left of it")
            #expect(answer.setCookie != nil)
            #expect(sessions.counts.written == 1)
        } else {
            #expect(answer.token == .valid)
            #expect(answer.decision.reason == .sticky && answer.decision.variant.name == "canary")
            #expect(answer.setCookie == nil)
            #expect(sessions.counts.written == 0)
        }
        for cause in TokenLoss.allCases {
            #expect(sessions.counts.lost(cause) == row.counts[cause, default: 0], "\(cause)")
        }
        #expect(sessions.counts.lost == row.counts.values.reduce(0, +) && sessions.counts.stale == 0)
    }

    @Test("through any flipped bit")
    func everyBit() throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = SessionRouter(keys: try Fixture.keys(0, 1, 2, 3, 5, 6, 7, 15, 23, 39, 71, 135)) { 500_000 }
        let text = Array(try sessions.cookie("canary").utf8.dropFirst(Fixture.cookieName.utf8.count + 1))
        let bytes = try #require(unsafe text.withUnsafeBytes { unsafe TokenBytes(text: $0) })
        for bit in 0..<336 {
            var flipped = bytes
            unsafe withUnsafeMutableBytes(of: &flipped.words) { words in
                // Words lie in memory with their first byte last.
                let index = bit / 8 / 8 * 8 + 7 - bit / 8 % 8
                unsafe words[index] ^= 0x80 >> UInt8(bit % 8)
            }
            let cookies = "\(Fixture.cookieName)=\(flipped.text)"
            let request = SessionRequest(host: Fixture.host, cookies: cookies, now: Self.now)
            let answer = sessions.route(request, through: handle)
            #expect(answer.token == .lost(bit < 8 ? .unknownVersion : .badTag), "bit \(bit)")
        }
        #expect(
            sessions.route(
                SessionRequest(host: Fixture.host, cookies: [try sessions.cookie("canary")], now: Self.now),
                through: handle
            ).token == .valid
        )
    }

    @Test("against every unit but its own")
    func otherUnits() throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = try Fixture.sessions()
        // e + combining acute, and é.
        let units = ["alice", "Alice", "alice ", "alic", "alicee", "e\u{301}", "\u{E9}", "42", "042"]
        for owner in units {
            let cookies = try sessions.cookie("canary", unit: owner)
            for unit in units {
                let request = SessionRequest(unit: unit, host: Fixture.host, cookies: cookies, now: Self.now)
                let isOwner = unit.utf8.elementsEqual(owner.utf8)
                #expect(sessions.route(request, through: handle).token == (isOwner ? .valid : .lost(.badTag)))
            }
        }
    }

    @Test("its host's spelling is no cause", arguments: ["SMS-app.LOCAL", "sms-app.local:8443", "sms-app.local."])
    func hosts(_ host: String) throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = try Fixture.sessions()
        let request = SessionRequest(host: host, cookies: try sessions.cookie("canary"), now: Self.now)
        #expect(sessions.route(request, through: handle).token == .valid)
    }
}
