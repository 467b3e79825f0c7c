import Testing

@testable import Rollout

@Suite("A follower of a source")
struct PolicyFollowerTests {
    private typealias Event = PolicyFollower.Event

    private static func policy(_ revision: UInt32) -> RolloutPolicy { Followed.policy(revision) }

    @Test("brings in what is new, and enters the source's name")
    func follows() async throws {
        let followed = try Followed()
        try await followed.whileRunning {
            followed.source.say(Self.policy(2))
            followed.source.say(Self.policy(3))
            #expect(await followed.log.events(1).last?.kind == .accepted)
            await followed.source.asked(3)
            followed.source.say(Self.policy(4))
            while followed.running < 4 { await Task.yield() }
        }
        #expect(followed.router.snapshot().policy == Self.policy(4))
        #expect(followed.updater.history.last?.author == "script")
    }

    @Test("of a source that stalls waits, and ends when it is cancelled")
    func stalls() async throws {
        let followed = try Followed()
        try await followed.whileRunning { await followed.source.asked(1) }
        #expect(followed.log.events == [])
        #expect(followed.outcomes == [])
    }

    @Test("of a source that ignores cancellation ends all the same, and its next run gets the answer")
    func ignoresCancellation() async throws {
        let followed = try Followed(source: ScriptedSource(ignoresCancellation: true))
        try await followed.whileRunning { await followed.source.asked(1) }
        let task = Task { try await followed.follower.run() }
        followed.source.say(Self.policy(2))
        #expect(await followed.log.events(1) == [.accepted(revision: 2)])
        await followed.source.asked(2)
        task.cancel()
        try await task.value
    }

    @Test("of a source that ends returns when what it brought is settled")
    func ends() async throws {
        let followed = try Followed(gates: [ClosureGate { if $0.revision == 9 { throw Refusal() } }])
        followed.source.say(Self.policy(2))
        followed.source.end()
        try await followed.follower.run()
        #expect(Set(followed.log.events) == [.accepted(revision: 2), .ended])
        try await followed.follower.run()
        #expect(followed.log.events.count == 2, "a source that has ended is not asked again")
    }

    private struct Refusal: Error {}

    @Test("of a source that ends goes on with what a gate stopped, and not with what nothing can mend")
    func endsWhileWaiting() async throws {
        let isOpen = Lock(false)
        let followed = try Followed(gates: [ClosureGate { _ in if !isOpen.withLock({ $0 }) { throw Refusal() } }])
        followed.source.say(Self.policy(2))
        followed.source.end()
        let task = Task { try await followed.follower.run() }
        _ = await followed.log.events(2)
        isOpen.withLock { $0 = true }
        await followed.clock.sleepers()
        followed.clock.advance(by: .seconds(1))
        try await task.value
        #expect(followed.running == 2)

        let other = try Followed()
        other.source.say(Self.policy(3).at(1))
        other.source.end()
        try await other.follower.run()
        #expect(Set(other.log.events.map(\.kind)) == [.refused, .ended])
    }

    @Test("of a source that throws asks again after pauses that grow to a minute, and reports once")
    func throwing() async throws {
        let followed = try Followed()
        try await followed.whileRunning {
            for (index, pause) in [1, 2, 4, 8, 16, 32, 60, 60].enumerated() {
                followed.source.fail("refused by port \(40_000 + index)")
                await followed.clock.sleepers()
                #expect(followed.source.askCount == index + 1)
                followed.clock.advance(by: .seconds(pause) - .milliseconds(1))
                #expect(followed.clock.sleepCount == index + 1)
                followed.clock.advance(by: .milliseconds(1))
                await followed.source.asked(index + 2)
            }
            #expect(followed.log.events.map(\.kind) == [.unreachable])
            #expect(followed.log.events[0].description.contains("refused by port 40000"))
            followed.source.say(Self.policy(1))
            await followed.source.asked(10)
            #expect(followed.log.take().dropFirst() == [.reached])
            // The next time it is away is another one; the history has it already.
            followed.source.fail("gone again")
            await followed.clock.sleepers()
            followed.clock.advance(by: .seconds(1))
            followed.source.say(Self.policy(1))
            #expect(await followed.log.events(2).map(\.kind) == [.unreachable, .reached])
        }
        #expect(followed.outcomes == ["refused -", "refused -"], "once before, once after the source had a policy")
    }

    @Test("of a source that repeats itself says nothing and enters nothing, and rests between two questions")
    func repeats() async throws {
        let followed = try Followed()
        try await followed.whileRunning {
            for count in 1...5 {
                followed.source.say(Self.policy(1))
                if count == 1 { continue }
                await followed.clock.sleepers()
                followed.clock.advance(by: .seconds(5) - .milliseconds(1))
                #expect(followed.source.askCount == count)
                followed.clock.advance(by: .milliseconds(1))
                await followed.source.asked(count + 1)
            }
        }
        #expect(followed.log.events == [])
        #expect(followed.outcomes == [])
    }

    @Test("of a source that goes back reports that once, counts each older policy, and reports the end")
    func goesBack() async throws {
        let followed = try Followed(start: Self.policy(5))
        #expect(await followed.look { $0.say(Self.policy(5)) } == [])
        #expect(await followed.look { $0.say(Self.policy(4)) } == [.ignored(revision: 4, running: 5)])
        #expect(await followed.look { $0.say(Self.policy(4)) } == [])
        #expect(await followed.look { $0.say(Self.policy(3)) } == [])
        #expect(followed.router.status.ignoredUpdates == 2)
        #expect(await followed.look { $0.say(Self.policy(5)) } == [.recovered(revision: 5)])
        #expect(await followed.look { $0.say(Self.policy(4)) } == [.ignored(revision: 4, running: 5)])
        #expect(await followed.look { $0.say(Self.policy(6)) } == [.accepted(revision: 6)])
        #expect(followed.outcomes == ["ignored 4", "ignored 3", "ignored 4", "accepted 6"])
    }

