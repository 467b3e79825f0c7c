import Testing

@testable import Rollout

@Suite("Waiting at a store", .timeLimit(.minutes(5)))
struct StoreTurnTests {
    private let store = MemoryStore(EditedPolicy.canary(10))
    private let log = GateTests.Log()

    private func process(
        gates: [any PolicyGate] = [],
        clock: any Clock<Duration> = ContinuousClock()
    ) throws -> (router: RolloutRouter, updater: RolloutUpdater) {
        let router = try RolloutRouter(policy: EditedPolicy.canary(10))
        return (router, RolloutUpdater(router, gates: gates, store: store, clock: clock))
    }

    private func force(_ unit: UnitID) -> @Sendable (inout RolloutPolicy) throws -> Void {
        { try $0.force(unit, to: .canary, in: "sms") }
    }

    private func share(_ percent: Double) -> @Sendable (inout RolloutPolicy) throws -> Void {
        { try $0.setShare(of: "sms", to: .percent(percent)) }
    }

    /// Begins an edit, and returns once it has come to the line of changes, which calls its closure.
    private func arriving(
        at updater: RolloutUpdater,
        _ edit: @escaping @Sendable (inout RolloutPolicy) throws -> Void
    ) async -> Task<UInt32, any Error> {
        let isThere = OneShot<Void>()
        let task = Task {
            try await updater.update { policy in
                isThere.fulfil(())
                try edit(&policy)
            }
        }
        await isThere.value
        return task
    }

    // MARK: How long

    @Test(
        "A change is bounded at a store that never answers, and can be cancelled",
        arguments: MemoryStore.Step.allCases
    )
    func never(at step: MemoryStore.Step) async throws {
        let clock = ManualClock()
        let (_, updater) = try process(clock: clock)
        let isAsked = store.hang(atNext: step)
        let late = Task { try await updater.update(within: .seconds(5), force("a")) }
        await clock.sleepers()
        await isAsked.value
        clock.advance(by: .seconds(5))
        let error = try await #require(throws: UpdateError.self) { try await late.value }
        #expect(error.code == (step == .swap ? .outcomeUnknown : .unreached))
        #expect(error.fault == .store)
        #expect(error.message.contains("5.0 seconds"))
        let isAskedAgain = store.hang(atNext: step)
        let cancelled = Task { try await updater.update(force("a")) }
        await isAskedAgain.value
        cancelled.cancel()
        await #expect(throws: UpdateError.self) { try await cancelled.value }
        #expect(try await updater.update(force("b")) == 2)
    }

    @Test("The time of a change covers what it has to catch up with")
    func catchingUp() async throws {
        let clock = ManualClock()
        let isPreparing = OneShot<Void>()
        let (router, updater) = try process(
            gates: [
                ClosureGate { _ in
                    isPreparing.fulfil(())
                    await OneShot<Void>().value
                }
            ],
            clock: clock
        )
        store.hold(EditedPolicy.canary(20).at(2).json)
        let change = Task { try await updater.update(within: .seconds(5), force("a")) }
        await clock.sleepers()
        await isPreparing.value
        clock.advance(by: .seconds(5))
        let error = try await #require(throws: UpdateError.self) { try await change.value }
        #expect(error.code == .timedOut)
        #expect(router.snapshot().revision == 1)
    }

    @Test("A change that ends before the store is asked has not been offered to it")
    func endedBefore() async throws {
        let executor = HeldExecutor()
        let (isPreparing, mayPass) = (OneShot<Void>(), OneShot<Void>())
        let (_, updater) = try process(gates: [
            GateTests.ScriptedGate("load", log) { _, _ in
                isPreparing.fulfil(())
                await mayPass.value
            }
        ])
        let change = Task(executorPreference: executor) { try await updater.update(force("a")) }
        while log.lines.isEmpty {
            executor.run()
            await Task.yield()
        }
        await isPreparing.value
        mayPass.fulfil(())
        await executor.isReady()
        change.cancel()
        await #expect(throws: UpdateError.ended(.cancelled, at: nil)) { try await executor.result(of: change).get() }
        #expect(store.records.isEmpty)
    }

    // MARK: Who goes first

