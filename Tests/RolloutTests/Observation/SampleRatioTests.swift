import Testing

@testable import Rollout

@Suite("Sample ratios")
struct SampleRatioTests {
    private typealias Stage = SampleRatio.Stage

    /// Computed with exact arithmetic from the definition, apart from this library.
    @Test(
        "The evidence is that of an independent computation",
        arguments: [
            ([900, 9_100], [0.1, 0.9], 3.4580381983325013),
            ([1_000, 9_000], [0.1, 0.9], -1.4604847488860022),
            ([5_200, 4_800], [1, 1], 5.492576925489704),
            ([330, 330, 400], [1, 1, 1], 1.3624935085605152),
            ([100, 2_400, 2_500], [0.02, 0.49, 0.49], -0.7015584501494434),
            ([0, 60], [0.1, 0.9], 2.0294060006505243),
            ([89_977, 910_023], [9, 91], -11.583746210112642),
        ] as [([Int], [Double], Double)]
    )
    func vectors(counts: [Int], weights: [Double], logEvidence: Double) {
        let found = SampleRatio.logEvidence([Stage(counts: counts, weights: weights)])
        #expect(abs(found - logEvidence) <= 1e-9 * max(1, abs(logEvidence)))
    }

    @Test("Stages of different shares are judged together")
    func stages() {
        let stages = [
            Stage(counts: [60, 5_940], weights: [0.01, 0.99]), Stage(counts: [300, 5_700], weights: [0.05, 0.95]),
            Stage(counts: [650, 5_350], weights: [0.1, 0.9]),
        ]
        #expect(abs(SampleRatio.logEvidence(stages) - -0.2877579477195229) <= 1e-9)
        // Taken for one stage, a ramp looks as if the canary got too few units.
        let together = Stage(counts: [1_010, 16_990], weights: [0.1, 0.9])
        #expect(SampleRatio.evidence([together]) > SampleRatio.alarm)
    }

    @Test(
        "What holds no evidence has an evidence of 1",
        arguments: [
            [], [Stage(counts: [0, 0], weights: [1, 9])], [Stage(counts: [7], weights: [1])],
            [Stage(counts: [7, 3], weights: [0, 0])], [Stage(counts: [], weights: [])],
        ]
    )
    private func nothing(stages: [Stage]) {
        #expect(abs(SampleRatio.logEvidence(stages)) < 1e-12)
        #expect(abs(SampleRatio.evidence(stages) - 1) < 1e-12)
    }

    @Test("Evidence beyond every number is cut, and a variant that nothing is due to is noticed")
    func extremes() {
        let wrong = Stage(counts: [1_000_000, 0], weights: [1, 9])
        #expect(SampleRatio.logEvidence([wrong]) > 1_000)
        #expect(SampleRatio.evidence([wrong]).isFinite)
        #expect(SampleRatio.evidence([Stage(counts: [10, 90], weights: [0, 1])]) > SampleRatio.alarm)
    }

    @Test(
        "Units that come as due raise no alarm, however often it is asked",
        arguments: StressEffort.seeds(20, long: 40)
    )
    func falseAlarms(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var stage = Stage(counts: [0, 0, 0], weights: [1, 4, 15])
        for _ in 0..<500 {
            for _ in 0..<20 {
                let draw = Int.random(in: 0..<20, using: &random)
                stage.counts[draw < 1 ? 0 : draw < 5 ? 1 : 2] += 1
            }
            #expect(SampleRatio.evidence([stage]) < SampleRatio.alarm)
        }
    }

    @Test("What is due are the buckets that are drawn: not those outside the coverage, nor of whom is out of service")
    func drawnBuckets() {
        let variants = (0..<3).map { index in
            WeightedVariant(EditedPolicy.variant(index), weight: index + 1, release: [.app: "\(index)"])
        }
        var test = RolloutDefinition(.abTest(variants, coverage: .percent(60)))
        #expect(test.drawnBuckets == [100_000, 200_000, 300_000])
        test.disabled = ["v1"]
        test.draining = ["v2"]
        #expect(test.drawnBuckets == [100_000, 0, 0])
        #expect(EditedPolicy.canary(10).sms.drawnBuckets == [900_000, 100_000])
        #expect(EditedPolicy.shadow(10).sms.drawnBuckets == [])
        #expect(EditedPolicy.fixed().sms.drawnBuckets == [])
    }
}
