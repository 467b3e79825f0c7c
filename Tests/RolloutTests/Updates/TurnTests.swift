import Testing

@testable import Rollout

/// Two things that happen to a change before it can take its next step. A held executor keeps it from that step.
@Suite("The turns of changes", .timeLimit(.minutes(5)))
struct TurnTests {
    /// Tells when it is asked, and waits until it may answer.
    private struct Gate: PolicyGate {
        let isAsked = OneShot<Bool>()
        let mayAnswer = OneShot<Bool>()
        /// Whether the policies were published, one for each time it was told.
        let verdicts = Verdicts()

        func prepare(from running: RolloutPolicy, to next: RolloutPolicy) async throws {
            isAsked.fulfil(true)
            _ = await mayAnswer.value
        }

        func finish(published: Bool) async { verdicts.append(published) }
    }

    private final class Verdicts: Sendable {
        private let state = Lock<[Bool]>([])

        var all: [Bool] { state.withLock { $0 } }

        func append(_ verdict: Bool) { state.withLock { $0.append(verdict) } }
    }

    private let gate = Gate()
    private let executor = HeldExecutor()
    private let router: RolloutRouter
    private let updater: RolloutUpdater

    init() throws { (router, updater) = try EditedPolicy.updated(EditedPolicy.canary(10), gates: [gate]) }

    private func force(_ unit: UnitID) async throws -> UInt32 {
        try await updater.update { try $0.force(unit, to: "canary", in: "sms") }
    }

    /// Either the turn finds a change that is cancelled and has not noticed, or the change that has the turn is cancelled
    /// before it takes it.
    @Test("A change cancelled before it begins leaves the turn to the next", arguments: [true, false])
    func cancelledBeforeItBegins(isCancelledFirst: Bool) async throws {
        let first = Task { try await force("one") }
        _ = await gate.isAsked.value
        let second = Task(executorPreference: executor) { try await force("two") }
        executor.run()
        if isCancelledFirst { second.cancel() }
        gate.mayAnswer.fulfil(true)
        #expect(try await first.value == 2)
        second.cancel()
        let third = Task { try await force("three") }
        // With the turn, the second change passes it on. Without it, the third change has nobody to wait for.
        if isCancelledFirst { #expect(try await third.value == 3) }
        executor.run()
        await #expect(throws: UpdateError.ended(.cancelled, at: nil)) { try await second.value }
        #expect(try await third.value == 3)
        #expect(router.snapshot().policy.sms.forced.keys.map(\.text).sorted() == ["one", "three"])
        #expect(try await force("four") == 4, "the turn is free")
    }

    struct Ending: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let interruption: Interruption
        /// Ends the change whose task it is given.
        let end: @Sendable (RolloutUpdater, Task<UInt32, any Error>) async throws -> Void
    }

    static let endings = [
        Ending(testDescription: "an abort", interruption: .overtakenBy(2)) { updater, _ in
            try await updater.update { try $0.abort("sms") }
        },
        Ending(testDescription: "cancelling", interruption: .cancelled) { _, task in task.cancel() },
    ]

    @Test("What ends a change after its last gate, and before it is published, ends it", arguments: endings)
    func endedAfterLastGate(_ ending: Ending) async throws {
        let change = Task(executorPreference: executor) { try await force("one") }
        executor.run()
        _ = await gate.isAsked.value
        gate.mayAnswer.fulfil(true)
        await executor.isReady()
        try await ending.end(updater, change)
        executor.run()
        await #expect(throws: UpdateError.ended(ending.interruption, at: nil)) { try await change.value }
        // Nobody waits for a gate once the change has been ended.
        while gate.verdicts.all.isEmpty, !Task.isCancelled { await Task.yield() }
        #expect(gate.verdicts.all == [false])
        #expect(router.snapshot().policy.sms.forced.isEmpty)
    }
}
