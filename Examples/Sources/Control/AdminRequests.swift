import Fleet
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import NIOFoundationCompat
import Rollout

/// What operators can do, by the last part of its path.
enum Action: String, CaseIterable, Sendable {
    case policy, update, start, promote, abort, rollback
    case switchRelease = "switch"
    case refreshModel = "refresh-model"

    static let noRevision = BodyProblems([
        BodyProblem("revision", "expected the revision to go back to, found nothing")
    ])

    /// The largest body that is no document, in bytes.
    static let bodyLimit = 65_536

    var path: RouterPath {
        switch self {
        case .switchRelease, .refreshModel: RouterPath(rawValue)
        default: RouterPath("rollout/\(rawValue)")
        }
    }

    var method: HTTPRequest.Method { self == .policy ? .put : .post }

    var scopes: [Scope] {
        switch self {
        case .start: [.write, .deploy]
        case .switchRelease, .refreshModel: [.deploy]
        default: [.write]
        }
    }

    /// What a request asks for.
    ///
    /// - Throws: `BodyProblems` with everything that is wrong with the body, `PolicyError` with what is wrong with a document, or an
    ///   `APIError`.
    func command(_ request: Request) async throws -> Command {
        let query = try Query(request, allowing: self == .policy ? ["reason"] : [])
        if self == .policy {
            let body = try await request.body.collect(upTo: EtcdStore.requestLimit)
            let document = try RolloutPolicy(json: Array(body.readableBytesView))
            return Command(change: .replacement(document), reason: query["reason"])
        }
        var fields = try Fields(await request.body.collect(upTo: Self.bodyLimit))
        let reason = fields.text("reason", atMost: 4_096)
        let named = fields.rollout()
        let change = change(named, &fields)
        try fields.finish()
        guard let change else { throw APIError(.internalServerError, "unread", "The body was not understood.") }
        return Command(change: change, reason: reason)
    }

    /// What the members of a body ask for, or nil if they are wrong.
    private func change(_ named: RolloutID?, _ fields: inout Fields) -> Command.Change? {
        let id = named ?? .sms
        switch self {
        case .policy: return nil
        case .update:
            guard let update = PartialUpdate(id, &fields) else { return nil }
            return .edit { try update.apply(to: &$0) }
        case .start:
            let (target, share) = (fields.target(), fields.share("percent", isRequired: true))
            guard let target, let share else { return nil }
            return .edit { policy in
                let (_, release) = try policy.first(of: id)
                try policy.startCanary(of: id, serving: target.release(like: release), to: share)
            }
        case .promote: return .edit { try $0.promote(id) }
        case .abort: return .edit { try $0.abort(id) }
        case .rollback:
            let revision = fields.revision(isRequired: named == nil)
            return named == nil && revision == nil ? nil : .restoration(named, revision)
        case .switchRelease:
            guard let target = fields.target() else { return nil }
            return .edit { policy in
                let (first, release) = try policy.first(of: id)
                try policy.requireNothingUnderWay(in: id)
                try policy.setRelease(of: first, in: id, to: target.release(like: release))
            }
        case .refreshModel:
            guard let version = fields.text("version", isRequired: true, atMost: 128) else { return nil }
            return .edit { policy in
                let (first, release) = try policy.first(of: id)
                try policy.requireNothingUnderWay(in: id)
                var versions = release.versions
                versions[.model] = version
                try policy.setRelease(of: first, in: id, to: Release(versions))
            }
        }
    }
}

/// What a request asks for.
struct Command: Sendable {
    enum Change: Sendable {
        case edit(@Sendable (inout RolloutPolicy) throws -> Void)
        case replacement(RolloutPolicy)
        /// One rollout or all of them, as of a revision, or as it was before its last change.
        case restoration(RolloutID?, UInt32?)
    }

    let change: Change
    let reason: String?

    /// The whole policy that is to run, if the request brings one.
    var document: RolloutPolicy? {
        if case .replacement(let document) = change { document } else { nil }
    }
}

/// The edit of `POST /rollout/update`: what is missing stays.
private struct PartialUpdate: Sendable {
    private enum Strategy: String, CaseIterable { case fixed, canary, shadow }

