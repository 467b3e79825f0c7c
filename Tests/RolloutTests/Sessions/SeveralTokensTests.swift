import Testing

@testable import Rollout

/// Cookies of one name for two paths or domains arrive together, in an order the browser chooses.
@Suite("Of several tokens in one request")
struct SeveralTokensTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let cookies: @Sendable (SessionRouter) throws -> [String]
    }

    static let besideNewerEpoch = [
        Row(testDescription: "a valid one") { [try $0.cookie("canary")] },
        Row(testDescription: "one of a visitor in no variant") { [try $0.cookie(nil)] },
        Row(testDescription: "one that has lost and leaves its bucket") { [try $0.cookie("canary", epoch: 2)] },
        Row(testDescription: "one that is malformed") { _ in ["\(Fixture.cookieName)=1"] },
        Row(testDescription: "two that contradict each other") { [try $0.cookie("canary"), try $0.cookie("stable")] },
        Row(testDescription: "one of a newer epoch still") { [try $0.cookie("canary", epoch: 9)] },
    ]

    @Test("one of a newer epoch says that this replica is behind, beside any other", arguments: besideNewerEpoch, 0...2)
    func newerEpoch(_ row: Row, place: Int) throws {
        let (_, handle) = try Fixture.router(Fixture.policy(percent: 100))
        let sessions = try Fixture.sessions()
        var cookies = try row.cookies(sessions)
        cookies.insert(try sessions.cookie("canary", epoch: 4, revision: 8), at: min(place, cookies.count))
        let request = SessionRequest(host: Fixture.host, cookies: cookies, now: Fixture.now)
        let answer = sessions.route(request, through: handle)
        #expect(answer.token == .newerEpoch)
        #expect(answer.decision.reason == .stale && answer.decision.variant.name == "stable")
        #expect(answer.setCookie == nil && sessions.counts.written == 0)
        #expect(sessions.counts.stale == 1)
    }

    struct Pair: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let areOfOneMind: Bool
        let cookies: @Sendable (SessionRouter) throws -> [String]
    }

    static let pairs = [
        Pair(testDescription: "of one variant, with different buckets", areOfOneMind: false) {
            [try $0.cookie("canary", bucket: 42), try $0.cookie("canary", bucket: 43)]
        },
        Pair(testDescription: "of different variants, with one bucket", areOfOneMind: false) {
            [try $0.cookie("canary", bucket: 42), try $0.cookie("stable", bucket: 42)]
        },
        Pair(testDescription: "of one variant with one bucket, and of no variant", areOfOneMind: false) {
            [try $0.cookie("canary"), try $0.cookie(nil)]
        },
        Pair(testDescription: "that agree twice, and a third that does not", areOfOneMind: false) {
            [try $0.cookie("canary"), try $0.cookie("canary"), try $0.cookie("canary", bucket: 41)]
        },
        Pair(testDescription: "of one variant, bucket and epoch, issued at different times", areOfOneMind: true) {
            [try $0.cookie("canary"), try $0.cookie("canary", revision: 6, issued: Fixture.now - 600)]
        },
        Pair(testDescription: "one of which has lost", areOfOneMind: true) {
            [try $0.cookie("canary"), try $0.cookie("stable", bucket: 43, epoch: 2)]
        },
    ]

    @Test("valid ones that disagree about variant or bucket void each other and supply nothing", arguments: pairs)
    func contradiction(_ row: Pair) throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = SessionRouter(keys: try Fixture.keys(7)) { 500_000 }
        for cookies in [try row.cookies(sessions), try row.cookies(sessions).reversed()] {
            let before = sessions.counts.lost(.contradicted)
            let request = SessionRequest(host: Fixture.host, cookies: cookies, now: Fixture.now)
            let answer = sessions.route(request, through: handle)
            #expect(answer.token == (row.areOfOneMind ? .valid : .lost(.contradicted)))
            #expect(answer.decision.variant.name == (row.areOfOneMind ? "canary" : "stable"))
            #expect(answer.decision.bucket == (row.areOfOneMind ? 42 : 500_000))
            #expect(sessions.counts.lost(.contradicted) - before == (row.areOfOneMind ? 0 : 1))
        }
    }

    struct Buckets: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bucket: Int
        let cookies: @Sendable (SessionRouter) throws -> [String]
    }

    static let leftOver = [
        Buckets(testDescription: "both of an older epoch", bucket: 42) {
            [try $0.cookie("stable", bucket: 42, epoch: 2), try $0.cookie("canary", bucket: 999_999, epoch: 1)]
        },
        Buckets(testDescription: "both of an older epoch, the other way round", bucket: 999_999) {
            [try $0.cookie("canary", bucket: 999_999, epoch: 1), try $0.cookie("stable", bucket: 42, epoch: 2)]
        },
        Buckets(testDescription: "lost for two causes, the first by an earlier one", bucket: 999_999) {
            [
                try $0.cookie("canary", bucket: 999_999, issued: Fixture.now - 3600),
                try $0.cookie("treatment", bucket: 42),
            ]
        },
        Buckets(testDescription: "after some that leave nothing", bucket: 42) {
            [
                "\(Fixture.cookieName)=1",
                try $0.cookie("canary", bucket: 7, issued: Fixture.now + 121),
                try $0.cookie("canary", bucket: 42, epoch: 2),
                try $0.cookie("canary", bucket: 999_999, epoch: 2),
            ]
        },
    ]

    @Test("that have all lost, the first bucket left is the visitor's", arguments: leftOver)
    func bucket(_ row: Buckets) throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = SessionRouter(keys: try Fixture.keys(7)) { 500_000 }
        let request = SessionRequest(host: Fixture.host, cookies: try row.cookies(sessions), now: Fixture.now)
        let answer = sessions.route(request, through: handle)
        #expect(answer.decision.bucket == row.bucket && answer.decision.reason == .split)
        #expect(answer.decision.variant.name == (row.bucket == 42 ? "canary" : "stable"))
        #expect(try token(in: answer.setCookie).bucket == UInt32(row.bucket))
    }
}
