/// How a rollout spreads units over its variants.
///
/// A canary and a shadow exclude each other by construction: a rollout has one strategy.
public enum RolloutStrategy: Hashable, Sendable {
    /// Everybody gets one release, as variant `stable`.
    case fixed(Release)

    /// A share of the units gets `canary`, the rest `stable`; a larger share only adds units.
    case canary(Share, stable: Release, canary: Release)

    /// Any number of weighted variants share the units that are enrolled.
    case abTest(ABTest)

    /// Everybody gets `primary`; for a share of the units the request is copied to `shadow`.
    case shadow(Share, primary: Release, shadow: Release)

    /// The variants of an A/B test and the buckets they share.
    public struct ABTest: Hashable, Sendable {
        /// The variants in declared order; the first is the safe one, for whoever is not enrolled.
        public var variants: [WeightedVariant]
        /// The share of units that is enrolled.
        public var coverage: Share
        /// The ranges that an earlier edit left behind, or nil to lay the weights out in declared order.
        ///
        /// They cover the buckets below the coverage. If there is a gap among them, they cover all buckets, and as many as
        /// the coverage has belong to somebody; then a document does not write the coverage.
        public var allocation: [AllocatedRange]?

        /// An A/B test, by default over all units.
        public init(_ variants: [WeightedVariant], coverage: Share = .all, allocation: [AllocatedRange]? = nil) {
            self.variants = variants
            self.coverage = coverage
            self.allocation = allocation
        }
    }

    /// An A/B test over these variants, by default over all units.
    public static func abTest(_ variants: [WeightedVariant], coverage: Share = .all) -> RolloutStrategy {
        .abTest(ABTest(variants, coverage: coverage))
    }
}

extension RolloutStrategy {
    /// The strategy's name in a policy document.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// One release for everybody.
        case fixed
        /// A stable release and a canary.
        case canary
        /// Weighted variants.
        case abTest = "ab_test"
        /// A primary release and copies to a shadow.
        case shadow
    }

    /// Which of the four strategies this is.
    public var kind: Kind {
        switch self {
        case .fixed: .fixed
        case .canary: .canary
        case .abTest: .abTest
        case .shadow: .shadow
        }
    }

    /// Whether units are drawn into variants, so that an assignment means something.
    var draws: Bool {
        switch self {
        case .canary, .abTest: true
        case .fixed, .shadow: false
        }
    }

    /// The variants in declared order; the first is the safe one.
    public var variants: [(name: VariantName, release: Release)] {
        switch self {
        case .fixed(let release): [(.stable, release)]
        case .canary(_, let stable, let canary): [(.stable, stable), (.canary, canary)]
        case .abTest(let test): test.variants.map { ($0.name, $0.release) }
        case .shadow(_, let primary, let shadow): [(.primary, primary), (.shadow, shadow)]
        }
    }
}
