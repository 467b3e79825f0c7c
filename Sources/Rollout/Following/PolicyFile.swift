/// Follows a policy file. A new policy in the file runs; a policy that must not run changes nothing.
///
///     let start = try await PolicyFile.load("/etc/rollout/policy.json", savedCopy: "/var/lib/sms/policy.json")
///     let router = try RolloutRouter(policy: start.policy)
///     let updater = RolloutUpdater(router, gates: [models])
///     let file = PolicyFile(
///         "/etc/rollout/policy.json", savedCopy: "/var/lib/sms/policy.json", updating: updater
///     ) { event in log(event) }
///     try await file.run()
///
/// The file is read again after each interval, through all links that lead to it. Its content counts, not its time.
/// While it is missing, unreadable, too large or wrong, the last good policy runs on. See
/// <doc:following-a-policy-file>.
///
/// Files are read, parsed and saved on threads of the system's pool, never on the caller's actor.
public final class PolicyFile: Sendable {
    /// The file.
    public let path: String

    private static let shortestInterval: Duration = .milliseconds(10)
    private let updater: RolloutUpdater
    private let interval: Duration
    private let clock: any Clock<Duration>
    private let limit: Duration?
    private let now: @Sendable () -> UnixTime
    private let report: @Sendable (Event) -> Void
    private let reading: PolicyFileReading

    /// Makes a follower. It reads nothing before ``poll()`` or ``run()``.
    ///
    /// - Parameters:
    ///   - path: The file. Links are followed anew each time.
    ///   - savedCopy: Another file that keeps the last good content, for a start without the first file. It is made and
    ///     replaced as needed. Nil for none.
    ///   - updater: Takes the new policies, and asks its gates about each.
    ///   - interval: How long ``run()`` waits between two looks, at least 10 milliseconds.
    ///   - clock: Measures the interval.
    ///   - limit: The time that an update may take, waiting and gates included, or nil for any.
    ///   - report: Called once for each event, by the task that looks.
    ///   - now: Gives the time for the history.
    public init(
        _ path: String,
        savedCopy: String? = nil,
        updating updater: RolloutUpdater,
        every interval: Duration = .seconds(5),
        clock: any Clock<Duration> = ContinuousClock(),
        within limit: Duration? = nil,
        report: @escaping @Sendable (Event) -> Void = { _ in },
        now: @escaping @Sendable () -> UnixTime = { .now }
    ) {
        self.path = path
        self.updater = updater
        self.interval = max(interval, Self.shortestInterval).withinAllClocks
        self.clock = clock
        self.limit = limit
        self.now = now
        self.report = report
        reading = PolicyFileReading(path, savedCopy: savedCopy)
    }

    /// Looks at the file now and after every interval, until the task is cancelled; then it returns.
    ///
    /// Each wait ends with one look, so nothing has to be caught up with if the clock jumps ahead.
    ///
    /// - Throws: The clock's error, unless the task is cancelled.
    public func run() async throws {
        while !Task.isCancelled {
            await poll()
            do {
                try await clock.sleep(for: interval)
            } catch {
                guard Task.isCancelled else { throw error }
            }
        }
    }

    /// Looks at the file once, and updates the router if there is something new.
    ///
    /// ``run()`` calls this in a loop. Call it yourself to have a loop of your own. Any task may call it at any time.
    ///
    /// - Returns: What has changed since the last look: usually nothing.
    @discardableResult
    public func poll() async -> [Event] {
        let events: [Event]
        let origin = UpdateOrigin(author: "file \(path)", reason: nil, time: now())
        switch await reading.look(running: updater.router.snapshot().revision) {
        case .nothingNew: events = await reading.takeEvents()
        case .unusable(let error):
            _ = await updater.refuse(error, from: origin)
            events = await reading.takeEvents()
        case .candidate(let candidate):
            let result: Result<UInt32, UpdateError>
            do throws(UpdateError) {
                let (author, now) = (origin.author, origin.time)
                result = .success(try await updater.update(to: candidate.policy, by: author, now: now, within: limit))
            } catch {
                result = .failure(error)
            }
            events = await reading.settle(candidate, result)
        }
        for event in events { report(event) }
        return events
    }
}

extension PolicyFile {
    /// Something that a look at the file found and the look before had not.
    public struct Event: Sendable, CustomStringConvertible {
        /// The kind of event, for programs.
        public let kind: Kind
        /// The revision that the file holds, or nil if it holds no policy.
        public let revision: UInt32?
        /// What is wrong, or nil if nothing is: an `UpdateError`, or the `FileError` of a copy that cannot be saved.
        public let error: (any Error)?
        /// A sentence for a log.
        public let description: String

        /// The kind of an event. A minor release may add kinds.
        public struct Kind: Hashable, Sendable, CustomStringConvertible {
            /// The kind as a word, stable between releases.
            public let description: String

            private init(_ description: String) { self.description = description }

            /// The file holds a new policy, and it runs.
            public static let accepted = Kind("accepted")
            /// The file holds an older policy than the one that runs. The running one goes on.
            public static let ignored = Kind("ignored")
            /// The file cannot be read, or the policy in it must not run. The last good one goes on.
            public static let refused = Kind("refused")
            /// The file was refused, and now holds the running policy.
            public static let recovered = Kind("recovered")
            /// The copy for a start without the file cannot be saved. Each look tries again.
            public static let unsaved = Kind("unsaved")
            /// The copy could not be saved before, and now it is.
            public static let saved = Kind("saved")
        }

        private init(_ kind: Kind, _ revision: UInt32?, _ description: String, _ error: (any Error)? = nil) {
            self.kind = kind
            self.revision = revision
            self.description = description
            self.error = error
        }

        static func accepted(revision: UInt32) -> Event { Event(.accepted, revision, "revision \(revision) runs") }

        static func ignored(revision: UInt32, running: UInt32) -> Event {
            Event(.ignored, revision, "revision \(revision) is ignored, because revision \(running) runs")
        }

        static func refused(_ error: UpdateError, revision: UInt32? = nil) -> Event {
            Event(.refused, revision, "refused, the last good policy runs on: \(error)", error)
        }

        static func recovered(revision: UInt32) -> Event {
            Event(.recovered, revision, "good again: revision \(revision) runs")
        }

        static func unsaved(_ error: FileError) -> Event {
            Event(.unsaved, nil, "the copy for a start without the file cannot be saved: \(error)", error)
        }

        static func saved(revision: UInt32) -> Event {
            Event(.saved, revision, "the copy of revision \(revision) is saved")
        }
    }
}

extension PolicyFile.Event: Hashable {
    /// Whether both have the same kind and the same description.
    public static func == (left: PolicyFile.Event, right: PolicyFile.Event) -> Bool {
        left.kind == right.kind && left.description == right.description
    }

    /// Feeds the kind and the description.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(kind)
        hasher.combine(description)
    }
}
