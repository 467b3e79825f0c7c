/// Follows a key file: when its content changes, a session router takes the new keys in one atomic step.
///
///     let path = "/run/secrets/rollout.keys"
///     let sessions = SessionRouter(keys: try SigningKeys(contentsOf: path))
///     let follower = KeyFollower(of: path, updating: sessions) { event in log(event) }
///     try await follower.run()
///
/// The file is read whenever the follower looks, through all links that lead to it, and with the demands on its permissions
/// that ``SigningKeys/init(contentsOf:allowing:)`` has. Its content counts, not its time. If the file is missing, if others
/// may use it, or if its text is wrong, the last good keys stay in use.
///
/// Keys that lose sessions are taken too, because keys that have leaked must go at once. The event names the risk.
///
/// The file is read on a thread of the system's pool, never on the caller's actor. Leave the router's keys to its follower:
/// keys that ``SessionRouter/replaceKeys(with:)`` takes stay until the file changes.
public actor KeyFollower {
    /// The key file.
    public nonisolated let path: String

    /// What a look comes to. Keys are told from others by the digest of the whole file, so that no secret is kept.
    private enum Finding: Equatable {
        case content(SHA256.Digest)
        case nothing(SigningKeyError)
    }

    private let readers: SigningKeys.Readers
    private let sessions: SessionRouter
    private let interval: Duration
    private let clock: any Clock<Duration>
    private let report: @Sendable (Event) -> Void
    private var last: Finding?
    private var isRefused = false

    /// Makes a follower. It reads nothing before ``run()``.
    ///
    /// - Parameters:
    ///   - path: The key file. Links are followed anew each time.
    ///   - readers: Who may be able to read the file. Others than its owner may never be able to write it.
    ///   - sessions: Takes the keys.
    ///   - interval: How long to rest between two looks, at least 10 milliseconds.
    ///   - clock: Measures the interval.
    ///   - report: Called once for each event, by the follower.
    public init(
        of path: String,
        allowing readers: SigningKeys.Readers = .owner,
        updating sessions: SessionRouter,
        every interval: Duration = .seconds(5),
        clock: any Clock<Duration> = ContinuousClock(),
        report: @escaping @Sendable (Event) -> Void = { _ in }
    ) {
        self.path = path
        self.readers = readers
        self.sessions = sessions
        self.interval = interval.asInterval
        self.clock = clock
        self.report = report
    }

    /// Follows the file until the task is cancelled.
    ///
    /// The first look is at once: it finds what has changed since the service read the file.
    ///
    /// - Throws: The clock's error, unless the task is cancelled.
    public func run() async throws {
        while !Task.isCancelled {
            look()
            do {
                try await clock.sleep(for: interval)
            } catch {
                if Task.isCancelled { return }
                throw error
            }
        }
    }

    /// Reads the file, and judges what it did not find the last time.
    private func look() {
        var bytes: [UInt8] = []
        let found: Finding
        do throws(SigningKeyError) {
            bytes = try KeyFile.bytes(at: path, allowing: readers)
            found = .content(unsafe bytes.withUnsafeBytes { bytes in unsafe SHA256.digest(bytes) })
        } catch {
            found = .nothing(error)
        }
        if found == last { return }
        last = found
        if case .nothing(let error) = found { return refuse(error, "\(error)") }
        do throws(SigningKeyError) {
            let change = try sessions.replaceKeys(with: try SigningKeys(bytes: bytes))
            let wasRefused = exchange(&isRefused, with: false)
            if let change {
                report(.accepted(change))
            } else if wasRefused {
                report(.recovered(sessions.keyIDs))
            }
        } catch {
            refuse(error, "\(path): \(error)")
        }
    }

    private func refuse(_ error: SigningKeyError, _ text: String) {
        isRefused = true
        report(.refused(error, text))
    }
}

extension KeyFollower {
    /// Something that became different between a key file and the router that follows it. Never shows a secret.
    public struct Event: Hashable, Sendable, CustomStringConvertible {
        /// The kind of event, for programs.
        public let kind: Kind
        /// The keys before and now, and the risks for sessions, or nil if the keys in use are as before.
        public let change: KeyChange?
        /// What is wrong with the file, or nil if nothing is.
        public let error: SigningKeyError?
        /// A sentence for a log.
        public let description: String

        /// The kind of an event. A minor release may add kinds.
        public struct Kind: Hashable, Sendable, CustomStringConvertible {
            /// The kind as a word, stable between releases.
            public let description: String

            private init(_ description: String) { self.description = description }

            /// The file has other keys, and they are in use. ``KeyChange/risks`` says if sessions may be lost.
            public static let accepted = Kind("accepted")
            /// The file cannot be read, others may use it, or its text is wrong. The last good keys stay in use. Each
            /// content is reported once.
            public static let refused = Kind("refused")
            /// After `refused`: the file has the keys in use.
            public static let recovered = Kind("recovered")
        }

        private init(_ kind: Kind, _ change: KeyChange?, _ error: SigningKeyError?, _ description: String) {
            self.kind = kind
            self.change = change
            self.error = error
            self.description = description
        }

        static func accepted(_ change: KeyChange) -> Event { Event(.accepted, change, nil, "in use: \(change)") }

        static func refused(_ error: SigningKeyError, _ text: String) -> Event {
            Event(.refused, nil, error, "refused, the last good keys stay in use: \(text)")
        }

        static func recovered(_ ids: [UInt8]) -> Event {
            Event(.recovered, nil, nil, "good again: the file has \(SigningKeys.text(ids)), which are in use")
        }
    }
}
