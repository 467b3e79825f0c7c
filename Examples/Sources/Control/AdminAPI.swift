import AsyncHTTPClient
import Fleet
import Foundation
import GRDB
import HTTPTypes
import Hummingbird
import NIOCore
import NIOFoundationCompat
import Rollout
import Synchronization

/// The operators' API: what it answers is a contract, which `README.md` of the examples has.
struct AdminAPI: Sendable {
    /// The time in which an edit is written down, and stored or refused. The rest of three seconds is for the answer.
    private static let limit = Duration.milliseconds(2_300)

    let updater: RolloutUpdater
    let store: EtcdStore
    let reach: StoreReach
    let trail: AuditTrail
    let driver: Driver
    let authority: TokenAuthority
    let client: HTTPClient
    /// The addresses of the processes whose revisions are shown.
    let replicas: [String]
    private let refusals = RefusalLimit()

    private var running: RolloutPolicy { updater.router.snapshot().policy }

    /// Routes for whoever has one of some scopes.
    func group(in router: Router<AdminContext>, for scopes: [Scope]) -> RouterGroup<AdminContext> {
        router.group().add(
            middleware: AuthenticationMiddleware(authority: authority, trail: trail, limit: refusals, scopes: scopes)
        )
    }

    func addRoutes(to router: Router<AdminContext>) {
        addReading(to: group(in: router, for: [.read]))
        for action in Action.allCases {
            group(in: router, for: [.read]).post("rollout/plan/\(action.rawValue)") { request, context in
                try await answer(to: request, context) { try await plan(action, request) }
            }
            group(in: router, for: action.scopes).on(action.path, method: action.method) { request, context in
                try await answer(to: request, context, isChange: true) { try await change(action, request, context) }
            }
        }
    }

    // MARK: Reading

    private func addReading(to group: RouterGroup<AdminContext>) {
        group.get("rollout/status") { _, _ in
            let policy = updater.router.status
            let state = Status.Store(name: store.name, problem: reach.problem)
            let progression = driver.status
            let status = Status(
                revision: policy.revision,
                digest: policy.digest,
                store: state,
                leads: progression.isRunning,
                progression: progression,
                policy: policy
            )
            return Tagged(status, policy.revision)
        }
        group.get("rollout/policy") { _, _ in
            let policy = running
            return document(policy.json, policy.revision)
        }
        group.get("rollout/history") { request, context in
            try await answer(to: request, context) {
                let query = try Query(request, allowing: ["limit", "before"])
                let count = try query.integer("limit", in: 1...200) ?? 50
                let entries = try await trail.entries(
                    count,
                    before: query.integer("before", in: 1 ... .max).map(Int64.init)
                )
                return History(
                    entries: entries.map(History.Entry.init),
                    next: entries.count == count ? entries.last?.id : nil
                )
            }
        }
        group.get("rollout/history/:revision") { request, context in
            try await answer(to: request, context) {
                let text = context.parameters.get("revision") ?? ""
                guard let revision = UInt32(text), let policy = try await trail.document(of: revision) else {
                    throw APIError(.notFound, "unknownRevision", "The audit trail has no document of revision \(text).")
                }
                return document(policy)
            }
        }
        group.get("rollout/fleet") { _, _ in Fleet(processes: await processes()) }
    }

    private struct Status: ResponseEncodable {
        struct Store: Encodable {
            let name: String
            @Nullable var problem: String?
        }

        let revision: UInt32
        let digest: String
        let store: Store
        /// Whether this process drives. Of the other ones the progression says only what they did when they drove.
        let leads: Bool
        let progression: ProgressionStatus
        let policy: RolloutStatus
    }

    // MARK: The fleet

    private struct Fleet: ResponseEncodable {
        let processes: [Process]

        struct Process: Encodable {
            let address: String
            @Nullable var revision: UInt32?
            @Nullable var digest: String?
            @Nullable var problem: String?
        }
    }

