import Testing

@testable import Rollout

/// The figures that sample ratios promise, with fixed seeds. The long form has the numbers of runs that make them sharp.
@Suite("How soon a wrong sample ratio is seen, and how seldom a right one", .tags(.statistical))
struct RatioStatisticsTests {
    /// Units that come to the canary with a probability, looked at after every 100 of them.
    private func alarm(at probability: Double, due: Double, within units: Int, _ random: inout SplitMix64) -> Int? {
        var stage = SampleRatio.Stage(counts: [0, 0], weights: [due, 1 - due])
        let bound = UInt64(probability * 0x1p64)
        for unit in 1...units {
            stage.counts[random.next() < bound ? 0 : 1] += 1
            if unit % 100 == 0, SampleRatio.logEvidence([stage]) >= SampleRatio.logAlarm { return unit }
        }
        return nil
    }

    @Test("9 % in place of 10 % raise the alarm within 17,000 units in half of the runs")
    func detection() {
        let runs = StressEffort.isLong ? 500 : 9
        let alarms = (0..<runs).map { run in
            var random = SplitMix64(seed: UInt64(run))
            return alarm(at: 0.09, due: 0.1, within: 60_000, &random) ?? .max
        }
        #expect(alarms.sorted()[runs / 2] <= 17_000)
        #expect(alarms.sorted()[runs / 2] >= 10_000)
    }

    @Test("Runs whose ratio is right raise no alarm, however often they are looked at: at most 0.3 % of them do")
    func falseAlarms() {
        let (runs, units) = StressEffort.isLong ? (1_000, 50_000) : (20, 5_000)
        let alarms = (0..<runs).count { run in
            var random = SplitMix64(seed: UInt64(run) + 1_000)
            let share = [0.01, 0.1, 0.5][run % 3]
            return alarm(at: share, due: share, within: units, &random) != nil
        }
        #expect(alarms * 1_000 <= 3 * runs)
    }

    /// A ramp of 1, 5, 10, 25 and 50 %, whose visitors return: what exposures say, and what counting each one told would say.
    private func ramp(_ seed: UInt64) throws -> (watched: Bool, naive: Bool) {
        let visits = 4_000
        let told = try ToldExposures(EditedPolicy.canary(1), queue: 8)
        guard let handle = told.router.rollout("sms") else { throw StressError() }
        var random = SplitMix64(seed: seed)
        var (isWatchedWrong, stages, last): (Bool, [SampleRatio.Stage], [Int: VariantName]) = (false, [], [:])
        for percent in [1.0, 5, 10, 25, 50] {
            try told.router.update { try $0.setShare(of: "sms", to: .percent(percent)) }
            var stage = SampleRatio.Stage(counts: [0, 0], weights: [percent, 100 - percent])
            for visit in 0..<visits {
                let user = Int.random(in: 0..<20_000, using: &random)
                let unit = HashedUnit("run \(seed) user \(user)")
                let decision = handle.decision(for: unit)
                told.exposures.record(decision, unit: unit)
                let name = decision.variant.name
                if last.updateValue(name, forKey: user) != name { stage.counts[name == .canary ? 0 : 1] += 1 }
                if visit % (visits / 20) == 0, try told.ratio().isWrong { isWatchedWrong = true }
            }
            stages.append(stage)
        }
        return (try isWatchedWrong || told.ratio().isWrong, SampleRatio.evidence(stages) >= SampleRatio.alarm)
    }

    @Test(
        "A ramp with visitors who return raises no alarm; if each exposure that is told were counted, it would each time"
    )
    func ramps() throws {
        let runs = StressEffort.isLong ? 300 : 3
        let verdicts = try (0..<runs).map { try ramp(UInt64($0)) }
        #expect(verdicts.count { $0.watched } * 1_000 <= 3 * runs)
        #expect(verdicts.allSatisfy { $0.naive })
    }

    @Test("A canary that loses one unit in ten before it answers is seen by what is recorded")
    func losses() throws {
        let told = try ToldExposures(EditedPolicy.canary(50), queue: 8)
        guard let handle = told.router.rollout("sms") else { throw StressError() }
        var random = SplitMix64(seed: 3)
        for unit in 0..<12_000 {
            let unit = HashedUnit("\(unit)")
            let decision = handle.decision(for: unit)
            if decision.variant.name == .canary, Int.random(in: 0..<10, using: &random) == 0 { continue }
            told.exposures.record(decision, unit: unit)
        }
        let ratio = try told.ratio()
        #expect(ratio.isWrong)
        #expect(ratio.description.hasPrefix("sms: wrong, canary "))
    }
}
