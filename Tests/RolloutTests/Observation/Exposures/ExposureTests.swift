import Foundation
import Testing

@testable import Rollout

@Suite("Exposures")
struct ExposureTests {
    @Test("A unit is told of once, with what it got, why and when")
    func once() async throws {
        let told = try ToldExposures(EditedPolicy.canary(10))
        let decision = try told.visit("alice", at: 1_800_000_000)
        for time in 2...9 as ClosedRange<Int64> { try told.visit("alice", at: UnixTime(seconds: time)) }
        told.exposures.record(decision, unit: HashedUnit("alice"))
        let exposures = try await told.told()
        #expect(exposures == [Exposure(unit: "alice", decision: decision, time: 1_800_000_000)])
        #expect(exposures.first?.description == "alice got \(decision)")
    }

    @Test("A unit that was recorded hashed is the same as text, and its text is told")
    func hashed() async throws {
        let told = try ToldExposures(EditedPolicy.canary(10))
        let unit = HashedUnit("3f2504e0-4f89-11d3-9a0c-0305e82c3301")
        told.exposures.record(try told.decision(for: unit.text), unit: unit, at: 5)
        try told.visit(unit.text, at: 6)
        let exposures = try await told.told()
        #expect(exposures.map(\.unit) == [UnitID(unit.text)])
        #expect(exposures.map(\.time) == [5])
    }

    @Test("A, B, A is told three times, and another release of a variant is another variant")
    func changes() async throws {
        let told = try ToldExposures(EditedPolicy.canary(0))
        try told.visit("alice")
        try told.router.update { try $0.setShare(of: "sms", to: .percent(100)) }
        for _ in 0..<3 { try told.visit("alice") }
        try told.router.update { try $0.setShare(of: "sms", to: .percent(0)) }
        for _ in 0..<3 { try told.visit("alice") }
        try told.router.update { policy in
            policy.sms.strategy = .canary(.percent(100), stable: EditedPolicy.v1, canary: EditedPolicy.v3)
        }
        try told.visit("alice")
        let exposures = try await told.told()
        #expect(exposures.map(\.decision.variant.name) == [.stable, .canary, .stable, .canary])
        #expect(exposures.map { $0.decision.variant.release[.app] } == ["v1", "v2", "v1", "v3"])
        #expect(exposures.map(\.decision.revision) == [1, 2, 3, 4])
    }

    @Test(
        "A new epoch is told anew: without those who stay where they were, its log would miss most of the control group"
    )
    func epochs() async throws {
        let told = try ToldExposures(EditedPolicy.canary(0))
        for _ in 0..<3 {
            for _ in 0..<2 { try told.visit("alice") }
            try told.router.update { $0.sms.epoch += 1 }
        }
        #expect(try await told.told().map(\.decision.epoch) == [0, 1, 2])
    }

    @Test("Each rollout has its own units, and a unit that is named like a rollout is a unit like others")
    func rollouts() async throws {
        let fixed = RolloutDefinition(.fixed(EditedPolicy.v1))
        let told = try ToldExposures(RolloutPolicy(revision: 1, rollouts: ["a": fixed, "b": fixed]))
        for _ in 0..<3 {
            for rollout in ["a", "b"] as [RolloutID] {
                for unit in ["a", "b", "rollout\u{0}a"] { try told.visit(unit, in: rollout) }
            }
        }
        #expect(try await told.told().count == 6)
    }

    @Test("A visit without a unit is counted, and not told")
    func withoutUnit() async throws {
        let told = try ToldExposures(EditedPolicy.canary(10))
        for _ in 0..<2 { try told.visit("") }
        #expect(try await told.told() == [])
        #expect(told.exposures.counts.withoutUnit == 2)
    }

    @Test("Without a time, it is the clock's")
    func time() async throws {
        let told = try ToldExposures(EditedPolicy.canary(10))
        let (before, decision) = (UnixTime.now, try told.decision(for: "alice"))
        told.exposures.record(decision, unit: "alice")
        told.exposures.record(decision, unit: HashedUnit("bob"))
        let times = try await told.told().map(\.time)
        #expect(times.count == 2 && times.allSatisfy { (before...UnixTime.now).contains($0) })
    }

    @Test("A full queue drops what is new, counts it, and has it told at the unit's next request")
    func full() async throws {
        let told = try ToldExposures(EditedPolicy.canary(10), queue: 4)
        for unit in 0..<10 { try told.visit("\(unit)") }
        #expect(told.exposures.counts.dropped == 6)
        #expect(told.exposures.counts.told == 4)
        #expect(try await told.told().map(\.unit.text) == ["0", "1", "2", "3"])
        for unit in 0..<8 { try told.visit("\(unit)") }
        #expect(try await told.told().map(\.unit.text) == (0..<8).map(String.init))
        #expect(told.exposures.counts.dropped == 6)
    }

    @Test("What a full queue drops counts for the sample ratio all the same")
    func fullRatio() throws {
        let told = try ToldExposures(EditedPolicy.canary(50), queue: 2)
        for unit in 0..<100 { try told.visit("\(unit)") }
        #expect(told.exposures.counts.dropped == 98)
        #expect(try told.ratio().units.values.reduce(0, +) == 100)
    }

    @Test("A decision of another router, and one of a rollout that is gone, are told")
    func strangers() async throws {
        let told = try ToldExposures(EditedPolicy.canary(10))
        let other = try ToldExposures(
            RolloutPolicy(
                revision: 9,
                rollouts: ["other": RolloutDefinition(.canary(.percent(50), stable: ["a": "1"], canary: ["a": "2"]))]
            )
        )
        told.exposures.record(try other.decision(for: "alice", in: "other"), unit: "alice")
        let kept = try told.decision(for: "alice")
        try told.router.update { $0.rollouts = [:] }
        told.exposures.record(kept, unit: "alice")
        #expect(try await told.told().map(\.decision.variant.rollout) == ["other", "sms"])
        #expect(told.exposures.sampleRatios == [:])
    }

    @Test("An exposure is one line of JSON, and any encoder writes the same")
    func json() throws {
        let told = try ToldExposures(EditedPolicy.canary(10))
        let decision = try told.decision(for: "alice")
        let exposure = Exposure(unit: UnitID("ali\"ce\n"), decision: decision, time: 1_800_000_000)
        #expect(
            exposure.json == """
                {"bucket":\(decision.bucket ?? -1),"epoch":0,"reason":"split","release":{"app":"v1","model":"v1"},"revision":1,\
                "rollout":"sms","time":1800000000,"unit":"ali\\"ce\\n","variant":"stable"}
                """
        )
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        #expect(String(decoding: try encoder.encode(exposure), as: UTF8.self) == exposure.json)

        let fixed = try ToldExposures(EditedPolicy.fixed())
        let undrawn = Exposure(unit: "bob", decision: try fixed.decision(for: "bob"), time: -1)
        #expect(undrawn.json.contains("\"bucket\":null") && undrawn.json.contains("\"time\":-1"))
    }

    @Test(
        "Sizes that cannot be are a mistake in the program",
        arguments: [(7, 2, 1), (16_777_217, 2, 1), (8, 1, 1), (8, 1_048_577, 1), (8, 2, 0)]
    )
    func sizes(places: Int, queue: Int, batch: Int) async {
        await #expect(processExitsWith: .failure) { [places, queue, batch] in
            _ = Exposures(of: RolloutRouter(), remembering: places, queue: queue, batch: batch) { _ in }
        }
    }
}
