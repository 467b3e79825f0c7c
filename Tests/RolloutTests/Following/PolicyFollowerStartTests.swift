import Testing

@testable import Rollout

@Suite("The first policy")
struct PolicyFollowerStartTests {
    private static func policy(_ revision: UInt32) -> RolloutPolicy { Followed.policy(revision) }

    private struct NotApproved: Error {}

    @Test("is the source's, and passes the gates before the service is ready")
    func gates() async throws {
        let log = Lock<[UInt32]>([])
        let gate = ClosureGate { policy in log.withLock { $0.append(policy.revision) } }
        let followed = try Followed(start: nil, gates: [gate])
        followed.source.say(Self.policy(7))
        #expect(try await followed.follower.start() == 7)
        #expect(log.withLock { $0 } == [7])
        #expect(followed.log.events == [.accepted(revision: 7)])
        #expect(followed.updater.history.last?.gates == ["smoke test"])
    }

    @Test("may be refused by a gate: then there is none, and the error says why")
    func refused() async throws {
        let followed = try Followed(start: nil, gates: [KnownReleases([.model: ["v1"]])])
        followed.source.say(Self.policy(7))
        let error = await #expect(throws: PolicyFollower.StartError.self) { try await followed.follower.start() }
        #expect(error?.source.code == .refused)
        #expect(error.map { "\($0)".contains(#"model "v2" of sms canary"#) } == true)
        #expect(error?.savedCopy == nil)
        #expect(followed.running == 0)
        #expect(followed.log.events.map(\.kind) == [.delayed])
    }

    @Test("is loaded by the gate that loads what releases stand for")
    func resources() async throws {
        let router = RolloutRouter()
        let models = try await ReleaseResources(for: router.snapshot().policy) { _, release in release[.model] ?? "" }
        let source = ScriptedSource()
        let follower = PolicyFollower(of: source, updating: RolloutUpdater(router, gates: [models]))
        source.say(Self.policy(7))
        try await follower.start()
        #expect(models.status.loaded == ["sms": [EditedPolicy.v1, EditedPolicy.v2]])
    }

    @Test("is the saved copy's if the source throws, has no policy, stays silent, or has one that may not run")
    func savedCopy() async throws {
        let folder = try FileFolder()
        let copy = try folder.write(Self.policy(3).json, to: "copy.json")
        let gate = ClosureGate { if $0.revision == 9 { throw NotApproved() } }
        let cases: [(PolicyFollower.Event.Kind, (ScriptedSource) -> Void)] = [
            (.unreachable, { $0.fail("away") }), (.refused, { $0.say("{") }), (.delayed, { $0.say(Self.policy(9)) }),
            (.ended, { $0.end() }),
        ]
        for (kind, say) in cases {
            let followed = try Followed(start: nil, savedCopy: copy, gates: [gate])
            say(followed.source)
            #expect(try await followed.follower.start() == 3)
            #expect(followed.log.events.map(\.kind) == [kind, .restored])
            #expect(followed.updater.history.last?.author == "saved copy \(copy)")
            #expect(followed.updater.history.last?.gates == ["smoke test"])
        }

        let followed = try Followed(start: nil, savedCopy: copy)
        let start = Task { try await followed.follower.start(waiting: .seconds(10)) }
        await followed.clock.sleepers()
        followed.clock.advance(by: .seconds(10))
        #expect(try await start.value == 3)
        #expect(followed.log.take().map(\.kind) == [.unreachable, .restored])
        // What the source says in the end goes to the run, which does not ask twice.
        try await followed.whileRunning {
            followed.source.say(Self.policy(4))
            #expect(await followed.log.events(2) == [.reached, .accepted(revision: 4)])
            await followed.source.asked(2)
        }
    }

    @Test("is not older than the saved copy: who starts again does not go back")
    func newerCopy() async throws {
        let folder = try FileFolder()
        let copy = try folder.write(Self.policy(9).json, to: "copy.json")
        let followed = try Followed(start: nil, savedCopy: copy)
        followed.source.say(Self.policy(8))
        #expect(try await followed.follower.start() == 9)
        #expect(followed.log.events == [.restored(revision: 9), .ignored(revision: 8, running: 9)])

        let gate = ClosureGate { if $0.revision == 9 { throw NotApproved() } }
        let other = try Followed(start: nil, savedCopy: copy, gates: [gate])
        other.source.say(Self.policy(8))
        #expect(try await other.follower.start() == 8, "the copy must not run")

        let newer = try Followed(start: nil, savedCopy: copy)
        newer.source.say(Self.policy(10))
        #expect(try await newer.follower.start() == 10)
        #expect(newer.outcomes == ["accepted 10"], "the copy is not asked for")

        let running = try Followed(start: Self.policy(12), savedCopy: copy)
        running.source.fail("away")
        #expect(try await running.follower.start() == 12)
        #expect(running.outcomes == ["refused -"])
    }

    @Test("that is nowhere to be had makes an error that tells of both")
    func neither() async throws {
        let folder = try FileFolder()
        let copy = try folder.write("no JSON", to: "copy.json")
        let followed = try Followed(start: nil, savedCopy: copy)
        followed.source.fail("away")
        let error = await #expect(throws: PolicyFollower.StartError.self) { try await followed.follower.start() }
        #expect(error?.source.code == .unreadable)
        #expect(error?.savedCopy?.code == .invalid)
        #expect(error.map { "\($0)".contains("away") && "\($0)".contains("Nor in the saved copy") } == true)
        // A start that failed may be tried again.
        followed.source.say(Self.policy(2))
        #expect(try await followed.follower.start() == 2)
    }

    @Test("that does not come is told as what kept it away")
    func why() async throws {
        let silent = try Followed(start: nil)
        let start = Task { try await silent.follower.start(waiting: .seconds(10)) }
        await silent.clock.sleepers()
        silent.clock.advance(by: .seconds(10))
        let late = await #expect(throws: PolicyFollower.StartError.self) { try await start.value }
        #expect(late?.source.code == .unreadable)
        #expect(late?.source.fault == .store)
        #expect(late?.source.message == "script did not answer within 10.0 seconds.")

        let cancelled = Task { try await silent.follower.start() }
        cancelled.cancel()
        #expect(silent.log.take().map(\.kind) == [.unreachable], "once")
        let end = await #expect(throws: PolicyFollower.StartError.self) { try await cancelled.value }
        #expect(end?.source.code == .cancelled)

        let ended = try Followed(start: nil)
        ended.source.end()
        let nothing = await #expect(throws: PolicyFollower.StartError.self) { try await ended.follower.start() }
        #expect(nothing?.source.message == "script has ended without a policy.")

        let zero = try Followed(start: nil)
        zero.source.say(RolloutPolicy(revision: 0, rollouts: [:]))
        let taken = await #expect(throws: PolicyFollower.StartError.self) { try await zero.follower.start() }
        #expect(taken?.source.code == .revisionTaken)
    }
}
