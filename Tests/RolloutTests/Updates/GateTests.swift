import Synchronization
import Testing

@testable import Rollout

@Suite("Gates", .timeLimit(.minutes(5)))
struct GateTests {
    /// A gate that does what it is told, and tells what it was told.
    final class ScriptedGate: PolicyGate {
        struct Failure: Error {}

        let name: String
        private let script: @Sendable (RolloutPolicy, RolloutPolicy) async throws -> Void
        private let log: Log

        init(
            _ name: String,
            _ log: Log,
            _ script: @escaping @Sendable (RolloutPolicy, RolloutPolicy) async throws -> Void = { _, _ in }
        ) {
            self.name = name
            self.log = log
            self.script = script
        }

        func prepare(from running: RolloutPolicy, to next: RolloutPolicy) async throws {
            log.append("\(name) prepares \(running.revision) to \(next.revision)")
            try await script(running, next)
        }

        func finish(published: Bool) async { log.append("\(name) \(published ? "done" : "undone")") }
    }

    final class Log: Sendable {
        private let state = Lock<[String]>([])

        var lines: [String] { state.withLock { $0 } }

        func append(_ line: String) { state.withLock { $0.append(line) } }
    }

    private let log = Log()
    private let router: RolloutRouter
    private let next = EditedPolicy.canary(25).at(2)

    init() throws { router = try RolloutRouter(policy: EditedPolicy.canary(10)) }

    private func updater(
        _ gates: ScriptedGate...,
        clock: any Clock<Duration> = ContinuousClock()
    ) -> RolloutUpdater {
        RolloutUpdater(router, gates: gates, clock: clock)
    }

