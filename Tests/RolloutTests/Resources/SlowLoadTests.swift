import Synchronization
import Testing

@testable import Rollout

/// Loads that ignore cancellation, and go on after their change has ended.
@Suite("A load that outlives its change", .timeLimit(.minutes(5)))
struct SlowLoadTests {
    typealias Model = ReleaseResourcesTests.Model

    private let shelf = ReleaseResourcesTests.Shelf()
    /// Version 2 is loaded until somebody lets it end.
    private let isLoading = OneShot<Bool>()
    private let mayEnd = OneShot<Bool>()
    private let clock = ManualClock()
    private let models: ReleaseResources<Model>
    private let router: RolloutRouter
    private let updater: RolloutUpdater

    init() async throws {
        models = try await ReleaseResources<Model>(for: EditedPolicy.fixed()) { [shelf, isLoading, mayEnd] _, version in
            if version == EditedPolicy.v2 {
                isLoading.fulfil(true)
                _ = await mayEnd.value
            }
            return try shelf.load(version)
        } free: { model in
            model.freed.add(1, ordering: .relaxed)
        }
        router = try RolloutRouter(policy: EditedPolicy.fixed())
        updater = RolloutUpdater(router, gates: [models], clock: clock)
    }

    private func change(to release: Release, within limit: Duration? = nil) async throws -> UInt32 {
        try await updater.update(within: limit) { try $0.setRelease(of: "stable", in: "sms", to: release) }
    }

    /// Loads version 2 until the time of its change is up.
    private func overrun() async throws {
        let slow = Task { try await change(to: EditedPolicy.v2, within: .seconds(5)) }
        await clock.sleepers()
        _ = await isLoading.value
        clock.advance(by: .seconds(5))
        let late = UpdateError.ended(.timedOut(after: .seconds(5)), at: models.name)
        await #expect(throws: late) { try await slow.value }
    }

    @Test("holds up the next change until it ends, and its value is never used")
    func nextChange() async throws {
        try await overrun()
        let next = Task { try await change(to: EditedPolicy.v3, within: .seconds(60)) }
        await clock.sleepers()
        mayEnd.fulfil(true)
        #expect(try await next.value == 2)
        #expect(shelf.versions == ["v1", "v2", "v3"])
        #expect(shelf.alive == ["v3"])
        #expect(models.status.loaded == ["sms": [EditedPolicy.v3]])
    }

    @Test("holds up no change beyond its time, and the change after that works")
    func timeIsUp() async throws {
        try await overrun()
        let waiting = Task { try await change(to: EditedPolicy.v3, within: .seconds(7)) }
        await clock.sleepers()
        while updater.history.count == 1 { await Task.yield() }
        clock.advance(by: .seconds(7))
        let late = UpdateError.ended(.timedOut(after: .seconds(7)), at: models.name)
        await #expect(throws: late) { try await waiting.value }

        let next = Task { try await change(to: EditedPolicy.v2) }
        mayEnd.fulfil(true)
        #expect(try await next.value == 2)
        #expect(shelf.versions == ["v1", "v2", "v2"], "nobody waited for version 3 any more")
        #expect(shelf.alive == ["v2"])
    }

    @Test("is ended by a rollback, which works once the load has ended")
    func rollback() async throws {
        #expect(try await change(to: EditedPolicy.v3) == 2)
        let slow = Task { try await change(to: EditedPolicy.v2) }
        _ = await isLoading.value
        let rollback = Task { try await updater.rollback(of: "sms") }
        await #expect(throws: UpdateError.ended(.overtakenByRollback, at: models.name)) { try await slow.value }
        #expect(router.snapshot().revision == 2)
        mayEnd.fulfil(true)
        #expect(try await rollback.value == 3)
        #expect(router.snapshot().policy.sms.strategy == .fixed(EditedPolicy.v1))
        #expect(shelf.versions == ["v1", "v3", "v2", "v1"])
        #expect(shelf.alive == ["v1"])
    }

    @Test("does not hold up a change that has nothing to load")
    func nothingToLoad() async throws {
        #expect(try await updater.update { try $0.force("qa", to: "stable", in: "sms") } == 2)
        try await overrun()
        #expect(try await updater.rollback(to: 1) == 3)
        #expect(shelf.alive == ["v1"])
        mayEnd.fulfil(true)
        while shelf.versions.count == 1 || shelf.alive.count > 1 { await Task.yield() }
        #expect(models.status.loaded == ["sms": [EditedPolicy.v1]])
        #expect(try await change(to: EditedPolicy.v3) == 4)
        #expect(shelf.alive == ["v3"])
    }

    @Test("does not hold up a preparation that is cancelled, which gives up its place")
    func cancelled() async throws {
        try await overrun()
        let cancelled = Task {
            try await models.prepare(from: EditedPolicy.fixed(), to: EditedPolicy.fixed(EditedPolicy.v3))
        }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        mayEnd.fulfil(true)
        #expect(try await change(to: EditedPolicy.v3) == 2)
        #expect(shelf.alive == ["v3"])
    }

    /// A change whose gates are still being told how it ended may meet the next one.
    @Test(
        "A preparation waits until the one before is finished, and what is published stays",
        arguments: [true, false]
    )
    func overlappingFinishes(published: Bool) async throws {
        let (v1, v3, v4) = (
            EditedPolicy.fixed(), EditedPolicy.fixed(EditedPolicy.v3), EditedPolicy.fixed([.app: "v4"])
        )
        try await models.prepare(from: v1, to: v3)
        let executor = HeldExecutor()
        let next = Task(executorPreference: executor) { try await models.prepare(from: v3, to: v4) }
        executor.run()
        #expect(shelf.versions == ["v1", "v3"], "the second preparation waits")
        await models.finish(published: published)
        await executor.isReady()
        executor.run()
        try await next.value
        #expect(shelf.alive == [published ? "v3" : "v1", "v4"])
        await models.finish(published: true)
        #expect(shelf.alive == ["v4"])
    }
}
