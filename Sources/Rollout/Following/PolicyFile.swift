/// Follows a policy file: what it comes to hold runs on a router, and what cannot run leaves the router as it is.
///
///     let start = try PolicyFile.load("/etc/rollout/policy.json", savedCopy: "/var/lib/sms/policy.json")
///     let router = try RolloutRouter(policy: start.policy)
///     let file = PolicyFile(
///         "/etc/rollout/policy.json", savedCopy: "/var/lib/sms/policy.json", updating: router
///     ) { event in log(event) }
///     try await file.run()
///
/// The file is looked at again and again, through whatever links lead to it. What counts is its content, not its time.
/// While it is missing, unreadable, too large or wrong, the last good policy runs on. See <doc:following-a-policy-file>.
public final class PolicyFile: Sendable {
    /// The file.
    public let path: String
    /// Where the last good content is kept for a start without the file, or nil for nowhere.
    public let savedCopy: String?
    /// What is kept up to date.
    public let router: RolloutRouter

    private static let shortestInterval: Duration = .milliseconds(10)
    let interval: Duration
    let clock: any Clock<Duration>
    let gates: [any PolicyGate]
    let gateLimit: Duration?
    private let time: @Sendable () -> Int64?
    private let report: @Sendable (Event) -> Void
    private let progress: Lock<Progress>

    /// Nothing is read before ``poll()`` or ``run()``.
    ///
    /// - Parameters:
    ///   - path: The file. Links on the way to it are followed anew each time.
    ///   - savedCopy: Another file, where the last good content is kept; it is made and replaced as needed.
    ///   - router: What to keep up to date.
    ///   - interval: How long ``run()`` waits between two looks; 10 milliseconds at least, whatever is asked for.
    ///   - clock: Measures the interval, and the gates' time.
    ///   - gates: What has to let a policy through before it runs.
    ///   - limit: The time that all gates have together, or nil for any.
    ///   - report: Hears of every change for the better or the worse, once, on the thread that polls.
    ///   - time: The time in Unix seconds, for the router's history.
    public init(
        _ path: String,
        savedCopy: String? = nil,
        updating router: RolloutRouter,
        every interval: Duration = .seconds(5),
        clock: any Clock<Duration> = ContinuousClock(),
        through gates: [any PolicyGate] = [],
        within limit: Duration? = nil,
        report: @escaping @Sendable (Event) -> Void = { _ in },
        time: @escaping @Sendable () -> Int64? = { nil }
    ) {
        self.path = path
        self.savedCopy = savedCopy
        self.router = router
        self.interval = max(interval, Self.shortestInterval).withinAllClocks
        self.clock = clock
        self.gates = gates
        self.gateLimit = limit
        self.time = time
        self.report = report
        self.progress = Lock(Progress(savedCopy: savedCopy))
    }

    /// Looks at the file once, and updates the router where there is something new.
    ///
    /// For loops of one's own; ``run()`` is such a loop. Any thread may call it at any time.
    ///
    /// - Returns: What has changed since the last look; mostly nothing.
    /// - Precondition: There are no gates, for they take time: with gates, use ``pollThroughGates()``.
    @discardableResult
    public func poll() -> [Event] {
        precondition(gates.isEmpty, "\(gates.count) gates stand before \(path), which poll() would pass by")
        guard let candidate = look() else { return settle(nil) }
        let result = Result { () throws(UpdateError) in
            try router.update(to: candidate.policy, by: author, now: time())
        }
        return settle((candidate, result))
    }

    /// Looks at the file once, has the gates prepare for what is new, and updates the router.
    ///
    /// - Returns: What has changed since the last look; mostly nothing.
    @discardableResult
    public func pollThroughGates() async -> [Event] {
        guard let candidate = look() else { return settle(nil) }
        let result: Result<UInt32, UpdateError>
        do throws(UpdateError) {
            let (policy, now) = (candidate.policy, time())
            let revision = try await router.update(
                to: policy,
                by: author,
                now: now,
                through: gates,
                within: gateLimit,
                clock: clock
            )
            result = .success(revision)
        } catch {
            result = .failure(error)
        }
        return settle((candidate, result))
    }

    private var author: String { "file \(path)" }

    /// The policy in the file, where the router has yet to judge it.
    private func look() -> Candidate? {
        let running = router.snapshot().revision
        switch progress.withLock({ $0.look(at: path, running: running) }) {
        case .nothingNew: return nil
        case .candidate(let candidate): return candidate
        case .refused(let error):
            let origin = UpdateOrigin(author: author, reason: nil, time: time())
            _ = router.state.refuse(nil, at: nil, origin, error)
            return nil
        }
    }

    /// Notes what became of a candidate, keeps the copy, and reports all that is new.
    private func settle(_ verdict: (Candidate, Result<UInt32, UpdateError>)?) -> [Event] {
        let events = progress.withLock { progress in
            if let (candidate, result) = verdict { progress.settle(candidate, result) }
            return progress.finishLook()
        }
        for event in events { report(event) }
        return events
    }
}