    @Test("All gates prepare in order, then the policy runs, then all are told")
    func passed() async throws {
        let updater = updater(
            ScriptedGate("smoke", log),
            ScriptedGate("load", log) { [router] _, _ in #expect(router.snapshot().revision == 1) }
        )
        #expect(try await updater.update(to: next, expecting: 1, by: "ana") == 2)
        #expect(log.lines == ["smoke prepares 1 to 2", "load prepares 1 to 2", "smoke done", "load done"])
        #expect(router.snapshot().policy == next)
        #expect(updater.history.last?.gates == ["smoke", "load"])
        #expect(updater.history.last?.author == "ana")
    }

    @Test("A gate that throws stops the change; gates behind it are not asked, and those before it are told once")
    func refused() async {
        let updater = updater(
            ScriptedGate("smoke", log),
            ScriptedGate("approval", log) { _, _ in throw ScriptedGate.Failure() },
            ScriptedGate("load", log)
        )
        let error = UpdateError.refused(by: "approval", ScriptedGate.Failure())
        await #expect(throws: error) { try await updater.update(to: next) }
        #expect(log.lines == ["smoke prepares 1 to 2", "approval prepares 1 to 2", "smoke undone"])
        #expect(router.snapshot().revision == 1)
        #expect(updater.history.last?.error == error)
        #expect(updater.history.last?.gates == ["smoke"])
        #expect(error.code == .refused)
        #expect(error.description == "The gate \"approval\" refused: Failure()")
    }

    @Test("A gate that hangs and does not heed cancellation loses when the time is up, and is told when it returns")
    func hangs() async throws {
        let clock = ManualClock()
        let (isPreparing, release) = (OneShot<Bool>(), OneShot<Bool>())
        let isFirst = Lock(true)
        let updater = updater(
            ScriptedGate("load", log) { _, _ in
                guard isFirst.withLock({ exchange(&$0, with: false) }) else { return }
                isPreparing.fulfil(true)
                _ = await release.value
            },
            clock: clock
        )
        let next = next
        let update = Task { try await updater.update(to: next, within: .seconds(30)) }
        await clock.sleepers()
        _ = await isPreparing.value
        clock.advance(by: .seconds(29))
        #expect(updater.history.count == 1)
        clock.advance(by: .seconds(1))
        await #expect(throws: UpdateError.ended(.timedOut(after: .seconds(30)), at: "load")) { try await update.value }
        #expect(log.lines == ["load prepares 1 to 2"])

        // The next change does not wait for it.
        #expect(try await updater.update(to: next) == 2)
        release.fulfil(true)
        while log.lines.last != "load undone" { await Task.yield() }
        #expect(log.lines == ["load prepares 1 to 2", "load prepares 1 to 2", "load done", "load undone"])
    }

    @Test("A limit that no clock can add to its time is no limit")
    func endless() async throws {
        let updater = updater(ScriptedGate("slow", log) { _, _ in try await Task.sleep(for: .milliseconds(20)) })
        try await updater.update(to: next, within: .seconds(Int64.max))
        #expect(log.lines == ["slow prepares 1 to 2", "slow done"])
    }

    @Test("Cancelling the task that changes ends it, and cancels the preparation")
    func cancelled() async {
        let clock = ManualClock()
        let updater = updater(ScriptedGate("load", log) { _, _ in try await clock.sleep(for: .seconds(1)) })
        let next = next
        let update = Task { try await updater.update(to: next) }
        await clock.sleepers()
        update.cancel()
        await #expect(throws: UpdateError.ended(.cancelled, at: "load")) { try await update.value }
        #expect(log.lines == ["load prepares 1 to 2"])
        #expect(router.snapshot().revision == 1)
    }

    @Test("A gate whose cancellation handler blocks holds up neither what takes away nor the change that it ends")
    func blockingHandler() async throws {
        let barrier = Barrier()
        let parked = Lock<CheckedContinuation<Void, Never>?>(nil)
        let deadline = ContinuousClock.now + .seconds(60)
        let updater = updater(
            ScriptedGate("load", log) { _, _ in
                await withTaskCancellationHandler {
                    await withCheckedContinuation { continuation in parked.withLock { $0 = continuation } }
                } onCancel: {
                    while barrier.isClosed, ContinuousClock.now < deadline {}
                    barrier.returned.add(1, ordering: .acquiringAndReleasing)
                }
            }
        )
        let next = next
        let update = Task { try await updater.update(to: next) }
        await until { parked.withLock { $0 != nil } }
        try await updater.update { try $0.setShare(of: "sms", to: .percent(5)) }
        try await updater.update { try $0.abort("sms") }
        await #expect(throws: UpdateError.self) { try await update.value }
        #expect(barrier.returned.load(ordering: .acquiring) == 0)
        barrier.open()
        parked.withLock { $0 }?.resume()
    }

    @Test("A change by a task that is cancelled already does not happen, with gates and without", arguments: [0, 1])
    func cancelledBefore(gates: Int) async throws {
        let updater = RolloutUpdater(router, gates: Array([ScriptedGate("load", log)].prefix(gates)))
        let next = next
        let isReady = OneShot<Bool>()
        let update = Task {
            _ = await isReady.value
            return try await updater.update(to: next)
        }
        update.cancel()
        isReady.fulfil(true)
        await #expect(throws: UpdateError.ended(.cancelled, at: nil)) { try await update.value }
        #expect(router.snapshot().revision == 1)
        #expect(updater.history.last?.error?.code == .cancelled)
        #expect(try await updater.update(to: next) == 2, "the turn is free")
        #expect(log.lines.count == 2 * gates)
    }

    @Test("A gate that does not finish holds nobody up beyond the time")
    func unfinished() async throws {
        struct Stuck: PolicyGate {
            let release = OneShot<Bool>()
            func prepare(from running: RolloutPolicy, to next: RolloutPolicy) async throws {}
            func finish(published: Bool) async { _ = await release.value }
        }
        let (clock, stuck) = (ManualClock(), Stuck())
        let updater = RolloutUpdater(router, gates: [stuck], clock: clock)
        let next = next
        let update = Task { try await updater.update(to: next, within: .seconds(5)) }
        await clock.sleepers()
        while router.snapshot().revision != 2 { await Task.yield() }
        clock.advance(by: .seconds(5))
        #expect(try await update.value == 2, "it has been published")
        stuck.release.fulfil(true)
    }

    @Test("A gate that does not finish holds up no rollback")
    func unfinishedBeforeRollback() async throws {
        struct Stuck: PolicyGate {
            let isFinishing = OneShot<Bool>()
            func prepare(from running: RolloutPolicy, to next: RolloutPolicy) async throws {}
            func finish(published: Bool) async { if isFinishing.fulfil(true) { _ = await OneShot<Bool>().value } }
        }
        let stuck = Stuck()
        let updater = RolloutUpdater(router, gates: [stuck])
        let next = next
        let update = Task { try await updater.update(to: next) }
        _ = await stuck.isFinishing.value
        #expect(try await updater.rollback(of: "sms") == 3)
        #expect(try await update.value == 2, "it has been published")
    }

    @Test("What could not be published anyway, no gate is asked about")
    func pointless() async throws {
        let updater = updater(ScriptedGate("load", log))
        await #expect(throws: UpdateError.self) { try await updater.update(to: EditedPolicy.test([0]).at(2)) }
        await #expect(throws: UpdateError.conflict(expected: 9, running: 1)) {
            try await updater.update(to: next, expecting: 9)
        }
        #expect(try await updater.update(to: EditedPolicy.canary(10)) == 1)
        #expect(try await updater.update(to: EditedPolicy.canary(1).at(0)) == 1)
        #expect(log.lines.isEmpty)
        #expect(router.status.ignoredUpdates == 1)
    }