    @Test("of a source that sends what is no policy reports it once, enters it once, and says when it is over")
    func noPolicy() async throws {
        let followed = try Followed()
        #expect(await followed.look { $0.say("{") }.map(\.code) == [.syntax])
        #expect(await followed.look { $0.say("{") } == [])
        #expect(await followed.look { $0.say("[") }.map(\.kind) == [.refused])
        #expect(followed.outcomes == ["refused -", "refused -"])
        #expect(followed.updater.history.last?.author == "script")
        #expect(await followed.look { $0.say(Self.policy(1)) } == [.recovered(revision: 1)])
        #expect(await followed.look { $0.say("{") }.map(\.kind) == [.refused])
        #expect(await followed.look { $0.say(Self.policy(2)) } == [.accepted(revision: 2)])
    }

    @Test("of a source that sends 100 MB refuses it without reading it, and does not count it twice")
    func large() async throws {
        let followed = try Followed()
        let event = try #require(await followed.look { $0.say([UInt8](repeating: 0x20, count: 100_000_000)) }.first)
        #expect(event.code == .tooLarge)
        #expect(event.description.contains("script: expected at most 16,777,216 bytes of text, found more"))
        #expect(await followed.look { $0.say([UInt8](repeating: 0x20, count: 90_000_000)) } == [])
        #expect(followed.outcomes == ["refused -"])
        #expect(PolicyContent.Identity([UInt8](repeating: 0x20, count: PolicyContent.limit + 1)) == .tooLarge)
        #expect(PolicyContent.Identity([0x20]) != .tooLarge)
    }

    @Test("asks again at once only after a revision above all before it, so no source is asked without a rest for long")
    func pace() async throws {
        let followed = try Followed()
        try await followed.whileRunning {
            for revision in [2, 3] as [UInt32] { followed.source.say(Self.policy(revision)) }
            await followed.source.asked(3)
            #expect(followed.clock.sleepCount == 0)
            for (count, revision) in [(1, 2), (2, 3), (3, 2)] as [(Int, UInt32)] {
                followed.source.say(Self.policy(revision))
                await followed.clock.sleepers()
                #expect(followed.clock.sleepCount == count)
                followed.clock.advance(by: .seconds(5))
                await followed.source.asked(3 + count)
            }
        }
    }

    @Test("takes any interval: one that no clock can add up is very long, and none is a short one")
    func intervals() async throws {
        for (interval, wait) in [
            (.seconds(Int64.max), .seconds(1_000_000_000_000)), (.seconds(Int64.min), .milliseconds(10)),
            (.zero, .milliseconds(10)),
        ] as [(Duration, Duration)] {
            let (source, clock) = (ScriptedSource(), ManualClock())
            let follower = PolicyFollower(
                of: source,
                updating: RolloutUpdater(RolloutRouter()),
                every: interval,
                clock: clock
            )
            let task = Task { try await follower.run() }
            source.say("{")
            await clock.sleepers()
            clock.advance(by: wait - .nanoseconds(1))
            #expect(source.askCount == 1)
            clock.advance(by: .nanoseconds(1))
            await source.asked(2)
            task.cancel()
            try await task.value
        }
    }

    /// A clock that has stopped working.
    private struct BrokenClock: Clock {
        struct Failure: Error {}
        typealias Instant = ManualClock.Instant

        var now: Instant { Instant(offset: .zero) }
        var minimumResolution: Duration { .nanoseconds(1) }
        func sleep(until deadline: Instant, tolerance: Duration?) async throws { throw Failure() }
    }

    @Test("throws what its clock throws")
    func brokenClock() async throws {
        let source = ScriptedSource()
        let follower = PolicyFollower(of: source, updating: RolloutUpdater(RolloutRouter()), clock: BrokenClock())
        source.say("{")
        await #expect(throws: BrokenClock.Failure.self) { try await follower.run() }
    }

    @Test("does not end when the time of the history goes back")
    func wallClock() async throws {
        let times = Lock<[UnixTime]>([100, -100, 2_000_000_000])
        let (source, updater) = (ScriptedSource(), RolloutUpdater(RolloutRouter()))
        let follower = PolicyFollower(of: source, updating: updater, now: { times.withLock { $0.removeLast() } })
        for revision in 2...4 as ClosedRange<UInt32> {
            source.say(Self.policy(revision))
            #expect(try await follower.start() == revision)
        }
        #expect(updater.history.dropFirst().map(\.time) == [2_000_000_000, -100, 100])
    }

    @Test("is followed by one task")
    func twice() async {
        await #expect(processExitsWith: .failure) {
            let follower = PolicyFollower(of: ScriptedSource(), updating: RolloutUpdater(RolloutRouter()))
            async let first: Void = follower.run()
            async let second: Void = follower.run()
            _ = try await (first, second)
        }
    }

    @Test("is let go when nobody needs it any more")
    func released() async throws {
        let updater = RolloutUpdater(try RolloutRouter(policy: Self.policy(1)))
        weak var released: PolicyFollower?
        do {
            let follower = PolicyFollower(of: ScriptedSource(), updating: updater)
            released = follower
        }
        #expect(released == nil)
        try await updater.update(to: Self.policy(2))
    }
}
