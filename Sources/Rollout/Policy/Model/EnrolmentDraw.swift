/// The name of a layer: rollouts that draw by it exclude each other if their ranges do.
public struct LayerName: PolicyName {
    /// The name itself.
    public let text: String

    /// A name from run-time text, or nil if the text is no name.
    public init?(_ text: String) {
        guard isPolicyName(text) else { return nil }
        self.text = text
    }
}

/// A draw that a unit must pass before the rollout's own: it is enrolled if its bucket lies in one of the ranges.
///
///     definition.enrolment = [.layer("checkout", in: [0..<500_000]), .salt("holdout-2026", in: [50_000..<1_000_000])]
public struct EnrolmentDraw: Hashable, Sendable {
    /// What the bucket comes from.
    enum Function: Hashable, Sendable {
        case salt(ExactText)
        case layer(LayerName)
        case bucketing(Bucketing)
    }

    let function: Function
    /// The buckets whose units pass, in ascending order and without overlap.
    public let ranges: [Range<Int>]

    init(_ function: Function, _ ranges: [Range<Int>]) {
        self.function = function
        self.ranges = ranges
    }

    /// A draw by the library's own hash under a salt. Rollouts with one salt enrol the same units: a hold-out.
    public static func salt(_ salt: String, in ranges: [Range<Int>]) -> EnrolmentDraw {
        EnrolmentDraw(.salt(ExactText(text: salt)), ranges)
    }

    /// A draw by the library's own hash within a layer, in which no two rollouts of a policy may have a bucket in common.
    public static func layer(_ layer: LayerName, in ranges: [Range<Int>]) -> EnrolmentDraw {
        EnrolmentDraw(.layer(layer), ranges)
    }

    /// A draw as another system makes it.
    public static func bucketing(_ bucketing: Bucketing, in ranges: [Range<Int>]) -> EnrolmentDraw {
        EnrolmentDraw(.bucketing(bucketing), ranges)
    }

    /// The salt, or nil for a draw of another kind.
    public var salt: String? {
        if case .salt(let salt) = function { salt.text } else { nil }
    }

    /// The layer, or nil for a draw of another kind.
    public var layer: LayerName? {
        if case .layer(let layer) = function { layer } else { nil }
    }

    /// The stated bucketing, or nil for a draw by the library's own hash.
    public var bucketing: Bucketing? {
        if case .bucketing(let bucketing) = function { bucketing } else { nil }
    }
}

extension EnrolmentDraw {
    /// What the library's own hash draws by, or nil for a stated bucketing. A layer's salt is no text that a policy can hold.
    var ownSalt: String? {
        switch function {
        case .salt(let salt): salt.text
        case .layer(let layer): "\u{0}layer\u{0}\(layer)"
        case .bucketing: nil
        }
    }

    /// The share of all units that really pass.
    var share: Double {
        let grid = BucketGrid(bucketing)
        return Double(ranges.reduce(0) { $0 + grid.cells(in: $1) }) / Double(grid.cells)
    }
}

extension RolloutDefinition {
    /// The share of all units that pass every draw before the rollout's own. They are independent of each other.
    var enrolledShare: Double { strategy.draws ? enrolment.reduce(1) { $0 * $1.share } : 1 }
}
