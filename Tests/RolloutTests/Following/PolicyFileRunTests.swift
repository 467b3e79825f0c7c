import Testing

@testable import Rollout

@Suite("Running after a policy file")
struct PolicyFileRunTests {
    @Test("looks at once, then after each interval, and ends cleanly when it is cancelled")
    func loop() async throws {
        let followed = try await FollowedFile()
        let clock = ManualClock()
        let file = PolicyFile(followed.file.path, updating: followed.updater, every: .seconds(5), clock: clock)
        try followed.write(FollowedFile.policy(2))
        let task = Task { try await file.run() }
        await clock.sleepers()
        #expect(followed.running == 2)
        try followed.write(FollowedFile.policy(3))
        clock.advance(by: .seconds(4))
        #expect(followed.running == 2)
        clock.advance(by: .seconds(1))
        await clock.sleepers()
        #expect(followed.running == 3)
        task.cancel()
        try await task.value
    }

    @Test("takes any interval: one that no clock can add to its time is very long, and zero is the shortest")
    func intervals() async throws {
        let followed = try await FollowedFile()
        try followed.write(FollowedFile.policy(2))
        for interval in [.seconds(Int64.max), .seconds(Int64.min), .zero] as [Duration] {
            let file = PolicyFile(followed.file.path, updating: followed.updater, every: interval)
            let task = Task { try await file.run() }
            while followed.running != 2 { await Task.yield() }
            task.cancel()
            try await task.value
        }
        let clock = ManualClock()
        let file = PolicyFile(followed.file.path, updating: followed.updater, every: .zero, clock: clock)
        let task = Task { try await file.run() }
        await clock.sleepers()
        clock.advance(by: .milliseconds(9))
        #expect(clock.sleepCount == 1)
        clock.advance(by: .milliseconds(1))
        await clock.sleepers()
        #expect(clock.sleepCount == 2)
        task.cancel()
        try await task.value
    }

    @Test("looks once after a clock that jumps, however far")
    func jump() async throws {
        let followed = try await FollowedFile()
        let clock = ManualClock()
        let missing = followed.folder.path("missing")
        let events = Lock<[PolicyFile.Event]>([])
        let file = PolicyFile(missing, updating: followed.updater, every: .seconds(5), clock: clock) { event in
            events.withLock { $0.append(event) }
        }
        let task = Task { try await file.run() }
        for jump in [Duration.seconds(5), .seconds(86_400 * 365), .seconds(5)] {
            await clock.sleepers()
            clock.advance(by: jump)
        }
        await clock.sleepers()
        #expect(clock.sleepCount == 4, "one wait after each look")
        #expect(events.withLock { $0.count } == 1, "one report of a file that was missing all the time")
        task.cancel()
        try await task.value
    }

    @Test("does not end when the time of the history goes back")
    func wallClock() async throws {
        let followed = try await FollowedFile()
        let times = Lock<[UnixTime]>([100, -100, 2_000_000_000])
        let file = PolicyFile(
            followed.file.path,
            updating: followed.updater,
            now: { times.withLock { $0.removeLast() } }
        )
        for revision in 2...4 as ClosedRange<UInt32> {
            try followed.write(FollowedFile.policy(revision))
            #expect(await file.poll() == [.accepted(revision: revision)])
        }
        #expect(followed.updater.history.suffix(3).map(\.time) == [2_000_000_000, -100, 100])
    }

    private struct Gate: PolicyGate {
        let verdict: @Sendable (RolloutPolicy) async throws -> Void
        var name: String { "smoke test" }

        func prepare(from running: RolloutPolicy, to next: RolloutPolicy) async throws { try await verdict(next) }
    }

    private struct Smoke: Error {}

    @Test("leads through gates, whose refusal is told once")
    func gates() async throws {
        let followed = try await FollowedFile(gates: [Gate { if $0.revision == 2 { throw Smoke() } }])
        let file = followed.file
        try followed.write(FollowedFile.policy(2))
        #expect(await file.poll() == [.refused(.refused(by: "smoke test", Smoke()))])
        #expect(await file.poll() == [])
        #expect(followed.running == 1)
        try followed.write(FollowedFile.policy(3))
        #expect(await file.poll() == [.accepted(revision: 3)])
        #expect(followed.updater.history.last?.gates == ["smoke test"])
    }

    @Test("asks the gates again if a look was cancelled before they had a verdict")
    func cancelledGate() async throws {
        let isOpen = Lock(false)
        let clock = ManualClock()
        let gate = Gate { _ in
            if !isOpen.withLock({ $0 }) { try await clock.sleep(for: .seconds(1)) }
        }
        let followed = try await FollowedFile(gates: [gate])
        let file = followed.file
        try followed.write(FollowedFile.policy(2))
        let task = Task { await file.poll() }
        await clock.sleepers()
        task.cancel()
        #expect(await task.value == [])
        isOpen.withLock { $0 = true }
        #expect(await file.poll() == [.accepted(revision: 2)])
    }
}
