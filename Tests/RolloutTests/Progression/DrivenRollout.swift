import Testing

@testable import Rollout

/// A rollout that is driven by its plan: a real updater, a clock that a test moves, and a source whose counts a test makes.
final class DrivenRollout: Sendable {
    let router: RolloutRouter
    let updater: RolloutUpdater
    let clock = ManualClock()
    let source: CountingSource
    let progression: Progression
    private let reports = Reports()
    private let task = Lock<Task<Void, any Error>?>(nil)

    convenience init(
        _ policy: RolloutPolicy,
        source: CountingSource = CountingSource(),
        gates: [any PolicyGate] = [],
        store: (any PolicyStore)? = nil,
        requiring condition: StoreCondition? = nil,
        beforeWriting: @escaping @Sendable () -> Void = {}
    ) throws {
        let updater = RolloutUpdater(try RolloutRouter(policy: policy), gates: gates, store: store)
        self.init(updater, source, requiring: condition, beforeWriting)
    }

    /// Another driver of the same rollout.
    convenience init(beside other: DrivenRollout) { self.init(other.updater, other.source) }

    private init(
        _ updater: RolloutUpdater,
        _ source: CountingSource,
        requiring condition: StoreCondition? = nil,
        _ beforeWriting: @escaping @Sendable () -> Void = {}
    ) {
        (router, self.updater, self.source) = (updater.router, updater, source)
        progression = Progression(
            of: "sms",
            updating: updater,
            reading: source,
            clock: clock,
            report: { [reports] status in reports.add(status) },
            now: {
                beforeWriting()
                return .now
            }
        )
        run(requiring: condition)
    }

    /// Cancels the driver, as whoever owns its task does at the end.
    deinit { task.withLock { $0?.cancel() } }

    func run(requiring condition: StoreCondition? = nil) {
        task.withLock { $0 = Task { [progression] in try await progression.run(requiring: condition) } }
    }

    func cancel() { task.withLock { $0?.cancel() } }

    /// Returns when the driver has ended.
    func ended() async throws { try await task.withLock { $0 }?.value }

    /// The next report of the driver.
    func report() async -> ProgressionStatus { await reports.next() }

    /// Lets one interval pass, and returns what was found then.
    @discardableResult
    func step(_ interval: Duration = .seconds(10)) async -> ProgressionStatus {
        let before = progression.status
        if let waiting = before.waiting {
            Issue.record("no interval passes while the driver waits: \(waiting)")
            return before
        }
        await clock.sleepers(1)
        clock.advance(by: interval)
        return await report()
    }

    /// Lets one interval pass, and returns while the source is being read: it answers once the shot is fulfilled, with what the
    /// next readings bring.
    func hangInReading() async -> OneShot<Void> {
        let (isAsked, mayAnswer) = (OneShot<Void>(), OneShot<Void>())
        let next = source.next
        source.bring { stage in
            isAsked.fulfil(())
            await mayAnswer.value
            return try await next(stage)
        }
        await clock.sleepers(1)
        clock.advance(by: .seconds(10))
        await isAsked.value
        source.bring(next)
        return mayAnswer
    }

    /// Lets intervals pass until a verdict is reached, or so many have passed.
    func steps(atMost count: Int, until isReached: (ProgressionStatus) -> Bool) async -> ProgressionStatus {
        var status = progression.status
        for _ in 0..<count {
            status = await step()
            if isReached(status) { break }
        }
        return status
    }

    var sms: RolloutDefinition { router.snapshot().policy.sms }

    /// What the driver has written, oldest first.
    var written: [UpdateRecord] {
        updater.history.filter { $0.author == Progression.author && $0.outcome == .accepted }
    }
}

/// Reports of a driver, each to be waited for once.
private final class Reports: Sendable {
    private let state = Lock<(waiting: [ProgressionStatus], asked: OneShot<ProgressionStatus>?)>(([], nil))

