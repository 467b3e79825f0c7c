import Foundation
import Synchronization
import Testing

@testable import Rollout

/// App and model service, each updated by a thread of its own while requests go through both.
///
/// A step has two parts. First nobody writes, so what each request must come to is known, and the plan alone says how often
/// the two services are apart: no scheduler can make this test see less. Then both writers are let go, and the requests of
/// that part meet the updates wherever they fall.
@Suite("App and model service")
struct MixedPairTests {
    /// `ROLLOUT_STRESS=long` asks for a million.
    private static let requests = StressEffort.isLong ? 1_000_000 : 5_000

    private static let requestsPerStep = 100
    private static let stillRequestsPerStep = 20

    /// Two revisions an epoch: one with new releases, one that only moves the share.
    private static func policy(_ revision: UInt32) throws -> RolloutPolicy {
        let epoch = revision / 2
        let share = try #require(Share(buckets: Int(revision) * 7_919 % 1_000_000))
        func release(_ variant: String) -> Release { [.app: "\(variant)-\(epoch)", .model: "\(variant)-\(epoch)"] }
        let definition = RolloutDefinition(
            .canary(share, stable: release("stable"), canary: release("canary")),
            epoch: epoch
        )
        return RolloutPolicy(revision: revision, rollouts: ["sms": definition])
    }

    @Test("never serve a mixed pair that is not marked, while both are updated all the time")
    func neverMixed() throws {
        let plan = PairPlan(steps: max(Self.requests / Self.requestsPerStep, 50) + 1)
        let (app, model) = (try RolloutRouter(policy: Self.policy(0)), try RolloutRouter(policy: Self.policy(0)))
        let services = PairOfServices(
            app: try #require(app.rollout("sms")),
            model: try #require(model.rollout("sms")),
            sessions: try Fixture.sessions()
        )
        let baton = Baton()
        let failure = Lock<(any Error)?>(nil)
        func writer(_ router: RolloutRouter, _ revisions: [UInt32], _ done: @escaping @Sendable (Int) -> Void)
            -> @Sendable () -> Void
        {
            {
                for step in 1..<revisions.count {
                    baton.wait(forStep: step)
                    do {
                        if revisions[step] > revisions[step - 1] { try router.update(to: Self.policy(revisions[step])) }
                    } catch {
                        failure.withLock { $0 = error }
                    }
                    done(step)
                }
            }
        }
        let counts = Lock(PairCounts())
        onThreads([
            writer(app, plan.app) { baton.app.store($0, ordering: .releasing) },
            writer(model, plan.model) { baton.model.store($0, ordering: .releasing) },
            {
                var seen = PairCounts()
                var slow: PairOfServices.Call?
                for step in plan.app.indices {
                    services.still(step, plan, Self.stillRequestsPerStep, &slow, &seen)
                    guard step + 1 < plan.app.count else { break }
                    baton.letGo(step + 1)
                    let moving = Self.requestsPerStep - Self.stillRequestsPerStep
                    for index in 0..<moving { services.receive(services.send("user-\(step)-\(index)"), &seen) }
                    baton.waitForWriters(step + 1)
                }
                counts.withLock { [seen] in $0 = seen }
            },
        ])
        if let error = failure.withLock({ $0 }) { throw error }

        let seen = counts.withLock { $0 }
        #expect(seen.mixed == 0, "pairs of releases that do not belong together, and are not marked")
        #expect(seen.surprising == 0, "requests that nobody disturbed, and that came out other than planned")
        #expect(seen.tainted == services.sessions.counts.tainted(.otherEpoch), "epochs are all that is apart")
        // What the plan alone makes certain.
        #expect(seen.still.tainted == plan.apart * Self.stillRequestsPerStep + plan.apartInFlight)
        #expect(seen.still.adopted == plan.together * Self.stillRequestsPerStep + plan.togetherInFlight)
        #expect(plan.apart > plan.app.count / 10 && plan.together > plan.app.count / 10 && plan.ramped > 0)
        #expect(plan.apartInFlight > 0 && plan.togetherInFlight > 0)
        #expect(seen.total >= Self.requests, "requests")
    }
}

