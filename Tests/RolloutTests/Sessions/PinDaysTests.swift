import Testing

@testable import Rollout

/// Days of visitors who come and go while the share is ramped up and down. A right library passes always: the seed is fixed.
@Suite("Pins over days")
struct PinDaysTests {
    private static let hours = 72
    /// The share in percent from an hour on.
    private static let ramp: [(hour: Int, percent: Double)] = [
        (0, 10), (18, 25), (30, 50), (42, 90), (54, 25), (63, 10),
    ]
    /// A session lasts four hours, so it lives through steps of the ramp.
    private static let maxAge = 4 * 3600

    @Test(
        "At every hour of three days the realised share is the policy's within 4 sigma, up and down the ramp",
        arguments: [StickyCookie.Pin.variant, .bucket]
    )
    func days(_ pin: StickyCookie.Pin) throws {
        func policy(_ revision: UInt32, _ percent: Double) throws -> RolloutPolicy {
            try Fixture.policy(revision: revision, percent: percent, pin: pin, maxAge: Self.maxAge)
        }
        let (router, handle) = try Fixture.router(policy(1, 10))
        let sessions = try Fixture.sessions(seed: 24)
        var generator = SplitMix64(seed: 25)
        // Every other visitor has an account.
        var crowd = (0..<400).map { Browser(unit: $0.isMultiple(of: 2) ? nil : "user-\($0)") }
        /// The share at which each visitor's session was drawn.
        var drawnAt = [Double](repeating: 0, count: crowd.count)
        var (revision, percent) = (1 as UInt32, 10.0)
        /// Anonymous sessions by the share at their start, and those that began in the canary.
        var started: [Double: (all: Int, inCanary: Int)] = [:]
        for hour in 0..<Self.hours {
            if let step = Self.ramp.first(where: { $0.hour == hour && hour > 0 }) {
                (revision, percent) = (revision + 1, step.percent)
                try router.update(to: policy(revision, percent))
            }
            var (canaries, mean, variance) = (0, 0.0, 0.0)
            for index in crowd.indices where Int.random(in: 0..<4, using: &generator) == 0 {
                let now = Fixture.now + Int64(hour * 3600 + Int.random(in: 0..<3600, using: &generator))
                let isNew = now >= crowd[index].expires
                let answer = crowd[index].visit(sessions, handle, at: now)
                if isNew {
                    drawnAt[index] = percent
                    if let unit = crowd[index].unit {
                        // A unit's bucket never changes, so these are no draws to count, but known one by one.
                        #expect(answer.decision == handle.decision(for: unit))
                    } else {
                        started[percent, default: (0, 0)].all += 1
                        if answer.decision.variant.name == "canary" { started[percent, default: (0, 0)].inCanary += 1 }
                    }
                }
                // What is pinned was drawn at the share of its hour; a bucket is judged by the share of now.
                let share = (pin == .variant ? drawnAt[index] : percent) / 100
                mean += share
                variance += share * (1 - share)
                if answer.decision.variant.name == "canary" { canaries += 1 }
            }
            #expect(abs(Double(canaries) - mean) <= 4 * variance.squareRoot(), "hour \(hour): \(canaries), not \(mean)")
            #expect(canaries > 0, "hour \(hour): the canary is drained")
        }
        #expect(started.count == 4)
        for (percent, sessions) in started {
            // Over all hours of a share the draw is held to less than any one hour can hold it.
            let (share, count) = (percent / 100, Double(sessions.all))
            let deviation = (count * share * (1 - share)).squareRoot()
            #expect(abs(Double(sessions.inCanary) - count * share) <= 4 * deviation, "at \(percent) %: \(sessions)")
            #expect(sessions.all > 100, "at \(percent) %")
        }
    }
}