    private let id: RolloutID
    private let strategy: Strategy?
    private let first: Target?
    private let second: Target?
    private let share: Share?

    init?(_ id: RolloutID, _ fields: inout Fields) {
        self.id = id
        strategy = fields.choice("strategy", among: Strategy.allCases)
        first = fields.target("model_version")
        second = fields.target("canary_version")
        share = fields.share("canary_percentage")
        if fields.areEmpty(["strategy", "model_version", "canary_version", "canary_percentage"]) {
            fields.report(
                "",
                "expected strategy, model_version, canary_version or canary_percentage, found none of them"
            )
        }
    }

    func apply(to policy: inout RolloutPolicy) throws {
        let (name, release) = try policy.first(of: id)
        let served = first?.release(like: release) ?? release
        if first != nil { try policy.setRelease(of: name, in: id, to: served) }
        switch (strategy, policy.rollouts[id]?.strategy) {
        case (.fixed, let running):
            guard second == nil, share == nil else {
                throw BodyProblems([
                    BodyProblem("strategy", "\"fixed\" has no canary to give a version or a percentage")
                ])
            }
            if running?.kind != .fixed { policy.end(id, serving: served, at: name) }
        case (.canary, .canary(let share, _, _)) where second == nil || share > .zero: try adjust(&policy)
        case (.shadow, .shadow(let share, _, _)) where second == nil || share > .zero: try adjust(&policy)
        case (.canary, _):
            try policy.startCanary(of: id, serving: newcomer(like: served), to: share ?? .zero)
        case (.shadow, _):
            try policy.startShadow(of: id, serving: newcomer(like: served), to: share ?? .zero)
        case (nil, _): try adjust(&policy)
        }
    }

    private func newcomer(like release: Release) throws -> Release {
        guard let second else {
            throw BodyProblems([
                BodyProblem("canary_version", "expected what the new canary or shadow serves, found nothing")
            ])
        }
        return second.release(like: release)
    }

    /// Changes what is there.
    private func adjust(_ policy: inout RolloutPolicy) throws {
        if let share { try policy.setShare(of: id, to: share) }
        guard let second else { return }
        let (_, release) = try policy.first(of: id)
        let name: VariantName = policy.rollouts[id]?.strategy.kind == .shadow ? .shadow : .canary
        try policy.setRelease(of: name, in: id, to: second.release(like: release))
    }
}

/// A release as a body names it.
enum Target: Sendable {
    /// This version of every component.
    case version(String)
    case release(Release)

    func release(like other: Release) -> Release {
        switch self {
        case .version(let version): Release(other.versions.mapValues { _ in version })
        case .release(let release): release
        }
    }
}

extension RolloutPolicy {
    /// The variant of a rollout that serves everybody who gets nothing else.
    fileprivate func first(of id: RolloutID) throws -> (VariantName, Release) {
        guard let first = rollouts[id]?.strategy.variants.first else {
            let known = rollouts.keys.sorted().map(\.text).joined(separator: ", ")
            throw APIError(.notFound, "unknownRollout", "The policy has no rollout \"\(id)\"; it has \(known).")
        }
        return (first.name, first.release)
    }

    fileprivate func requireNothingUnderWay(in id: RolloutID) throws {
        switch rollouts[id]?.strategy {
        case .fixed, .canary(.zero, _, _), .shadow(.zero, _, _), nil: return
        default:
            throw APIError(.conflict, "underWay", "Something is under way in \"\(id)\": promote it or abort it first.")
        }
    }

    /// Has a rollout serve one release to everybody. Rules that named its first variant name the only one.
    fileprivate mutating func end(_ id: RolloutID, serving release: Release, at first: VariantName) {
        guard var rollout = rollouts[id] else { return }
        rollout.strategy = .fixed(release)
        (rollout.disabled, rollout.draining) = ([], [])
        rollout.hosts = rollout.hosts.mapValues { $0 == first ? .stable : $0 }
        rollout.forced = rollout.forced.mapValues { $0 == first ? .stable : $0 }
        rollouts[id] = rollout
    }

