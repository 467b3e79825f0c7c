import Foundation
import Synchronization
import Testing

@testable import Rollout

// One after the other, because two sinks that block would take both threads of a machine with two cores from each other's tests.
@Suite("Delivering exposures", .serialized)
struct ExposureDeliveryTests {
    /// Whether a sink that blocks leaves the pool a thread.
    private static let hasAnotherThread = ProcessInfo.processInfo.activeProcessorCount > 1

    /// A sink that does as told, one call after the other, and then takes everything.
    private final class Sink: Sendable {
        enum Act: Sendable {
            case take
            case fail
            /// Waits for good, whatever happens to its task.
            case hang
            /// Waits until the test goes on, blocking its thread.
            case block(DispatchSemaphore)
            /// Waits for good, and blocks whoever cancels it until the test goes on.
            case blockCanceller(Barrier)
        }

        private let acts: Lock<[Act]>
        private let offered = Lock<[[String]]>([])
        private let calls = Lock<[(count: Int, shot: OneShot<Void>)]>([])

        init(_ acts: [Act] = []) { self.acts = Lock(acts) }

        /// The units of each batch that was offered.
        var batches: [[String]] { offered.withLock { $0 } }

        func take(_ batch: [Exposure]) async throws {
            let act = acts.withLock { $0.isEmpty ? .take : $0.removeFirst() }
            let count = offered.withLock { offered in
                offered.append(batch.map(\.unit.text))
                return offered.count
            }
            let due = calls.withLock { calls in
                let due = calls.filter { $0.count <= count }
                calls.removeAll { $0.count <= count }
                return due
            }
            for call in due { call.shot.fulfil(()) }
            switch act {
            case .take: break
            case .fail: throw StressError()
            case .hang: await OneShot<Void>().value
            case .block(let gate): Self.wait(for: gate)
            case .blockCanceller(let barrier):
                // So that a failure ends.
                let deadline = ContinuousClock.now + .seconds(60)
                await withTaskCancellationHandler {
                    await OneShot<Void>().value
                } onCancel: {
                    while barrier.isClosed, ContinuousClock.now < deadline {}
                    barrier.returned.add(1, ordering: .acquiringAndReleasing)
                }
            }
        }

        private static func wait(for gate: DispatchSemaphore) { gate.wait() }

        /// Returns once that many batches were offered.
        func offers(_ count: Int) async {
            let shot = OneShot<Void>()
            let isThere = calls.withLock { calls in
                if batches.count >= count { return true }
                calls.append((count, shot))
                return false
            }
            if !isThere { await shot.value }
        }
    }

    private struct Service {
        let exposures: Exposures
        let sink: Sink
        let clock = ManualClock()
        private let decision: Decision

        init(_ acts: [Sink.Act] = [], queue: Int = 1_024, batch: Int = 3, clock other: (any Clock<Duration>)? = nil)
            throws
        {
            let told = try ToldExposures(EditedPolicy.canary(10))
            sink = Sink(acts)
            decision = try told.decision(for: "alice")
            exposures = Exposures(of: told.router, queue: queue, batch: batch, clock: other ?? clock) { [sink] batch in
                try await sink.take(batch)
            }
        }

        func record(_ units: Range<Int>) {
            for unit in units { exposures.record(decision, unit: "\(unit)", at: 1) }
        }

        func start() -> Task<Void, any Error> { Task { try await exposures.run() } }
    }

    @Test("Exposures are delivered in order, in batches, as soon as they are recorded")
    func batches() async throws {
        let service = try Service()
        service.record(0..<7)
        let run = service.start()
        await service.sink.offers(3)
        for unit in 7..<10 {
            service.record(unit..<unit + 1)
            await service.sink.offers(unit - 3)
        }
        run.cancel()
        try await run.value
        #expect(service.sink.batches == [["0", "1", "2"], ["3", "4", "5"], ["6"], ["7"], ["8"], ["9"]])
        #expect(service.exposures.counts.delivered == 10)
    }

