import Foundation
import Testing

@testable import Rollout

@Suite("App and model service")
struct MixedPairTests {
    /// A million in release, fewer in debug; `ROLLOUT_PAIR_REQUESTS` sets another number.
    private static let requests: Int = {
        if let number = ProcessInfo.processInfo.environment["ROLLOUT_PAIR_REQUESTS"].flatMap({ Int($0) }) {
            return number
        }
        #if DEBUG
            return 20_000
        #else
            return 1_000_000
        #endif
    }()

    /// Two revisions an epoch: one with new releases, one that only moves the share.
    private static func policy(_ revision: UInt32, of component: Release.Component) throws -> RolloutPolicy {
        let epoch = revision / 2
        let share = try #require(Share(buckets: Int(revision) * 7_919 % 1_000_000))
        let version = { (variant: String) in Release([component: "\(variant)-\(epoch)"]) }
        let definition = RolloutDefinition(
            .canary(share, stable: version("stable"), canary: version("canary")),
            epoch: epoch
        )
        return RolloutPolicy(revision: revision, rollouts: ["sms": definition])
    }

    @Test("never serve a mixed pair that is not marked, while both are updated all the time")
    func neverMixed() async throws {
        let (app, model) = (
            try RolloutRouter(policy: Self.policy(0, of: .app)), try RolloutRouter(policy: Self.policy(0, of: .model))
        )
        let (appSMS, modelSMS) = (try #require(app.rollout("sms")), try #require(model.rollout("sms")))
        let sessions = try Fixture.sessions()
        let isDone = Lock(false)
        let writer = Task.detached {
            var generator = SplitMix64(seed: 99)
            var revisions: (app: UInt32, model: UInt32) = (0, 0)
            while !isDone.withLock({ $0 }) {
                // One is ahead of the other by up to four revisions, now this one, now that one.
                if revisions.app <= revisions.model + 4, Bool.random(using: &generator) {
                    revisions.app += 1
                    try app.update(to: Self.policy(revisions.app, of: .app))
                } else if revisions.model <= revisions.app + 4 {
                    revisions.model += 1
                    try model.update(to: Self.policy(revisions.model, of: .model))
                }
                await Task.yield()
            }
        }
        var (mixed, untainted, moved) = (0, 0, 0)
        // On a busy machine the writer may be late: the requests go on until both services were seen apart and together.
        var request = 0
        while request < Self.requests
            || request < 2 * Self.requests
                && (untainted == 0 || moved == 0 || sessions.counts.tainted(.otherEpoch) == 0)
        {
            request += 1
            if request % 64 == 0 { await Task.yield() }
            let unit = "user-\(request)"
            let decision = appSMS.decision(for: unit)
            let header = sessions.header(for: decision, unit: unit, now: Fixture.now)
            let adopted = sessions.adopt(header, for: unit, through: modelSMS, now: Fixture.now)
            if adopted.isTainted { continue }
            untainted += 1
            if decision.variant.release[.app] != adopted.decision.variant.release[.model] { mixed += 1 }
            if adopted.decision.revision != decision.revision { moved += 1 }
        }
        isDone.withLock { $0 = true }
        try await writer.value
        #expect(mixed == 0)
        #expect(untainted > 0, "decisions are adopted")
    }
}