    /// Restores one rollout, or all of them.
    mutating func restore(_ id: RolloutID?, from earlier: RolloutPolicy) throws {
        if let id { try rollBack(id, to: earlier) } else { try rollBack(to: earlier) }
    }

    /// This policy, if its revision may follow the one that runs: by a hundred at most. A slip of the keyboard could end all changes,
    /// because there is a last revision, and the store's log goes back a number of revisions.
    func following(_ running: UInt32) throws -> RolloutPolicy {
        if revision > running, revision - running <= 100 { return self }
        let problem = "expected one to a hundred more than \(running), which runs, found \(revision)"
        throw BodyProblems([BodyProblem("revision", problem)])
    }
}

/// The header `If-Match`.
struct Precondition {
    let revision: UInt32

    /// - Throws: `APIError` if the header makes no sense.
    init?(_ request: Request) throws {
        guard let header = request.headers[.ifMatch] else { return nil }
        guard header.count > 2, header.first == "\"", header.last == "\"",
            let revision = UInt32(header.dropFirst().dropLast())
        else {
            throw APIError(
                .badRequest,
                "badPrecondition",
                "If-Match has to be a revision in quotation marks, such as \"8\", and is \(header.prefix(100))."
            )
        }
        self.revision = revision
    }
}

/// The parameters of an address.
struct Query {
    private let values: [String: String]

    /// - Throws: `APIError` if one is unknown or comes twice.
    init(_ request: Request, allowing names: Set<String>) throws {
        var values: [String: String] = [:]
        for (name, value) in request.uri.queryParameters {
            guard names.contains(String(name)), values.updateValue(String(value), forKey: String(name)) == nil else {
                let known =
                    names.isEmpty ? "there are none" : "there are \(names.sorted().joined(separator: ", ")), each once"
                throw APIError(
                    .badRequest,
                    "badParameter",
                    "The parameter \"\(name.prefix(100))\" is not expected: \(known)."
                )
            }
        }
        self.values = values
    }

    subscript(name: String) -> String? { values[name] }

    func integer(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let text = values[name] else { return nil }
        if let value = Int(text), range.contains(value) { return value }
        throw APIError(
            .badRequest,
            "badParameter",
            "\"\(name)\" has to be an integer in \(range.lowerBound) … \(range.upperBound), and is \"\(text.prefix(100))\"."
        )
    }
}

/// The members of a body, which are asked for one after the other. What is wrong is collected, and so is what nobody asks for.
private struct Fields {
    /// A JSON value.
    private indirect enum Value: Decodable, CustomStringConvertible {
        case null
        case text(String)
        case number(Double)
        case boolean(Bool)
        case object([String: Value])
        case list([Value])

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if value.decodeNil() {
                self = .null
            } else if let boolean = try? value.decode(Bool.self) {
                self = .boolean(boolean)
            } else if let number = try? value.decode(Double.self) {
                self = .number(number)
            } else if let text = try? value.decode(String.self) {
                self = .text(text)
            } else if let list = try? value.decode([Value].self) {
                self = .list(list)
            } else {
                self = .object(try value.decode([String: Value].self))
            }
        }

