import Testing

@testable import Rollout

@Suite("What became of exposures")
struct ExposureCountsTests {
    @Test("Exposures are counted by variant and release, and what is told is delivered, lost or waiting")
    func rows() async throws {
        let told = try ToldExposures(EditedPolicy.canary(50))
        #expect(told.exposures.counts.told(of: "sms") == ["canary v2": 0, "stable v1": 0])
        for unit in 0..<100 { try told.visit("\(unit)") }
        let waiting = told.exposures.counts
        #expect((waiting.told, waiting.waiting, waiting.delivered) == (100, 100, 0))
        let names = try await told.told().map(\.decision.variant.name)
        let canaries = names.count { $0 == .canary }
        let counts = told.exposures.counts
        #expect(counts.told(of: "sms") == ["canary v2": canaries, "stable v1": 100 - canaries])
        #expect((counts.told, counts.waiting, counts.delivered, counts.lost) == (100, 0, 100, 0))
        #expect(Set(counts.rows.map { $0.variant?.name }) == [.stable, .canary])
    }

    @Test("10,000 releases of a rollout leave 64 rows beside those that run, and no exposure is lost")
    func releases() throws {
        let told = try ToldExposures(EditedPolicy.canary(100), remembering: 8)
        func release(_ number: Int) throws {
            try told.router.update { policy in
                policy.sms.epoch += 1
                policy.sms.strategy = .canary(.percent(100), stable: EditedPolicy.v1, canary: [.app: "many-\(number)"])
            }
        }
        let first = try told.decision(for: "late")
        var earlier = told.exposures.counts
        for number in 0..<StressEffort.releases {
            try release(number)
            try told.visit("unit \(number)")
            guard number % 100 == 99 else { continue }
            // A decision of a release that has no row any more begins a new one.
            told.exposures.record(first, unit: "late \(number)")
            let counts = told.exposures.counts
            #expect(counts.rows.count <= 2 + 64 + 1)
            #expect(counts.isNoLower(than: earlier))
            earlier = counts
        }
        let late = StressEffort.releases / 100
        let counts = told.exposures.counts
        #expect(counts.told + counts.dropped == StressEffort.releases + late)
        #expect(counts.told(of: "sms")[nil] ?? 0 > counts.told / 2)
        #expect(counts.told(of: "sms")["canary many-\(StressEffort.releases - 1)"] == 1)
    }

    @Test("A variant that comes back begins a new row, and its rollout's remainder keeps what it had")
    func returning() throws {
        let told = try ToldExposures(EditedPolicy.canary(100))
        func serve(_ version: String) throws {
            try told.router.update { policy in
                policy.sms.epoch += 1
                policy.sms.strategy = .canary(.percent(100), stable: EditedPolicy.v1, canary: [.app: version])
            }
            try told.visit("alice")
            _ = told.exposures.counts
        }
        try serve("back")
        for number in 0..<65 { try serve("between \(number)") }
        #expect(told.exposures.counts.told(of: "sms")["canary back"] == nil)
        #expect(told.exposures.counts.told(of: "sms")[nil] == 1)
        try serve("back")
        #expect(told.exposures.counts.told(of: "sms")["canary back"] == 1)
        #expect(told.exposures.counts.told(of: "sms")[nil] == 2)
        #expect(told.exposures.counts.told == 67)
    }

    @Test("A page shows what was told by version, what was dropped, and how a ratio looks")
    func page() throws {
        let told = try ToldExposures(EditedPolicy.canary(50), queue: 2)
        for unit in 0..<4 { try told.visit("\(unit)") }
        let counts = told.exposures.counts.told(of: "sms")
        let ratio = try told.ratio()
        let text = MetricsPage(of: told.router, with: told.exposures.metrics, version: .model).text
        for (variant, version) in [("stable", "v1"), ("canary", "v2")] {
            let count = counts["\(variant) \(version)"] ?? -1
            let labels = "rollout=\"sms\",variant=\"\(variant)\",version=\"\(version)\""
            #expect(text.contains("\nrollout_exposures_total{\(labels)} \(count)\n"))
        }
        #expect(text.contains("\nrollout_exposures_dropped_total 2\n"))
        #expect(text.contains("\nrollout_sample_ratio_log_evidence{rollout=\"sms\"} \(ratio.logEvidence)\n"))
    }

    @Test("What retired long ago has the variant (retired) on a page")
    func retiredOnPage() throws {
        let told = try ToldExposures(EditedPolicy.canary(100))
        for number in 0..<70 {
            try told.router.update { policy in
                policy.sms.epoch += 1
                policy.sms.strategy = .canary(.percent(100), stable: EditedPolicy.v1, canary: [.app: "page \(number)"])
            }
            try told.visit("alice")
        }
        let text = MetricsPage(of: told.router, with: told.exposures.metrics).text
        let labels = "rollout=\"sms\",variant=\"(retired)\",version=\"(retired)\""
        #expect(text.contains("\nrollout_exposures_total{\(labels)} 5\n"))
    }

    @Test("A policy of many rollouts has a row for each that was met, and 64 that are watched")
    func rollouts() throws {
        let ids = (0..<StressEffort.rollouts).compactMap { RolloutID("r\($0)") }
        let definition = RolloutDefinition(.canary(.percent(50), stable: EditedPolicy.v1, canary: EditedPolicy.v2))
        let told = try ToldExposures(
            RolloutPolicy(revision: 1, rollouts: Dictionary(uniqueKeysWithValues: ids.map { ($0, definition) }))
        )
        let snapshot = told.router.snapshot()
        for id in ids {
            guard let decision = snapshot.decision(for: "alice", in: id) else { continue }
            told.exposures.record(decision, unit: "alice")
        }
        let counts = told.exposures.counts
        #expect(counts.rows.filter { $0.told > 0 }.map(\.rollout) == ids.sorted())
        #expect(counts.rows.count == 2 * ids.count)
        #expect(counts.told == ids.count)
        #expect(told.exposures.sampleRatios.count == 64)
        #expect(counts.notWatched == ids.count - 64)
    }
}

extension StressEffort {
    fileprivate static let releases = isLong ? 10_000 : 400
    fileprivate static let rollouts = isLong ? 10_000 : 1_000
}

extension ExposureCounts {
    /// Whether no count fell: a row that is gone is in its rollout's remainder.
    fileprivate func isNoLower(than earlier: ExposureCounts) -> Bool {
        let now = Dictionary(uniqueKeysWithValues: rows.map { ($0.variant, $0.told) })
        let vanished = earlier.rows.filter { now[$0.variant] == nil }.reduce(0) { $0 + $1.told }
        let remainder = earlier.rows.first { $0.variant == nil }?.told ?? 0
        return earlier.rows.allSatisfy { now[$0.variant] ?? .max >= $0.told } && now[nil] ?? 0 >= remainder + vanished
            && told >= earlier.told && delivered >= earlier.delivered && lost >= earlier.lost
            && dropped >= earlier.dropped
    }
}
