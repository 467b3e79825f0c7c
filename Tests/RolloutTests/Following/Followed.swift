@testable import Rollout

/// A router that follows a source which a test speaks for, on a clock that the test moves.
struct Followed: Sendable {
    let source: ScriptedSource
    let router: RolloutRouter
    let updater: RolloutUpdater
    let follower: PolicyFollower
    let log = EventLog()
    let clock = ManualClock()
    /// Measures the time that an update has.
    let limitClock = ManualClock()

    init(
        start: RolloutPolicy? = Followed.policy(1),
        source: ScriptedSource = ScriptedSource(),
        savedCopy: String? = nil,
        gates: [any PolicyGate] = [],
        within limit: Duration? = nil
    ) throws {
        self.source = source
        router = if let start { try RolloutRouter(policy: start) } else { RolloutRouter() }
        updater = RolloutUpdater(router, gates: gates, clock: limitClock)
        follower = PolicyFollower(
            of: source,
            savedCopy: savedCopy,
            updating: updater,
            clock: clock,
            within: limit,
            report: log.report
        )
    }

    /// Policies whose canary's share is their revision's, so that contents of one size differ.
    static func policy(_ revision: UInt32) -> RolloutPolicy {
        EditedPolicy.canary(Double(revision % 101)).at(revision)
    }

    var running: UInt32 { router.snapshot().revision }

    /// The records of the history but for the first one, as outcome and revision.
    var outcomes: [String] {
        updater.history.dropFirst().map { "\($0.outcome) \($0.revision.map(String.init) ?? "-")" }
    }

    /// Has the source say something, asks it once, offers what is to be offered once, and returns what was reported.
    func look(_ say: (ScriptedSource) -> Void) async -> [PolicyFollower.Event] {
        say(source)
        _ = try? await follower.start()
        return log.take()
    }

    /// Runs the follower while the body does, and ends it by cancellation.
    func whileRunning<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        let task = Task { try await follower.run() }
        let result = try await body()
        task.cancel()
        try await task.value
        return result
    }
}
