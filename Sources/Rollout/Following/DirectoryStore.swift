/// A policy that the processes of one machine share, in a directory.
///
///     let store = DirectoryStore("/var/lib/rollout")
///     let updater = RolloutUpdater(router, store: store)
///     let follower = PolicyFollower(of: store, updating: updater)
///
/// Every process gives its updater the store, and follows it. A change of one of them then runs in all. A process that may only
/// read follows the file at ``policyPath``.
///
/// The directory has to be on a local file system, because the lock and the order of writes are those of one machine. It
/// has to be there; the store makes what is in it:
///
///     v41/, v42/             the last 64 versions, each with its policy.json and its record.json
///     current -> v42         replaced as a whole: this step is what stores a policy
///     policy.json -> current/policy.json
///
/// **Claim:** a policy and its record are stored together or not at all, and no version is lost to another writer. Because
///
/// 1. both files are synchronized in a version's own directory before `current` leads there, and a rename replaces
///    `current` in one step of one file system;
/// 2. a writer holds the lock of the directory from reading `current` to replacing it. The directory itself is locked,
///    and not a file in it, which somebody could remove while it is held;
/// 3. the system gives the lock back when its holder dies. What a killed holder leaves is a version that `current` does
///    not lead to, and the next writer removes it.
///
/// A process that is stopped while it holds the lock keeps it. The others then fail as ``UpdateError/Code/unreached``
/// after a second, and change nothing.
public actor DirectoryStore: PolicyStore {
    /// The directory.
    public nonisolated let path: String

    private static let versionsKept: UInt64 = 64
    private static let attempts = 100
    private static let pause: Duration = .milliseconds(10)
    private let clock: any Clock<Duration>

    /// A store in a directory. Nothing is read or made before it is used.
    ///
    /// - Parameters:
    ///   - path: The directory, which has to be there and to be writable.
    ///   - clock: Measures the waiting for a lock that another process holds.
    public init(_ path: String, clock: any Clock<Duration> = ContinuousClock()) {
        self.path = path
        self.clock = clock
    }

    /// The directory, for errors and the history.
    public nonisolated var name: String { path }

    /// The file to follow: a link to the policy of the current version.
    public nonisolated var policyPath: String { "\(path)/policy.json" }

    /// The policy of the current version, or nil if there is none yet.
    public func read() async throws -> StoredPolicy? {
        try stored(in: try OpenFile.directoryForChanges(path))
    }

    /// Replaces the policy under the lock. A condition names a file of the directory, and the text that it must have.
    public func swap(
        _ policy: [UInt8],
        record: [UInt8],
        expecting version: String?,
        requiring condition: StoreCondition?
    ) async -> StoreAnswer {
        do {
            let directory = try OpenFile.directoryForChanges(path)
            var attempts = 1
            while try !directory.tryLock() {
                guard attempts < Self.attempts else {
                    throw FileError(path, "take the lock", "another process holds it")
                }
                attempts += 1
                try await clock.sleep(for: Self.pause)
            }
            let held = try stored(in: directory)
            guard held?.version == version else { return .other(held) }
            if let condition, try text(of: condition.key) != condition.version { return .conditionFailed }
            let number = (try current(in: directory) ?? 0) + 1
            do throws(FileError) {
                try write(number, policy, record, in: directory)
                try makePolicyLink(in: directory)
                // The version must not be lost once `current` leads there.
                try directory.synchronize()
                try replaceLink("current", to: "v\(number)", in: directory)
            } catch {
                // The disk may be full, and half a version would keep it so.
                if (try? current(in: directory) == number) == false { remove(number, from: directory) }
                throw error
            }
            // A few more than one, because a writer that was killed may have left some.
            for old in 1...3 as ClosedRange<UInt64> where number >= Self.versionsKept + old {
                remove(number + 1 - Self.versionsKept - old, from: directory)
            }
            do { try directory.synchronize() } catch { return .unknown(error) }
            return .stored
        } catch {
            return .unreached(error)
        }
    }

    /// The records of the last 64 versions, oldest first, with their policies: what a process that starts anew has to
    /// remember (``RolloutUpdater/init(_:gates:recorders:store:remembering:clock:)``).
    ///
    ///     let (records, problems) = try await store.records()
    ///     for problem in problems { log("\(problem)") }
    ///     let updater = RolloutUpdater(router, store: store, remembering: records)
    ///
    /// A version is passed over, and named among the problems, if one of its files cannot be read, or if its record is
    /// that of another policy. No writer leaves such a version, however it ends: somebody has changed it by hand, or the
    /// disk is broken.
    ///
    /// - Returns: The records, and which file of each other version is wrong, and why.
    /// - Throws: `FileError` if the directory cannot be read.
    public func records() async throws(FileError) -> (records: [UpdateRecord], problems: [FileError]) {
        guard let last = try current(in: try OpenFile.directoryForChanges(path)) else { return ([], []) }
        var (records, problems): ([UpdateRecord], [FileError]) = ([], [])
        for number in (last > Self.versionsKept ? last - Self.versionsKept + 1 : 1)...last {
            do throws(FileError) {
                records.append(try record(of: number))
            } catch {
                // Another process may write meanwhile, and remove what becomes too old.
                if error.hasMoved, try !isKept(number) { continue }
                problems.append(error)
            }
        }
        return (records, problems)
    }

    // MARK: What is there

    private func stored(in directory: borrowing OpenFile) throws(FileError) -> StoredPolicy? {
        guard let number = try current(in: directory) else { return nil }
        let (bytes, record) = (try bytes(of: "policy.json", number), try? bytes(of: "record.json", number))
        // With the digest, because somebody may empty the directory, and the numbers begin anew.
        return StoredPolicy(bytes, version: "v\(number) \(SHA256.hexadecimalDigest(bytes))", record: record)
    }

    /// The number of the current version, or nil if there is none.
    private func current(in directory: borrowing OpenFile) throws(FileError) -> UInt64? {
        let target: String?
        do throws(FileError) {
            target = try directory.link("current", as: "\(path)/current")
        } catch {
            if error.hasMoved { return nil }
            throw error
        }
        if let target, target.first == "v", let number = UInt64(target.dropFirst()), 1..<UInt64.max ~= number {
            return number
        }
        throw FileError(
            "\(path)/current",
            "read",
            "expected a link to a version such as v42, found \(target ?? "a file")"
        )
    }

    private func bytes(of file: String, _ number: UInt64) throws(FileError) -> [UInt8] {
        try FileReader.bytes(at: place(of: file, number), atMost: PolicyLimits.documentBytes + 1)
    }

    private func place(of name: String, _ number: UInt64) -> String { "\(path)/v\(number)/\(name)" }

    private func record(of number: UInt64) throws(FileError) -> UpdateRecord {
        let record = try content(of: "record.json", number, UpdateRecord.init(json:))
        let policy = try content(of: "policy.json", number, RolloutPolicy.init(json:))
        if let whole = record.completed(by: policy) { return whole }
        let reason = "it is not the record of the policy in policy.json beside it"
        throw FileError(place(of: "record.json", number), "use", reason)
    }

    private func content<Content>(
        of name: String,
        _ number: UInt64,
        _ read: ([UInt8]) throws(PolicyError) -> Content
    ) throws(FileError) -> Content {
        let bytes = try bytes(of: name, number)
        do throws(PolicyError) {
            return try read(bytes)
        } catch {
            throw FileError(place(of: name, number), "read", "\(error)")
        }
    }

    /// Whether the version is still one of those that are kept.
    private func isKept(_ number: UInt64) throws(FileError) -> Bool {
        guard let last = try current(in: try OpenFile.directoryForChanges(path)) else { return false }
        return number <= last && number + Self.versionsKept > last
    }

    /// The text of a file of the directory, or nil if it is not there.
    private func text(of file: String) throws(FileError) -> String? {
        guard !file.isEmpty, !file.utf8.contains(UInt8(ascii: "/")) else {
            throw FileError("\(path)/\(file)", "read", "expected the name of a file in the directory")
        }
        do throws(FileError) {
            return String(decoding: try FileReader.bytes(at: "\(path)/\(file)", atMost: 1 << 20), as: UTF8.self)
        } catch {
            if error.hasMoved { return nil }
            throw error
        }
    }

    // MARK: What is written

    /// Makes a version that nobody reads yet, and that would survive a loss of power.
    private func write(
        _ number: UInt64,
        _ policy: [UInt8],
        _ record: [UInt8],
        in directory: borrowing OpenFile
    ) throws(FileError) {
        // A writer that was killed may have left one.
        remove(number, from: directory)
        let whole = "\(path)/v\(number)"
        try directory.makeDirectory("v\(number)", as: whole)
        let version = try OpenFile.directoryForChanges(whole)
        for (name, bytes) in [("policy.json", policy), ("record.json", record)] {
            let file = try version.newEntry(name, as: "\(whole)/\(name)")
            try file.write(bytes)
            try file.synchronize()
        }
        try version.synchronize()
    }

    private func makePolicyLink(in directory: borrowing OpenFile) throws(FileError) {
        let target = "current/policy.json"
        do throws(FileError) {
            guard let found = try directory.link("policy.json", as: policyPath), found == target else {
                throw FileError(policyPath, "write", "expected nothing there, or a link to \(target)")
            }
        } catch {
            guard error.hasMoved else { throw error }
            try directory.makeLink("policy.json", to: target, as: policyPath)
        }
    }

    /// Has a link lead elsewhere, in one step.
    private func replaceLink(_ name: String, to target: String, in directory: borrowing OpenFile) throws(FileError) {
        let (temporary, whole) = (".\(name).new", "\(path)/\(name)")
        directory.remove(temporary)
        try directory.makeLink(temporary, to: target, as: whole)
        do throws(FileError) {
            try directory.rename(temporary, to: name, as: whole)
        } catch {
            directory.remove(temporary)
            throw error
        }
    }

    private func remove(_ number: UInt64, from directory: borrowing OpenFile) {
        for file in ["policy.json", "record.json"] { directory.remove("v\(number)/\(file)") }
        directory.removeDirectory("v\(number)")
    }
}
