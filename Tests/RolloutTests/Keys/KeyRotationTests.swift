import Testing

@testable import Rollout

/// Keys change while many replicas run, so each stage has to get on with the one before and the one after.
@Suite("A key is rotated")
struct KeyRotationTests {
    struct Stage: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let keys: [UInt8]
        let signs: UInt8
        let accepts: Set<UInt8>
    }

    static let stages = [
        Stage(testDescription: "before", keys: [7], signs: 7, accepts: [7]),
        Stage(testDescription: "the new one known everywhere first", keys: [8, 7], signs: 7, accepts: [7, 8]),
        Stage(testDescription: "then signing", keys: [7, 8], signs: 8, accepts: [7, 8]),
        Stage(testDescription: "the old one retired", keys: [8], signs: 8, accepts: [8]),
    ]

    @Test("in stages: the last one listed signs, and every one listed verifies", arguments: stages)
    func stage(_ stage: Stage) throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        let sessions = try Self.sessions(stage.keys)
        let first = sessions.route(Self.request(nil), through: handle)
        #expect(try token(in: first.setCookie).key == stage.signs)
        for key in [7, 8] as [UInt8] {
            let cookies = try Self.sessions([key]).route(Self.request(nil), through: handle).setCookie
            let answer = sessions.route(Self.request(cookies), through: handle)
            #expect(answer.token == (stage.accepts.contains(key) ? .valid : .lost(.unknownKey)), "key \(key)")
        }
    }

    @Test("and no replica refuses what one a stage away has signed", arguments: zip(stages, stages.dropFirst()))
    func neighbours(_ one: Stage, _ next: Stage) throws {
        let (_, handle) = try Fixture.router(Fixture.policy())
        for (writer, reader) in [(one, next), (next, one)] {
            let cookies = try Self.sessions(writer.keys).route(Self.request(nil), through: handle).setCookie
            #expect(try Self.sessions(reader.keys).route(Self.request(cookies), through: handle).token == .valid)
        }
    }

    private static func sessions(_ ids: [UInt8]) throws -> SessionRouter {
        SessionRouter(keys: try Fixture.keys(ids))
    }

    private static func request(_ cookies: String?) -> SessionRequest {
        SessionRequest(unit: "a", host: Fixture.host, cookies: cookies, now: Fixture.now)
    }
}