    @Test(
        "What only takes away goes before all others, whatever hangs at the store",
        arguments: MemoryStore.Step.allCases
    )
    func abort(at step: MemoryStore.Step) async throws {
        let clock = ManualClock()
        let (router, updater) = try process(gates: [GateTests.ScriptedGate("load", log)], clock: clock)
        let isAsked = store.hang(atNext: step)
        let stuck = Task { try await updater.update(within: .seconds(5), force("a")) }
        await isAsked.value
        await clock.sleepers()
        #expect(try await updater.update { try $0.abort("sms") } == 2)
        #expect(store.policy == router.snapshot().policy)
        // A change that was offered hears the answer of the store, as long as its time lasts.
        if step == .swap { clock.advance(by: .seconds(5)) }
        let error = try await #require(throws: UpdateError.self) { try await stuck.value }
        #expect(error.code == (step == .swap ? .outcomeUnknown : .overtaken))
        #expect(log.lines == (step == .swap ? ["load prepares 1 to 2", "load undone"] : []), "the abort asks no gate")
    }

    /// What the store says to a change after another one has gone first.
    struct LateAnswer: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Whether the store has stored the change before that.
        let isStored: Bool
        let answer: @Sendable (StoredPolicy?) -> StoreAnswer
        let code: UpdateError.Code?
    }

    private static let lateAnswers = [
        LateAnswer(testDescription: "stored", isStored: true, answer: { _ in .stored }, code: nil),
        LateAnswer(testDescription: "its own record", isStored: true, answer: { .other($0) }, code: nil),
        LateAnswer(testDescription: "something else", isStored: false, answer: { .other($0) }, code: .overtaken),
        LateAnswer(testDescription: "nothing", isStored: false, answer: { _ in .other(nil) }, code: .overtaken),
        LateAnswer(
            testDescription: "unreached",
            isStored: false,
            answer: { _ in .unreached(MemoryStore.Failure()) },
            code: .unreached
        ),
        LateAnswer(
            testDescription: "unknown",
            isStored: true,
            answer: { _ in .unknown(MemoryStore.Failure()) },
            code: .outcomeUnknown
        ),
    ]

    @Test("A change that is overtaken at the store hears whether it was made", arguments: lateAnswers)
    func overtakenAtStore(_ late: LateAnswer) async throws {
        let (router, updater) = try process(gates: [GateTests.ScriptedGate("load", log)])
        let (isAsked, mayAnswer) = (OneShot<Void>(), OneShot<Void>())
        if late.isStored {
            store.afterNextSwap { [store] _ in
                let held = store.held
                isAsked.fulfil(())
                await mayAnswer.value
                return late.answer(held)
            }
        } else {
            store.beforeNextSwap { [store] in
                isAsked.fulfil(())
                await mayAnswer.value
                return late.answer(store.held)
            }
        }
        let change = Task { try await updater.update(by: "ana", force("a")) }
        await isAsked.value
        let aborted: UInt32 = late.isStored ? 3 : 2
        #expect(try await updater.update(by: "ben") { try $0.abort("sms") } == aborted)
        mayAnswer.fulfil(())
        if let code = late.code {
            let error = try await #require(throws: UpdateError.self) { try await change.value }
            #expect(error.code == code)
        } else {
            #expect(try await change.value == 2)
        }
        #expect(router.snapshot().policy == store.policy)
        #expect(router.snapshot().revision == aborted)
        #expect((router.snapshot().policy.sms.forced["a"] != nil) == late.isStored)
        #expect(updater.history.filter { $0.outcome == .accepted }.map(\.revision) == Array(1...aborted))
        #expect(log.lines.prefix(2) == ["load prepares 1 to 2", "load undone"])
    }

    /// It lowered the share from what ran here, and raises it from what the store holds.
    @Test("A change that no longer only takes away gives way to one that does")
    func lostRank() async throws {
        let isPreparing = OneShot<Bool>()
        let (router, updater) = try process(gates: [
            GateTests.ScriptedGate("load", log) { _, next in
                guard next.revision == 3 else { return }
                isPreparing.fulfil(true)
                _ = await OneShot<Bool>().value
            }
        ])
        store.hold(EditedPolicy.canary(5).at(2).json)
        let stuck = Task { try await updater.update { try $0.setShare(of: "sms", to: .percent(7)) } }
        _ = await isPreparing.value
        #expect(try await updater.update { try $0.abort("sms") } == 3)
        await #expect(throws: UpdateError.ended(.overtakenByTakingAway, at: "load")) { try await stuck.value }
        #expect(store.policy == router.snapshot().policy)
    }

    @Test("A change that no longer only takes away gives way to one that does and waits already")
    func lostRankToWaiting() async throws {
        let (_, updater) = try process(gates: [GateTests.ScriptedGate("load", log)])
        store.hold(EditedPolicy.canary(5).at(2).json)
        let (isAsked, mayAnswer) = (OneShot<Void>(), OneShot<Void>())
        store.beforeNextRead {
            isAsked.fulfil(())
            await mayAnswer.value
        }
        let change = Task { try await updater.update(share(7)) }
        await isAsked.value
        let abort = await arriving(at: updater) { try $0.abort("sms") }
        mayAnswer.fulfil(())
        await #expect(throws: UpdateError.ended(.overtakenByTakingAway, at: nil)) { try await change.value }
        #expect(try await abort.value == 3)
        #expect(log.lines.isEmpty)
    }

    @Test("Of the changes that wait, one that only takes away comes first")
    func waiting() async throws {
        let (_, updater) = try process()
        let (isAsked, mayAnswer) = (OneShot<Void>(), OneShot<Void>())
        store.beforeNextRead {
            isAsked.fulfil(())
            await mayAnswer.value
        }
        let first = Task { try await updater.update(share(9)) }
        await isAsked.value
        let edit = await arriving(at: updater, force("a"))
        let abort = await arriving(at: updater) { try $0.abort("sms") }
        mayAnswer.fulfil(())
        #expect(try await [first.value, abort.value, edit.value] == [2, 3, 4])
    }

    /// The first time that it is told how a change ended, it does not return.
    private struct Unfinished: PolicyGate {
        let isFinishing = OneShot<Void>()

        func prepare(from running: RolloutPolicy, to next: RolloutPolicy) async throws {}
        func finish(published: Bool) async {
            if isFinishing.fulfil(()) { await OneShot<Void>().value }
        }
    }

    @Test("A gate that does not finish holds up no abort, after a change or what it caught up with", arguments: [1, 2])
    func unfinished(stored: UInt32) async throws {
        let gate = Unfinished()
        let (router, updater) = try process(gates: [gate])
        if stored > 1 { store.hold(EditedPolicy.canary(20).at(stored).json) }
        let change = Task { try await updater.update(share(30)) }
        await gate.isFinishing.value
        #expect(try await updater.update { try $0.abort("sms") } == 3)
        #expect(router.snapshot().policy == store.policy)
        if stored == 1 {
            #expect(try await change.value == 2, "it was published before")
        } else {
            await #expect(throws: UpdateError.ended(.overtakenByTakingAway, at: nil)) { try await change.value }
        }
    }

    @Test("An abort and a rollback end the change at the gates, and go first in this order")
    func order() async throws {
        let isPreparing = OneShot<Bool>()
        let (router, updater) = try process(gates: [
            GateTests.ScriptedGate("load", log) { _, next in
                guard next.sms.forced["stuck"] != nil else { return }
                isPreparing.fulfil(true)
                _ = await OneShot<Bool>().value
            }
        ])
        try await updater.update(force("a"))
        let stuck = Task { try await updater.update(force("stuck")) }
        _ = await isPreparing.value
        let rollback = Task { try await updater.rollback(of: "sms", to: 1) }
        await #expect(throws: UpdateError.ended(.overtakenByRollback, at: "load")) { try await stuck.value }
        #expect(try await rollback.value == 3)
        #expect(try await updater.update { try $0.abort("sms") } == 4)
        #expect(store.policy == router.snapshot().policy)
        #expect(store.records.count == 3)
    }

    @Test("A rollback does not end another one, even if it only takes away")
    func twoRollbacks() async throws {
        let (isPreparing, mayPass) = (OneShot<Void>(), OneShot<Void>())
        let (_, updater) = try process(gates: [
            ClosureGate { next in
                guard next.revision == 4 else { return }
                isPreparing.fulfil(())
                await mayPass.value
            }
        ])
        for percent in [30, 50] as [Double] { try await updater.update(share(percent)) }
        let first = Task { try await updater.rollback(of: "sms") }
        await isPreparing.value
        let executor = HeldExecutor()
        let second = Task(executorPreference: executor) { try await updater.rollback(of: "sms") }
        executor.run()
        mayPass.fulfil(())
        #expect(try await first.value == 4)
        #expect(try await executor.result(of: second).get() == 5)
    }
}
