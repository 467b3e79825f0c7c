import Synchronization
import Testing

@testable import Rollout

@Suite("Gates")
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
        private let state = Mutex<[String]>([])

        var lines: [String] { state.withLock { $0 } }

        func append(_ line: String) { state.withLock { $0.append(line) } }
    }

    private let log = Log()
    private let router: RolloutRouter
    private let next = EditedPolicy.canary(25).at(2)

    init() throws { router = try RolloutRouter(policy: EditedPolicy.canary(10)) }

    @Test("All gates prepare in order, then the policy runs, then all are told")
    func passed() async throws {
        let router = router
        let gates = [
            ScriptedGate("smoke", log),
            ScriptedGate("load", log) { _, _ in #expect(router.snapshot().revision == 1) },
        ]
        #expect(try await router.update(to: next, from: 1, by: "ana", through: gates) == 2)
        #expect(log.lines == ["smoke prepares 1 to 2", "load prepares 1 to 2", "smoke done", "load done"])
        #expect(router.snapshot().policy == next)
        #expect(router.history.last?.gates == ["smoke", "load"])
        #expect(router.history.last?.author == "ana")
    }

    @Test("A gate that throws stops the update; gates behind it are not asked, and each asked is told once")
    func refused() async {
        let gates = [
            ScriptedGate("smoke", log), ScriptedGate("approval", log) { _, _ in throw ScriptedGate.Failure() },
            ScriptedGate("load", log),
        ]
        let refusal = GateRefusal(gate: "approval", cause: .threw(ThrownError(ScriptedGate.Failure())))
        await #expect(throws: UpdateError.refused(refusal)) { try await router.update(to: next, through: gates) }
        #expect(log.lines == ["smoke prepares 1 to 2", "approval prepares 1 to 2", "approval undone", "smoke undone"])
        #expect(router.snapshot().revision == 1)
        #expect(router.history.last?.outcome == .refused(.refused(refusal)))
        #expect(router.history.last?.gates == ["smoke"])
        #expect(refusal.description == "\"approval\" refused: Failure()")
    }

    @Test("A gate that hangs and does not heed cancellation loses when the time is up, and is told when it returns")
    func hangs() async throws {
        let clock = ManualClock()
        let (isPreparing, release) = (OneShot<Bool>(), OneShot<Bool>())
        let gate = ScriptedGate("load", log) { _, _ in
            isPreparing.fulfil(true)
            _ = await release.value
        }
        let (router, next) = (router, next)
        let update = Task { [gate] in
            try await router.update(to: next, through: [gate], within: .seconds(30), clock: clock)
        }
        await clock.sleepers()
        _ = await isPreparing.value
        clock.advance(by: .seconds(29))
        #expect(router.history.count == 1)
        clock.advance(by: .seconds(1))
        let refusal = GateRefusal(gate: "load", cause: .timedOut(after: .seconds(30)))
        await #expect(throws: UpdateError.refused(refusal)) { try await update.value }
        #expect(log.lines == ["load prepares 1 to 2"])

        // The next update does not wait for it.
        #expect(try await router.update(to: next, through: [ScriptedGate("other", log)]) == 2)
        release.fulfil(true)
        while log.lines.last != "load undone" { await Task.yield() }
        #expect(log.lines.count { $0.hasPrefix("load") } == 2)
    }

    @Test("A limit that no clock can add to its time is no limit")
    func endless() async throws {
        let slow = ScriptedGate("slow", log) { _, _ in try await Task.sleep(for: .milliseconds(20)) }
        try await router.update(to: next, through: [slow], within: .seconds(Int64.max))
        #expect(log.lines == ["slow prepares 1 to 2", "slow done"])
    }

    @Test("Cancelling the task that updates ends it, and cancels the preparation")
    func cancelled() async {
        let clock = ManualClock()
        let gate = ScriptedGate("load", log) { _, _ in try await clock.sleep(for: .seconds(1)) }
        let (router, next) = (router, next)
        let update = Task { try await router.update(to: next, through: [gate]) }
        await clock.sleepers()
        update.cancel()
        let refusal = GateRefusal(gate: "load", cause: .cancelled)
        await #expect(throws: UpdateError.refused(refusal)) { try await update.value }
        while log.lines.last != "load undone" { await Task.yield() }
        #expect(router.snapshot().revision == 1)
    }

    @Test("A revision that moved meanwhile is a conflict, with its evidence")
    func moved() async throws {
        let router = router
        let gate = ScriptedGate("load", log) { _, _ in
            try router.update { try $0.setShare(of: "sms", to: .percent(11)) }
        }
        await #expect(throws: UpdateError.conflict(current: 2)) {
            try await router.update(to: next.at(3), through: [gate])
        }
        #expect(log.lines == ["load prepares 1 to 3", "load undone"])
        #expect(router.snapshot().revision == 2)
        #expect(router.history.last?.outcome == .refused(.conflict(current: 2)))
        #expect(router.history.last?.gates == ["load"])
    }

    @Test("An edit is made again where the revision moved, and stands before the gates again")
    func retried() async throws {
        let router = router
        let isFirst = Mutex(true)
        let gate = ScriptedGate("load", log) { _, _ in
            if isFirst.withLock({ exchange(&$0, with: false) }) {
                try router.update { try $0.force("qa", to: "canary", in: "sms") }
            }
        }
        let revision = try await router.update(through: [gate]) { try $0.setShare(of: "sms", to: .percent(25)) }
        #expect(revision == 3)
        #expect(log.lines == ["load prepares 1 to 2", "load undone", "load prepares 2 to 3", "load done"])
        #expect(router.snapshot().policy.sms.forced == ["qa": "canary"])
        #expect(router.snapshot().policy.sms.strategy == EditedPolicy.canary(25).sms.strategy)
        #expect(router.history.map(\.outcome) == [.accepted, .accepted, .accepted])
    }

    @Test("A rollback stands before gates too")
    func rollback() async throws {
        try router.update { try $0.abort("sms") }
        #expect(try await router.rollback(through: [ScriptedGate("load", log)]) == 3)
        #expect(log.lines == ["load prepares 2 to 3", "load done"])
        await #expect(throws: UpdateError.unknownRevision(9, remembered: [1, 2])) {
            try await router.rollback(to: 9, through: [ScriptedGate("load", log)])
        }
    }

    @Test("What could not be published anyway, no gate is asked about")
    func pointless() async throws {
        let gate = ScriptedGate("load", log)
        await #expect(throws: UpdateError.self) {
            try await router.update(to: EditedPolicy.test([0]).at(2), through: [gate])
        }
        await #expect(throws: UpdateError.conflict(current: 1)) {
            try await router.update(to: next, from: 9, through: [gate])
        }
        #expect(try await router.update(to: EditedPolicy.canary(10), through: [gate]) == 1)
        #expect(try await router.update(to: EditedPolicy.canary(1).at(0), through: [gate]) == 1)
        #expect(log.lines.isEmpty)
        #expect(router.status.ignoredUpdates == 1)
    }

    @Test("Updates stand before gates one after the other; the second then meets the first's policy")
    func queue() async throws {
        let started = OneShot<Bool>()
        let release = OneShot<Bool>()
        let slow = ScriptedGate("slow", log) { _, _ in
            started.fulfil(true)
            _ = await release.value
        }
        let (router, next, log) = (router, next, log)
        let first = Task { try await router.update(to: next, through: [slow]) }
        _ = await started.value
        let second = Task { try await router.update(to: next.at(3), from: 1, through: [ScriptedGate("fast", log)]) }
        let third = Task { try await router.update(to: next.at(4), through: [ScriptedGate("late", log)]) }
        third.cancel()
        let refusal = GateRefusal(gate: "the update before", cause: .cancelled)
        await #expect(throws: UpdateError.refused(refusal)) { try await third.value }
        release.fulfil(true)
        #expect(try await first.value == 2)
        await #expect(throws: UpdateError.conflict(current: 2)) { try await second.value }
        #expect(log.lines.prefix(2) == ["slow prepares 1 to 2", "slow done"])
    }

    @Test("Many updates at once through one gate: it never stands before two, and is told of each")
    func crowd() async throws {
        struct Overlap: Error {}
        let inside = Mutex(0)
        let gate = ScriptedGate("load", log) { _, _ in
            let count = inside.withLock { count in
                count += 1
                return count
            }
            await Task.yield()
            inside.withLock { $0 -= 1 }
            if count > 1 { throw Overlap() }
        }
        let router = router
        try await withThrowingTaskGroup(of: Void.self) { group in
            for unit in 0..<20 {
                group.addTask {
                    try await router.update(through: [gate]) { try $0.force(UnitID(unit), to: "canary", in: "sms") }
                }
            }
            try await group.waitForAll()
        }
        #expect(router.snapshot().policy.sms.forced.count == 20)
        #expect(router.snapshot().revision == 21)
        let (prepared, told) = (log.lines.count { $0.contains("prepares") }, log.lines.count { $0.contains("done") })
        #expect(prepared == told)
    }
}
