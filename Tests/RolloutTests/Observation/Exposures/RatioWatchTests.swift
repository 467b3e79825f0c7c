import Testing

@testable import Rollout

@Suite("Sample ratios of exposures")
struct RatioWatchTests {
    private let units = (0..<400).map { "unit \($0)" }

    @Test("Each bucket counts once, by its first drawn exposure, whatever happens to it later")
    func once() throws {
        let told = try ToldExposures(EditedPolicy.canary(10))
        for _ in 0..<2 { for unit in units { try told.visit(unit) } }
        let first = try told.ratio()
        #expect(first.units.values.reduce(0, +) == 400)
        try told.router.update { try $0.setShare(of: "sms", to: .percent(100)) }
        for unit in units { try told.visit(unit) }
        #expect(try told.ratio().units == first.units)
        #expect(told.exposures.counts.told > 400)
        #expect(first.variants.map(\.due) == [40, 360])
        #expect(first.description.hasPrefix("sms: as due, canary \(first.units[.canary] ?? 0) of 40.0, stable "))
    }

    @Test("Units of one bucket count once")
    func bucket() throws {
        let told = try ToldExposures(EditedPolicy.canary(10))
        let decision = try told.decision(for: "alice")
        for unit in units { told.exposures.record(decision, unit: unit) }
        #expect(told.exposures.counts.told == 400)
        #expect(try told.ratio().units == [.stable: 1, .canary: 0])
    }

    @Test("What is due follows the shares of the revision that decided, not of the one that runs when it is recorded")
    func stages() throws {
        let told = try ToldExposures(EditedPolicy.canary(10))
        for unit in units[..<100] { try told.visit(unit) }
        let earlier = try units[100..<200].map { ($0, try told.decision(for: $0)) }
        try told.router.update { try $0.setShare(of: "sms", to: .percent(50)) }
        for unit in units[200...] { try told.visit(unit) }
        for (unit, decision) in earlier { told.exposures.record(decision, unit: unit) }
        #expect(try told.ratio().variants.map(\.due) == [20 + 100, 180 + 100])
        #expect(try told.ratio().leftOut == 0)
    }

    @Test("An edit of something else begins no stage, and units outside the coverage are not due to anybody")
    func coverage() throws {
        let told = try ToldExposures(EditedPolicy.test([1, 3], coverage: .percent(40)))
        for unit in units[..<200] { try told.visit(unit) }
        try told.router.update { $0.rollouts["other"] = RolloutDefinition(.fixed(EditedPolicy.v1)) }
        for unit in units[200...] { try told.visit(unit) }
        let ratio = try told.ratio()
        let drawn = ratio.units.values.reduce(0, +)
        #expect((100..<220).contains(drawn))
        #expect(ratio.variants.map(\.due) == [Double(drawn) / 4, Double(drawn) * 3 / 4])
    }

    @Test("Forced, pinned and hosted visits do not count, and do not keep a later draw of the unit from counting")
    func undrawn() throws {
        var policy = EditedPolicy.canary(10)
        policy.sms.forced = Dictionary(uniqueKeysWithValues: units.map { (UnitID($0), .canary) })
        let told = try ToldExposures(policy)
        for unit in units { try told.visit(unit) }
        #expect(told.exposures.sampleRatios == [:])
        try told.router.update { $0.sms.forced = [:] }
        for _ in 0..<2 { for unit in units { try told.visit(unit) } }
        let ratio = try told.ratio()
        // Without the bit that the memory keeps, those whose draw is what they were forced to would be missing.
        #expect(ratio.units.values.reduce(0, +) == 400)
        #expect(ratio.units[.canary] ?? 0 > 20)
        #expect(told.exposures.counts.told == 400 + (ratio.units[.stable] ?? 0))
    }

