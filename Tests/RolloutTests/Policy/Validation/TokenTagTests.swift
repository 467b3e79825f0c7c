import Rollout
import Testing

@Suite("Tags of variants in tokens")
struct TokenTagTests {
    @Test("A variant with the tag of those who are not enrolled is refused by name")
    func notEnrolled() {
        // Found by trying: SHA-256 of "sms", a zero and this name begins with four zero bytes.
        let test = RolloutStrategy.abTest([
            WeightedVariant("control", weight: 1, release: [.app: "v1"]),
            WeightedVariant("v1102552066", weight: 1, release: [.app: "v2"]),
        ])
        func problems(_ id: RolloutID) -> [PolicyProblem] {
            let policy = RolloutPolicy(revision: 1, rollouts: [id: RolloutDefinition(test)])
            do throws(PolicyError) {
                try policy.validate()
            } catch {
                return error.problems
            }
            return []
        }
        #expect(problems("sms").map(\.code) == [.tagCollision])
        #expect(problems("sms").map(\.path) == ["rollouts.sms.strategy"])
        #expect(
            problems("sms").map(\.message)
                == ["\"v1102552066\" has the token tag of a visitor who is not enrolled: rename it"]
        )
        #expect(problems("ui").isEmpty)
    }
}