    private func processes() async -> [Fleet.Process] {
        await withTaskGroup(of: (Int, Fleet.Process).self) { group in
            for (place, address) in replicas.enumerated() {
                group.addTask { (place, await process(at: address)) }
            }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private func process(at address: String) async -> Fleet.Process {
        do {
            let health = try await withThrowingTaskGroup(of: Health.self) { group in
                group.addTask {
                    let request = HTTPClientRequest(url: "\(address)/healthz")
                    let response = try await client.execute(request, deadline: .distantFuture)
                    return try JSONDecoder().decode(
                        Health.self,
                        from: await response.body.collect(upTo: Action.bodyLimit)
                    )
                }
                group.addTask {
                    try await Task.sleep(for: .seconds(1))
                    throw HTTPClientError.deadlineExceeded
                }
                defer { group.cancelAll() }
                guard let first = try await group.next() else { throw CancellationError() }
                return first
            }
            return Fleet.Process(address: address, revision: health.revision, digest: health.digest, problem: nil)
        } catch {
            let late: [HTTPClientError?] = [.deadlineExceeded, .connectTimeout, .readTimeout]
            let problem =
                late.contains(error as? HTTPClientError)
                ? "It did not answer within a second."
                : HTTPClient.isNoConnection(error)
                    ? "Nobody listens there." : "It gave no answer that can be read: \(error)"
            return Fleet.Process(address: address, revision: nil, digest: nil, problem: problem)
        }
    }

    // MARK: Changes

    private struct Change: ResponseEncodable {
        let revision: UInt32
        @Nullable var digest: String?
    }

    private struct Plan: ResponseEncodable {
        /// The digest is known when the change is made: epochs depend on what the updater remembers.
        struct Next: Encodable {
            let revision: UInt32
        }

        let revision: UInt32
        let digest: String
        let next: Next
        let movement: PolicyMovement
        let text: String
    }

    /// What a change would do if it was made now.
    private func plan(_ action: Action, _ request: Request) async throws -> Tagged<Plan> {
        let expected = try Precondition(request)?.revision
        let command = try await action.command(request)
        let policy = running
        if let expected, expected != policy.revision {
            throw APIError(
                .conflict,
                "conflict",
                "Revision \(policy.revision) runs, and not \(expected): look at what it says, and plan on that.",
                runs: policy
            )
        }
        let next: RolloutPolicy
        switch command.change {
        case .edit(let edit): next = try policy.edited(edit)
        case .replacement(let document): next = try document.following(policy.revision)
        case .restoration(let id, let revision?):
            let earlier = try await document(of: revision)
            next = try policy.edited { try $0.restore(id, from: earlier) }
        case .restoration:
            throw Action.noRevision
        }
        let movement = try policy.movement(to: next)
        let plan = Plan(
            revision: policy.revision,
            digest: policy.digest,
            next: Plan.Next(revision: next.revision),
            movement: movement,
            text: movement.description
        )
        return Tagged(plan, policy.revision)
    }

    /// Makes a change, if it can be written down.
    private func change(_ action: Action, _ request: Request, _ context: AdminContext) async throws -> Tagged<Change> {
        let expected = try Precondition(request)?.revision
        if expected == nil, action != .abort {
            let policy = running
            throw APIError(
                .preconditionRequired,
                "preconditionRequired",
                "If-Match has to say which revision the change is for: If-Match: \"\(policy.revision)\".",
                runs: policy
            )
        }
        let command = try await action.command(request)
        let end = ContinuousClock.now + Self.limit
        let origin = Origin(subject: try context.caller.subject, address: context.address)
        do {
            try await trail.asked(
                AuditTrail.action(request),
                origin,
                because: command.reason,
                expecting: expected,
                document: command.document
            )
        } catch {
            throw APIError(
                .serviceUnavailable,
                "auditTrail",
                "Nothing was changed, because the audit trail cannot take an entry: \(error)"
            )
        }
        let revision: UInt32
        do {
            revision = try await perform(command, by: origin.description, expecting: expected, until: end)
        } catch let error as UpdateError {
            await trail.settle()
            throw APIError(error, runs: running, isWrittenDown: true)
        }
        await trail.catchUp()
        // If another change goes first, the store has this one, and this process soon.
        let made = try? await document(of: revision)
        return Tagged(Change(revision: revision, digest: made?.digest), revision)
    }

    private func perform(
        _ command: Command,
        by author: String,
        expecting expected: UInt32?,
        until end: ContinuousClock.Instant
    ) async throws -> UInt32 {
        let reason = command.reason
        var rest: Duration { ContinuousClock.now.duration(to: end) }
        switch command.change {
        case .edit(let edit):
            return try await updater.update(expecting: expected, by: author, because: reason, within: rest, edit)
        case .replacement(let document):
            let policy = running
            let next = try document.following(expected ?? policy.revision)
            // Whoever asks again because an answer was lost has what they want.
            if next == policy { return policy.revision }
            return try await updater.update(
                to: next,
                expecting: expected,
                by: author,
                because: reason,
                within: rest
            )
        case .restoration(let id, let revision?):
            // The updater forgets more than the audit trail.
            let earlier = try await document(of: revision)
            return try await updater.rollback(
                of: id,
                restoring: earlier,
                expecting: expected,
                by: author,
                because: reason,
                within: rest
            )
        case .restoration(let id?, nil):
            return try await updater.rollback(
                of: id,
                expecting: expected,
                by: author,
                because: reason,
                within: rest
            )
        case .restoration(nil, nil): throw Action.noRevision
        }
    }

    /// The policy of a revision, as far as this process or the audit trail has it.
    private func document(of revision: UInt32) async throws -> RolloutPolicy {
        if let policy = updater.policy(of: revision) { return policy }
        guard let text = try await trail.document(of: revision) else {
            throw APIError(
                .notFound,
                "unknownRevision",
                "Neither this process nor the audit trail has revision \(revision)."
            )
        }
        return try RolloutPolicy(json: text)
    }

    // MARK: Answers

    private func answer(
        to request: Request,
        _ context: AdminContext,
        isChange: Bool = false,
        _ body: () async throws -> some ResponseGenerator
    ) async throws -> Response {
        let error: APIError
        do {
            return try await body().response(from: request, context: context)
        } catch let own as APIError {
            error = own
        } catch let update as UpdateError {
            error = APIError(update, runs: running)
        } catch let policy as PolicyError {
            error = APIError(policy)
        } catch let body as BodyProblems {
            error = APIError(body)
        } catch let trail as DatabaseError {
            error = APIError(.serviceUnavailable, "auditTrail", "The audit trail cannot be read: \(trail)")
        } catch is NIOTooManyBytesError {
            let limits = "A body has at most \(Action.bodyLimit) bytes, and a document \(EtcdStore.requestLimit)."
            error = APIError(.contentTooLarge, "tooLarge", limits)
        }
        if isChange, !error.isWrittenDown {
            await trail.refused(error, request, context, running: updater.router.status.digest)
        }
        return try error.response(from: request, context: context)
    }

    private func document(_ text: String, _ revision: UInt32? = nil) -> Response {
        var headers: HTTPFields = [.contentType: "application/json; charset=utf-8"]
        if let revision { headers[.eTag] = "\"\(revision)\"" }
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}

/// An answer, and the revision that it is about.
private struct Tagged<Body: ResponseEncodable>: ResponseGenerator {
    let body: Body
    let revision: UInt32

    init(_ body: Body, _ revision: UInt32) { (self.body, self.revision) = (body, revision) }

    func response(from request: Request, context: some RequestContext) throws -> Response {
        var response = try body.response(from: request, context: context)
        response.headers[.eTag] = "\"\(revision)\""
        return response
    }
}

/// A value that is written as null if there is none.
@propertyWrapper
struct Nullable<Value: Encodable & Sendable>: Encodable, Sendable {
    var wrappedValue: Value?

    init(wrappedValue: Value?) { self.wrappedValue = wrappedValue }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(wrappedValue)
    }
}

/// A page of the audit trail.
private struct History: ResponseEncodable {
    struct Entry: Encodable {
        struct Failure: Encodable {
            let code: String
            let message: String
        }

        let id: Int64
        let time: Int64
        let outcome: String
        @Nullable var action: String?
        @Nullable var subject: String?
        @Nullable var address: String?
        @Nullable var reason: String?
        @Nullable var revision: UInt32?
        @Nullable var oldDigest: String?
        @Nullable var newDigest: String?
        @Nullable var error: Failure?

        init(_ row: TrailEntry) {
            (id, time, outcome) = (row.id ?? 0, row.time, row.outcome.rawValue)
            (action, subject, address, reason) = (row.action, row.subject, row.address, row.reason)
            (revision, oldDigest, newDigest) = (row.revision, row.oldDigest, row.newDigest)
            error = row.code.map { Failure(code: $0, message: row.message ?? "") }
        }
    }

    let entries: [Entry]
    @Nullable var next: Int64?
}

/// What the follower last said about the store.
final class StoreReach: Sendable {
    private let problems = Mutex<(reach: String?, content: String?)>((nil, nil))

    /// Why the store is not reached, or why what it holds does not run here; nil if nothing is wrong.
    var problem: String? { problems.withLock { $0.reach ?? $0.content } }

    func note(_ event: PolicyFollower.Event) {
        problems.withLock { problems in
            switch event.kind {
            case .unreachable: problems.reach = event.problem
            case .reached: problems.reach = nil
            case .refused, .ignored, .delayed: problems.content = event.problem
            case .recovered: problems.content = nil
            case .accepted: problems = (nil, nil)
            default: break
            }
        }
    }
}

extension PolicyFollower.Event {
    fileprivate var problem: String { error.map { "\($0)" } ?? description }
}

/// An answer that is no 200.
struct APIError: Error, CustomStringConvertible {
    let status: HTTPResponse.Status
    let code: String
    let message: String
    private var details = Details()
    private var runs: RolloutPolicy?
    /// Whether the audit trail has it already.
    private(set) var isWrittenDown = false

    var description: String { message }

    private struct Details {
        var problems: [Problem]?
        var epochDemands: [EpochDemand]?
        var cause: EditError?
    }

    private struct Problem: Encodable {
        let code: String
        let path: String
        let message: String
        var line: Int?
        var column: Int?
    }

    /// - Parameters:
    ///   - status: The status.
    ///   - code: What is wrong, for programs.
    ///   - message: What is wrong, for people.
    ///   - policy: What runs, if the caller has to look at that.
    init(_ status: HTTPResponse.Status, _ code: String, _ message: String, runs policy: RolloutPolicy? = nil) {
        (self.status, self.code, self.message, runs) = (status, code, message, policy)
    }

    init(_ body: BodyProblems) {
        self.init(.unprocessableContent, "invalidBody", "The body is wrong. \(body)")
        details.problems = body.problems.map { Problem(code: "badMember", path: $0.path, message: $0.message) }
    }

    init(_ error: PolicyError) {
        let isText = error.problems.first?.code == .syntax
        self.init(isText ? .badRequest : .unprocessableContent, "invalid", "The policy is invalid. \(error)")
        details.problems = Self.problems(of: error)
    }

    init(_ error: UpdateError, runs policy: RolloutPolicy, isWrittenDown: Bool = false) {
        switch error.underlying {
        // What the edit of a request found out when it was made.
        case let own as APIError: self = own
        case let body as BodyProblems: self.init(body)
        default:
            let advice =
                " Name one of GET /rollout/history as \"revision\": the audit trail has more than is remembered."
            let message = error.message + (error.code == .unknownRevision ? advice : "")
            self.init(Self.status(of: error), error.code.description, message)
        }
        if status == .conflict { runs = policy }
        if let invalid = error.underlying as? PolicyError { details.problems = Self.problems(of: invalid) }
        if !error.epochDemands.isEmpty { details.epochDemands = error.epochDemands }
        details.cause = error.underlying as? EditError
        self.isWrittenDown = isWrittenDown
    }

    private static func problems(of error: PolicyError) -> [Problem] {
        error.problems.map {
            Problem(code: $0.code.description, path: $0.path, message: $0.message, line: $0.line, column: $0.column)
        }
    }

    private static func status(of error: UpdateError) -> HTTPResponse.Status {
        if error.isConflict { return .conflict }
        switch error.code {
        case .unknownRevision: return .notFound
        case .cancelled: return .serviceUnavailable
        case .editFailed:
            let edit = error.underlying as? EditError
            return [.unknownRollout, .unknownName].contains(edit?.code) ? .notFound : .unprocessableContent
        default: break
        }
        switch error.fault {
        case .caller: return .badRequest
        case .document: return .unprocessableContent
        default: return .serviceUnavailable
        }
    }

    private struct Body: ResponseEncodable {
        struct Detail: Encodable {
            let code: String
            let message: String
            let problems: [Problem]?
            let epochDemands: [EpochDemand]?
            let cause: EditError?
        }

        let error: Detail
        let revision: UInt32?
        let digest: String?
    }

    func response(
        from request: Request,
        context: some RequestContext,
        adding headers: HTTPFields = [:]
    ) throws -> Response {
        let body = Body(
            error: Body.Detail(
                code: code,
                message: message,
                problems: details.problems,
                epochDemands: details.epochDemands,
                cause: details.cause
            ),
            revision: runs?.revision,
            digest: runs?.digest
        )
        var response = try body.response(from: request, context: context)
        response.status = status
        if let runs { response.headers[.eTag] = "\"\(runs.revision)\"" }
        for field in headers { response.headers.append(field) }
        return response
    }
}