    @Test("A revision that was not met is left out and counted, for good")
    func unknown() throws {
        let told = try ToldExposures(EditedPolicy.canary(10))
        try told.visit("first")
        try told.router.update { try $0.setShare(of: "sms", to: .percent(20)) }
        let unseen = try units.map { ($0, try told.decision(for: $0)) }
        try told.router.update { try $0.setShare(of: "sms", to: .percent(50)) }
        for (unit, decision) in unseen { told.exposures.record(decision, unit: unit) }
        #expect(try told.ratio().leftOut == 400)
        // Otherwise those alone would be counted whom the ramp has moved to the canary.
        for unit in units { try told.visit(unit) }
        #expect(try told.ratio().units.values.reduce(0, +) == 1)
        #expect(try told.ratio().leftOut == 400)
    }

    @Test("A revision is forgotten after 64 others, and stages that are over still count")
    func history() throws {
        let told = try ToldExposures(EditedPolicy.canary(10))
        let old = try told.decision(for: "late")
        for (index, unit) in units[..<100].enumerated() {
            try told.visit(unit)
            try told.router.update { try $0.setShare(of: "sms", to: .percent(Double(index % 2 * 10 + 20))) }
        }
        let before = try told.ratio()
        #expect(before.units.values.reduce(0, +) == 100)
        #expect(abs((before.variants.first?.due ?? 0) - (0.1 + 50 * 0.2 + 49 * 0.3)) < 1e-9)
        told.exposures.record(old, unit: "late")
        #expect(try told.ratio().leftOut == 1)
        #expect(try told.ratio().units == before.units)
        #expect(try told.ratio().logEvidence == before.logEvidence)
    }

    @Test("Stages that are summed up give the evidence that they would give one by one")
    func sums() throws {
        var (ratio, stages): (StagedRatio, [SampleRatio.Stage]) = (StagedRatio(), [])
        var random = SplitMix64(seed: 5)
        for revision in 0..<200 as Range<UInt32> {
            let weights = (0..<3).map { _ in Int.random(in: 1...9, using: &random) }
            let definition = EditedPolicy.test(weights).sms
            ratio.note(definition, Self.variants, revision)
            var stage = SampleRatio.Stage(counts: [0, 0, 0], weights: definition.drawnBuckets.map(Double.init))
            for _ in 0..<20 {
                let variant = Int.random(in: 0..<3, using: &random)
                ratio.count(Self.variants[variant].number, revision)
                stage.counts[variant] += 1
            }
            stages.append(stage)
        }
        let found = ratio.observed(in: "sms", 0)
        let expected = SampleRatio.logEvidence(stages)
        #expect(abs(found.logEvidence - expected) < 1e-9 * abs(expected))
        #expect(found.variants.map(\.units) == (0..<3).map { index in stages.reduce(0) { $0 + $1.counts[index] } })
    }

    private static let variants = (0..<3).map { index in
        let name = EditedPolicy.variant(index)
        return RegisteredVariant(
            number: VariantNumber(rawValue: UInt32(index)),
            name: name,
            tag: VariantTag(name, in: "sms")
        )
    }

    @Test("If this process stops a variant, the revision has two allocations, and counts no more")
    func stops() throws {
        let told = try ToldExposures(EditedPolicy.canary(50))
        for unit in units[..<200] { try told.visit(unit) }
        let held = try units[200..<300].map { ($0, try told.decision(for: $0)) }
        let before = try told.ratio()
        _ = told.router.state.stop(.canary, of: "sms")
        for unit in units[300...] { try told.visit(unit) }
        for (unit, decision) in held { told.exposures.record(decision, unit: unit) }
        #expect(try told.ratio().units == before.units)
        #expect(try told.ratio().leftOut > 100)
        // The next revision has one allocation again: everybody who is drawn gets the first variant.
        try told.router.update { $0.environment = "next" }
        for unit in 0..<100 { try told.visit("later \(unit)") }
        #expect(try told.ratio().variants.map(\.due).reduce(0, +) > 200)
        #expect(try !told.ratio().isWrong)
    }

