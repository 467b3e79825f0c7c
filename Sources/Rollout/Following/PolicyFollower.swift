/// Follows a source of policies. A new policy of the source runs; one that must not run changes nothing.
///
///     let router = RolloutRouter()
///     let updater = RolloutUpdater(router, gates: [models])
///     let follower = PolicyFollower(
///         of: PolicyFile("/etc/rollout/policy.json"), savedCopy: "/var/lib/sms/policy.json", updating: updater
///     ) { event in log(event) }
///     try await follower.start(waiting: .seconds(10))     // the first policy runs, and has passed the gates
///     try await follower.run()
///
/// Each content of the source is validated once. What a gate, the time or a failing disk stopped is tried again,
/// after pauses of 1, 2, 4, … 60 seconds, until it succeeds or the source has something newer. While the source cannot be
/// asked, or has nothing that may run, the last good policy runs on. See <doc:following-a-policy-source>.
///
/// Sources are asked, and policies read and saved, on threads of the system's pool, never on the caller's actor.
public final class PolicyFollower: Sendable {
    /// Where the policies come from.
    public let source: any PolicySource

    private let courier: PolicyCourier
    private let clock: any Clock<Duration>
    private let report: @Sendable (Event) -> Void
    private let shared: Lock<Shared>

    /// What the task that follows shares with the tasks that it began.
    private struct Shared {
        var state: FollowerState
        /// Wakes the task that follows.
        var bell = OneShot<Void>()
        var tasks: [FollowerState.Lane: Task<Void, Never>] = [:]
        var isFollowed = false
        /// Whether the time is up in which the source was to answer.
        var isLate = false
        var clockFailure: (any Error)?
    }

    /// Makes a follower. It asks nothing before ``start(waiting:)`` or ``run()``.
    ///
    /// - Parameters:
    ///   - source: Where the policies come from.
    ///   - savedCopy: A file that keeps the last policy of the source that ran, for a start without the source. It is made
    ///     and replaced as needed. Nil for none.
    ///   - updater: Takes the new policies, and asks its gates about each.
    ///   - interval: How long to rest after an answer that brought no higher revision, at least 10 milliseconds.
    ///   - clock: Measures the interval and the pauses.
    ///   - limit: The time that an update may take, waiting and gates included, or nil for any.
    ///   - report: Called once for each event, by the task that runs ``start(waiting:)`` or ``run()``.
    ///   - now: Gives the time for the history.
    public init(
        of source: any PolicySource,
        savedCopy: String? = nil,
        updating updater: RolloutUpdater,
        every interval: Duration = .seconds(5),
        clock: any Clock<Duration> = ContinuousClock(),
        within limit: Duration? = nil,
        report: @escaping @Sendable (Event) -> Void = { _ in },
        now: @escaping @Sendable () -> UnixTime = { .now }
    ) {
        self.source = source
        self.clock = clock
        self.report = report
        courier = PolicyCourier(source: source, savedCopy: savedCopy, updater: updater, limit: limit, now: now)
        shared = Lock(Shared(state: FollowerState(every: interval.asInterval, savesCopies: savedCopy != nil)))
        updater.whenPublished { [weak self] in
            self?.ring()
            return self != nil
        }
    }

    // MARK: Following

    /// Brings in the first policy: the source's, or the saved copy's if the source has none that may run.
    ///
    /// For a service that is not ready before it has a policy. Make the router by `RolloutRouter()`, and the first policy
    /// passes the gates like any other. It needs a revision above 0.
    ///
    /// The source is asked once; if it answers later, ``run()`` has the answer. If the saved copy is newer than the source's
    /// policy, it goes first: a service does not go back to an older revision because it starts again. After this, call
    /// ``run()``. After an error this may be called again.
    ///
    /// - Parameter patience: How long to wait for the source's answer, or nil for as long as it takes.
    /// - Returns: The revision that runs.
    /// - Throws: `StartError` if no revision above 0 runs.
    /// - Precondition: Neither this nor ``run()`` is under way.
    @concurrent
    @discardableResult
    public func start(waiting patience: Duration? = nil) async throws(StartError) -> UInt32 {
        claim()
        defer { release() }
        await hear(for: patience)
        if Task.isCancelled { throw StartError(source: problem, savedCopy: nil) }
        var (copy, copyProblem): (PolicyContent?, UpdateError?)
        do throws(UpdateError) { copy = try courier.saved() } catch { copyProblem = error }
        let heard = shared.withLock { $0.state.newest?.revision } ?? 0
        if let newer = copy, newer.revision > max(heard, courier.running) {
            note { $0.state.found(copy: newer) }
            copyProblem = await restore(newer)
            copy = nil
        }
        if let offer = shared.withLock({ $0.state.beginOffering() }) { await perform(offer) }
        if courier.running == 0, let older = copy { copyProblem = await restore(older) }
        tell()
        guard courier.running == 0 else { return courier.running }
        throw StartError(source: problem, savedCopy: copyProblem)
    }

