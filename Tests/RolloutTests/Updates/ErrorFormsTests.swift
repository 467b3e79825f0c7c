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
        #expect(try json(error).contains(#""cause":{"code":"notApproved","message":"revision 2 waits for Ana"}"#))
    }

    @Test("The demands for epochs are encoded")
    func epochs() async throws {
        let (_, updater) = try EditedPolicy.updated(EditedPolicy.fixed())
        let next = EditedPolicy.fixed(EditedPolicy.v2).at(2)
        let error = try await #require(throws: UpdateError.self) { try await updater.update(to: next) }
        let demand = #"{"causes":["the release of \"stable\" changed"],"found":0,"needed":1,"rollout":"sms"}"#
        #expect(try json(error).contains(#""epochDemands":[\#(demand)]"#))
    }

    @Test(
        "Each kind of error says whose part it is, and whether it is a conflict",
        arguments: [
            (.invalid, .document, false), (.needsEpoch, .document, false), (.unreadable, .store, false),
            (.conflict, .caller, true), (.revisionTaken, .caller, true), (.overtaken, .caller, true),
            (.editFailed, .caller, false), (.unknownRevision, .caller, false), (.cancelled, .caller, false),
            (.refused, .gate, false), (.timedOut, .gate, false),
        ] as [(UpdateError.Code, Fault, Bool)]
    )
    func fault(code: UpdateError.Code, fault: Fault, isConflict: Bool) {
        let error = UpdateError(code, "")
        #expect(error.fault == fault)
        #expect(error.isConflict == isConflict)
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
