/// What became of a runner's copies, as a value.
///
/// Read while copies come and go, it is no moment's picture. But no count falls from one reading to the next, and in each
/// reading no more copies have ended than were admitted.
public struct ShadowCounts: Hashable, Sendable {
    /// The copies to each shadow variant: to the first 1,000 that there were.
    public let variants: [Decision.Variant: Copies]
    /// The copies to all variants after those.
    public let others: Copies

    /// All copies.
    public var total: Copies { variants.values.reduce(others, +) }

    /// Copies, by what became of them.
    public struct Copies: Hashable, Sendable {
        /// How many were handed over. Each is running, or has succeeded, failed or been cancelled.
        public var admitted = 0
        /// How many were dropped because no worker was free.
        public var noRoom = 0
        /// How many were dropped because `run()` was not running.
        public var notRunning = 0
        /// How many were dropped because they would have been copies of a copy.
        public var nested = 0
        /// How many returned in time.
        public var succeeded = 0
        /// How many threw.
        public var failed = 0
        /// How many threw `CancellationError`, or returned after they were asked to end. Those that were still waiting for a
        /// thread by then did not begin.
        public var cancelled = 0
        /// How many were asked to end and have not returned. Each keeps a worker until it does.
        public var stuck = 0
        /// The answers of copies, compared with the primary's.
        public var comparisons = Comparisons()
        /// Second answers of the primary, compared with its first.
        public var baselines = Comparisons()

        /// How many were dropped, for whatever reason. Together with those admitted, all that were submitted.
        public var dropped: Int { noRoom + notRunning + nested }
        /// How many have not returned.
        public var running: Int { admitted - succeeded - failed - cancelled }

        /// The copies of two variants.
        public static func + (left: Copies, right: Copies) -> Copies {
            var sum = left
            sum.admitted += right.admitted
            sum.noRoom += right.noRoom
            sum.notRunning += right.notRunning
            sum.nested += right.nested
            sum.succeeded += right.succeeded
            sum.failed += right.failed
            sum.cancelled += right.cancelled
            sum.stuck += right.stuck
            sum.comparisons = sum.comparisons + right.comparisons
            sum.baselines = sum.baselines + right.baselines
            return sum
        }
    }

    /// Comparisons, by their results.
    public struct Comparisons: Hashable, Sendable {
        /// How many answers agreed.
        public var agreed = 0
        /// How many differed.
        public var differed = 0
        /// How many comparisons threw, or for baselines, how often the primary did.
        public var failed = 0

        /// How many answers were compared: those that agreed and those that differed.
        public var compared: Int { agreed + differed }
        /// The share of answers that agreed, 0 to 1, or nil before any was compared.
        public var agreement: Double? { compared == 0 ? nil : Double(agreed) / Double(compared) }

        /// The comparisons of two variants.
        public static func + (left: Comparisons, right: Comparisons) -> Comparisons {
            Comparisons(
                agreed: left.agreed + right.agreed,
                differed: left.differed + right.differed,
                failed: left.failed + right.failed
            )
        }
    }
}

extension ShadowCounts.Copies {
    /// Ends are read before beginnings, so that there are never more of those.
    init(_ tally: ShadowTally, stuck: Int) {
        baselines = ShadowCounts.Comparisons(
            agreed: tally[.baselineAgreed],
            differed: tally[.baselineDiffered],
            failed: tally[.baselineUnjudged]
        )
        comparisons = ShadowCounts.Comparisons(
            agreed: tally[.agreed],
            differed: tally[.differed],
            failed: tally[.unjudged]
        )
        succeeded = tally[.succeeded]
        failed = tally[.failed]
        cancelled = tally[.cancelled]
        noRoom = tally[.noRoom]
        notRunning = tally[.notRunning]
        nested = tally[.nested]
        admitted = tally[.admitted]
        self.stuck = min(stuck, running)
    }
}
