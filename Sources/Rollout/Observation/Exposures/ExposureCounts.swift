/// What became of exposures so far, as a value: for a status page or metrics.
///
/// What was told is delivered, lost or waiting: `told == delivered + lost + waiting`. No number is ever lower than in an
/// earlier reading, but for `waiting`, and for a row that moved to its rollout's remainder.
public struct ExposureCounts: Hashable, Sendable {
    /// What was told of each variant, in order of rollouts.
    ///
    /// A variant has a row if it is of the running policy, or among the 64 that left it last. What was told of others is in their
    /// rollout's remainder, a row without a variant. If the policy has more than 1,000 variants, rollouts without exposures have
    /// no rows.
    public let rows: [Row]
    /// How many the sink has taken.
    public let delivered: Int
    /// How many were given up when ``Exposures/run()`` ended. The sink may have taken those of a call that had not returned.
    public let lost: Int
    /// How many were not told because the queue was full. The unit's next request tells of it.
    public let dropped: Int
    /// Visits that brought no unit. Nothing was told of them.
    public let withoutUnit: Int
    /// Drawn exposures of rollouts that were not watched for their sample ratio, because 64 others were.
    public let notWatched: Int

    /// What was told of a variant.
    public struct Row: Hashable, Sendable {
        /// The rollout.
        public let rollout: RolloutID
        /// The variant with its release, or nil for all those of the rollout that have no row of their own.
        public let variant: Decision.Variant?
        /// How many exposures were handed over to be delivered.
        public let told: Int
    }

    /// How many exposures were handed over to be delivered.
    public var told: Int { rows.reduce(0) { $0 + $1.told } }

    /// How many wait for the sink to take them.
    public var waiting: Int { told - delivered - lost }
}
