import Foundation
import Rollout
import Testing

@Suite("Movement")
struct MovementTests {
    @Test("The matrix is what counting every single bucket gives", arguments: 0..<6 as Range<UInt64>)
    func bruteForce(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let old = Self.randomPolicy(using: &random)
        let new = Self.randomPolicy(using: &random)
        let movement = try Self.kept(old.movement(to: new))
        let counted = old.sms.movedBuckets(to: new.sms)
        #expect(movement.matrix == counted)
        #expect(!movement.isExpected)

        let off = counted.flatMap { from, row in row.filter { $0.key != from }.values }.reduce(0, +)
        #expect(movement.moved == off)
        let before = counted.mapValues { $0.values.reduce(0, +) }
        let after = counted.values.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
        let names = Set(movement.before + movement.after)
        let distance = names.map { abs(before[$0, default: 0] - after[$0, default: 0]) }.reduce(0, +) / 2
        #expect(movement.minimum == distance)
        #expect(movement.moved >= movement.minimum)
    }

    private static func randomPolicy(using random: inout SplitMix64) -> RolloutPolicy {
        let share = Share(buckets: Int.random(in: 0...1_000_000, using: &random)) ?? .zero
        var policy: RolloutPolicy
        switch Int.random(in: 0..<5, using: &random) {
        case 0: policy = EditedPolicy.policy(.canary(share, stable: EditedPolicy.v1, canary: EditedPolicy.v2))
        case 1: policy = EditedPolicy.fixed()
        default:
            let count = Int.random(in: 1...7, using: &random)
            let weights = (0..<count).map { _ in Int.random(in: 1...1_000, using: &random) }
            policy = EditedPolicy.test(weights, coverage: share)
            let others = (0..<count).map { (EditedPolicy.variant($0), Int.random(in: 1...1_000, using: &random)) }
            try? policy.rebalance("sms", weights: Dictionary(uniqueKeysWithValues: others))
        }
        let names = policy.sms.strategy.variants.map(\.name).dropFirst()
        policy.sms.disabled = Set(names.filter { _ in Int.random(in: 0..<5, using: &random) == 0 })
        policy.sms.draining = Set(names.filter { _ in Int.random(in: 0..<5, using: &random) == 0 })
        return policy
    }

    @Test("A canary that grows takes from stable, and only as much as it must")
    func canary() throws {
        let movement = try EditedPolicy.canary(10).movement(to: EditedPolicy.canary(25))
        #expect(
            movement.json
                == #"{"changes":[],"rollouts":{"sms":{"changes":[{"new":25,"old":10,"path":"strategy.percent","#
                + #""text":"another share of the units gets the canary"}],"#
                + #""matrix":{"canary":{"canary":100000},"stable":{"canary":150000,"stable":750000}},"#
                + #""minimum":150000,"moved":150000}}}"#
        )
    }

    @Test("Between two salts the matrix is the product of the shares, and says so")
    func salts() throws {
        var next = EditedPolicy.canary(25)
        next.sms.salt = "other"
        let movement = try Self.kept(EditedPolicy.canary(10).movement(to: next))
        #expect(movement.isExpected)
        #expect(
            movement.matrix == [
                "stable": ["stable": 675_000, "canary": 225_000], "canary": ["stable": 75_000, "canary": 25_000],
            ]
        )
        #expect(movement.moved == 300_000)
        #expect(movement.minimum == 150_000)

        next.sms.salt = "sms"
        #expect(try !Self.kept(EditedPolicy.canary(10).movement(to: next)).isExpected, "the id is the default salt")
    }

    @Test("Products of odd shares are rounded so that they add up to every bucket")
    func rounding() throws {
        var next = EditedPolicy.test([1, 1, 1])
        next.sms.salt = "other"
        let movement = try Self.kept(EditedPolicy.test([1, 1, 1]).movement(to: next))
        #expect(movement.matrix.values.flatMap(\.values).reduce(0, +) == 1_000_000)
    }

    @Test("Rollouts of one policy alone are added or removed")
    func addedAndRemoved() throws {
        var next = EditedPolicy.canary(10)
        next.rollouts = ["ui": RolloutDefinition(.fixed(EditedPolicy.v1))]
        let movement = try EditedPolicy.canary(10).movement(to: next)
        #expect(movement.json == #"{"changes":[],"rollouts":{"sms":{"removed":true},"ui":{"added":true}}}"#)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        #expect(String(decoding: try encoder.encode(movement), as: UTF8.self) == movement.json)
        #expect(movement.description == "sms: removed\nui: added")
    }

    @Test("A promotion moves the canary's buckets by name, and everybody else's by release")
    func releases() throws {
        let next = try EditedPolicy.canary(25).changed { try $0.promote("sms") }
        let movement = try Self.kept(EditedPolicy.canary(25).movement(to: next))
        #expect(movement.moved == 250_000)
        #expect(movement.movedReleases == 750_000)
        #expect(
            movement.description
                == "250,000 buckets (25 %) move, the minimum is 250,000; 750,000 get another release"
        )
    }

    @Test("An invalid policy has no movement")
    func invalid() {
        #expect(throws: PolicyError.self) { try EditedPolicy.test([0]).movement(to: EditedPolicy.fixed()) }
        #expect(throws: PolicyError.self) { try EditedPolicy.fixed().movement(to: EditedPolicy.test([])) }
    }

    static func kept(_ movement: PolicyMovement) throws -> RolloutMovement {
        let change = try #require(movement.rollouts["sms"])
        guard case .kept(let kept) = change else { throw NotKept(change: change) }
        return kept
    }

    struct NotKept: Error { let change: PolicyMovement.Change }
}
