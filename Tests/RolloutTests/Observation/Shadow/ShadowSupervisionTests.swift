import Testing

@testable import Rollout

extension ShadowRunnerTests {
    @Suite("Supervision of copies")
    struct Supervision {
        @Test("A copy is asked to end when its time is up, not before, and keeps its permit until it returns")
        func timeout() async throws {
            let service = try Shadowed()
            let (barrier, later) = (Barrier(), Barrier())
            try await service.running {
                try await service.permit().run(.readOnly) { await barrier.wait() }
                await until { barrier.has(begun: 1) }
                service.clock.advance(by: .milliseconds(4_999))
                #expect(!barrier.wasCancelled)
                #expect(service.copies.stuck == 0)
                await service.clock.sleepers()
                service.clock.advance(by: .milliseconds(1))
                await until { barrier.wasCancelled }
                #expect(service.copies.stuck == 1)
                #expect(service.copies.running == 1)
                #expect(!service.hasPermit())
                #expect(service.shadows.counts.variants.values.map(\.stuck) == [1])
                barrier.open()
                await until { service.copies.running == 0 }
                #expect(service.copies.stuck == 0)
                #expect(service.copies.cancelled == 1)
                #expect(service.outcomes?.cancelled.count == 1)
                // The worker that was cancelled is replaced: the next copy knows nothing of it.
                try await service.permit().run(.readOnly) {
                    try Task.checkCancellation()
                    later.open()
                }
                await until { service.copies.running == 0 }
                #expect(!later.isClosed)
                #expect(service.copies.succeeded == 1)
            }
        }

        @Test("Copies are timed one by one, from their hand-over on")
        func timedApart() async throws {
            let service = try Shadowed(limit: 2)
            let (first, second) = (Barrier(), Barrier())
            try await service.running {
                try await service.permit().run(.readOnly) { await first.wait() }
                service.clock.advance(by: .seconds(3))
                try await service.permit().run(.readOnly) { await second.wait() }
                await until { first.has(begun: 1) && second.has(begun: 1) }
                service.clock.advance(by: .seconds(2))
                await until { first.wasCancelled }
                await service.clock.sleepers()
                #expect(!second.wasCancelled)
                service.clock.advance(by: .seconds(3))
                await until { second.wasCancelled }
                #expect(service.copies.stuck == 2)
                first.open()
                second.open()
                await until { service.copies.running == 0 }
            }
            #expect(service.copies.cancelled == 2)
        }

        @Test("A copy that finds no thread in its time does not begin")
        func neverBegun() async throws {
            let executor = HeldExecutor()
            let service = try Shadowed(on: executor)
            let barrier = Barrier()
            try await service.running {
                executor.run()
                try await service.permit().run(.readOnly) { barrier.open() }
                service.clock.advance(by: .seconds(5))
                await until { service.copies.stuck == 1 }
                executor.run()
                #expect(barrier.isClosed)
                #expect(service.copies.cancelled == 1)
                #expect(service.copies.running == 0)
                #expect(service.outcomes == nil)
                // Its worker is replaced, and the next copy runs.
                executor.run()
                try await service.permit().run(.readOnly) { barrier.open() }
                executor.run()
                #expect(!barrier.isClosed)
            }
        }

        @Test("A copy that cancels its own task does not cancel the next one")
        func cancelsItself() async throws {
            let service = try Shadowed()
            let seen = Lock<[Bool]>([])
            try await service.running {
                for _ in 0..<3 {
                    try await service.permit().run(.readOnly) {
                        seen.withLock { $0.append(Task.isCancelled) }
                        unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                    }
                    await until { service.copies.running == 0 }
                }
            }
            #expect(seen.withLock { $0 } == [false, false, false])
            #expect(service.copies.succeeded == 3)
        }

