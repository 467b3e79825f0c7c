/// The plan by which the variants of an A/B test get traffic by how well they do. Without any part it is complete.
///
/// A plan by itself changes no decision and raises no epoch.
public struct AdaptationPlan: Hashable, Sendable {
    /// Seconds from one adaptation to the next, 1 ... 3,600.
    public var interval: Int
    /// The share that each variant keeps at least: with K variants, 0 ... 100/K %.
    public var floor: Share
    /// How much of what was seen is forgotten at each interval, 0 ... 50 %.
    public var forget: Share
    /// How much of the traffic moves at most at once, above 0.
    public var maxStep: Share

    /// A plan with the defaults of the policy document.
    public init(
        interval: Int = 300,
        floor: Share = .percent(2),
        forget: Share = .percent(1),
        maxStep: Share = .percent(20)
    ) {
        self.interval = interval
        self.floor = floor
        self.forget = forget
        self.maxStep = maxStep
    }
}
