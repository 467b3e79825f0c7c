import Fleet
import Foundation
import GRDB
import Hummingbird
import Logging
import Rollout
import ServiceLifecycle
import Synchronization

/// Who did what, when, from where and why, in a file of SQLite. Nothing in it is ever changed or removed.
///
/// An accepted change comes from the log of the store, where its record was put together with the policy. So the trail has it, whoever
/// made it and whoever was killed when.
///
/// **Claim:** each accepted change is in the trail exactly once. Because
///
/// 1. it is in the log of the store once, or it was not made (``EtcdStore``);
/// 2. the trail takes over what the log has since the last record that both have, in one transaction, until it succeeds;
/// 3. the process and the number of a record are unique in the trail, so it takes no record twice.
///
/// That a change was asked for is written down before the store is asked. So no change is made that the trail could not hold: on a full
/// disk, or in a file that somebody has locked.
///
/// Whatever comes while a transaction is under way goes into the next one, all together. So nobody waits for more than two of them,
/// however many entries there are. The file is written on a queue of the database, and blocks no thread that serves requests.
final class AuditTrail: UpdateRecorder, Service {
    /// How many seconds a transaction waits for another writer of the same file.
    private static let patience = 0.5
    /// How long a change waits to be written down: a little longer than two transactions.
    private static let askingLimit = Duration.milliseconds(1_200)
    /// How long an answer waits for what need not be written before it is given.
    private static let courtesy = Duration.milliseconds(300)
    /// How long the end of the process waits for what is not written yet.
    private static let lastLimit = Duration.seconds(5)
    /// The most that may wait for a transaction. A disk that hangs must not fill the memory.
    static let mostWaiting = 1_000
    /// More than the log of the store has.
    private static let recordsCompared = 2_200
    private static let recordsRemembered = 64

    private let database: DatabasePool
    private let store: EtcdStore
    private let logger: Logger
    private let state = Mutex(State())
    private let looks = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

    // The conditions of indexes stand in the statements as they are, because SQLite takes no parameter for them.
    static let latestNames =
        "SELECT process || ' ' || number FROM entry WHERE outcome = 'accepted' ORDER BY id DESC LIMIT ?"
    static let latest = "SELECT * FROM entry WHERE outcome = 'accepted' ORDER BY id DESC LIMIT ?"
    static let page = "SELECT * FROM entry WHERE outcome <> 'asked' AND id < ? ORDER BY id DESC LIMIT ?"
    static let documents = """
        SELECT policy FROM entry WHERE outcome = 'accepted' AND revision = ? AND policy IS NOT NULL ORDER BY id DESC LIMIT 1
        """

    private struct State {
        var refused = 0
        var unauthenticated = 0
        var throttled = 0
        var failures = 0
        var problem: String?
        /// What goes into the next transaction, or nil if none is under way.
        var waiting: [Submission]?
        /// Who waits for a look at the log of the store that begins later.
        var waitingForLook: [Ending] = []
    }

    /// Entries that are written together or not at all.
    private struct Submission: Sendable {
        let entries: [TrailEntry]
        let ending = Ending()
    }

    /// Opens a trail, or makes one.
    init(_ path: String, of store: EtcdStore, _ logger: Logger) throws {
        (self.store, self.logger) = (store, logger)
        // SQLite makes its other files as readable as this one. An existing trail stays as it is.
        let descriptor = open(path, O_CREAT | O_RDWR, 0o600)
        if descriptor >= 0 { close(descriptor) }
        database = try Self.pool(at: path)
        // A pool sets NORMAL, by which the last entries would go with the power.
        try database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        // In one transaction, because another process may open the same trail now.
        try database.write { database in
            try database.execute(
                sql: """
                    CREATE TABLE IF NOT EXISTS entry (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        time INTEGER NOT NULL,
                        outcome TEXT NOT NULL CHECK (outcome IN ('asked', 'accepted', 'refused', 'unauthenticated')),
                        action TEXT, subject TEXT, address TEXT, reason TEXT,
                        revision INTEGER, oldDigest TEXT, newDigest TEXT, code TEXT, message TEXT,
                        process TEXT, number INTEGER, record TEXT, policy TEXT,
                        UNIQUE (process, number)
                    );
                    CREATE INDEX IF NOT EXISTS entryByRevision ON entry (revision) WHERE outcome = 'accepted';
                    CREATE INDEX IF NOT EXISTS entryAccepted ON entry (id) WHERE outcome = 'accepted';
                    CREATE INDEX IF NOT EXISTS entryShown ON entry (id) WHERE outcome <> 'asked';
                    """
            )
        }
    }

