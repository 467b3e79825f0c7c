import Testing

@testable import Rollout

@Suite("What a follower tries again")
struct PolicyFollowerRetryTests {
    private static func policy(_ revision: UInt32) -> RolloutPolicy { Followed.policy(revision) }

    /// A gate that refuses until it is opened, each time with another message.
    private final class Registry: PolicyGate {
        private struct Away: Error { let attempt: Int }
        private let state = Lock((attempts: 0, isOpen: false))

        var attempts: Int { state.withLock(\.attempts) }
        func open() { state.withLock { $0.isOpen = true } }

        func prepare(from running: RolloutPolicy, to next: RolloutPolicy) async throws {
            let (attempt, isOpen) = state.withLock { state in
                state.attempts += 1
                return state
            }
            if !isOpen { throw Away(attempt: attempt) }
        }
    }

    @Test("A policy that a gate stopped is tried after 1, 2, 4, … 60 seconds; the first refusal and the end are told")
    func gate() async throws {
        let registry = Registry()
        let followed = try Followed(gates: [registry])
        try await followed.whileRunning {
            followed.source.say(Self.policy(2))
            for (index, pause) in [1, 2, 4, 8, 16, 32, 60, 60].enumerated() {
                await followed.clock.sleepers()
                #expect(registry.attempts == index + 1)
                followed.clock.advance(by: .seconds(pause) - .milliseconds(1))
                if index == 7 { registry.open() }
                followed.clock.advance(by: .milliseconds(1))
            }
            #expect(await followed.log.events(2).map(\.kind) == [.delayed, .accepted])
        }
        #expect(registry.attempts == 9)
        #expect(followed.log.events[0].revision == 2)
        #expect(followed.outcomes == ["refused 2", "accepted 2"])
    }

