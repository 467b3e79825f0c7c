/// One rollout: its strategy, its salt and its rules.
public struct RolloutDefinition: Hashable, Sendable {
    /// How a request without a unit is decided.
    public enum MissingUnit: String, Hashable, Sendable, CaseIterable {
        /// It gets the first variant.
        case first
        /// It is given a bucket, which a cookie remembers; needs ``RolloutDefinition/sticky``.
        case assign
    }

    /// How units spread over variants.
    public var strategy: RolloutStrategy
    /// Raising it voids every older assignment.
    public var epoch: UInt32
    /// The cookie that remembers assignments, or nil for none.
    public var sticky: StickyCookie?
    /// Hosts that force a variant.
    public var hosts: [HostName: VariantName]
    /// Units that are forced to a variant.
    public var forced: [UnitID: VariantName]
    /// Variants that nobody gets any more; the first variant serves in their place.
    public var disabled: Set<VariantName>
    /// Variants that only live assignments still get.
    public var draining: Set<VariantName>
    /// How a request without a unit is decided.
    public var missingUnit: MissingUnit
    /// How another system puts units into buckets, or nil for the library's own hash.
    public var bucketing: Bucketing?
    /// The draws that a unit must pass before the rollout's own; whoever does not pass all of them is not enrolled.
    public var enrolment: [EnrolmentDraw]
    /// The releases that may be served at all, or nil for no such rule.
    public var compatible: [Release]?
    /// The plan by which a canary earns its share, or nil for none. It changes no decision.
    public var progression: ProgressionPlan?
    /// The plan by which the weights of an A/B test follow how well its variants do, or nil for none. It changes no decision.
    public var adaptation: AdaptationPlan?

    private var exactSalt: ExactText?

    /// What makes this rollout independent of others, or nil for the rollout's id.
    ///
    /// Beside a ``bucketing``, whose text says what makes it independent, only the sampling of shadows uses it.
    public var salt: String? {
        get { exactSalt?.text }
        set { exactSalt = newValue.map(ExactText.init) }
    }

    /// A rollout with the defaults of the policy document.
    public init(
        _ strategy: RolloutStrategy,
        salt: String? = nil,
        epoch: UInt32 = 0,
        sticky: StickyCookie? = nil,
        hosts: [HostName: VariantName] = [:],
        forced: [UnitID: VariantName] = [:],
        disabled: Set<VariantName> = [],
        draining: Set<VariantName> = [],
        missingUnit: MissingUnit = .first,
        bucketing: Bucketing? = nil,
        enrolment: [EnrolmentDraw] = [],
        compatible: [Release]? = nil,
        progression: ProgressionPlan? = nil,
        adaptation: AdaptationPlan? = nil
    ) {
        self.strategy = strategy
        self.epoch = epoch
        self.sticky = sticky
        self.hosts = hosts
        self.forced = forced
        self.disabled = disabled
        self.draining = draining
        self.missingUnit = missingUnit
        self.bucketing = bucketing
        self.enrolment = enrolment
        self.compatible = compatible
        self.progression = progression
        self.adaptation = adaptation
        self.exactSalt = salt.map(ExactText.init)
    }
}
