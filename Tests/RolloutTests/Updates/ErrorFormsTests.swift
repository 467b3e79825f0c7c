import Foundation
import Testing

@testable import Rollout

@Suite("Errors that a service passes on")
struct ErrorFormsTests {
    private func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    @Test("A policy's problems are encoded with code, path, position and sentence")
    func policy() throws {
        let text = #"{"schema": 1, "revision": 1, "rollouts": {"sms": {"strategy": {"type": "fixed", "release": {}}}}}"#
        let error = try #require(throws: PolicyError.self) { try RolloutPolicy(json: text) }
        let problem = try #require(error.problems.first)
        let sentence = problem.message.replacing("\"", with: "\\\"")
        #expect(
            try json(error) == """
                {"code":"invalid","message":"\(error.description.replacing("\"", with: "\\\""))","problems":[{\
                "code":"emptyRelease","column":92,"line":1,"message":"\(sentence)",\
                "path":"rollouts.sms.strategy.release"}]}
                """
        )
        // A problem of a policy that was built in code has no position.
        let built = try #require(throws: PolicyError.self) { try EditedPolicy.fixed([:]).validate() }
        #expect(try json(built.problems).contains(#""column":null,"line":null"#))
    }

    @Test("An edit's error is encoded with all its parts")
    func edit() throws {
        var policy = EditedPolicy.fixed()
        let error = try #require(throws: EditError.self) { try policy.promote("sms") }
        let parts = try #require(try JSONSerialization.jsonObject(with: Data(json(error).utf8)) as? [String: String])
        #expect(
            parts == [
                "code": "wrongStrategy", "message": error.description, "rollout": "sms", "strategy": "fixed",
                "problem": error.problem, "advice": error.advice,
            ]
        )
    }

    @Test("An update's error is encoded with what is behind it, and read back without")
    func update() async throws {
        let (_, updater) = try EditedPolicy.updated(EditedPolicy.fixed())
        let error = try await #require(throws: UpdateError.self) { try await updater.update { try $0.promote("sms") } }
        let cause = try json(#require(error.underlying as? EditError))
        let message = error.message.replacing("\"", with: "\\\"")
        let text = try json(error)
        #expect(text == #"{"cause":\#(cause),"code":"editFailed","message":"\#(message)"}"#)
        #expect(try JSONDecoder().decode(UpdateError.self, from: Data(text.utf8)) == error)
        // A record has the code and the message.
        #expect(try !json(#require(updater.history.last)).contains("cause"))
    }

    @Test("A gate's refusal keeps its word for programs")
    func refusal() async throws {
        struct Approval: PolicyGate {
            func prepare(from running: RolloutPolicy, to next: RolloutPolicy) async throws {
                throw GateRefusal("notApproved", "revision \(next.revision) waits for Ana")
            }
        }
        let router = try RolloutRouter(policy: EditedPolicy.canary(5))
        let updater = RolloutUpdater(router, gates: [Approval()])
        let error = try await #require(throws: UpdateError.self) { try await updater.update { try $0.promote("sms") } }
        let refusal = try #require(error.underlying as? GateRefusal)
        #expect(refusal.code == "notApproved" && refusal.message == "revision 2 waits for Ana")
        #expect(error.message == "The gate \"Approval\" refused: revision 2 waits for Ana")
        let cause = #"{"code":"notApproved","fault":"gate","message":"revision 2 waits for Ana"}"#
        #expect(try json(error).contains(#""cause":\#(cause)"#))
    }

    @Test("A value that cannot be loaded is told with its release, and is the gate's part")
    func load() async throws {
        let models = try await ReleaseResources(for: EditedPolicy.fixed()) { _, release in
            if release == EditedPolicy.v2 { throw GateRefusal("down", "the registry is down") }
        }
        let updater = RolloutUpdater(try RolloutRouter(policy: EditedPolicy.fixed()), gates: [models])
        let error = try await #require(throws: UpdateError.self) {
            try await updater.update { try $0.startCanary(of: "sms", serving: EditedPolicy.v2, to: .percent(1)) }
        }
        #expect(error.code == .refused && error.fault == .gate)
        let parts = #""release":{"app":"v2","model":"v2"},"rollout":"sms"}"#
        #expect(try json(error).contains(#""cause":{"code":"loadFailed","message":"\"sms\" cannot serve "#))
        #expect(try json(error).contains(parts))
    }

    @Test("The demands for epochs are encoded")
    func epochs() async throws {
        let (_, updater) = try EditedPolicy.updated(EditedPolicy.fixed())
        let next = EditedPolicy.fixed(EditedPolicy.v2).at(2)
        let error = try await #require(throws: UpdateError.self) { try await updater.update(to: next) }
        let demand = #"{"causes":["the release of \"stable\" changed"],"found":0,"needed":1,"rollout":"sms"}"#
        #expect(try json(error).contains(#""epochDemands":[\#(demand)]"#))
    }

    // MARK: Whose part it is

    @Test(
        "Each kind of error says whose part it is, and whether it is a conflict",
        arguments: [
            (.invalid, .document, false), (.needsEpoch, .document, false), (.unreadable, .store, false),
            (.conflict, .caller, true), (.revisionTaken, .caller, true), (.overtaken, .caller, true),
            (.editFailed, .caller, false), (.unknownRevision, .caller, false), (.cancelled, .caller, false),
            (.refused, .gate, false), (.timedOut, .gate, false), (.missing, .store, false),
            (.unreached, .store, false), (.outcomeUnknown, .store, false), (.unusableStore, .store, false),
            (.conditionFailed, .caller, true),
        ] as [(UpdateError.Code, Fault, Bool)]
    )
    func fault(code: UpdateError.Code, fault: Fault, isConflict: Bool) {
        let error = UpdateError(code, "")
        #expect(error.fault == fault)
        #expect(error.isConflict == isConflict)
    }

    private static func startAnother(_ policy: inout RolloutPolicy) throws {
        try policy.startCanary(of: "sms", serving: EditedPolicy.v3, to: .all)
    }

    @Test("An edit that came too late is a conflict, also as the error behind an update's, and others are not")
    func editFault() async throws {
        var used = EditedPolicy.canary(10)
        used.sms.epoch = .max
        typealias Row = (RolloutPolicy, @Sendable (inout RolloutPolicy) throws -> Void, EditError.Code, Fault, Bool)
        let rows: [Row] = [
            (EditedPolicy.fixed(), { try $0.promote("sms") }, .wrongStrategy, .caller, true),
            (EditedPolicy.canary(10), Self.startAnother, .underWay, .caller, true),
            (EditedPolicy.canary(10), { try $0.promote("web") }, .unknownRollout, .caller, false),
            (EditedPolicy.canary(10), { try $0.disable("red", in: "sms") }, .unknownName, .caller, false),
            (used, { try $0.abort("sms") }, .epochsExhausted, .document, false),
        ]
        for (policy, edit, code, fault, isConflict) in rows {
            let (_, updater) = try EditedPolicy.updated(policy)
            let error = try await #require(throws: UpdateError.self) { try await updater.update(edit) }
            let behind = try #require(error.underlying as? EditError)
            #expect(behind.code == code)
            #expect(behind.fault == fault && error.fault == fault, "\(code)")
            #expect(behind.isConflict == isConflict && error.isConflict == isConflict, "\(code)")
        }
    }

    @Test("A policy's problems are its writer's part, unless it is only the process that can remember no more")
    func policyFault() throws {
        let flaw = PolicyProblem(.badName, at: "", "")
        let full = PolicyProblem(.tooManyRemoved, at: "", "")
        #expect(flaw.fault == .document && full.fault == .process)
        #expect(PolicyProblem(.tooManyVariants, at: "", "").fault == .process)
        #expect(PolicyProblem(.tooManyCookies, at: "", "").fault == .process)
        #expect(PolicyError(full).fault == .process)
        #expect(PolicyError([full, flaw]).fault == .document)
        #expect(UpdateError.invalid(PolicyError(full)).fault == .process)
        #expect(UpdateError.edit(PolicyError(flaw)).fault == .document, "an edit that reads a policy")
    }

    @Test("A gate says whose part its refusal is, and the word goes with it")
    func refusalFault() throws {
        let refusal = GateRefusal("notAllowed", "ana may not promote", fault: .caller)
        #expect(UpdateError.refused(by: "load", refusal).fault == .caller)
        #expect(UpdateError.refused(by: "load", GateRefusal("busy", "try later")).fault == .gate)
        let text = try json(refusal)
        #expect(text == #"{"code":"notAllowed","fault":"caller","message":"ana may not promote"}"#)
        #expect(try JSONDecoder().decode(GateRefusal.self, from: Data(text.utf8)) == refusal)
    }

    // MARK: The words as documented

    private static func text(_ path: String) throws -> String {
        let root = (0..<4).reduce(URL(fileURLWithPath: #filePath)) { url, _ in url.deletingLastPathComponent() }
        return try String(contentsOf: root.appendingPathComponent("Sources/Rollout/\(path)"), encoding: .utf8)
    }

    /// The words of the codes that a file declares.
    private static func words(in path: String) throws -> [String] {
        try text(path).matches(of: /static let (\w+) = Code\("(\w+)"\)/).map { match in
            #expect(match.1 == match.2, "the name of a code is its word")
            return String(match.2)
        }
    }

    /// The cells of the tables below a heading of the article.
    private static func rows(below heading: String) throws -> [[String]] {
        let article = try text("Rollout.docc/passing-errors-on.md").components(separatedBy: "### ")
        let section = try #require(article.first { $0.hasPrefix(heading + "\n") })
        return section.split(separator: "\n").filter { $0.hasPrefix("| `") }.map { line in
            line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces).replacing("`", with: "") }
                .filter { !$0.isEmpty }
        }
    }

    @Test("The article lists every code of an update's error, whose part it is, and which are conflicts")
    func updateCodes() throws {
        let rows = try Self.rows(below: "Updates")
        #expect(rows.map(\.[0]).sorted() == (try Self.words(in: "Updates/UpdateError.swift").sorted()))
        for row in rows {
            let error = UpdateError(UpdateError.Code(row[0]), "")
            #expect(row[1].hasPrefix(error.fault.description), "\(row)")
            #expect(row[2].hasPrefix(error.isConflict ? "yes" : "no"), "\(row)")
        }
    }

    @Test(
        "The article lists every code of an edit's error and of a policy's problems",
        arguments: [
            ("Edits", "Policy/Edits/RolloutPolicy+Edits.swift"), ("Policies", "Policy/Codec/PolicyProblem.swift"),
        ]
    )
    func otherCodes(heading: String, path: String) throws {
        let words = try Self.rows(below: heading).flatMap { $0[0].components(separatedBy: ", ") }
        #expect(words.sorted() == (try Self.words(in: path).sorted()))
    }
}