    /// What is not validated here has been validated when it was read. So an invalid policy shows whether it is.
    @Test("What a follower offers is not validated again")
    func validatedOnce() async throws {
        var invalid = Self.policy(2)
        invalid.environment = ""
        let followed = try Followed(gates: [Registry()])
        let origin = UpdateOrigin(author: nil, reason: nil, time: 0)
        let refused = try await #require(throws: UpdateError.self) {
            try await followed.updater.offer(invalid, from: origin, within: nil)
        }
        #expect(refused.code == .refused, "the gate was asked")
        let error = try await #require(throws: UpdateError.self) { try await followed.updater.update(to: invalid) }
        #expect(error.code == .invalid)
    }

    @Test("A gate that now refuses and now takes too long is told twice, and not each time")
    func twoCauses() async throws {
        let clock = ManualClock()
        let count = Lock(0)
        let gate = ClosureGate { _ in
            let attempt = count.withLock { count in
                count += 1
                return count
            }
            if attempt.isMultiple(of: 2) { throw ScriptedSource.Failure(description: "attempt \(attempt)") }
            try await clock.sleep(for: .seconds(1_000))
        }
        let followed = try Followed(gates: [gate], within: .seconds(10))
        try await followed.whileRunning {
            followed.source.say(Self.policy(2))
            for (index, pause) in [1, 2, 4, 8, 16, 32].enumerated() {
                if index.isMultiple(of: 2) {
                    await clock.sleepers()
                    await followed.limitClock.sleepers()
                    followed.limitClock.advance(by: .seconds(10))
                }
                await followed.clock.sleepers()
                followed.clock.advance(by: .seconds(pause))
            }
            await clock.sleepers()
        }
        #expect(followed.log.events.map(\.problem?.code) == [.timedOut, .refused])
        #expect(followed.outcomes.filter { $0 == "refused 2" }.count == 3, "and the cancellation at the end")
    }

    @Test("A newer policy takes the place of one that waits, at once")
    func newer() async throws {
        let followed = try Followed(gates: [ClosureGate { if $0.revision == 2 { throw CancellationError() } }])
        try await followed.whileRunning {
            followed.source.say(Self.policy(2))
            await followed.clock.sleepers()
            followed.source.say(Self.policy(3))
            #expect(await followed.log.events(2).last == .accepted(revision: 3))
            followed.clock.advance(by: .seconds(100))
            followed.source.say(Self.policy(4))
            #expect(await followed.log.events(3).last == .accepted(revision: 4))
        }
        #expect(followed.outcomes == ["refused 2", "accepted 3", "accepted 4"])
    }

    @Test("A policy that is withdrawn while it waits is tried no more")
    func withdrawn() async throws {
        let followed = try Followed(gates: [ClosureGate { if $0.revision == 2 { throw CancellationError() } }])
        #expect(await followed.look { $0.say(Self.policy(2)) }.map(\.kind) == [.delayed])
        #expect(await followed.look { $0.say(Self.policy(1)) } == [.recovered(revision: 1)])
        #expect(await followed.look { $0.say(Self.policy(1)) } == [])
        #expect(followed.outcomes == ["refused 2"])
    }

    @Test("A policy that waits is tried on while the source has something that is none, and while it is away")
    func unreadableMeanwhile() async throws {
        let registry = Registry()
        let followed = try Followed(gates: [registry])
        #expect(await followed.look { $0.say(Self.policy(2)) }.map(\.kind) == [.delayed])
        #expect(await followed.look { $0.say("{") }.map(\.kind) == [.refused])
        #expect(await followed.look { $0.say(Self.policy(2)) } == [], "what was told of it is not told again")
        #expect(followed.outcomes == ["refused 2", "refused -"])
        #expect(await followed.look { $0.say("{") }.map(\.kind) == [.refused])
        #expect(await followed.look { $0.fail("away") }.map(\.kind) == [.unreachable])
        registry.open()
        #expect(await followed.look { $0.fail("away") } == [.accepted(revision: 2)])
        #expect(await followed.look { $0.say(Self.policy(2)) } == [.reached, .recovered(revision: 2)])
    }

    @Test("A policy at the gates is let go on; of those that come meanwhile the newest follows")
    func atTheGates() async throws {
        let isEntered = OneShot<Void>()
        let isOpen = OneShot<Void>()
        let gate = ClosureGate { policy in
            isEntered.fulfil(())
            if policy.revision == 20 { await isOpen.value }
        }
        let followed = try Followed(gates: [gate])
        try await followed.whileRunning {
            followed.source.say(Self.policy(20))
            await isEntered.value
            followed.source.say(Self.policy(30))
            followed.source.say(Self.policy(40))
            await followed.source.asked(4)
            isOpen.fulfil(())
            #expect(await followed.log.events(2) == [.accepted(revision: 20), .accepted(revision: 40)])
        }
        #expect(followed.outcomes == ["accepted 20", "accepted 40"])
    }

    @Test("A policy that only takes away waits for none at the gates, not even for a gate that never returns")
    func takesAway() async throws {
        let isEntered = OneShot<Void>()
        let never = OneShot<Void>()
        let followed = try Followed(
            start: Self.policy(50),
            gates: [
                ClosureGate { _ in
                    isEntered.fulfil(())
                    await never.value
                }
            ]
        )
        try await followed.whileRunning {
            followed.source.say(Self.policy(60))
            await isEntered.value
            followed.source.say(EditedPolicy.canary(10).at(61))
            #expect(await followed.log.events(1) == [.accepted(revision: 61)])
        }
        #expect(followed.outcomes == ["refused 60", "accepted 61"])
        never.fulfil(())
    }

    @Test("A policy that another change overtakes is tried again")
    func overtaken() async throws {
        let isEntered = OneShot<Void>()
        let clock = ManualClock()
        let isFirst = Lock(true)
        let gate = ClosureGate { _ in
            isEntered.fulfil(())
            if isFirst.withLock({ exchange(&$0, with: false) }) { try await clock.sleep(for: .seconds(1)) }
        }
        let followed = try Followed(start: Self.policy(50), gates: [gate])
        try await followed.whileRunning {
            followed.source.say(Self.policy(60))
            await isEntered.value
            try await followed.updater.update { try $0.setShare(of: "sms", to: .percent(1)) }
            #expect(await followed.log.events(1).map(\.problem?.code) == [.overtaken])
            await followed.clock.sleepers()
            followed.clock.advance(by: .seconds(1))
            #expect(await followed.log.events(2).last == .accepted(revision: 60))
        }
    }

    @Test("A policy that must not run beside the running one is judged again when another revision runs, at once")
    func barred() async throws {
        let followed = try Followed()
        var next = Self.policy(9)
        next.sms.salt = "other"
        try await followed.whileRunning {
            followed.source.say(next)
            #expect(await followed.log.events(1).map(\.problem?.code) == [.needsEpoch])
            followed.clock.advance(by: .seconds(1_000))
            // Refused for the same reason, which is not told again.
            try await followed.updater.update { $0.sms.forced["alice"] = "canary" }
            try await followed.updater.update { $0.sms = next.sms }
            #expect(await followed.log.events(2).last?.kind == .refused)
        }
        #expect(followed.clock.sleepCount == 0)
        let other = try Followed()
        next.sms.epoch = 1
        try await other.whileRunning {
            next.revision = 1
            other.source.say(next)
            #expect(await other.log.events(1) == [.refused(.revisionTaken(1), revision: 1)])
            try await other.updater.update { $0.sms.forced["alice"] = "canary" }
            #expect(await other.log.events(2).last == .ignored(revision: 1, running: 2))
        }
        #expect(other.outcomes == ["refused 1", "accepted 2", "ignored 1"])
    }

    @Test("A follower that is cancelled while a policy is at the gates offers it in its next run")
    func cancelled() async throws {
        let isOpen = Lock(false)
        let clock = ManualClock()
        let gate = ClosureGate { _ in
            if !isOpen.withLock({ $0 }) { try await clock.sleep(for: .seconds(1)) }
        }
        let followed = try Followed(gates: [gate])
        try await followed.whileRunning {
            followed.source.say(Self.policy(2))
            await clock.sleepers()
        }
        #expect(followed.log.events == [])
        isOpen.withLock { $0 = true }
        try await followed.whileRunning { #expect(await followed.log.events(1) == [.accepted(revision: 2)]) }
        #expect(followed.outcomes == ["refused 2", "accepted 2"])
    }
}
