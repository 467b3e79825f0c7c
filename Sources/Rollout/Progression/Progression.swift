/// Drives a rollout by the plan in its policy: a canary from step to step on evidence, and back on harm; the weights of an A/B
/// test after how well its variants do.
///
///     let progression = Progression(of: .sms, updating: updater)
///     try await progression.run()                 // until the task is cancelled
///     print(progression.status)                   // sms: 5 %: gathering; 412 canary units, 2 failed; …
///
/// Its only state is the policy. Each interval it looks at the policy that runs, reads the source, judges, and makes at most one
/// change through the updater, as `progression` and with its figures as the reason. Others may edit, roll back, push files or
/// promote meanwhile: it goes on from what it finds.
///
/// While the policy has no plan for the rollout, or nothing to drive by it, it waits for one.
///
/// Run one driver a rollout in the whole fleet. Each has promises of its own, so two would make twice as many mistakes. Evidence
/// starts anew with each run. So what is accepted must be written back to what the process starts from: see
/// <doc:progressing-a-canary>.
public final class Progression: Sendable {
    /// The author of its changes in the history.
    public static let author = "progression"

    /// The rollout that it drives.
    public let rollout: RolloutID

    private let updater: RolloutUpdater
    private let source: any OutcomeSource
    private let clock: any Clock<Duration>
    private let limit: Duration
    private let report: @Sendable (ProgressionStatus) -> Void
    private let now: @Sendable () -> UnixTime
    private let shared: Lock<Shared>

    private struct Shared {
        var status: ProgressionStatus
        /// Wakes a driver that waits for a policy.
        var bell = OneShot<Void>()
    }

    /// The call of the source that has not returned yet, if there is one. Each run has its own, so that a call that never returns
    /// ends with the run that made it.
    private final class OpenCall: Sendable {
        let isOpen = Lock(false)
    }

    private static let notRunning = "the driver does not run"

    /// Makes a driver. It does nothing before ``run(requiring:)``.
    ///
    /// - Parameters:
    ///   - rollout: The rollout to drive. The policy need not have it yet.
    ///   - updater: Makes the changes, and asks its gates about each.
    ///   - source: Counts outcomes, or nil for what the updater's router has counted in this process.
    ///   - clock: Measures the times of the plan.
    ///   - limit: The time that a change may take, waiting and gates included.
    ///   - report: Called after each evaluation, and when there is nothing to drive, by the task that runs the driver.
    ///   - now: Gives the time for the history.
    public init(
        of rollout: RolloutID,
        updating updater: RolloutUpdater,
        reading source: (any OutcomeSource)? = nil,
        clock: any Clock<Duration> = ContinuousClock(),
        within limit: Duration = .seconds(60),
        report: @escaping @Sendable (ProgressionStatus) -> Void = { _ in },
        now: @escaping @Sendable () -> UnixTime = { .now }
    ) {
        self.rollout = rollout
        self.updater = updater
        self.source = source ?? updater.router.outcomes
        self.clock = clock
        self.limit = limit
        self.report = report
        self.now = now
        shared = Lock(Shared(status: ProgressionStatus(of: rollout, waiting: Self.notRunning)))
        updater.whenPublished { [weak self] in
            self?.ring()
            return self != nil
        }
    }

    /// How far the progression is. O(1); takes a lock that is held for moments.
    public var status: ProgressionStatus { shared.withLock(\.status) }

    // MARK: Driving

    /// Drives the rollout until the task is cancelled.
    ///
    /// Once cancelled, it begins no change. One that is under way is finished: it lands on what was judged, or not at all.
    ///
    /// - Parameter condition: What the store must still hold for a change to be made, such as the lease by which this process
    ///   was elected to drive. Nil for nothing.
    /// - Throws: `AlreadyRunningError` if it is running already; the clock's error, unless the task is cancelled.
    @concurrent
    public func run(requiring condition: StoreCondition? = nil) async throws {
        let isFirst = shared.withLock { shared in
            if shared.status.isRunning { return false }
            (shared.status.isRunning, shared.status.waiting) = (true, "the first look is under way")
            return true
        }
        guard isFirst else { throw AlreadyRunningError(subject: "the progression of \(rollout)") }
        defer { shared.withLock { ($0.status.isRunning, $0.status.waiting) = (false, Self.notRunning) } }
        let call = OpenCall()
        var course = ProgressionCourse(of: rollout, timedBy: clock.stopwatch())
        course.readings = status.readings
        while !Task.isCancelled {
            // The bell comes first: a policy that is published after this was followed rings it.
            let bell = shared.withLock { shared in
                shared.bell = OneShot()
                return shared.bell
            }
            follow(&course)
            try await evaluate(&course, call, requiring: condition)
            report(status)
            guard let interval = course.interval else {
                await wait(for: bell)
                continue
            }
            do { try await clock.sleep(for: interval) } catch {
                if Task.isCancelled { return }
                throw error
            }
        }
    }