@Suite("Previews")
struct PreviewTests {
    @Test("An edited policy has the next revision, the epochs that the edit demands, and what an updater would publish")
    func epochs() async throws {
        let running = EditedPolicy.canary(10)
        func edit(_ policy: inout RolloutPolicy) {
            policy.sms.strategy = .canary(.percent(10), stable: EditedPolicy.v1, canary: EditedPolicy.v3)
            policy.revision = 77
        }
        let preview = try running.edited(edit)
        #expect(preview.revision == 2)
        #expect(preview.sms.epoch == 1)
        let (router, updater) = try EditedPolicy.updated(running)
        try await updater.update(edit)
        #expect(router.snapshot().policy == preview)
    }

    @Test("An edit that makes the policy invalid, or lowers an epoch, gives no policy, and so does one that throws")
    func wrong() throws {
        var running = EditedPolicy.canary(10)
        running.sms.epoch = 4
        func code(_ edit: (inout RolloutPolicy) throws -> Void) throws -> UpdateError.Code {
            try #require(throws: UpdateError.self) { try running.edited(edit) }.code
        }
        #expect(try code { $0.sms.strategy = .fixed([:]) } == .invalid)
        #expect(try code { $0.sms.epoch = 3 } == .needsEpoch)
        #expect(try code { try $0.promote("web") } == .editFailed)
        running.sms.epoch = .max
        #expect(try code { $0.sms.salt = "other" } == .needsEpoch)
        running.revision = .max
        #expect(try code { _ in } == .invalid)
    }

    @Test("An updater raises the epoch of an edit by hand above that of a rollout that was away")
    func memory() async throws {
        let (router, updater) = try EditedPolicy.updated(EditedPolicy.canary(10))
        try await updater.update { $0.rollouts = [:] }
        try await updater.update { policy in
            policy.sms = RolloutDefinition(.canary(.percent(10), stable: EditedPolicy.v1, canary: EditedPolicy.v3))
        }
        #expect(router.snapshot().policy.sms.epoch == 1)
        await #expect(throws: UpdateError.self) { try await updater.update { $0.sms.epoch = 0 } }
    }
}
