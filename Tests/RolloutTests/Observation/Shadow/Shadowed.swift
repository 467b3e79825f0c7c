import Synchronization
import Testing

@testable import Rollout

/// A service whose every request is copied, with a clock that a test moves.
struct Shadowed: Sendable {
    let router: RolloutRouter
    let shadows: ShadowRunner
    let decision: Decision
    let clock = ManualClock()

    init(limit: Int = 1, timeout: Duration = .seconds(5), on executor: (any TaskExecutor)? = nil) throws {
        router = try RolloutRouter(policy: Self.policy("r2"))
        shadows = ShadowRunner(
            of: router,
            limit: limit,
            timeout: timeout,
            drain: .seconds(2),
            on: executor,
            clock: clock
        )
        decision = try #require(router.rollout("r")).decision(for: "alice")
    }

    /// A policy that copies every request to this release.
    static func policy(_ release: String, revision: UInt32 = 1) -> RolloutPolicy {
        let strategy = RolloutStrategy.shadow(.percent(100), primary: ["model": "r1"], shadow: ["model": release])
        return RolloutPolicy(revision: revision, rollouts: ["r": RolloutDefinition(strategy, epoch: revision)])
    }

    var copies: ShadowCounts.Copies { shadows.counts.total }

    /// The outcomes of the shadow variant.
    var outcomes: OutcomeTally? { router.outcomes.counts.rows.first { $0.variant == "shadow" }?.all }

    /// Runs the runner as long as the body takes, and some copies so long.
    func running(_ body: () async throws -> Void) async throws {
        let run = Task { try await shadows.run() }
        await clock.sleepers()
        try await body()
        run.cancel()
        try await run.value
    }

    /// A permit, once a worker is free.
    func permit() async throws -> ShadowPermit {
        while true {
            if let permit = shadows.permit(for: decision) { return permit }
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    /// Whether there is a permit now. It is given back.
    func hasPermit(for other: Decision? = nil) -> Bool {
        if let _ = shadows.permit(for: other ?? decision) { true } else { false }
    }
}

/// Returns once something is so.
func until(_ isSo: () -> Bool) async {
    while !isSo(), !Task.isCancelled { try? await Task.sleep(for: .milliseconds(1)) }
}

/// Where copies wait until a test lets them go on, and what it knows of them.
final class Barrier: Sendable {
    let begun = Atomic<Int>(0)
    let returned = Atomic<Int>(0)
    let cancelled = Atomic<Int>(0)
    private let isOpen = Atomic<Bool>(false)

    var isClosed: Bool { !isOpen.load(ordering: .acquiring) }

    func open() { isOpen.store(true, ordering: .releasing) }

    /// Waits, whether the task is cancelled or not.
    func wait() async {
        begun.add(1, ordering: .acquiringAndReleasing)
        await withTaskCancellationHandler {
            while isClosed {
                // A task that is cancelled cannot sleep, so another one does.
                await Task.detached { try? await Task.sleep(for: .milliseconds(1)) }.value
            }
        } onCancel: {
            cancelled.add(1, ordering: .acquiringAndReleasing)
        }
        returned.add(1, ordering: .acquiringAndReleasing)
    }

    func has(begun count: Int) -> Bool { begun.load(ordering: .acquiring) >= count }
    var wasCancelled: Bool { cancelled.load(ordering: .acquiring) > 0 }
}
