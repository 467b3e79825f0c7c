/// Counts what became of a rollout's decisions, for whoever judges its variants.
///
/// ``Outcomes`` of a router are such a source, for a service that is one process. A service of several processes has a source
/// that asks all of them, with rules of its own: see <doc:progressing-a-canary>.
public protocol OutcomeSource: Sendable {
    /// Everything that was counted until now.
    ///
    /// The source begins a stage when it is first asked for one of another ``OutcomeStage/id`` than before: then
    /// ``VariantOutcomes/Units/entered`` starts anew. All other counts only rise, for as long as the source runs. So asking
    /// changes something, and is up to one driver alone.
    ///
    /// - Parameter stage: Whose outcomes, and of which stage.
    /// - Returns: The counts of each variant of the stage.
    /// - Throws: Anything, if the source cannot be asked. Whoever asks tries again at the next interval.
    func totals(in stage: OutcomeStage) async throws -> OutcomeTotals
}

/// Whose outcomes are counted.
///
/// A stage is encoded as an object, so that a driver can ask the other processes of a service for it:
/// `{"rollout": "sms", "epoch": 3, "releases": {"canary": {"app": "v2"}, "stable": {"app": "v1"}}, "id": 7}`.
public struct OutcomeStage: Hashable, Sendable, Codable {
    /// The rollout.
    public var rollout: RolloutID
    /// Outcomes of decisions of other epochs do not count.
    public var epoch: UInt32
    /// The variants, each with its release: outcomes of other releases do not count.
    public var releases: [VariantName: Release]
    /// Tells one stage from another. It is random, so that a new driver never meets a stage of an old one.
    public var id: UInt64

    /// A stage of a rollout.
    public init(of rollout: RolloutID, epoch: UInt32, releases: [VariantName: Release], id: UInt64) {
        self.rollout = rollout
        self.epoch = epoch
        self.releases = releases
        self.id = id
    }
}

/// What a source has counted since it started, by variant.
public struct OutcomeTotals: Hashable, Sendable {
    /// The counts of each variant. One that is missing has none.
    public var variants: [VariantName: VariantOutcomes]
    /// When this was counted, by the source's clock, or nil for now. Totals that are not of a later time than those before
    /// are no news. If a source lags behind, the plan's `settle` has to cover that, as it covers the longest request.
    public var time: UnixTime?

    /// Totals of some variants.
    public init(_ variants: [VariantName: VariantOutcomes], at time: UnixTime? = nil) {
        self.variants = variants
        self.time = time
    }
}