        var description: String {
            switch self {
            case .null: "null"
            case .text(let text): "\"\(text.prefix(100))\""
            case .number(let number): "\(number)"
            case .boolean(let boolean): "\(boolean)"
            case .object: "an object"
            case .list: "a list"
            }
        }
    }

    private let members: [String: Value]
    private var known: Set<String> = []
    private var problems: [BodyProblem] = []

    /// - Throws: `APIError` if the body is not JSON, `BodyProblems` if it is no object. No body is an empty object.
    init(_ body: ByteBuffer) throws {
        if body.readableBytes == 0 {
            members = [:]
            return
        }
        do {
            members = try JSONDecoder().decode([String: Value].self, from: body)
        } catch DecodingError.typeMismatch {
            throw BodyProblems([BodyProblem("", "expected an object, found another value")])
        } catch {
            let reason = (error as? DecodingError).map { "\($0)" } ?? "\(error)"
            throw APIError(.badRequest, "syntax", "The body is not JSON: \(reason)")
        }
    }

    /// - Throws: `BodyProblems` if something was wrong.
    consuming func finish() throws {
        for name in members.keys.sorted() where !known.contains(name) {
            let names = known.sorted().joined(separator: ", ")
            problems.append(BodyProblem(String(name.prefix(100)), "expected \(names), found another name"))
        }
        if !problems.isEmpty { throw BodyProblems(problems) }
    }

    mutating func report(_ path: String, _ message: String) { problems.append(BodyProblem(path, message)) }

    func areEmpty(_ names: [String]) -> Bool { names.allSatisfy { members[$0] == nil } }

    private mutating func read<Result>(
        _ name: String,
        _ expected: String,
        isRequired: Bool = false,
        _ read: (Value) -> Result?
    ) -> Result? {
        known.insert(name)
        guard let value = members[name] else {
            if isRequired { report(name, "expected \(expected), found nothing") }
            return nil
        }
        if let result = read(value) { return result }
        report(name, "expected \(expected), found \(value)")
        return nil
    }

    mutating func text(_ name: String, isRequired: Bool = false, atMost limit: Int) -> String? {
        read(name, "a text of 1 … \(limit) bytes", isRequired: isRequired) { value in
            guard case .text(let text) = value, 1...limit ~= text.utf8.count else { return nil }
            return text
        }
    }

    mutating func rollout() -> RolloutID? {
        read("rollout", "the id of a rollout") { value in
            guard case .text(let text) = value else { return nil }
            return RolloutID(text)
        }
    }

    mutating func choice<Choice: RawRepresentable<String>>(_ name: String, among choices: [Choice]) -> Choice? {
        let names = choices.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
        return read(name, "one of \(names)") { value in
            guard case .text(let text) = value else { return nil }
            return Choice(rawValue: text)
        }
    }

    mutating func share(_ name: String, isRequired: Bool = false) -> Share? {
        read(name, "a percentage, a multiple of 0.0001 in 0 … 100", isRequired: isRequired) { value in
            switch value {
            case .number(let number): Share(percent: number)
            case .text(let text): Share(percentText: text)
            default: nil
            }
        }
    }

    mutating func revision(isRequired: Bool) -> UInt32? {
        read("revision", "a revision, an integer in 1 … \(UInt32.max)", isRequired: isRequired) { value in
            guard case .number(let number) = value, number >= 1 else { return nil }
            return UInt32(exactly: number)
        }
    }

    /// A release: the version of all components, or an object.
    mutating func target(_ name: String) -> Target? {
        read(name, "a version, or an object of components and versions") { Self.target($0) }
    }

    /// A release, by `version` or by `release`.
    mutating func target() -> Target? {
        if members["version"] != nil, members["release"] != nil {
            report("release", "expected version or release, found both")
        }
        if members["release"] != nil {
            known.insert("version")
            return read("release", "an object of components and versions") { value in
                if case .text = value { nil } else { Self.target(value) }
            }
        }
        known.insert("release")
        return text("version", isRequired: true, atMost: 128).map(Target.version)
    }

    private static func target(_ value: Value) -> Target? {
        switch value {
        case .text(let text): return 1...128 ~= text.utf8.count ? .version(text) : nil
        case .object(let members):
            var versions: [Release.Component: String] = [:]
            for (name, value) in members {
                guard let component = Release.Component(name), case .text(let version) = value else { return nil }
                versions[component] = version
            }
            return .release(Release(versions))
        default: return nil
        }
    }
}

/// Something that is wrong with a member of a body.
struct BodyProblem: Sendable {
    let path: String
    let message: String

    init(_ path: String, _ message: String) { (self.path, self.message) = (path, message) }
}

/// Everything that is wrong with a body.
struct BodyProblems: Error, CustomStringConvertible {
    let problems: [BodyProblem]

    init(_ problems: [BodyProblem]) { self.problems = problems }

    var description: String {
        problems.map { $0.path.isEmpty ? $0.message : "\($0.path): \($0.message)" }.joined(separator: "\n")
    }
}
