/// What a service makes of the decision that another one made for the same request.
public struct AdoptedDecision: Hashable, Sendable {
    /// The decision: the other service's variant in this service's release of it, or one made afresh.
    public let decision: Decision

    /// Why the decision was made afresh, or nil where it was adopted.
    public let taint: DecisionTaint?

    /// Whether this service and the other may serve releases that do not belong together. Leave such requests out of every
    /// comparison.
    public var isTainted: Bool { taint != nil }
}
