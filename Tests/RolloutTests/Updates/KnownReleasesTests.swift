import Testing

@testable import Rollout

@Suite("Known releases")
struct KnownReleasesTests {
    struct Row: Sendable {
        let gate: KnownReleases
        let next: RolloutPolicy
        let message: String?

        init(_ gate: KnownReleases, _ next: RolloutPolicy, _ message: String? = nil) {
            self.gate = gate
            self.next = next
            self.message = message
        }
    }

    private static func disabled(_ policy: RolloutPolicy) -> RolloutPolicy {
        var policy = policy
        policy.sms.disabled = ["canary"]
        return policy
    }

    static let rows = [
        Row(KnownReleases([.app: ["v1", "v2"], .model: ["v1", "v2"]]), EditedPolicy.canary(10)),
        Row(KnownReleases([.app: ["v1", "v2"]]), EditedPolicy.canary(10)),
        Row(
            KnownReleases([.app: ["v1"]]),
            EditedPolicy.canary(0),
            #"this service does not know app "v2" of sms canary; it knows app "v1""#
        ),
        Row(
            KnownReleases([.app: [], .model: ["v2", "v3"]]),
            EditedPolicy.canary(10),
            #"this service does not know app "v1" of sms stable, model "v1" of sms stable, app "v2" of sms canary; "#
                + #"it knows no app, model "v2" or "v3""#
        ),
        Row(KnownReleases([.app: ["v1"]]), disabled(EditedPolicy.canary(10))),
        Row(KnownReleases([.app: ["v1"]]), EditedPolicy.shadow(0)),
        Row(
            KnownReleases([.app: ["v1"]]),
            EditedPolicy.shadow(1),
            #"this service does not know app "v2" of sms shadow; it knows app "v1""#
        ),
        Row(KnownReleases([.app: ["v1"]], in: ["other"]), EditedPolicy.canary(10)),
        Row(KnownReleases([.app: ["v1"]], in: ["sms"]), EditedPolicy.fixed()),
    ]

    @Test("A policy may route to what is known, and others are named", arguments: rows)
    func judged(_ row: Row) async throws {
        let updater = RolloutUpdater(RolloutRouter(), gates: [row.gate])
        guard let message = row.message else {
            #expect(try await updater.update(to: row.next.at(2)) == 2)
            return
        }
        let error = await #expect(throws: UpdateError.self) { try await updater.update(to: row.next.at(2)) }
        #expect(error?.code == .refused)
        #expect(error?.fault == .document)
        #expect(error?.underlying as? GateRefusal == GateRefusal("unknownReleases", message, fault: .document))
        #expect(error?.message == "The gate \"KnownReleases\" refused: \(message)")
    }

    @Test("Of many versions, the first are named and the rest is counted")
    func many() async {
        let updater = RolloutUpdater(RolloutRouter(), gates: [KnownReleases([.model: ["m"]])])
        let policy = EditedPolicy.test([Int](repeating: 1, count: 20)).at(2)
        let error = await #expect(throws: UpdateError.self) { try await updater.update(to: policy) }
        #expect(error?.message.contains(#"model "m11" of sms v11, and 8 more; it knows model "m""#) == true)
    }
}
