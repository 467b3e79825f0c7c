import Testing

@testable import Rollout

/// What decides when nobody edits, row by row, through a real updater.
@Suite("Rows of a progression", .timeLimit(.minutes(5)))
struct ProgressionRowTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var percent = 5.0
        /// What each reading brings.
        let brings: [VariantName: CountingSource.Counts]
        let verdict: CanaryVerdict
        let reason: CanaryReason?
        /// What runs in the end: a share, or whether the canary is gone.
        let runs: RolloutStrategy
        let plan: @Sendable (inout ProgressionPlan) -> Void

        init(
            _ name: String,
            percent: Double = 5,
            _ brings: [VariantName: CountingSource.Counts],
            _ verdict: CanaryVerdict,
            _ reason: CanaryReason? = nil,
            runs: RolloutStrategy = .canary(.percent(5), stable: EditedPolicy.v1, canary: EditedPolicy.v2),
            _ plan: @escaping @Sendable (inout ProgressionPlan) -> Void = { _ in }
        ) {
            (testDescription, self.percent, self.brings, self.verdict) = (name, percent, brings, verdict)
            (self.reason, self.runs, self.plan) = (reason, runs, plan)
        }
    }

    static func canary(_ percent: Double) -> RolloutStrategy {
        .canary(.percent(percent), stable: EditedPolicy.v1, canary: EditedPolicy.v2)
    }
    static let none: [VariantName: CountingSource.Counts] = [.stable: (0, 0), .canary: (0, 0)]
    static let few: [VariantName: CountingSource.Counts] = [.stable: (19, 0), .canary: (1, 0)]
    static let healthy: [VariantName: CountingSource.Counts] = [.stable: (19_000, 190), .canary: (1_000, 10)]
    static let harmful: [VariantName: CountingSource.Counts] = [.stable: (19_000, 190), .canary: (1_000, 60)]

    static let rows = [
        Row("1: harm", harmful, .rollBack, .failures, runs: canary(0)),
        Row(
            "1: beyond the limit",
            [.stable: (19_000, 1_900), .canary: (1_000, 100)],
            .rollBack,
            .limit,
            runs: canary(0)
        ) {
            ($0.limit, $0.margin.absolute) = (.percent(2), .zero)
        },
        Row("2: late, and to be taken back", few, .rollBack, .inconclusive, runs: canary(0)) {
            ($0.deadline, $0.onDeadline) = (60, .abort)
        },
        Row("4: a share of 0", percent: 0, [.stable: (20_000, 200)], .hold, .notStarted, runs: canary(0)),
        Row("6: the canary gets half of what is due", [.stable: (19_500, 195), .canary: (500, 5)], .hold, .mismatch) {
            $0.margin.absolute = .zero
        },
        Row("6: suspicious", [.stable: (1_900, 19), .canary: (100, 3)], .hold, .suspicious) {
            $0.falseRollback = .percent(0.0001)
        },
        Row("7: settling", healthy, .hold, .settling) { $0.settle = 3_600 },
        Row("8: dwelling", healthy, .hold, .dwelling) { $0.dwell = 3_600 },
        Row("9: open", healthy, .advance, runs: canary(25)),
        Row(
            "9: open at the last step",
            percent: 25,
            [.stable: (15_000, 150), .canary: (5_000, 50)],
            .promote,
            runs: .fixed(EditedPolicy.v2)
        ),
        Row("9: late, and to go on", few, .advance, .inconclusive, runs: canary(25)) {
            ($0.deadline, $0.onDeadline) = (60, .advance)
        },
        Row("9: to be confirmed", healthy, .hold, .confirmation) { $0.confirm = .everything },
        Row("10: late", few, .hold, .inconclusive) { $0.deadline = 60 },
        Row("11: a variant without traffic", [.stable: (20, 0)], .hold, .noTraffic),
        Row("11: no traffic at all", none, .hold, .noTraffic),
        Row("12: gathering", few, .hold, .gathering),
    ]

    @Test("The first row that applies decides, and what it says is what runs", arguments: rows)
    func row(_ row: Row) async throws {
        let policy = EditedPolicy.driven(row.percent, row.plan)
        let driven = try DrivenRollout(policy, source: CountingSource { _ in row.brings })
        _ = await driven.report()
        let status = await driven.steps(atMost: 40) { status in
            (status.canary?.verdict, status.canary?.reason) == (row.verdict, row.reason)
        }
        #expect((status.canary?.verdict, status.canary?.reason) == (row.verdict, row.reason), "\(status)")
        #expect(driven.sms.strategy == row.runs)
        #expect(driven.written.count == (row.verdict == .hold ? 0 : 1))
        #expect(status.canary?.verdict == .hold || status.canary?.description == driven.written.first?.reason)
    }
}
