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
/// Each content of the source is read and judged once. What a gate, the time or a failing disk stopped is tried again,
/// after pauses of 1, 2, 4, … 60 seconds, until it succeeds or the source has something newer. While the source cannot be
/// asked, or has nothing that may run, the last good policy runs on. See <doc:following-a-policy-source>.
///
/// Sources are asked, and policies read and saved, on threads of the system's pool, never on the caller's actor.
public final class PolicyFollower: Sendable {
    /// Where the policies come from.
    public let source: any PolicySource

    private static let shortestInterval: Duration = .milliseconds(10)
    private let savedCopy: String?
    private let updater: RolloutUpdater
    private let clock: any Clock<Duration>
    private let limit: Duration?
    private let now: @Sendable () -> UnixTime
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
        self.savedCopy = savedCopy
        self.updater = updater
        self.clock = clock
        self.limit = limit
        self.now = now
        self.report = report
        let interval = max(interval, Self.shortestInterval).withinAllClocks
        shared = Lock(Shared(state: FollowerState(every: interval, savesCopies: savedCopy != nil)))
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
        begin()
        defer { end() }
        await hear(for: patience)
        var (copy, copyProblem): (PolicyContent?, UpdateError?)
        if let savedCopy {
            do throws(UpdateError) { copy = try PolicyContent(contentsOf: savedCopy) } catch { copyProblem = error }
        }
        if let newer = copy, newer.revision > max(newest?.revision ?? 0, running) {
            copyProblem = await restore(newer)
            copy = nil
        }
        if let offer = shared.withLock({ $0.state.beginOffering() }) { await perform(offer) }
        if running == 0, let copy { copyProblem = await restore(copy) }
        tell()
        if running > 0 { return running }
        throw StartError(source: problem(after: patience), savedCopy: copyProblem)
    }

    /// Follows the source until the task is cancelled, or the source has ended and nothing is left to try again.
    ///
    /// - Throws: The clock's error, unless the task is cancelled.
    /// - Precondition: Neither this nor ``start(waiting:)`` is under way.
    @concurrent
    public func run() async throws {
        begin()
        defer { end() }
        while !Task.isCancelled {
            let running = running
            let (turn, bell, failure) = shared.withLock { shared in
                shared.bell = OneShot()
                return (shared.state.turn(running: running), shared.bell, exchange(&shared.clockFailure, with: nil))
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

    private func begin() {
        let isFree = shared.withLock { shared in
            shared.state.wake()
            shared.isLate = false
            return !exchange(&shared.isFollowed, with: true)
        }
        precondition(isFree, "start() or run() of a PolicyFollower that is followed already: one task is enough")
    }

    private func end() { shared.withLock { $0.isFollowed = false } }

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

    private var running: UInt32 { updater.router.snapshot().revision }

    // MARK: Starting

    private var newest: PolicyContent? { shared.withLock { $0.state.newest } }

    /// Asks the source, and returns when it has answered or the time is up.
    private func hear(for patience: Duration?) async {
        let timer = patience.map { patience in
            Task {
                try? await clock.sleep(for: patience.withinAllClocks)
                if !Task.isCancelled { note { $0.isLate = true } }
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

    /// Offers the policy of the saved copy, and returns why it does not run.
    private func restore(_ content: PolicyContent) async -> UpdateError? {
        do throws(UpdateError) {
            let origin = UpdateOrigin(author: "saved copy \(savedCopy ?? "")", reason: nil, time: now())
            let revision = try await updater.offer(content.policy, from: origin, within: limit)
            if revision == content.revision { note { $0.state.restored(content) } }
            return nil
        } catch {
            return error
        }
    }

    /// Why no policy of the source runs.
    private func problem(after patience: Duration?) -> UpdateError {
        if Task.isCancelled { return .ended(.cancelled, at: nil) }
        return shared.withLock { shared in
            if let problem = shared.state.problem { return problem }
            if shared.state.isAsking, let patience { return .noAnswer(of: source.name, within: patience) }
            return shared.state.hasEnded ? .nothing(in: source.name) : .revisionTaken(0)
        }
    }

    // MARK: Working

    /// Begins something in a task of its own, in the place of the rest that it ends.
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
        case .ask(let seen, let entersFailure):
            let answer = await answer(unlike: seen, entersFailure: entersFailure)
            note { $0.state.answered(answer) }
        case .offer(let content, let known):
            let (running, verdict) = (running, await verdict(on: content, known))
            note { $0.state.judged(content, over: running, verdict) }
        case .interruptOffer: break
        case .save(let content):
            var failure: FileError?
            do throws(FileError) {
                try DurableFile.replace(savedCopy ?? "", with: content.bytes)
            } catch {
                failure = error
            }
            note { [failure] in $0.state.saved(content, failure) }
        case .rest(let lane, let pause, let number):
            do {
                try await clock.sleep(for: pause)
                note { $0.state.rested(lane, number) }
            } catch {
                if !Task.isCancelled { note { $0.clockFailure = error } }
            }
        }
    }

    /// Asks the source, and reads what it answers. What is no policy is entered in the history here, before anything that the
    /// source answers later.
    private func answer(unlike seen: PolicyContent.Identity?, entersFailure: Bool) async -> FollowerState.Answer {
        let bytes: [UInt8]
        do {
            guard let next = try await source.next() else { return .ended }
            bytes = next
        } catch {
            if Task.isCancelled { return .cancelled }
            let error = UpdateError.unreadable(error)
            if entersFailure { await updater.refuse(error, from: origin) }
            return .failed(error)
        }
        let identity = PolicyContent.Identity(bytes)
        if identity == seen { return .sameAsBefore }
        do throws(UpdateError) {
            let content = try PolicyContent(bytes, identity, from: source.name)
            let running = updater.router.snapshot().policy
            return .policy(content, onlyTakesAway: content.policy.onlyTakesAway(from: running))
        } catch {
            await updater.refuse(error, from: origin)
            return .noPolicy(identity, error)
        }
    }

    private func verdict(on content: PolicyContent, _ known: KnownRefusals) async -> Result<UInt32, UpdateError> {
        do throws(UpdateError) {
            return .success(
                try await updater.offer(content.policy, from: origin, within: limit, isKnown: known.contains)
            )
        } catch {
            return .failure(error)
        }
    }

    private var origin: UpdateOrigin { UpdateOrigin(author: source.name, reason: nil, time: now()) }
}

extension UpdateError {
    fileprivate static func noAnswer(of source: String, within patience: Duration) -> UpdateError {
        UpdateError(.timedOut, "\(source) did not answer within \(patience).")
    }

    fileprivate static func nothing(in source: String) -> UpdateError {
        UpdateError(.unreadable, "\(source) has ended without a policy.")
    }
}