    /// Opens the file. While another process makes it, SQLite refuses to wait, so this tries again for two seconds.
    private static func pool(at path: String) throws -> DatabasePool {
        var configuration = GRDB.Configuration()
        configuration.busyMode = .timeout(patience)
        for _ in 1...20 {
            do {
                return try DatabasePool(path: path, configuration: configuration)
            } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
                Thread.sleep(forTimeInterval: 0.1)
            }
        }
        return try DatabasePool(path: path, configuration: configuration)
    }

    /// Takes over what is new in the store, every second, and when somebody waits for it.
    func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            await withTaskGroup(of: Void.self) { group in
                group.addTask { [looks] in
                    while !Task.isCancelled {
                        looks.continuation.yield()
                        try? await Task.sleep(for: .seconds(1))
                    }
                }
                for await _ in looks.stream {
                    let waiting = state.withLock { state in
                        defer { state.waitingForLook = [] }
                        return state.waitingForLook
                    }
                    await takeOver()
                    for ending in waiting { ending.set(.success(())) }
                }
                group.cancelAll()
            }
        }
    }

    /// Returns when everything is written that came before, or cannot be written: at the end of the process.
    func finish() async {
        do {
            try await submit([]).value(within: Self.lastLimit)
        } catch {
            logger.error("the audit trail may lack the last entries: \(error)")
        }
    }

    // MARK: Writing

    /// Has entries written, in the order of calls.
    private func submit(_ entries: [TrailEntry]) -> Ending {
        let submission = Submission(entries: entries)
        let (isIdle, isFull) = state.withLock { state in
            if state.waiting?.count ?? 0 >= Self.mostWaiting { return (false, true) }
            if state.waiting?.append(submission) != nil { return (false, false) }
            state.waiting = [submission]
            return (true, false)
        }
        if isFull { submission.ending.set(.failure(TrailProblem.full)) }
        if isIdle { writeWaiting() }
        return submission.ending
    }

    /// Writes what waits, and then what has come meanwhile, until nothing has.
    private func writeWaiting() {
        let submissions = state.withLock { state in
            let waiting = state.waiting ?? []
            state.waiting = waiting.isEmpty ? nil : []
            return waiting
        }
        if submissions.isEmpty { return }
        database.asyncWrite { database in
            for entry in submissions.flatMap(\.entries) { try entry.write(to: database) }
        } completion: { [self] _, result in
            for submission in submissions { submission.ending.set(result) }
            writeWaiting()
        }
    }

    // MARK: Accepted changes

    /// Returns when the trail has what the store has now, or the time is up. Then it has that soon.
    func catchUp(within limit: Duration = courtesy) async {
        let ending = Ending()
        state.withLock { $0.waitingForLook.append(ending) }
        looks.continuation.yield()
        try? await ending.value(within: limit)
    }

    /// Takes over what is new in the log of the store. What cannot be had now is taken over next time.
    private func takeOver() async {
        do {
            let known = try await database.read { database in
                try Set(String.fetchAll(database, sql: Self.latestNames, arguments: [Self.recordsCompared]))
            }
            let (records, problems) = try await store.records { process, number in
                known.contains("\(process) \(number)")
            }
            if !records.isEmpty { try await submit(records.map(TrailEntry.init)).value() }
            note(problem: problems.isEmpty ? nil : problems.joined(separator: "; "))
        } catch {
            if !Task.isCancelled { note(problem: "\(error)") }
        }
    }

    private func note(problem: String?) {
        let isNew = state.withLock { state in
            defer { state.problem = problem }
            return state.problem != problem
        }
        if isNew, let problem { logger.error("the audit trail lacks what the store has: \(problem)") }
    }

    /// What a process that starts anew has to remember: what the store's log has, or what the trail has if the store cannot be asked,
    /// with the policies of the trail where the store has them no more.
    func remembered() async throws -> [UpdateRecord] {
        await takeOver()
        let entries = try await database.read { database in
            try TrailEntry.fetchAll(database, sql: Self.latest, arguments: [Self.recordsRemembered])
        }
        return entries.reversed().compactMap(\.wholeRecord)
    }

    /// The document of a revision as it was accepted last, or nil if the trail has none.
    func document(of revision: UInt32) async throws -> String? {
        try await database.read { database in
            try String.fetchOne(database, sql: Self.documents, arguments: [revision])
        }
    }

    // MARK: Attempts

    /// Writes down that somebody asks for a change: what for, why, on which revision, and with which document if it is a whole one.
    ///
    /// - Throws: Why it cannot be written down. The change must not be made then.
    func asked(
        _ action: String,
        _ origin: Origin,
        because reason: String?,
        expecting revision: UInt32?,
        document: RolloutPolicy?
    ) async throws {
        var entry = TrailEntry(.asked, action, origin)
        (entry.reason, entry.revision) = (reason, revision)
        (entry.newDigest, entry.policy) = (document?.digest, document?.json)
        do {
            try await submit([entry]).value(within: Self.askingLimit)
        } catch {
            state.withLock { $0.failures += 1 }
            throw error
        }
    }

    /// Takes a change that an operator or the driver asked for and did not get, and why. The log of the store has those that were made.
    /// What a follower brings is nobody's attempt.
    func record(_ record: UpdateRecord) {
        guard record.outcome == .refused else { return }
        guard Origin(author: record.author).address != nil || record.author == Progression.author else { return }
        state.withLock { $0.refused += 1 }
        add(TrailEntry(record))
    }

    /// Returns when the refusals are written that came before, or the time is up.
    func settle() async { try? await submit([]).value(within: Self.courtesy) }

    /// Writes down a request that was refused before the policy was looked at.
    ///
    /// - Parameters:
    ///   - error: Why.
    ///   - request: The request.
    ///   - context: Whose it was.
    ///   - digest: That of the policy that runs, if the request was to change it.
    func refused(_ error: APIError, _ request: Request, _ context: AdminContext, running digest: String?) async {
        state.withLock { $0.refused += 1 }
        let origin = Origin(subject: context.authenticated?.subject, address: context.address)
        var entry = TrailEntry(.refused, Self.action(request), origin, error)
        entry.oldDigest = digest
        add(entry)
        await settle()
    }

    /// Writes down that a token was missing or refused. The token is in no entry.
    func unauthenticated(_ error: APIError, _ request: Request, _ context: AdminContext) async {
        state.withLock { $0.unauthenticated += 1 }
        add(TrailEntry(.unauthenticated, Self.action(request), Origin(subject: nil, address: context.address), error))
        await settle()
    }

    /// Counts a refused token of an address that has sent too many. Writing each down would fill the disk for whoever wants that.
    func throttled() { state.withLock { $0.throttled += 1 } }

    static func action(_ request: Request) -> String { "\(request.method) \(request.uri.path.prefix(256))" }

    /// Has a refusal written. If it cannot be, it is in the log of this process.
    private func add(_ entry: TrailEntry) {
        submit([entry]).whenSet { [self] result in
            guard case .failure(let error) = result else { return }
            state.withLock { $0.failures += 1 }
            logger.error("the audit trail cannot take an entry: \(error); it was: \(entry)")
        }
    }

    // MARK: Looking back

    /// Entries before another one, the newest first. What was only asked for is in the file, and not among them.
    func entries(_ count: Int, before id: Int64?) async throws -> [TrailEntry] {
        try await database.read { database in
            try TrailEntry.fetchAll(database, sql: Self.page, arguments: [id ?? .max, count])
        }
    }

    var metrics: Metrics {
        let state = state.withLock { $0 }
        return .counter(
            "rollout_admin_refusals_total",
            help: "Requests to the operators' API that were refused, and entries that the audit trail could not take.",
            [
                ["kind": "refused"]: state.refused, ["kind": "unauthenticated"]: state.unauthenticated,
                ["kind": "throttled"]: state.throttled, ["kind": "unwritten"]: state.failures,
            ]
        )
    }
}

