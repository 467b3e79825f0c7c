import Foundation
import Rollout
import Testing

@Suite("A decision through an encoder")
struct DecisionEncodingTests {
    private func json(_ decision: Decision) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(decision), as: UTF8.self)
    }

    @Test("has the keys of a decision line, except the request's own")
    func keys() throws {
        let canary = RolloutStrategy.canary(.all, stable: [.app: "v1"], canary: [.app: "v2", .model: "m2"])
        let policy = RolloutPolicy(
            revision: 7,
            rollouts: [
                "sms": RolloutDefinition(canary, epoch: 3),
                "ranker": RolloutDefinition(.shadow(.all, primary: [.model: "r1"], shadow: [.model: "r2"])),
            ]
        )
        let router = try RolloutRouter(policy: policy)
        let sms = try #require(router.rollout("sms")).decision(for: "alice")
        let bucket = try #require(sms.bucket)
        #expect(
            try json(sms)
                == #"{"bucket":\#(bucket),"epoch":3,"reason":"split","release":{"app":"v2","model":"m2"},"revision":7,"#
                + #""rollout":"sms","shadow":null,"variant":"canary"}"#
        )
        let ranker = try #require(router.rollout("ranker")).decision(for: "alice")
        #expect(
            try json(ranker)
                == #"{"bucket":null,"epoch":0,"reason":"fixed","release":{"model":"r1"},"revision":7,"#
                + #""rollout":"ranker","shadow":{"release":{"model":"r2"},"variant":"shadow"},"variant":"primary"}"#
        )
    }
}
