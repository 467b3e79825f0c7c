/// A change that must raise a rollout's epoch, and did not.
///
/// Assignments in visitors' cookies outlive policies. If a variant comes to stand for something else, or is taken back, older
/// assignments must lose. Only a higher epoch tells them apart.
public struct EpochDemand: Hashable, Sendable {
    /// The rollout.
    public let rollout: RolloutID
    /// What makes a higher epoch necessary.
    public let causes: [Cause]
    /// The epoch that the changed policy has.
    public let found: UInt32
    /// The lowest epoch that will do, or nil if there is none: the rollout had the highest possible one.
    public let needed: UInt32?

    /// What makes a higher epoch necessary. A minor release may add causes.
    public struct Cause: Hashable, Sendable, CustomStringConvertible {
        /// The cause as the end of a sentence.
        public let description: String
        /// The variant that it is about, or nil for the whole rollout.
        public let variant: VariantName?

        private init(_ description: String, _ variant: VariantName? = nil) {
            self.description = description
            self.variant = variant
        }

        /// The salt changed, so every unit has another bucket.
        public static let salt = Cause("the salt changed")
        /// The rollout has another stated bucketing, so every unit has another bucket. One that comes to the library's own hash
        /// needs no higher epoch: sessions keep their variants (``RolloutPolicy/convert(_:)``).
        public static let bucketing = Cause("the bucketing changed")
        /// The enrolment changed, so other units are drawn.
        public static let enrolment = Cause("the enrolment changed")
        /// The rollout was removed, and comes back.
        public static let removed = Cause("the rollout was removed, and comes back")
        /// The epoch itself went back, which would turn every assignment into one of the future.
        public static let lowered = Cause("an epoch never goes back")

        /// The variant has another release.
        public static func release(_ variant: VariantName) -> Cause {
            Cause("the release of \"\(variant)\" changed", variant)
        }

        /// The variant's share went to 0 and it was disabled.
        public static func abort(_ variant: VariantName) -> Cause { Cause("\"\(variant)\" was aborted", variant) }
    }
}

extension EpochDemand: CustomStringConvertible {
    /// Rollout, causes and numbers: `rollouts.sms.epoch: expected at least 4, because …, found 3`.
    public var description: String {
        let others = causes.count > 3 ? ["\(causes.count - 3) more"] : []
        let reasons = (causes.prefix(3).map(\.description) + others).joined(separator: " and ")
        let expected = needed.map { "expected at least \($0)" } ?? "no epoch is left above 4,294,967,295"
        return "rollouts.\(rollout).epoch: \(expected), because \(reasons), found \(found)"
    }
}

extension EpochDemand: Encodable {
    /// Encodes the demand as an object of `rollout`, `causes` (as text), `found` and `needed` (null if there is none).
    public func encode(to encoder: any Encoder) throws {
        let tree = JSONTree.object([
            ("rollout", .string(rollout.text)),
            ("causes", .array(causes.map { .string($0.description) })),
            ("found", .integer(Int(found))),
            ("needed", needed.map { .integer(Int($0)) } ?? .null),
        ])
        try tree.encode(to: encoder)
    }
}

extension RolloutPolicy {
    /// The rollouts whose epoch is too low for this policy to follow another one, in order of ids.
    ///
    /// An epoch must rise with a changed salt, bucketing or enrolment, a changed release of a variant, and an abort. An updater refuses a policy for
    /// which this is not empty; the edits of this library raise epochs by themselves. The updater also compares a variant that
    /// comes back with the release that it had when it left, earlier in the same epoch.
    ///
    /// - Parameter old: The policy that runs before.
    /// - Returns: What each of those rollouts needs.
    public func epochDemands(from old: RolloutPolicy) -> [EpochDemand] { epochDemands(from: old, EpochMemory()) }

    /// The same, with what is remembered of the policies before the old one.
    func epochDemands(from old: RolloutPolicy, _ memory: EpochMemory) -> [EpochDemand] {
        let demands = rollouts.compactMap { id, definition -> EpochDemand? in
            if old.rollouts[id] == nil, let epoch = old.removed[id] {
                return definition.epoch > epoch ? nil : EpochDemand(removed: id, at: epoch, found: definition.epoch)
            }
            guard let before = old.rollouts[id] ?? memory.retired[id], before != definition else { return nil }
            return EpochDemand(of: definition, after: before, memory.releases(of: id), id: id)
        }
        return demands.sorted { $0.rollout < $1.rollout }
    }
}

extension EpochDemand {
    fileprivate init(removed id: RolloutID, at epoch: UInt32, found: UInt32) {
        let (needed, overflow) = epoch.addingReportingOverflow(1)
        self.init(rollout: id, causes: [.removed], found: found, needed: overflow ? nil : needed)
    }

