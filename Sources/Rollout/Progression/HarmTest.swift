/// Whether a canary does harm: an e-process that may be looked at after every window, for as long as anybody likes.
///
/// On canaries: Lindon, Sanden, Shirikian (KDD 2022). The restarts are those of e-detectors (Shin, Ramdas, Rinaldo, arXiv
/// 2203.03532), with weights that add up to 1.
///
/// **Claim:** a harmless canary ever reaches an evidence of 1/a with a probability of at most a. Because
/// 1. each factor of a window has an expectation of at most 1 given the past (``Bet/logFactor(of:against:)``), so a product of
///    them is a supermartingale, whatever share and length the past chose for the next window;
/// 2. each restart brings another part of the wealth 1/2 + 1/6 + 1/12 + ... = 1 into play, at a time that the past chooses; what
///    is not in play yet is kept. So the evidence is a mixture of supermartingales that starts at 1, and so is one itself;
/// 3. the mean of several metrics is such a mixture too, however they depend on each other (Vovk, Wang, Ann. Statist. 49), because
///    each of them is judged given the past of all;
/// 4. a supermartingale that starts at 1 and is never negative ever reaches 1/a with a probability of at most a (Ville 1939).
///
/// Without restarts, a canary that was healthy for a day would have lost nearly all that was staked against it, and could do
/// harm for another day before it is noticed.
struct HarmTest {
    /// What is staked against one metric: the logarithm for each bet.
    struct Stakes {
        fileprivate var logs = Array(repeating: ln(0.5 / Double(Bet.harm.count)), count: Bet.harm.count)

        mutating func multiply(by window: BadOutcomes, against null: NullRate) {
            for (index, bet) in Bet.harm.enumerated() { logs[index] += bet.logFactor(of: window, against: null) }
        }

        fileprivate mutating func add(_ wealth: Double) {
            let share = ln(wealth / Double(logs.count))
            for index in logs.indices { logs[index] = logSum([logs[index], share]) }
        }
    }

    /// A restart comes by itself before a window once so many were observed since the last one.
    private let windowsBetweenRestarts: Int

    var failures = Stakes()
    /// One for each percentile.
    var latency: [Stakes]
    var limit: Stakes?

    private var start = 1
    private var windowsSinceRestart = 0
    private(set) var largestLogEvidence = 0.0
    /// The metric that had the largest part in it.
    private(set) var causeOfLargest = CanaryReason.failures

    init(percentiles: Int, hasLimit: Bool, windowsBetweenRestarts: Int = 60) {
        self.windowsBetweenRestarts = windowsBetweenRestarts
        latency = Array(repeating: Stakes(), count: percentiles)
        limit = hasLimit ? Stakes() : nil
    }

    /// Brings the next part of the wealth into play.
    mutating func restart() {
        start += 1
        windowsSinceRestart = 0
        let wealth = 1 / Double(start * (start + 1))
        failures.add(wealth)
        for index in latency.indices { latency[index].add(wealth) }
        limit?.add(wealth)
    }

    /// Restarts if it is time to. To be called before the factors of a window that counts.
    mutating func restartIfDue() {
        if windowsSinceRestart >= windowsBetweenRestarts { restart() }
        windowsSinceRestart += 1
    }

    /// Remembers the largest evidence. To be called after the factors of a window.
    mutating func finishWindow() {
        let evidence = logEvidence
        if evidence > largestLogEvidence { (largestLogEvidence, causeOfLargest) = (evidence, cause) }
    }

    /// The natural logarithm of the evidence that the canary does harm: of the mean of all metrics.
    var logEvidence: Double { logMean(metrics.map(\.logEvidence)) }

    /// The bound on the probability of so large an evidence from a harmless canary, at any time until now.
    var p: Double { exponential(-largestLogEvidence) }

    /// The metric with the largest evidence.
    private var cause: CanaryReason {
        metrics.reduce((metric: .failures, logEvidence: -.infinity)) { $1.logEvidence > $0.logEvidence ? $1 : $0 }
            .metric
    }

    private var metrics: [(metric: CanaryReason, logEvidence: Double)] {
        var metrics = [(CanaryReason.failures, logEvidence(of: failures))]
        if !latency.isEmpty { metrics.append((.latency, logMean(latency.map(logEvidence)))) }
        if let limit { metrics.append((.limit, logEvidence(of: limit))) }
        return metrics
    }

    private func logEvidence(of stakes: Stakes) -> Double {
        logSum(stakes.logs + [ln(1 / Double(start + 1))])
    }

    private func logMean(_ logs: [Double]) -> Double { logSum(logs) - ln(Double(logs.count)) }
}
