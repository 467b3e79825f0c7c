import Foundation
import Testing

@testable import Rollout

@Suite("An assignment that the service keeps in its own store")
struct StoredAssignmentTests {
    /// What comes out of a store after what was put in.
    private func stored(_ assignment: Assignment?) throws -> Assignment? {
        try JSONDecoder().decode(Assignment?.self, from: JSONEncoder().encode(assignment))
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let verdict: TokenVerdict
        /// Nil for that of the draw.
        var reason: Decision.Reason?
        /// Nil for not enrolled.
        var variant: VariantName? = .canary
        let policy: @Sendable () throws -> RolloutPolicy

        init(
            _ description: String,
            _ verdict: TokenVerdict,
            _ reason: Decision.Reason? = nil,
            of variant: VariantName? = .canary,
            _ policy: @escaping @Sendable () throws -> RolloutPolicy
        ) {
            self.testDescription = description
            self.verdict = verdict
            self.reason = reason
            self.variant = variant
            self.policy = policy
        }
    }

    private static let test = RolloutStrategy.abTest([
        WeightedVariant("stable", weight: 1, release: [.app: "v1"]),
        WeightedVariant("treatment", weight: 1, release: [.app: "v3"]),
    ])

    @Test(
        "decides, is judged and is counted by the policy that runs when it comes back",
        arguments: [
            Row("the same policy", .valid, .sticky) { try Fixture.policy() },
            Row("a later revision", .valid, .sticky) { try Fixture.policy(revision: 8, percent: 1) },
            Row("an earlier revision", .valid, .sticky) { try Fixture.policy(revision: 6) },
            Row("without a share", .lost(.variantGone)) { try Fixture.policy(percent: 0) },
            Row("disabled", .lost(.variantGone)) { try Fixture.policy { $0.disabled = ["canary"] } },
            Row("draining", .valid, .sticky) { try Fixture.policy { $0.draining = ["canary"] } },
            Row("no such variant", .lost(.variantGone)) {
                try Fixture.policy {
                    $0.strategy = Self.test
                    ($0.hosts, $0.forced) = ([:], [:])
                }
            },
            Row("a name that never was", .lost(.variantGone), of: "treatment") { try Fixture.policy() },
            Row("a later epoch", .lost(.olderEpoch)) { try Fixture.policy(epoch: 4) },
            Row("an earlier epoch", .newerEpoch, .stale) { try Fixture.policy(epoch: 2) },
            Row("pinned by bucket", .valid) { try Fixture.policy(pin: .bucket) },
            Row("not enrolled", .valid, of: nil) { try Fixture.policy() },
            Row("nothing is drawn", .absent, .fixed) {
                try Fixture.policy {
                    $0.strategy = .fixed([.app: "v3"])
                    ($0.hosts, $0.forced) = ([:], [:])
                }
            },
        ]
    )
    func judged(_ row: Row) throws {
        let sessions = try Fixture.sessions()
        let (_, handle) = try Fixture.router(row.policy())
        let unit = try Fixture.unit(drawnTo: "stable", by: handle)
        let held = try stored(Assignment(variant: row.variant, of: "sms", bucket: 42, epoch: 3, revision: 7))
        let answer = sessions.route(unit, host: Fixture.host, holding: held, through: handle)
        #expect(answer.token == row.verdict)
        #expect(answer.setCookie == nil)
        let drawn = handle.decision(for: unit)
        #expect(answer.decision.reason == row.reason ?? drawn.reason)
        if row.reason == nil { #expect(answer.decision == drawn, "an assignment that has lost leaves the draw") }
        #expect(answer.decision.reason != .notEnrolled || drawn.reason == .notEnrolled)
        for cause in TokenLoss.allCases {
            #expect(sessions.counts.lost(cause) == (row.verdict == .lost(cause) ? 1 : 0), "\(cause)")
        }
        #expect(sessions.counts.stale == (row.reason == .stale ? 1 : 0))
        #expect(sessions.counts.written == 0)

        // With every kind of request it decides as the handle does.
        for (unit, host) in [(unit, "canary.sms-app.local"), ("qa-canary", nil), (nil, nil), ("", "h")] {
            let answer = sessions.route(unit, host: host, holding: held, through: handle)
            #expect(answer.decision == handle.decision(for: unit, host: host, holding: held))
        }
    }

    @Test("keeps a visitor in the canary over a ramp, and is replaced once it has lost")
    func life() throws {
        let sessions = try Fixture.sessions()
        let (_, wide) = try Fixture.router(Fixture.policy(percent: 50))
        let (_, narrow) = try Fixture.router(Fixture.policy(revision: 8, percent: 1))
        let (_, aborted) = try Fixture.router(Fixture.policy(revision: 9, epoch: 4) { $0.disabled = ["canary"] })
        let unit = try #require(
            (0..<1_000).lazy.map { "unit-\($0)" }.first {
                wide.decision(for: $0).variant.name == "canary" && narrow.decision(for: $0).variant.name == "stable"
            }
        )

        let first = sessions.route(unit, holding: nil, through: wide)
        #expect(first.token == .absent && first.decision.reason == .split)
        let canary = try stored(Assignment(remembering: first.decision))

        let second = sessions.route(unit, holding: canary, through: narrow)
        #expect(second.token == .valid && second.decision.reason == .sticky)
        #expect(second.decision.variant == first.decision.variant && second.decision.bucket == first.decision.bucket)

        let third = sessions.route(unit, holding: canary, through: aborted)
        #expect(third.token == .lost(.olderEpoch) && third.decision.variant.name == "stable")
        let stable = try stored(Assignment(remembering: third.decision))
        #expect(sessions.route(unit, holding: stable, through: aborted).token == .valid)
        #expect(sessions.route(unit, holding: stable, through: narrow).token == .newerEpoch)
    }
}
