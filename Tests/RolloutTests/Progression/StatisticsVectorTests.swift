import Testing

@testable import Rollout

@Suite("The statistics of progression, beside an independent computation")
struct StatisticsVectorTests {
    private static let vectors = StatisticsVectors.shared

    @Test("The factor of a bet", arguments: vectors.factors)
    func factor(_ vector: StatisticsVectors.Factor) {
        let outcomes = BadOutcomes(
            canary: vector.fC,
            stable: vector.fS,
            trials: .counts(canary: vector.nC, stable: vector.nS)
        )
        let found = Bet(vector.rho).logFactor(of: outcomes, against: NullRate(ratio: 1 + vector.r, absolute: vector.d))
        #expect(agrees(found, vector.logE), "\(found)")
    }

    @Test("Evidence of harm, window by window", arguments: vectors.harm)
    func harm(_ vector: StatisticsVectors.Sequence) throws {
        let every = try #require(vector.restartEvery)
        var test = HarmTest(percentiles: 0, hasLimit: false, windowsBetweenRestarts: every)
        let null = NullRate(ratio: 1 + vector.r, absolute: vector.d)
        for (index, window) in vector.windows.enumerated() {
            if vector.restartBeforeWindow?.contains(index) == true { test.restart() }
            test.restartIfDue()
            test.failures.multiply(by: outcomes(window), against: null)
            test.finishWindow()
            #expect(agrees(test.logEvidence, vector.logE[index]), "window \(index): \(test.logEvidence)")
        }
        try #expect(agrees(test.p, #require(vector.pValue)), "\(test.p)")
    }

    @Test("Evidence of harm by weight", arguments: vectors.units)
    func units(_ vector: StatisticsVectors.Units) {
        var test = HarmTest(percentiles: 0, hasLimit: false)
        for (index, window) in vector.windows.enumerated() {
            if vector.restartBeforeWindow.contains(index) { test.restart() }
            test.restartIfDue()
            let outcomes = BadOutcomes(
                canary: window[2],
                stable: window[3],
                trials: .weight(window[0], outcomes: window[2] + window[3])
            )
            test.failures.multiply(by: outcomes, against: NullRate(.zero))
            #expect(agrees(test.logEvidence, vector.logE[index]), "window \(index): \(test.logEvidence)")
        }
    }

    @Test("Evidence that a canary is within the margin, window by window", arguments: vectors.gates)
    func gate(_ vector: StatisticsVectors.Sequence) {
        var gate = AdvanceGate(null: NullRate(ratio: 1 + vector.r, absolute: vector.d))
        for (index, window) in vector.windows.enumerated() {
            gate.observe(
                CanaryTrials(
                    canary: CanaryTrials.Side(trials: Int(window[0]), failures: Int(window[2])),
                    stable: CanaryTrials.Side(trials: Int(window[1]), failures: Int(window[3]))
                )
            )
            #expect(agrees(gate.logEvidence, vector.logE[index]), "window \(index): \(gate.logEvidence)")
        }
    }

    @Test("Weights by efficacy", arguments: vectors.bandit)
    func bandit(_ vector: StatisticsVectors.Bandit) {
        var weights = EfficacyWeights(under: AdaptationPlan(), variants: vector.trials.count)
        weights.observe(successes: vector.successes, failures: zip(vector.trials, vector.successes).map { $0 - $1 })
        for (found, expected) in zip(weights.bestProbabilities, vector.pBest) { #expect(agrees(found, expected)) }
        for (found, expected) in zip(weights.weights, vector.weights) { #expect(agrees(found, expected)) }
        #expect(EfficacyWeights.apportion(10_000, by: weights.weights) == vector.buckets)
    }

    @Test("Integers in proportion, by largest remainder", arguments: vectors.apportion)
    func apportion(_ vector: StatisticsVectors.Apportionment) {
        #expect(EfficacyWeights.apportion(vector.total, by: vector.weights) == vector.counts)
    }

    private func outcomes(_ window: [Double]) -> BadOutcomes {
        BadOutcomes(
            canary: window[2],
            stable: window[3],
            trials: .counts(canary: window[0], stable: window[1])
        )
    }
}