    func add(_ status: ProgressionStatus) {
        let asked = state.withLock { state -> OneShot<ProgressionStatus>? in
            if let asked = exchange(&state.asked, with: nil) { return asked }
            state.waiting.append(status)
            return nil
        }
        asked?.fulfil(status)
    }

    func next() async -> ProgressionStatus {
        let asked = OneShot<ProgressionStatus>()
        let next = state.withLock { state -> ProgressionStatus? in
            if state.waiting.isEmpty {
                state.asked = asked
                return nil
            }
            return state.waiting.removeFirst()
        }
        if let next { return next }
        return await asked.value
    }
}

/// A source that counts what a test says each reading brings. Each request is of a unit of its own.
final class CountingSource: OutcomeSource {
    /// Requests and failures.
    typealias Counts = (requests: Int, failures: Int)

    private struct State {
        var stage: UInt64?
        var totals: [VariantName: VariantOutcomes] = [:]
        var next: @Sendable (OutcomeStage) async throws -> [VariantName: Counts]
        var amend: @Sendable (OutcomeTotals) -> OutcomeTotals = { $0 }
        var stages: [OutcomeStage] = []
        let countsUnits: Bool
    }

    private let state: Lock<State>

    /// By default 1 % of the requests fail, whatever the variant, and the canary gets 5 % of them.
    init(
        countsUnits: Bool = true,
        _ next: @escaping @Sendable (OutcomeStage) async throws -> [VariantName: Counts] = { _ in
            [.stable: (19_000, 190), .canary: (1_000, 10)]
        }
    ) {
        state = Lock(State(next: next, countsUnits: countsUnits))
    }

    /// What the next readings bring.
    func bring(_ next: @escaping @Sendable (OutcomeStage) async throws -> [VariantName: Counts]) {
        state.withLock { $0.next = next }
    }

    var next: @Sendable (OutcomeStage) async throws -> [VariantName: Counts] { state.withLock(\.next) }

    /// What becomes of the totals before they are handed over.
    func amend(_ amend: @escaping @Sendable (OutcomeTotals) -> OutcomeTotals) { state.withLock { $0.amend = amend } }

    /// Everything that was counted is forgotten, as by a restart.
    func restart() { state.withLock { ($0.totals, $0.stage) = ([:], nil) } }

    /// The stages that were asked for, each once.
    var stages: [OutcomeStage] { state.withLock(\.stages) }

    func totals(in stage: OutcomeStage) async throws -> OutcomeTotals {
        let counts = try await state.withLock(\.next)(stage)
        return state.withLock { state in
            let isNew = exchange(&state.stage, with: stage.id) != stage.id
            if isNew { state.stages.append(stage) }
            for (name, count) in counts {
                var total = state.totals[name] ?? VariantOutcomes(requests: 0, failures: 0)
                total.requests += count.requests
                total.failures += count.failures
                if state.countsUnits {
                    var units =
                        total.units ?? VariantOutcomes.Units(arrived: 0, entered: 0, enteredFailed: 0, failed: 0)
                    units.arrived += count.requests
                    units.failed += count.failures
                    if isNew {
                        (units.entered, units.enteredFailed) = (0, 0)
                    } else {
                        units.entered += count.requests
                        units.enteredFailed += count.failures
                    }
                    total.units = units
                }
                state.totals[name] = total
            }
            return state.amend(OutcomeTotals(state.totals))
        }
    }
}

extension EditedPolicy {
    /// A canary with a plan that is judged every 10 seconds, settles in 20 and dwells for 30.
    static func driven(
        _ percent: Double = 5,
        _ edit: (inout ProgressionPlan) -> Void = { _ in }
    ) -> RolloutPolicy {
        var plan = ProgressionPlan(steps: [.percent(5), .percent(25)], interval: 10, settle: 20, dwell: 30)
        edit(&plan)
        return canary(percent).changed { policy in
            policy.revision = 1
            policy.sms.progression = plan
        }
    }
}
