/// How many outcomes of one window were bad, on each side. Counts are below 2^53, so each is exact.
struct BadOutcomes {
    /// What the numbers of bad outcomes are held against.
    enum Trials {
        /// How many outcomes each side had. Right if the share was one and the same for all of them.
        case counts(canary: Double, stable: Double)
        /// The largest share that any of the outcomes may have been drawn under, and how many outcomes there were.
        case weight(Double, outcomes: Double)
    }

    var canary: Double
    var stable: Double
    var trials: Trials

    /// Whether the window can say anything at all: both sides have outcomes, or only the share matters.
    func isComparison(to null: NullRate) -> Bool {
        guard case .counts(let canary, let stable) = trials else { return true }
        return canary > 0 && (stable > 0 || !null.comparesToStable)
    }
}

/// The rate of bad outcomes at which a canary is no worse than a test allows: `ratio` times stable's rate, and `absolute` more.
struct NullRate {
    /// 1 + r; 0 if stable does not matter.
    var ratio: Double
    /// d.
    var absolute: Double

    var comparesToStable: Bool { ratio > 0 }

    /// No worse than a margin beside stable, for the units that a share sends to the canary.
    init(_ margin: ProgressionPlan.Margin, at share: Double = 1) {
        ratio = 1 + margin.relative.fraction / share
        absolute = margin.absolute.fraction / share
    }

    init(ratio: Double, absolute: Double) {
        self.ratio = ratio
        self.absolute = absolute
    }

    /// Below a limit, whatever stable does.
    init(limit: Share) { self.init(ratio: 0, absolute: limit.fraction) }
}

/// A bet that the canary's outcomes are bad so many times as often as the null rate has it.
///
/// Bets above 1 win where the canary is worse than the null rate, and lose where it is not; bets below 1 the other way round.
struct Bet {
    let factor: Double
    private let logFactor: Double

    init(_ factor: Double) {
        self.factor = factor
        logFactor = ln(factor)
    }

    static let harm = [1.1, 1.2, 1.4, 1.8, 2.7, 5, 20, 200].map(Bet.init)
    static let gate = [0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95].map(Bet.init)

    /// The natural logarithm of the factor e by which a window multiplies what is staked on this bet.
    ///
    /// With x and y bad outcomes of the canary and of stable, R and d of the null rate, n_C and n_S outcomes or a weight w:
    ///
    ///     v = R a / (R a + b)      D = 1 + v (rho - 1)      g = (rho - 1)(1 - v) / D
    ///     ln e = x ln rho - M - d N g
    ///     a, b, N = n_C, n_S, n_C, or w, 1 - w, w n;   M = (x + y) ln D
    ///
    /// **Claim:** as long as the canary is bad at most (for a bet below 1, at least) R times as often as stable, plus d, the
    /// expectation of e is at most 1, given the past and how many outcomes each side has; for outcomes that are independent
    /// given causes common to both sides. Because
    /// 1. for d > 0 and an outcome at the boundary, (1 + R p g + d g) exp(-d g) <= 1 + R p g, so it is enough to show it for d = 0;
    /// 2. what remains is affine in each outcome's probability p, hence largest where each p is 0 or as large as it may be;
    /// 3. there the number of bad outcomes is fixed, the canary's part of them is hypergeometric, and Hoeffding (1963,
    ///    theorem 4) bounds its generating function by both forms of M;
    /// 4. beyond the boundary e is smaller, as it is monotone in x and in y;
    /// 5. by weight, each bad outcome is the canary's with a probability of at most w.
    ///
    /// What would break it: outcomes of one unit counted several times, because they are not independent; and counts of a window
    /// in which requests of an earlier share ended, because these compare unlike things. The weight form holds there.
    func logFactor(of window: BadOutcomes, against null: NullRate) -> Double {
        guard window.isComparison(to: null) else { return 0 }
        let (x, y) = (window.canary, window.stable)
        // A bet that there is no bad outcome is lost by the first.
        if factor == 0, x > 0 { return -.infinity }
        let (a, b, outcomes) =
            switch window.trials {
            case .counts(let canary, let stable): (canary, stable, canary)
            case .weight(let weight, let outcomes): (weight, 1 - weight, weight * outcomes)
            }
        let all = null.ratio * a + b
        // `rest` is 1 - v, which is 0 if it is computed from a v near 1.
        let (v, rest) = null.comparesToStable ? (null.ratio * a / all, b / all) : (0, 1)
        var mean = (x + y) * (factor == 0 ? ln(rest) : ln1p(v * (factor - 1)))
        if case .counts = window.trials, null.ratio == 1, null.absolute == 0 {
            mean = min(mean, a * ln1p((x + y) / (a + b) * (factor - 1)))
        }
        let stake = x == 0 ? 0 : x * logFactor
        if null.absolute == 0 { return stake - mean }
        let growth = (factor - 1) * rest / (rest + v * factor)
        return stake - mean - null.absolute * outcomes * growth
    }
}

/// The natural logarithm of the sum of what these are logarithms of; -infinity of none.
///
/// Evidence passes every `Double` within minutes of an outage, so it never leaves the logarithm.
func logSum(_ logs: some Sequence<Double>) -> Double {
    let largest = logs.reduce(-.infinity, max)
    guard largest > -.infinity else { return largest }
    return largest + ln(logs.reduce(0) { $0 + exponential($1 - largest) })
}
