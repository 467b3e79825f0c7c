import Foundation
import Testing

@testable import Rollout

@Suite("A time on the wall clock")
struct UnixTimeTests {
    @Test(
        "A duration since 1970 is rounded down to a whole second, so that times keep their order",
        arguments: [
            (.zero, 0), (.nanoseconds(1), 0), (.milliseconds(999), 0), (.seconds(1), 1), (.milliseconds(1_500), 1),
            (.nanoseconds(-1), -1), (.milliseconds(-500), -1), (.seconds(-1), -1), (.milliseconds(-1_500), -2),
            (.seconds(-2), -2), (Duration(secondsComponent: 0, attosecondsComponent: -1), -1),
        ] as [(Duration, Int64)]
    )
    func rounding(_ sinceEpoch: Duration, _ seconds: Int64) {
        #expect(UnixTime(sinceEpoch).seconds == seconds)
    }

    @Test(
        "A duration of more seconds than 64 bits hold becomes the first or the last time",
        arguments: [
            (.seconds(Int64.max), .max), (.seconds(Int64.max) + .milliseconds(1), .max),
            (.seconds(Int64.max) * 8, .max), (.seconds(Int64.min), .min), (.seconds(Int64.min) * 8, .min),
            (.seconds(Int64.min) - .nanoseconds(1), .min), (.seconds(Int64.min) + .nanoseconds(1), .min),
            (.seconds(Int64.min) + .seconds(1) - .nanoseconds(1), .min),
            (.seconds(Int64.max) - .nanoseconds(1), .max - 1),
        ] as [(Duration, Int64)]
    )
    func saturation(_ sinceEpoch: Duration, _ seconds: Int64) {
        #expect(UnixTime(sinceEpoch).seconds == seconds)
    }

    @Test("A literal is a number of seconds, and times are ordered and printed by it")
    func literals() {
        let times: [UnixTime] = [-1, 0, 1_800_000_000, 9_223_372_036_854_775_807]
        #expect(times.map(\.seconds) == [-1, 0, 1_800_000_000, .max])
        #expect(times.map(\.description) == ["-1", "0", "1800000000", "9223372036854775807"])
        #expect(times.shuffled().sorted() == times)
        #expect(UnixTime(seconds: 7) == 7)
    }

    @Test("The clock's time is the one that Foundation reads before, at or after it")
    func now() {
        let before = Date().timeIntervalSince1970.rounded(.down)
        let now = UnixTime.now
        let after = Date().timeIntervalSince1970.rounded(.down)
        #expect(Int64(before)...Int64(after) ~= now.seconds)
    }

    @Test("If no time is given, the clock's counts")
    func defaults() throws {
        let before = UnixTime.now
        let (router, sms) = try Fixture.router(Fixture.policy())
        let sessions = try Fixture.sessions()
        let answer = sessions.route(SessionRequest(unit: "alice", cookies: []), through: sms)
        let header = sessions.header(for: answer.decision, unit: "alice")
        let adopted = sessions.adopt(header, for: "alice", through: sms)
        let after = UnixTime.now

        #expect(before...after ~= router.status.appliedAt)
        let issued = try Int64(token(in: answer.setCookie).issued)
        #expect(before.seconds - 60...after.seconds ~= issued)
        #expect(adopted.taint == nil && adopted.decision.variant == answer.decision.variant)
        let kept = sessions.route(SessionRequest(unit: "alice", cookies: answer.setCookie), through: sms)
        #expect(kept.token == .valid)
    }

    @Test("A time is encoded as a number of seconds", arguments: [-1, 0, 1_800_000_000] as [UnixTime])
    func codable(_ time: UnixTime) throws {
        let json = try JSONEncoder().encode([time])
        #expect(String(decoding: json, as: UTF8.self) == "[\(time.seconds)]")
        #expect(try JSONDecoder().decode([UnixTime].self, from: json) == [time])
    }

    @Test("What is no whole number of seconds is no time", arguments: ["\"1\"", "1.5", "null", "9223372036854775808"])
    func refused(_ json: String) {
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([UnixTime].self, from: Data("[\(json)]".utf8))
        }
    }
}
