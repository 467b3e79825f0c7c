import Testing

@testable import Rollout

/// The sizes that `how-updates-stay-atomic` states.
@Suite("What a policy costs in bytes")
struct PolicySizeTests {
    private func bytes(_ definition: RolloutDefinition, rollouts: Int = 1) throws -> Int {
        let ids = (0..<rollouts).compactMap { RolloutID("r\($0)") }
        let definitions = Dictionary(uniqueKeysWithValues: ids.map { ($0, definition) })
        let policy = RolloutPolicy(revision: 1, rollouts: definitions)
        return try CompiledPolicy(policy, after: Roster(), appliedAt: 0).words.count * 8
    }

    private static let canary = RolloutStrategy.canary(.percent(10), stable: [.app: "v1"], canary: [.app: "v2"])

    @Test("A fixed rollout, a shadow and a canary")
    func rollouts() throws {
        #expect(try bytes(RolloutDefinition(.fixed([.app: "v1"]))) == 160)
        #expect(try bytes(RolloutDefinition(.shadow(.percent(1), primary: [.app: "v1"], shadow: [.app: "v2"]))) == 192)
        #expect(try bytes(RolloutDefinition(Self.canary)) == 256)
        #expect(try bytes(RolloutDefinition(Self.canary), rollouts: 1_000) == 256_000)
    }

    @Test("Removed rollouts and defaults", arguments: [1, 2, 3, 10, 100, 1_000])
    func seats(count: Int) throws {
        let definition = RolloutDefinition(Self.canary)
        let removed = (0..<count).compactMap { RolloutID("r\($0)") }
        let all = Dictionary(uniqueKeysWithValues: (removed + ["sms"]).map { ($0, definition) })
        let before = try CompiledPolicy(RolloutPolicy(revision: 1, rollouts: all), after: Roster(), appliedAt: 0)
        let policy = RolloutPolicy(revision: 2, rollouts: ["sms": definition])
        let after = try CompiledPolicy(policy, after: before.roster, appliedAt: 0)
        #expect(after.words.count * 8 == 256 + 128 * count)

        var compiled = try CompiledPolicy(policy, after: Roster(), appliedAt: 0)
        for number in 0..<count { compiled = compiled.seating("sms", default: [.app: "v\(number)"]) }
        #expect(256 + 128 * count...256 + 160 * (count + 1) ~= compiled.words.count * 8)
    }

    @Test("Variants of an A/B test", arguments: [2, 3, 4, 5, 8, 16, 17, 64, 200, 256])
    func variants(count: Int) throws {
        let variants = (0..<count).compactMap { index in
            VariantName("v\(index)").map { WeightedVariant($0, weight: 1, release: [.app: "v1"]) }
        }
        let bytes = try bytes(RolloutDefinition(.abTest(variants)))
        let split = count > 4 ? 1_008 + 16 * count : 0
        #expect(128 + split + 64 * count...128 + split + 128 * count ~= bytes)
    }

    @Test("Forced units and hosts", arguments: [1, 2, 3, 7, 8, 9, 100, 1_000])
    func rules(count: Int) throws {
        let texts = (0..<count).map { "\(10_000 + $0)" }
        let units = Dictionary(uniqueKeysWithValues: texts.map { (UnitID($0), VariantName.canary) })
        let forced = try bytes(RolloutDefinition(Self.canary, forced: units)) - 256
        #expect((42 + 8) * count...(64 + 8) * count ~= forced)
        let names = Dictionary(uniqueKeysWithValues: texts.map { (HostName($0), VariantName.canary) })
        let hosts = try bytes(RolloutDefinition(Self.canary, hosts: names)) - 256
        #expect((40 + 8) * count...(56 + 8) * count ~= hosts)
    }
}