    @Test("A batch that the sink throws on is offered again, after 1, 2, 4, … 60 seconds")
    func retries() async throws {
        let service = try Service(Array(repeating: .fail, count: 9) + [.take, .fail])
        service.record(0..<3)
        let run = service.start()
        for pause in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            await service.clock.sleepers()
            service.clock.advance(by: .seconds(pause) - .nanoseconds(1))
            #expect(service.exposures.counts.waiting == 3)
            let before = service.sink.batches.count
            service.clock.advance(by: .nanoseconds(1))
            await service.sink.offers(before + 1)
        }
        service.record(3..<4)
        await service.sink.offers(11)
        // After a success the pauses begin anew.
        await service.clock.sleepers()
        service.clock.advance(by: .seconds(1))
        await service.sink.offers(12)
        run.cancel()
        try await run.value
        #expect(
            service.sink.batches == Array(repeating: ["0", "1", "2"], count: 10) + Array(repeating: ["3"], count: 2)
        )
        #expect(service.exposures.counts.delivered == 4)
    }

    @Test("A second run at once is refused, a later one is not")
    func twice() async throws {
        let service = try Service()
        service.record(0..<1)
        let run = service.start()
        await service.sink.offers(1)
        let error = await #expect(throws: AlreadyRunningError.self) { try await service.exposures.run() }
        #expect(error?.description == "the delivery of exposures is running already: one task is enough.")
        run.cancel()
        try await run.value
        service.record(1..<2)
        #expect(service.exposures.counts.waiting == 1)
        try await service.exposures.deliverWhatIsLeft()
        #expect(service.exposures.counts.delivered == 2)
    }

    @Test("A cancelled run delivers what is left, from a task that is not cancelled")
    func left() async throws {
        let isCancelled = Lock<[Bool]>([])
        let told = try ToldExposures(EditedPolicy.canary(10))
        let exposures = Exposures(of: told.router, batch: 2) { _ in isCancelled.withLock { $0.append(Task.isCancelled) }
        }
        for unit in 0..<5 { exposures.record(try told.decision(for: "alice"), unit: "\(unit)") }
        try await exposures.deliverWhatIsLeft()
        #expect(isCancelled.withLock { $0 } == [false, false, false])
        #expect(exposures.counts.delivered == 5)
    }

    @Test("A cancelled run tries again at once what was to be tried later, and then after a second")
    func failingToTheEnd() async throws {
        let service = try Service([.fail, .fail, .fail])
        service.record(0..<3)
        let run = service.start()
        await service.clock.sleepers()
        service.clock.advance(by: .seconds(1))
        await service.clock.sleepers()
        run.cancel()
        await service.sink.offers(3)
        // The deadline, and the pause of a second.
        await service.clock.sleepers(2)
        service.clock.advance(by: .seconds(1))
        try await run.value
        #expect(service.sink.batches.count == 4)
        #expect(service.exposures.counts.delivered == 3)
    }

    @Test(
        "A sink that hangs, blocks or fails to the end does not keep a cancelled run, and the rest is counted as lost",
        .enabled(if: ExposureDeliveryTests.hasAnotherThread)
    )
    func hanging() async throws {
        let gate = DispatchSemaphore(value: 0)
        let barrier = Barrier()
        defer { barrier.open() }
        for act in [Sink.Act.hang, .block(gate), .blockCanceller(barrier), .fail] {
            let service = try Service([act, .fail, .fail])
            service.record(0..<10)
            let run = service.start()
            await service.sink.offers(1)
            run.cancel()
            if case .fail = act { await service.sink.offers(2) }
            await service.clock.sleepers()
            service.clock.advance(by: .seconds(4))
            service.record(10..<12)
            while service.clock.now.offset < .seconds(5) || service.exposures.counts.lost == 0 {
                service.clock.advance(by: .seconds(1))
                await Task.yield()
            }
            try await run.value
            let counts = service.exposures.counts
            #expect((counts.told, counts.delivered, counts.lost, counts.waiting) == (12, 0, 12, 0))
            if case .block = act { gate.signal() }
            #expect(barrier.returned.load(ordering: .acquiring) == 0)
        }
    }

    @Test(
        "A sink that returns after the deadline changes no count, and the next run goes on without it",
        .enabled(if: ExposureDeliveryTests.hasAnotherThread)
    )
    func late() async throws {
        let gate = DispatchSemaphore(value: 0)
        let service = try Service([.block(gate)])
        service.record(0..<2)
        let run = service.start()
        await service.sink.offers(1)
        run.cancel()
        await service.clock.sleepers()
        service.clock.advance(by: .seconds(5))
        try await run.value
        gate.signal()
        service.record(2..<3)
        try await service.exposures.deliverWhatIsLeft()
        let counts = service.exposures.counts
        #expect((counts.delivered, counts.lost, counts.waiting) == (1, 2, 0))
        #expect(service.sink.batches == [["0", "1"], ["2"]])
    }

    @Test("A clock that fails ends the run, and loses nothing")
    func clock() async throws {
        struct Broken: Clock {
            var now: ContinuousClock.Instant { .now }
            var minimumResolution: Duration { .zero }
            func sleep(until: ContinuousClock.Instant, tolerance: Duration?) async throws { throw StressError() }
        }
        let service = try Service([.fail], clock: Broken())
        service.record(0..<3)
        await #expect(throws: StressError.self) { try await service.exposures.run() }
        #expect(service.exposures.counts.waiting == 3)
        let run = service.start()
        await service.sink.offers(2)
        run.cancel()
        try await run.value
        #expect(service.exposures.counts.delivered == 3)
    }

    @Test(
        "Threads that record while it runs: each exposure is delivered once, and none waits for the next",
        .tags(.concurrency)
    )
    func concurrent() async throws {
        let (threads, units) = (3, StressEffort.isLong ? 200_000 : 4_000)
        let seen = Lock<[String: Int]>([:])
        let told = try ToldExposures(EditedPolicy.canary(10))
        let exposures = Exposures(of: told.router, remembering: 1 << 21, queue: 64) { batch in
            seen.withLock { seen in for exposure in batch { seen[exposure.unit.text, default: 0] += 1 } }
        }
        let decision = try told.decision(for: "alice")
        let run = Task { try await exposures.run() }
        let recorders = (0..<threads).map { thread in
            { @Sendable in
                for index in 0..<units {
                    // Half of the units are everybody's.
                    let unit = index % 2 == 0 ? "unit number \(index)" : "unit number \(index) of \(thread)"
                    exposures.record(decision, unit: unit)
                    if index % 16 == 0 { Thread.sleep(forTimeInterval: 0) }
                }
            }
        }
        await onThreads(recorders)
        // Nobody records any more, and nobody cancels: what waits is delivered by itself.
        while exposures.counts.waiting > 0 { await Task.yield() }
        run.cancel()
        try await run.value
        let counts = exposures.counts
        #expect(counts.delivered == counts.told)
        #expect(counts.told == seen.withLock { $0.values.reduce(0, +) })
        #expect(seen.withLock { $0.values.allSatisfy { $0 == 1 } })
    }
}