    // MARK: Turns

    @Test("Changes stand before the gates one after the other; the second meets the first one's policy")
    func queue() async throws {
        let (isPreparing, release) = (OneShot<Bool>(), OneShot<Bool>())
        let updater = updater(
            ScriptedGate("load", log) { _, _ in
                isPreparing.fulfil(true)
                _ = await release.value
            }
        )
        let next = next
        let first = Task { try await updater.update(to: next) }
        _ = await isPreparing.value
        let second = Task { try await updater.update(to: next.at(3), expecting: 1) }
        let third = Task { try await updater.update(to: next.at(4)) }
        third.cancel()
        await #expect(throws: UpdateError.ended(.cancelled, at: nil)) { try await third.value }
        release.fulfil(true)
        #expect(try await first.value == 2)
        await #expect(throws: UpdateError.conflict(expected: 1, running: 2)) { try await second.value }
        #expect(log.lines == ["load prepares 1 to 2", "load done"])
    }

    @Test("Twenty edits at once ask the gate twenty times, each on the revision before")
    func crowd() async throws {
        let updater = updater(ScriptedGate("load", log) { _, _ in await Task.yield() })
        try await withThrowingTaskGroup(of: Void.self) { group in
            for unit in 0..<20 {
                group.addTask {
                    try await updater.update { try $0.force(UnitID(unit), to: "canary", in: "sms") }
                }
            }
            try await group.waitForAll()
        }
        #expect(router.snapshot().policy.sms.forced.count == 20)
        #expect(router.snapshot().revision == 21)
        #expect(log.lines == (1...20).flatMap { ["load prepares \($0) to \($0 + 1)", "load done"] })
        #expect(updater.history.map(\.outcome) == Array(repeating: .accepted, count: 21))
    }

    // MARK: What goes first

    /// An updater with a gate that never returns, and a change that is at it.
    private func stuck() async -> (updater: RolloutUpdater, change: Task<UInt32, any Error>) {
        let isPreparing = OneShot<Bool>()
        let updater = updater(
            ScriptedGate("load", log) { running, next in
                if next.sms.forced.isEmpty { return }
                isPreparing.fulfil(true)
                _ = await OneShot<Bool>().value
            }
        )
        let change = Task { try await updater.update { try $0.force("qa", to: "canary", in: "sms") } }
        _ = await isPreparing.value
        return (updater, change)
    }

    static let takingAway: [(String, @Sendable (inout RolloutPolicy) throws -> Void)] = [
        ("abort", { try $0.abort("sms") }),
        ("a lower share", { try $0.setShare(of: "sms", to: .percent(9)) }),
        ("disabled", { $0.sms.disabled = ["canary"] }),
        ("draining", { $0.sms.draining = ["canary"] }),
    ]

    @Test("What only takes away asks no gate, waits for nobody, and ends the change at the gate", arguments: takingAway)
    func overtaking(name: String, edit: @escaping @Sendable (inout RolloutPolicy) throws -> Void) async throws {
        let (updater, change) = await stuck()
        let waiting = Task { try await updater.update { try $0.setShare(of: "sms", to: .percent(70)) } }
        #expect(try await updater.update(because: "v2 loses orders", edit) == 2, "\(name)")
        #expect(router.snapshot().policy.sms.forced.isEmpty)
        await #expect(throws: UpdateError.ended(.overtakenBy(2), at: "load")) { try await change.value }
        _ = try? await waiting.value
        let records = updater.history.filter { $0.number > 1 }
        #expect(records.first?.reason == "v2 loses orders")
        #expect(records.first?.gates == [])
        #expect(records.contains { $0.error?.code == .overtaken })
    }

