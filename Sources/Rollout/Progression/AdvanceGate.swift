/// Whether a canary has shown that it is good enough for the next share: a test of non-inferiority, which starts anew at every
/// stage and has no restarts.
///
/// **Claim:** a canary that is beyond the margin for as long as the stage lasts ever opens the gate with a probability of at most
/// `falseAdvance`. Because a product of factors is a supermartingale for such a canary (``Bet/logFactor(of:against:)``), so is a
/// mixture of them that starts at 1, and Ville bounds its maximum.
struct AdvanceGate {
    private var logs = Array(repeating: -ln(Double(Bet.gate.count)), count: Bet.gate.count)
    private let null: NullRate
    /// What all windows of the stage held, to forecast by.
    private(set) var total = CanaryTrials()
    private var windows = 0

    /// A gate to the share after this one: the margin bounds what all users together may suffer there.
    init(of plan: ProgressionPlan, after share: Share) {
        null = NullRate(plan.margin, at: (plan.next(after: share) ?? .all).fraction)
    }

    init(null: NullRate) { self.null = null }

    mutating func observe(_ window: CanaryTrials) {
        total.add(window)
        windows += 1
        let outcomes = window.badOutcomes
        for (index, bet) in Bet.gate.enumerated() { logs[index] += bet.logFactor(of: outcomes, against: null) }
    }

    /// The natural logarithm of the evidence that the canary is within the margin.
    var logEvidence: Double { logSum(logs) }

    /// About how many windows like those of this stage it takes until the evidence is large enough, or nil if none would do.
    ///
    /// The truth is often half as large again, and it varies widely.
    func windowsToGo(until needed: Double) -> Double? {
        guard windows > 0, total.canary.trials > 0, total.stable.trials > 0 else { return nil }
        let count = Double(windows)
        let (canary, stable) = (Double(total.canary.trials) / count, Double(total.stable.trials) / count)
        let rate = Double(total.canary.failures + total.stable.failures) / (count * (canary + stable))
        let expected = BadOutcomes(
            canary: rate * canary,
            stable: rate * stable,
            trials: .counts(canary: canary, stable: stable)
        )
        return zip(Bet.gate, logs).compactMap { bet, log in
            let growth = bet.logFactor(of: expected, against: null)
            return growth > 0 ? max(0, (needed - log) / growth) : nil
        }.min()
    }
}
