import Dispatch
import Synchronization
import Testing

@testable import Rollout

@Suite("Registry of variants")
struct VariantRegistryTests {
    private func record(_ number: Int) -> VariantRecord {
        VariantRecord(rollout: "r", name: VariantName("v\(number)") ?? "x", release: ["app": "\(number)"])
    }

    @Test("gives one number to equal records, and another to every other")
    func numbers() throws {
        let registry = VariantRegistry(capacity: 10)
        let numbers = try #require(registry.intern([record(1), record(2), record(1)]))
        #expect(numbers[0] == numbers[2])
        #expect(numbers[0] != numbers[1])
        #expect(registry.intern([record(2), record(1)]) == [numbers[1], numbers[0]])
        #expect(registry[numbers[1].number] == record(2))
        var other = record(1)
        other = VariantRecord(rollout: "other", name: other.name, release: other.release)
        #expect(registry.intern([other]) != [numbers[0]])
    }

    @Test("takes what fits, refuses what does not, and registers nothing of it")
    func capacity() throws {
        let registry = VariantRegistry(capacity: 3)
        #expect(registry.intern([record(1), record(2)]) != nil)
        #expect(registry.intern([record(3), record(4)]) == nil)
        #expect(registry.intern([record(1), record(2), record(2)]) != nil)
        // Had the refusal registered record 3 or 4, there would be no room left.
        #expect(registry.intern([record(5), record(5)]) != nil)
        #expect(registry.intern([record(3)]) == nil)
        #expect(registry.intern([record(5), record(1)]) != nil)
        #expect(registry.intern([]) == [])
    }

    @Test("A policy whose variants do not fit is refused")
    func policy() throws {
        let registry = VariantRegistry(capacity: 2)
        let canary = RolloutDefinition(.canary(.percent(1), stable: ["app": "1"], canary: ["app": "2"]))
        let fitting = RolloutPolicy(revision: 1, rollouts: ["a": canary])
        let roster = Roster()
        _ = try CompiledPolicy(fitting, after: roster, appliedAt: 0, registry: registry)
        let large = RolloutPolicy(revision: 2, rollouts: ["a": canary, "b": canary])
        #expect(throws: PolicyError(PolicyProblem.tooManyVariants)) {
            try CompiledPolicy(large, after: roster, appliedAt: 0, registry: registry)
        }
        _ = try CompiledPolicy(fitting, after: roster, appliedAt: 0, registry: registry)
        #expect(PolicyProblem.tooManyVariants.code == .tooManyVariants)
        #expect(PolicyProblem.tooManyVariants.message.contains("1,000,000"))
    }

    @Test("Records are whole for every thread that has their number", .tags(.concurrency))
    func concurrency() {
        let registry = VariantRegistry(capacity: 5_000)
        let broken = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: 4) { thread in
            for number in 0..<1_200 {
                // Neighbouring threads want half of their records in common.
                let wanted = record(number * 2 + (number.isMultiple(of: 2) ? thread : 0))
                guard let interned = registry.intern([wanted]), registry[interned[0].number] == wanted else {
                    broken.add(1, ordering: .relaxed)
                    continue
                }
            }
        }
        #expect(broken.load(ordering: .relaxed) == 0)
    }
}