    static let notOnlyTakingAway: [(String, @Sendable (inout RolloutPolicy) throws -> Void)] = [
        ("a higher share", { try $0.setShare(of: "sms", to: .percent(11)) }),
        (
            "a lower share and another release",
            { policy in
                try policy.setShare(of: "sms", to: .percent(1))
                try policy.setRelease(of: "stable", in: "sms", to: EditedPolicy.v3)
            }
        ),
        (
            "a lower share and a host",
            { policy in
                try policy.setShare(of: "sms", to: .percent(1))
                policy.sms.hosts = ["canary.example": "canary"]
            }
        ),
        (
            "a lower share and another rollout",
            { policy in
                try policy.setShare(of: "sms", to: .percent(1))
                policy.rollouts["ui"] = RolloutDefinition(.fixed(EditedPolicy.v3))
            }
        ),
        (
            "a lower share and another salt",
            { policy in
                try policy.setShare(of: "sms", to: .percent(1))
                try policy.setSalt(of: "sms", to: "other")
            }
        ),
        ("promote", { try $0.promote("sms") }),
        ("removed", { $0.rollouts["sms"] = nil }),
        ("another environment", { $0.environment = "staging" }),
    ]

    @Test("What brings something as well asks the gate", arguments: notOnlyTakingAway)
    func asking(name: String, edit: @escaping @Sendable (inout RolloutPolicy) throws -> Void) async throws {
        let updater = updater(ScriptedGate("load", log))
        #expect(try await updater.update(edit) == 2)
        #expect(log.lines == ["load prepares 1 to 2", "load done"], "\(name)")
    }

    @Test("A variant of a test that is disabled is only taken away; a weight that rises asks the gate")
    func variants() async throws {
        let router = try RolloutRouter(policy: EditedPolicy.test([1, 1, 1]))
        let updater = RolloutUpdater(router, gates: [ScriptedGate("load", log)])
        try await updater.update { $0.sms.disabled = ["v2"] }
        #expect(log.lines.isEmpty)
        try await updater.update { try $0.rebalance("sms", weights: ["v1": 2]) }
        #expect(log.lines == ["load prepares 2 to 3", "load done"])
    }

    @Test("A shadow with fewer copies asks nobody, one with more does")
    func shadows() async throws {
        let router = try RolloutRouter(policy: EditedPolicy.shadow(10))
        let updater = RolloutUpdater(router, gates: [ScriptedGate("load", log)])
        try await updater.update { try $0.setShare(of: "sms", to: .percent(5)) }
        #expect(log.lines.isEmpty)
        try await updater.update { try $0.setShare(of: "sms", to: .percent(6)) }
        #expect(log.lines == ["load prepares 2 to 3", "load done"])
    }

    @Test("A rollback goes before who waits, ends the change at the gate, and passes the gate itself")
    func rollback() async throws {
        let updater: RolloutUpdater
        let change: Task<UInt32, any Error>
        (updater, change) = await stuck()
        try await updater.update { try $0.abort("sms") }
        _ = try? await change.value
        #expect(try await updater.rollback(of: "sms", because: "it was not v2") == 3)
        #expect(updater.history.last?.gates == ["load"])
        #expect(log.lines.suffix(2) == ["load prepares 2 to 3", "load done"])
        await #expect(throws: UpdateError.unknownRevision(9, remembered: [1, 2])) { try await updater.rollback(to: 9) }

        let again = Task { try await updater.update { try $0.force("qa", to: "canary", in: "sms") } }
        while !log.lines.contains("load prepares 3 to 4") { await Task.yield() }
        let waiting = Task { try await updater.update { try $0.setShare(of: "sms", to: .percent(70)) } }
        #expect(try await updater.rollback(to: 2) == 4)
        await #expect(throws: UpdateError.ended(.overtakenByRollback, at: "load")) { try await again.value }
        #expect(throws: Never.self) { try updater.policy(of: 4)?.validate() }
        _ = try? await waiting.value
        #expect(
            updater.history.last { $0.revision == 4 && $0.outcome == .accepted }?.reason == "rollback to revision 2"
        )
    }

    @Test("An updater is the only one of its router, for the life of the process")
    func onlyOne() async {
        await #expect(processExitsWith: .failure) {
            let router = try RolloutRouter(policy: EditedPolicy.canary(10))
            _ = RolloutUpdater(router)
            _ = RolloutUpdater(router)
        }
    }
}