    /// Follows the source until the task is cancelled, or the source has ended and nothing is left to try again.
    ///
    /// - Throws: The clock's error, unless the task is cancelled.
    /// - Precondition: Neither this nor ``start(waiting:)`` is under way.
    @concurrent
    public func run() async throws {
        claim()
        defer { release() }
        while !Task.isCancelled {
            // The bell comes first: whatever happens after this turn was made rings it.
            let bell = shared.withLock { shared in
                shared.bell = OneShot()
                return shared.bell
            }
            let running = courier.running
            let (turn, failure) = shared.withLock { shared in
                (shared.state.turn(running: running), exchange(&shared.clockFailure, with: nil))
            }
            for event in turn.events { report(event) }
            if let failure {
                await stop()
                throw failure
            }
            if turn.isLast { return }
            for work in turn.works { begin(work) }
            await wait(for: bell)
        }
        await stop()
    }

    private func claim() {
        let isFree = shared.withLock { shared in
            shared.state.wake()
            shared.isLate = false
            return !exchange(&shared.isFollowed, with: true)
        }
        precondition(isFree, "start() or run() of a PolicyFollower that is followed already: one task is enough")
    }

    private func release() { shared.withLock { $0.isFollowed = false } }

    private func stop() async {
        let tasks = shared.withLock { shared in exchange(&shared.tasks, with: [:]) }
        for task in tasks.values { task.cancel() }
        // Nothing is published any more once this has returned. Whatever else ignores cancellation is left alone.
        await tasks[.offering]?.value
        tell()
    }

    private func tell() {
        for event in shared.withLock({ $0.state.takeEvents() }) { report(event) }
    }

    private func wait(for bell: OneShot<Void>) async {
        await withTaskCancellationHandler {
            await bell.value
        } onCancel: {
            bell.fulfil(())
        }
    }

    private func ring() { shared.withLock { $0.bell }.fulfil(()) }

    private func note(_ change: (inout Shared) -> Void) {
        shared.withLock { shared in change(&shared) }
        ring()
    }

    // MARK: Starting

    /// Asks the source, and returns when it has answered or the time is up.
    private func hear(for patience: Duration?) async {
        let timer = patience.map { patience in
            Task {
                try? await clock.sleep(for: patience.withinAllClocks)
                if Task.isCancelled { return }
                note { shared in
                    shared.isLate = true
                    shared.state.lose(.noAnswer(of: source.name, within: patience))
                }
            }
        }
        defer { timer?.cancel() }
        if let ask = shared.withLock({ $0.state.beginAsking() }) { begin(ask) }
        while !Task.isCancelled {
            let bell: OneShot<Void>? = shared.withLock { shared in
                guard shared.state.isAsking, !shared.isLate else { return nil }
                shared.bell = OneShot()
                return shared.bell
            }
            guard let bell else { return tell() }
            await wait(for: bell)
        }
        await stop()
    }

    /// Has the policy of the saved copy run, and returns why it does not.
    private func restore(_ content: PolicyContent) async -> UpdateError? {
        do throws(UpdateError) {
            if try await courier.restore(content) == content.revision { note { $0.state.restored(content) } }
            return nil
        } catch {
            return error
        }
    }

    /// Whether the source answered when it was last asked.
    var isUp: Bool { shared.withLock(\.state.isUp) }
    /// Whether the source last had something that is not taken in, or nothing.
    var differs: Bool { shared.withLock(\.state.differs) }

    /// Why no policy of the source runs.
    private var problem: UpdateError {
        if Task.isCancelled { return .ended(.cancelled, at: nil) }
        return shared.withLock { shared in
            shared.state.problem ?? (shared.state.hasEnded ? .nothing(in: source.name) : .revisionTaken(0))
        }
    }

    // MARK: Working

    /// Begins something in a task of its own. A rest that it ends is cancelled.
    private func begin(_ work: FollowerState.Work) {
        guard let lane = work.lane else {
            shared.withLock { $0.tasks[.offering] }?.cancel()
            return
        }
        let task = Task { await perform(work) }
        shared.withLock { $0.tasks.updateValue(task, forKey: lane) }?.cancel()
    }

    private func perform(_ work: FollowerState.Work) async {
        switch work {
        case .interruptOffer: break
        case .ask(let seen, let entersFailure):
            let answer = await courier.ask(unlike: seen, entersFailure: entersFailure)
            note { $0.state.answered(answer) }
        case .offer(let content, let known):
            let running = courier.running
            let verdict: Result<UInt32, UpdateError>
            do throws(UpdateError) {
                verdict = .success(try await courier.offer(content, known))
            } catch {
                verdict = .failure(error)
            }
            note { $0.state.judged(content, over: running, verdict) }
        case .save(let content):
            let failure: FileError?
            do throws(FileError) {
                try courier.save(content)
                failure = nil
            } catch {
                failure = error
            }
            note { $0.state.saved(content, failure) }
        case .rest(let lane, let pause, let number):
            do {
                try await clock.sleep(for: pause)
                note { $0.state.rested(lane, number) }
            } catch {
                if !Task.isCancelled { note { $0.clockFailure = error } }
            }
        }
    }
}

extension UpdateError {
    fileprivate static func noAnswer(of source: String, within patience: Duration) -> UpdateError {
        UpdateError(.unreadable, "\(source) did not answer within \(patience).")
    }

    fileprivate static func nothing(in source: String) -> UpdateError {
        UpdateError(.unreadable, "\(source) has ended without a policy.")
    }
}