    private func ring() { shared.withLock { $0.bell }.fulfil(()) }

    private func wait(for bell: OneShot<Void>) async {
        await withTaskCancellationHandler {
            await bell.value
        } onCancel: {
            bell.fulfil(())
        }
    }

    /// Takes in the policy that runs, and each one that ran since the last time, as far as it is remembered. What is found has
    /// changed by now, and perhaps before.
    private func follow(_ course: inout ProgressionCourse) {
        course.catchUp()
        let compiled = updater.router.state.compiled
        let running = compiled.policy
        let epoch = running.rollouts[rollout]?.epoch ?? 0
        let isStopped = compiled.stops.variants(of: rollout, at: epoch).contains(.canary)
        if let last = course.revision {
            if running.revision == last, course.isStopped == isStopped { return }
            for policy in updater.policies(after: last) where policy.revision < running.revision {
                course.follow(policy)
            }
        }
        course.follow(running, isStopped: isStopped)
    }

    private func evaluate(
        _ course: inout ProgressionCourse,
        _ call: OpenCall,
        requiring condition: StoreCondition?
    ) async throws {
        var reading: SourceReadings.Reading?
        if let stage = course.stageToRead(), let interval = course.interval {
            let asked = course.now
            let totals = try await read(stage, within: interval, call)
            if Task.isCancelled { return }
            // What others have changed by now was in force for a part of the window.
            follow(&course)
            reading = SourceReadings.Reading(stage: stage, asked: asked, totals: totals)
        }
        var status = self.status
        if let change = course.judge(reading, &status), !Task.isCancelled {
            do throws(UpdateError) {
                try await make(change, judgedAt: course.revision ?? 0, requiring: condition)
                follow(&course)
            } catch {
                course.refused(because: error, &status)
            }
        }
        status.waiting = course.absence
        status.readings = course.readings
        shared.withLock { shared in
            status.isRunning = shared.status.isRunning
            shared.status = status
        }
    }

    /// Makes a change, in a task of its own, so that it is whole if this one is cancelled.
    private func make(
        _ change: ProgressionChange,
        judgedAt revision: UInt32,
        requiring condition: StoreCondition?
    ) async throws(UpdateError) {
        let task = Task { [updater, rollout, limit, now] () -> UpdateError? in
            do throws(UpdateError) {
                try await updater.update(
                    requiring: condition,
                    by: Self.author,
                    because: change.reason,
                    now: now(),
                    within: limit
                ) { policy in
                    let between = updater.policies(after: revision).map { $0.rollouts[rollout] }
                    try change.apply(to: &policy, of: rollout, after: between)
                }
                return nil
            } catch {
                return error
            }
        }
        if let error = await task.value { throw error }
    }

    // MARK: Reading

    /// Asks the source. One that has not answered the call before is not asked again.
    private func read(
        _ stage: OutcomeStage,
        within interval: Duration,
        _ call: OpenCall
    ) async throws -> Result<OutcomeTotals, SourceReadings.Missing> {
        let isBusy = call.isOpen.withLock { exchange(&$0, with: true) }
        if isBusy { return .failure(SourceReadings.Missing(reason: "the source has not answered yet")) }
        let answer = OneShot<Result<OutcomeTotals, any Error>?>()
        let asking = Task { [source] in
            let totals: Result<OutcomeTotals, any Error>
            do { totals = .success(try await source.totals(in: stage)) } catch { totals = .failure(error) }
            call.isOpen.withLock { $0 = false }
            answer.fulfil(totals)
        }
        let failure = OneShot<(any Error)?>()
        let timer = Task { [clock] in
            do {
                try await clock.sleep(for: interval)
                failure.fulfil(nil)
            } catch {
                failure.fulfil(error)
            }
            answer.fulfil(nil)
        }
        let totals = await withTaskCancellationHandler {
            await answer.value
        } onCancel: {
            answer.fulfil(nil)
        }
        asking.cancelApart()
        timer.cancel()
        switch totals {
        case .success(let totals): return .success(totals)
        case .failure(let error): return .failure(SourceReadings.Missing(reason: "the source failed: \(error)"))
        case nil:
            if !Task.isCancelled, let error = await failure.value { throw error }
            let spelling = spelled(seconds: interval / .seconds(1))
            return .failure(SourceReadings.Missing(reason: "the source did not answer within \(spelling)"))
        }
    }
}

extension Clock<Duration> {
    /// A function that says how much time has passed since it was made.
    fileprivate func stopwatch() -> @Sendable () -> Duration {
        let start = now
        return { start.duration(to: now) }
    }
}

extension RolloutUpdater {
    /// The policies that ran after a revision, the oldest first, as far as they are remembered.
    fileprivate func policies(after revision: UInt32) -> [RolloutPolicy] {
        history.lazy.filter { $0.outcome == .accepted }.compactMap(\.policy).filter { $0.revision > revision }
    }
}
