/// What a router runs, as a value: for a status page, a health check, a log line.
public struct RolloutStatus: Hashable, Sendable {
    /// The policy's revision.
    public let revision: UInt32
    /// The policy's label, or nil for none.
    public let environment: String?
    /// SHA-256 of the canonical policy in hexadecimal.
    public let digest: String
    /// When the policy was applied, by the clock of the caller that applied it.
    public let appliedAt: UnixTime
    /// How many updates came with an older revision and changed nothing.
    public let ignoredUpdates: Int
    /// Every rollout of the policy, in order of ids.
    public let rollouts: [Rollout]

    /// A rollout in a status.
    public struct Rollout: Hashable, Sendable {
        /// The rollout's id.
        public let id: RolloutID
        /// How it spreads units over variants.
        public let strategy: RolloutStrategy.Kind
        /// Its epoch.
        public let epoch: UInt32
        /// Its variants in declared order.
        public let variants: [Variant]
    }

    /// A variant in a status.
    public struct Variant: Hashable, Sendable {
        /// The variant's name.
        public let name: VariantName
        /// What it serves.
        public let release: Release
        /// The share of all units that are drawn into it; of a shadow, the share that is copied.
        public let share: Share
        /// Whether nobody gets it any more.
        public let isDisabled: Bool
        /// Whether only live assignments still get it.
        public let isDraining: Bool
        /// Whether this process alone serves it no more (``RolloutUpdater/stop(_:of:by:because:now:)``).
        public let isStopped: Bool
    }

    init(_ compiled: CompiledPolicy, ignoredUpdates: Int) {
        let policy = compiled.policy
        self.revision = policy.revision
        self.environment = policy.environment
        self.digest = compiled.digest.text
        self.appliedAt = compiled.appliedAt
        self.ignoredUpdates = ignoredUpdates
        self.rollouts = policy.rollouts.keys.sorted().compactMap { id -> Rollout? in
            guard let definition = compiled.served(id) else { return nil }
            let allocation = Allocation(definition)
            let stopped = compiled.stops.variants(of: id, at: definition.epoch)
            return Rollout(
                id: id,
                strategy: definition.strategy.kind,
                epoch: definition.epoch,
                variants: zip(allocation.variants, allocation.shares).map { variant, share in
                    Variant(
                        name: variant.name,
                        release: variant.release,
                        share: share,
                        isDisabled: definition.disabled.contains(variant.name),
                        isDraining: definition.draining.contains(variant.name),
                        isStopped: stopped.contains(variant.name)
                    )
                }
            )
        }
    }
}

extension RolloutStatus: Encodable {
    /// The status as canonical JSON.
    public var json: String { tree.canonicalText }

    /// Encodes the status with the keys and values that ``json`` has.
    public func encode(to encoder: any Encoder) throws { try tree.encode(to: encoder) }

    private var tree: JSONTree {
        .object([
            ("revision", .integer(Int(revision))),
            ("environment", environment.map { .string($0) } ?? .null),
            ("digest", .string(digest)),
            ("appliedAt", .integer(Int(appliedAt.seconds))),
            ("ignoredUpdates", .integer(ignoredUpdates)),
            ("rollouts", .object(rollouts.map { ($0.id.text, $0.tree) })),
        ])
    }
}

extension RolloutStatus.Rollout {
    fileprivate var tree: JSONTree {
        .object([
            ("strategy", .string(strategy.rawValue)),
            ("epoch", .integer(Int(epoch))),
            ("variants", .array(variants.map(\.tree))),
        ])
    }
}

extension RolloutStatus.Variant {
    fileprivate var tree: JSONTree {
        .object([
            ("name", .string(name.text)),
            ("release", PolicyWriter.tree(of: release)),
            ("percent", .number(share.percentText)),
            ("disabled", .boolean(isDisabled)),
            ("draining", .boolean(isDraining)),
            ("stopped", .boolean(isStopped)),
        ])
    }
}