        @Test("Without run() there are no copies, and they are counted")
        func notRunning() async throws {
            let service = try Shadowed()
            for _ in 0..<3 { #expect(!service.hasPermit()) }
            #expect(service.copies.notRunning == 3)
            #expect(service.copies.dropped == 3)
            try await service.running {
                try await service.permit().run(.readOnly) {}
                await until { service.copies.running == 0 }
            }
            #expect(!service.hasPermit())
            #expect(service.copies.notRunning == 4)
            // Once run() has returned it may be called again, and the workers are those that there were.
            try await service.running {
                try await service.permit().run(.readOnly) {}
                await until { service.copies.running == 0 }
            }
            #expect(service.copies.succeeded == 2)
        }

        @Test("run() twice at once is refused, and the first goes on")
        func twice() async throws {
            let service = try Shadowed()
            try await service.running {
                let error = await #expect(throws: AlreadyRunningError.self) { try await service.shadows.run() }
                #expect(error?.description == "a ShadowRunner is running already: one task is enough.")
                try await service.permit().run(.readOnly) {}
                await until { service.copies.succeeded == 1 }
            }
        }

        @Test("Cancelled, run() admits no more and waits for the copies")
        func drain() async throws {
            let service = try Shadowed(limit: 2)
            let barrier = Barrier()
            let run = Task { try await service.shadows.run() }
            let early = try await service.permit()
            try await service.permit().run(.readOnly) { await barrier.wait() }
            await until { barrier.has(begun: 1) }
            run.cancel()
            await service.clock.sleepers()
            await until { !service.hasPermit() && service.copies.notRunning > 0 }
            // A permit from before is of no use any more.
            let before = service.copies
            early.run(.readOnly) {}
            #expect(service.copies.notRunning == before.notRunning + 1)
            #expect(service.copies.admitted == 1)
            barrier.open()
            try await run.value
            #expect(service.copies.succeeded == 1)
            #expect(!barrier.wasCancelled)
            #expect(service.clock.now.offset == .zero)
        }

        @Test("Cancelled, run() returns when the drain is over, though copies ignore that they are cancelled")
        func deadline() async throws {
            let service = try Shadowed()
            let barrier = Barrier()
            let run = Task { try await service.shadows.run() }
            try await service.permit().run(.readOnly) { await barrier.wait() }
            await until { barrier.has(begun: 1) }
            run.cancel()
            await service.clock.sleepers()
            service.clock.advance(by: .milliseconds(1_999))
            await service.clock.sleepers()
            #expect(!barrier.wasCancelled)
            service.clock.advance(by: .milliseconds(1))
            try await run.value
            #expect(service.copies.stuck == 1)
            await until { barrier.wasCancelled }
            barrier.open()
            await until { service.copies.running == 0 }
            #expect(service.copies.cancelled == 1)
        }

        @Test("A copy whose time is up during the drain is asked to end then")
        func timeoutWhileDraining() async throws {
            let service = try Shadowed(timeout: .seconds(1))
            let barrier = Barrier()
            let run = Task { try await service.shadows.run() }
            try await service.permit().run(.readOnly) { await barrier.wait() }
            await until { barrier.has(begun: 1) }
            run.cancel()
            await until { !service.hasPermit() && service.copies.notRunning > 0 }
            await service.clock.sleepers()
            service.clock.advance(by: .seconds(1))
            await until { barrier.wasCancelled }
            barrier.open()
            try await run.value
            #expect(service.copies.cancelled == 1)
        }

        @Test("A cancellation handler that blocks does not keep run() from returning")
        func blockingHandler() async throws {
            let service = try Shadowed()
            let barrier = Barrier()
            let parked = Lock<CheckedContinuation<Void, Never>?>(nil)
            let run = Task { try await service.shadows.run() }
            try await service.permit().run(.readOnly) {
                await withTaskCancellationHandler {
                    // Nothing that it waits for ends meanwhile. Whatever ended would wait for the handler, because the runtime
                    // locks the task, and with the second of two threads blocked nobody could open the barrier.
                    await withCheckedContinuation { continuation in parked.withLock { $0 = continuation } }
                } onCancel: {
                    while barrier.isClosed {}
                }
            }
            await until { parked.withLock { $0 != nil } }
            run.cancel()
            await service.clock.sleepers()
            service.clock.advance(by: .seconds(2))
            try await run.value
            #expect(service.copies.stuck == 1)
            barrier.open()
            parked.withLock { $0 }?.resume()
            await until { service.copies.running == 0 }
        }

        @Test("If the clock fails, run() throws what it threw, and admits no more")
        func failingClock() async throws {
            let router = try RolloutRouter(policy: Shadowed.policy("r2"))
            let shadows = ShadowRunner(of: router, clock: BrokenClock())
            await #expect(throws: BrokenClock.Broken.self) { try await shadows.run() }
            let decision = try #require(router.rollout("r")).decision(for: "alice")
            if let permit = shadows.permit(for: decision) { permit.run(.readOnly) {} }
            #expect(shadows.counts.total.notRunning == 1)
        }

        @Test(
            "While runs begin and end, every submission is admitted or dropped, and every copy ends",
            .tags(.concurrency)
        )
        func race() async throws {
            let service = try Shadowed(limit: 3)
            let submitted = Counted()
            let isOver = Barrier()
            async let runs: Void = {
                defer { isOver.open() }
                for _ in 0..<(StressEffort.isLong ? 1_000 : 60) {
                    let run = Task { try await service.shadows.run() }
                    let goal = submitted.value + 20
                    await until { submitted.value >= goal }
                    run.cancel()
                    try await run.value
                    #expect(service.copies.running == 0)
                }
            }()
            await onThreads(
                (0..<2).map { _ in
                    {
                        while isOver.isClosed {
                            _ = submitted.add(1)
                            if let permit = service.shadows.permit(for: service.decision) {
                                permit.run(.readOnly) { await Task.yield() }
                            }
                        }
                    }
                }
            )
            try await runs
            let copies = service.copies
            #expect(copies.admitted + copies.dropped == submitted.value)
            #expect(copies.running == 0)
            #expect(copies.admitted > 0)
        }
    }
}

/// A clock on which nobody can sleep.
private struct BrokenClock: Clock {
    struct Broken: Error {}

    var now: ContinuousClock.Instant { ContinuousClock.now }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws { throw Broken() }
}