    /// What a definition needs to follow another one, or nil if its epoch is high enough.
    ///
    /// - Parameters:
    ///   - new: The definition.
    ///   - old: What it follows.
    ///   - gone: The releases of variants that were there earlier in the old definition's epoch.
    ///   - id: The rollout.
    init?(
        of new: RolloutDefinition,
        after old: RolloutDefinition,
        _ gone: [VariantName: Release] = [:],
        id: RolloutID
    ) {
        let changes = Self.changes(from: old, gone, to: new, id: id)
        if !changes.isEmpty {
            guard new.epoch <= old.epoch else { return nil }
            let (needed, overflow) = old.epoch.addingReportingOverflow(1)
            self.init(rollout: id, causes: changes, found: new.epoch, needed: overflow ? nil : needed)
        } else {
            guard new.epoch < old.epoch else { return nil }
            self.init(rollout: id, causes: [.lowered], found: new.epoch, needed: old.epoch)
        }
    }

    private static func changes(
        from old: RolloutDefinition,
        _ gone: [VariantName: Release],
        to new: RolloutDefinition,
        id: RolloutID
    ) -> [Cause] {
        var causes: [Cause] = []
        if old.bucketing != new.bucketing {
            // A rollout that comes to the library's own hash keeps its sessions: what their variants are has not changed.
            if new.bucketing != nil { causes.append(.bucketing) }
        } else if !old.drawsAlike(new, id: id) {
            causes.append(.salt)
        }
        if old.enrolment != new.enrolment { causes.append(.enrolment) }
        let before = gone.merging(old.strategy.variants.map { ($0.name, $0.release) }) { _, last in last }
        for variant in new.strategy.variants {
            guard let release = before[variant.name] else { continue }
            if release != variant.release { causes.append(.release(variant.name)) }
            if new.hasAborted(variant.name), !old.hasAborted(variant.name) { causes.append(.abort(variant.name)) }
        }
        return causes
    }
}

extension RolloutDefinition {
    /// Whether both put every unit into the same bucket. The salt has no part in a stated bucketing.
    func drawsAlike(_ other: RolloutDefinition, id: RolloutID) -> Bool {
        guard bucketing == nil, other.bucketing == nil else { return bucketing == other.bucketing }
        return (salt ?? id.text).utf8.elementsEqual((other.salt ?? id.text).utf8)
    }

    /// Whether the variant is disabled and has no share to come back to.
    func hasAborted(_ variant: VariantName) -> Bool {
        guard disabled.contains(variant) else { return false }
        switch strategy {
        case .fixed: return false
        case .canary(let share, _, _): return variant == .canary && share == .zero
        case .shadow(let share, _, _): return variant == .shadow && share == .zero
        case .abTest(let test): return test.variants.contains { $0.name == variant && $0.weight == 0 }
        }
    }
}

/// What assignments that may still live refer to, and the running policy no longer says.
///
/// **Claim:** with this and the running policy, no variant comes to stand for something else within an epoch, through however
/// many updates. Because 1. a variant that leaves is kept with its release until the epoch rises, and 2. one that comes is
/// compared with that. If only the running policy were asked, one update could take a canary out and the next could put
/// another in its place, and neither would change a variant: visitors of the first canary would get the second as theirs.
struct EpochMemory: Sendable {
    /// The last definition of every rollout that is no longer in the policy, without hosts and units.
    private(set) var retired: [RolloutID: RolloutDefinition] = [:]
    /// The releases of variants that rollouts had earlier in their present epochs, and have no longer.
    private var gone: [RolloutID: [VariantName: Release]] = [:]

    /// The releases of the variants that a rollout had earlier in its present epoch, and has no longer.
    func releases(of id: RolloutID) -> [VariantName: Release] { gone[id] ?? [:] }

    /// Keeps what a policy takes away from the one before it, and forgets what it brings back or voids.
    mutating func keep(_ old: RolloutPolicy, replacedBy new: RolloutPolicy) {
        // What the policy forgets, an owner has vouched for, and all processes have to forget alike.
        for id in old.removed.keys where new.removed[id] == nil && new.rollouts[id] == nil {
            retired[id] = nil
            gone[id] = nil
        }
        for (id, definition) in old.rollouts {
            if let next = new.rollouts[id] {
                keep(definition, replacedBy: next, id)
            } else {
                retired[id] = definition.withoutRules
            }
        }
        for id in retired.keys {
            guard let next = new.rollouts[id], let definition = retired.removeValue(forKey: id) else { continue }
            keep(definition, replacedBy: next, id)
        }
    }

    private mutating func keep(_ old: RolloutDefinition, replacedBy new: RolloutDefinition, _ id: RolloutID) {
        if new.epoch > old.epoch {
            gone[id] = nil
            return
        }
        let names = VariantNames(new.strategy)
        for variant in old.strategy.variants where !names.contains(variant.name) {
            gone[id, default: [:]][variant.name] = variant.release
        }
    }
}

extension RolloutDefinition {
    /// The definition without what no epoch depends on.
    fileprivate var withoutRules: RolloutDefinition {
        var definition = self
        definition.hosts = [:]
        definition.forced = [:]
        return definition
    }
}
