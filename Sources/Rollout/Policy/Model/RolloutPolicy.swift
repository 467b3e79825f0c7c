/// All rollouts of a service: one document, one revision.
///
/// A policy is a plain value. Whether it makes sense is judged when it is read from JSON and when a router takes it.
public struct RolloutPolicy: Hashable, Sendable {
    /// The policy's place in time: a router takes only a higher one than it has.
    public var revision: UInt32
    /// The rollouts by id.
    public var rollouts: [RolloutID: RolloutDefinition]
    /// The epochs that rollouts had when they were removed. A rollout that comes back starts above, because visitors may
    /// still have assignments of the old one. Edits of an updater keep this up to date; at most 10,000.
    public var removed: [RolloutID: UInt32]

    private var exactEnvironment: ExactText?

    /// A label such as `production`, or nil for none.
    public var environment: String? {
        get { exactEnvironment?.text }
        set { exactEnvironment = newValue.map(ExactText.init) }
    }

    /// A policy of these rollouts.
    public init(
        revision: UInt32,
        environment: String? = nil,
        rollouts: [RolloutID: RolloutDefinition],
        removed: [RolloutID: UInt32] = [:]
    ) {
        self.revision = revision
        self.rollouts = rollouts
        self.removed = removed
        self.exactEnvironment = environment.map(ExactText.init)
    }
}