    @Test("Seats that are added, and updates that leave shares alone, go on in the same stage")
    func seats() throws {
        let told = try ToldExposures(EditedPolicy.canary(10))
        for (index, unit) in units.enumerated() {
            if index % 100 == 50 { _ = told.router.rollout("sms", default: [.app: "\(index)"]) }
            try told.visit(unit)
        }
        #expect(try told.ratio().units.values.reduce(0, +) == 400)
        #expect(try told.ratio().leftOut == 0)
    }

    @Test("A new epoch begins anew, and decisions of the old one no longer count")
    func epochs() throws {
        let told = try ToldExposures(EditedPolicy.canary(10))
        for unit in units[..<200] { try told.visit(unit) }
        let old = try units[200...].map { ($0, try told.decision(for: $0)) }
        try told.router.update { $0.sms.epoch = 4 }
        for unit in units[..<100] { try told.visit(unit) }
        for (unit, decision) in old { told.exposures.record(decision, unit: unit) }
        let ratio = try told.ratio()
        #expect(ratio.epoch == 4)
        #expect(ratio.units.values.reduce(0, +) == 100)
        #expect(ratio.leftOut == 200)
    }

    @Test("A strategy that draws nothing has no ratio")
    func fixed() throws {
        for policy in [EditedPolicy.fixed(), EditedPolicy.shadow(50)] {
            let told = try ToldExposures(policy)
            for unit in units { try told.visit(unit) }
            #expect(told.exposures.sampleRatios == [:])
        }
    }

    @Test("Beyond 64 rollouts none is watched, until one leaves the policy and the next epoch begins")
    func room() throws {
        let ids = (0..<65).compactMap { RolloutID("r\($0)") }
        let definition = EditedPolicy.canary(50).sms
        let told = try ToldExposures(
            RolloutPolicy(revision: 1, rollouts: Dictionary(uniqueKeysWithValues: ids.map { ($0, definition) }))
        )
        for id in ids { try told.visit("alice", in: id) }
        let last = ids[64]
        #expect(told.exposures.sampleRatios.count == 64 && told.exposures.sampleRatios[last] == nil)
        try told.router.update { $0.rollouts[ids[0]] = nil }
        // In the epoch whose first visits were missed, nothing is counted.
        for unit in units { try told.visit(unit, in: last) }
        #expect(told.exposures.sampleRatios[last] == nil)
        #expect(told.exposures.counts.notWatched == 401)
        try told.router.update { $0.rollouts[last]?.epoch += 1 }
        for unit in units { try told.visit(unit, in: last) }
        #expect(try told.ratio(of: last).units.values.reduce(0, +) == 400)
        #expect(told.exposures.sampleRatios[ids[0]] == nil)
        #expect(told.exposures.sampleRatios.count == 64)
    }

    @Test("Threads that record while shares change lose no unit and count none twice", .tags(.concurrency))
    func concurrent() async throws {
        let told = try ToldExposures(EditedPolicy.canary(10), queue: 8)
        let units = StressEffort.isLong ? 50_000 : 1_500
        guard let handle = told.router.rollout("sms") else { throw StressError() }
        let bodies = (0..<3).map { _ in
            { @Sendable in
                for unit in 0..<units { told.exposures.record(handle.decision(for: unit), unit: "\(unit)") }
            }
        }
        let editor = { @Sendable in
            for index in 0..<40 {
                _ = try? told.router.update { try $0.setShare(of: "sms", to: .percent(Double(index % 4 + 10))) }
            }
        }
        await onThreads(bodies + [editor])
        let ratio = try told.ratio()
        let buckets = Set((0..<units).compactMap { handle.decision(for: $0).bucket })
        #expect(ratio.units.values.reduce(0, +) + ratio.leftOut == buckets.count)
        #expect(abs(ratio.variants.map(\.due).reduce(0, +) - Double(buckets.count - ratio.leftOut)) < 1e-6)
    }
}
