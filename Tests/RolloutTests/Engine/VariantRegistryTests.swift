import Testing

@testable import Rollout

@Suite("The registry of variants")
struct VariantRegistryTests {
    private func record(_ index: Int) -> VariantRecord {
        VariantRecord(rollout: "sms", name: .canary, release: [.app: "v\(index)"])
    }

    @Test("A record has one number for ever, and its number gives it back")
    func numbers() throws {
        // More than one chunk.
        let registry = VariantRegistry(capacity: 3_000)
        let records = (0..<2_500).map(record)
        let numbers = try #require(registry.intern(records))
        #expect(Set(numbers).count == records.count)
        #expect(registry.intern(records.reversed()) == numbers.reversed())
        #expect(numbers.map { registry[$0] } == records)
    }

    @Test("What does not fit is refused whole, and what is known still passes")
    func capacity() throws {
        let registry = VariantRegistry(capacity: 3)
        let numbers = try #require(registry.intern([record(0), record(1), record(0)]))
        #expect(numbers[0] == numbers[2])
        #expect(registry.intern([record(1), record(2), record(3)]) == nil)
        #expect(registry.intern([record(1), record(0)]) == [numbers[1], numbers[0]])
        #expect(registry.intern([record(3)]) != nil)
        #expect(registry.intern([record(2)]) == nil)
    }

    @Test("Threads that register the same records get the same numbers")
    func threads() throws {
        let registry = VariantRegistry(capacity: 2_000)
        let records = (0..<2_000).map(record)
        let found = Lock<[[VariantNumber]]>([])
        let worker: @Sendable () -> Void = {
            let numbers = stride(from: 0, to: records.count, by: 10).flatMap { start in
                registry.intern(Array(records[start..<(start + 10)])) ?? []
            }
            let isRight = zip(numbers, records).allSatisfy { registry[$0] == $1 }
            found.withLock { $0.append(isRight ? numbers : []) }
        }
        onThreads(Array(repeating: worker, count: 3))
        let all = found.withLock { $0 }
        #expect(all.allSatisfy { $0.count == records.count && $0 == all[0] })
    }
}