/// Why an entry is not written, or not yet.
enum TrailProblem: Error, CustomStringConvertible {
    case full, late

    var description: String {
        switch self {
        case .full: "\(AuditTrail.mostWaiting) others wait to be written"
        case .late: "it was not written in time"
        }
    }
}

/// How something ends for which somebody may wait, though not for ever.
private final class Ending: Sendable {
    private struct State {
        var result: Result<Void, any Error>?
        var calls: [@Sendable (Result<Void, any Error>) -> Void] = []
    }

    private let state = Mutex(State())

    /// Ends it. Only the first result counts.
    func set(_ result: Result<Void, any Error>) {
        let calls = state.withLock { state in
            if state.result == nil { state.result = result }
            defer { state.calls = [] }
            return state.calls
        }
        for call in calls { call(result) }
    }

    /// Calls something with the result when there is one.
    func whenSet(_ call: @escaping @Sendable (Result<Void, any Error>) -> Void) {
        let result = state.withLock { state in
            if state.result == nil { state.calls.append(call) }
            return state.result
        }
        if let result { call(result) }
    }

    /// Returns or throws the result, or throws that it is late. It ends all the same.
    func value(within limit: Duration? = nil) async throws {
        let (results, end) = AsyncThrowingStream<Void, any Error>.makeStream()
        whenSet { result in
            switch result {
            case .success: end.finish()
            case .failure(let error): end.finish(throwing: error)
            }
        }
        let timer = limit.map { limit in
            Task {
                try await Task.sleep(for: limit)
                end.finish(throwing: TrailProblem.late)
            }
        }
        defer { timer?.cancel() }
        for try await _ in results {}
        try Task.checkCancellation()
    }
}