/// The revisions of both services after each step.
private struct PairPlan: Sendable {
    private(set) var app: [UInt32] = [0]
    private(set) var model: [UInt32] = [0]

    /// One is ahead of the other by up to four revisions, now this one, now that one.
    init(steps: Int) {
        var generator = SplitMix64(seed: 99)
        while app.count < steps {
            var next = (app: app[app.count - 1], model: model[model.count - 1])
            next.app += UInt32.random(in: 0...2, using: &generator)
            next.model += UInt32.random(in: 0...2, using: &generator)
            guard max(next.app, next.model) - min(next.app, next.model) <= 4 else { continue }
            app.append(next.app)
            model.append(next.model)
        }
    }

    func isApart(app: Int, model: Int) -> Bool { self.app[app] / 2 != self.model[model] / 2 }

    /// Steps after which the services are of different epochs.
    var apart: Int { app.indices.count { isApart(app: $0, model: $0) } }
    var together: Int { app.count - apart }
    /// Steps after which they are of one epoch, and of different revisions.
    var ramped: Int { app.indices.count { app[$0] != model[$0] && !isApart(app: $0, model: $0) } }
    /// Steps during which a call is under way that the model service must not adopt any more.
    var apartInFlight: Int { app.indices.dropFirst().count { isApart(app: $0 - 1, model: $0) } }
    var togetherInFlight: Int { app.count - 1 - apartInFlight }
}

private struct PairCounts: Sendable {
    struct Still: Sendable {
        var adopted = 0
        var tainted = 0
    }

    var total = 0
    var tainted = 0
    /// Pairs that do not belong together and are not marked.
    var mixed = 0
    /// Calls while nobody wrote.
    var still = Still()
    /// Those that are adopted although the plan says marked, and the other way round.
    var surprising = 0
}

/// Two services with one key.
private struct PairOfServices: Sendable {
    let app: RolloutHandle
    let model: RolloutHandle
    let sessions: SessionRouter

    /// What the app sends to the model service.
    struct Call: Sendable {
        let unit: String
        let decision: Decision
        let header: String?
    }

    func send(_ unit: String) -> Call {
        let decision = app.decision(for: unit)
        return Call(
            unit: unit,
            decision: decision,
            header: sessions.header(for: decision, unit: unit, now: Fixture.now)
        )
    }

    /// Whether the call was tainted.
    @discardableResult
    func receive(_ call: Call, _ counts: inout PairCounts) -> Bool {
        let adopted = sessions.adopt(call.header, for: call.unit, through: model, now: Fixture.now)
        counts.total += 1
        let isPair = call.decision.variant.release[.app] == adopted.decision.variant.release[.model]
        if adopted.isTainted { counts.tainted += 1 } else if !isPair { counts.mixed += 1 }
        return adopted.isTainted
    }

    /// Calls after a step while nobody writes, and before them the slow one that was under way during the step.
    func still(_ step: Int, _ plan: PairPlan, _ calls: Int, _ slow: inout Call?, _ counts: inout PairCounts) {
        func receive(_ call: Call, sentAt sent: Int) {
            let isTainted = self.receive(call, &counts)
            if isTainted { counts.still.tainted += 1 } else { counts.still.adopted += 1 }
            if isTainted != plan.isApart(app: sent, model: step) { counts.surprising += 1 }
        }
        if let slow { receive(slow, sentAt: step - 1) }
        for index in 0..<calls { receive(send("still-\(step)-\(index)"), sentAt: step) }
        slow = send("slow-\(step)")
    }
}

/// Whose turn it is: the writers' once a step is let go, until both are done with it.
private final class Baton: Sendable {
    let app = Atomic(0)
    let model = Atomic(0)
    private let step = Atomic(0)

    func letGo(_ step: Int) { self.step.store(step, ordering: .releasing) }

    func wait(forStep step: Int) { while self.step.load(ordering: .acquiring) < step { sched_yield() } }

    func waitForWriters(_ step: Int) {
        while app.load(ordering: .acquiring) < step || model.load(ordering: .acquiring) < step { sched_yield() }
    }
}
