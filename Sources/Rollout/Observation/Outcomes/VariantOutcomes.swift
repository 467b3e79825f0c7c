/// What became of the requests that a variant served: in a window, or since a source started.
///
/// Only outcomes count whose variant chance chose, as in ``OutcomeRow/drawn``. Requests that were cancelled are not among them.
public struct VariantOutcomes: Hashable, Sendable {
    /// The requests that ended.
    public var requests: Int
    /// Those that failed.
    public var failures: Int
    /// The units, or nil if the source knows none.
    public var units: Units?
    /// What was slow.
    public var slow: Slow

    /// The counts of one variant.
    public init(requests: Int, failures: Int, units: Units? = nil, slow: Slow = .unknown) {
        self.requests = requests
        self.failures = failures
        self.units = units
        self.slow = slow
    }

    /// Units, each counted once, by the first of their outcomes.
    public struct Units: Hashable, Sendable {
        /// Units with their first outcome in this epoch.
        public var arrived: Int
        /// Units with their first outcome in this stage.
        public var entered: Int
        /// Those of `entered` whose first outcome was a failure.
        public var enteredFailed: Int
        /// Units that failed for the first time in this epoch.
        public var failed: Int

        /// The units of one variant.
        public init(arrived: Int, entered: Int, enteredFailed: Int, failed: Int) {
            self.arrived = arrived
            self.entered = entered
            self.enteredFailed = enteredFailed
            self.failed = failed
        }
    }

    /// What was slow.
    public enum Slow: Hashable, Sendable {
        /// The source does not say.
        case unknown
        /// How many were slower than the threshold of each percentile of the plan, for a source with thresholds of its own.
        case thanThresholds([Int])
        /// How many were slower than each of ``LatencyEdge/all``: requests, and units for the first time in this epoch, which
        /// are empty in a source that knows none.
        case thanEdges(requests: [Int], units: [Int])
    }
}