/// Who makes a change, and from where: the author in records.
struct Origin: Sendable, CustomStringConvertible {
    var subject: String?
    var address: String?

    init(subject: String?, address: String?) { (self.subject, self.address) = (subject, address) }

    /// What ``description`` wrote. No address has a space.
    init(author: String?) {
        subject = author
        guard let author, let place = author.ranges(of: Self.from).last else { return }
        (subject, address) = (String(author[..<place.lowerBound]), String(author[place.upperBound...]))
    }

    private static let from = " from "

    var description: String { (subject ?? "nobody") + (address.map { Self.from + $0 } ?? "") }
}

/// A row of the trail.
struct TrailEntry: Codable, Sendable, FetchableRecord, PersistableRecord {
    static let databaseTableName = "entry"

    enum Outcome: String, Codable, Sendable { case asked, accepted, refused, unauthenticated }

    var id: Int64?
    var time: Int64
    var outcome: Outcome
    var action: String?
    var subject: String?
    var address: String?
    var reason: String?
    var revision: UInt32?
    var oldDigest: String?
    var newDigest: String?
    var code: String?
    var message: String?
    var process: String?
    var number: Int?
    /// The record without its policy, as the store has it.
    var record: String?
    var policy: String?

    init(_ outcome: Outcome, _ action: String, _ origin: Origin, _ error: APIError? = nil) {
        time = UnixTime.now.seconds
        self.outcome = outcome
        self.action = action
        (subject, address) = (origin.subject, origin.address)
        (code, message) = (error?.code, error?.message)
    }

    /// A change that was accepted or refused.
    init(_ record: UpdateRecord) {
        let origin = Origin(author: record.author)
        (subject, address) = (origin.subject, origin.address)
        time = record.time.seconds
        outcome = record.outcome == .accepted ? .accepted : .refused
        reason = record.reason
        revision = record.revision
        (oldDigest, newDigest) = (record.oldDigest, record.newDigest)
        (code, message) = (record.error?.code.description, record.error?.message)
        (process, number) = (record.process, record.number)
        policy = record.policy?.json
        self.record = record.jsonWithoutPolicy
    }

    /// Writes the entry. Of a record that is there already, nothing is changed.
    func write(to database: Database) throws {
        if number == nil { try insert(database) } else { try insert(database, onConflict: .ignore) }
    }

    /// The record with its policy.
    var wholeRecord: UpdateRecord? {
        guard let record, let whole = try? UpdateRecord(json: Array(record.utf8)) else { return nil }
        guard let policy, let document = try? RolloutPolicy(json: policy) else { return whole }
        return whole.completed(by: document) ?? whole
    }
}
