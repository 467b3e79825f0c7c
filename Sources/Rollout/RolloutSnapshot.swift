/// A policy held fast: all its answers come from one revision, no matter how many updates pass meanwhile.
///
/// A snapshot holds one reference to the compiled policy. Keep it for a request, not for ever, because it goes on answering by
/// the policy that ran when it was taken.
public struct RolloutSnapshot: Sendable {
    private let compiled: CompiledPolicy

    init(compiled: CompiledPolicy) { self.compiled = compiled }

    /// A policy to compare another system's assignments with, which nobody runs: a rollout may have as many variants as it may
    /// have ranges.
    ///
    /// - Throws: `PolicyError` with every problem of the document.
    package init(replaying json: [UInt8]) throws(PolicyError) {
        let policy = try RolloutPolicy(json: json, variants: PolicyLimits.ranges)
        compiled = try CompiledPolicy(policy, after: Roster(), appliedAt: 0)
    }

    /// The policy.
    public var policy: RolloutPolicy { compiled.policy }

    /// The policy's revision.
    public var revision: UInt32 { compiled.policy.revision }

    /// The decision for a request in one of the policy's rollouts.
    ///
    /// - Parameters:
    ///   - unit: What is bucketed; nil and an empty text are no unit.
    ///   - id: The rollout.
    ///   - host: The value of the `Host` header, in any case, with or without port.
    ///   - assignment: What a verified cookie or the service's own store remembers.
    /// - Returns: The decision, or nil if the policy has no rollout of that id.
    public func decision(
        for unit: String?,
        in id: RolloutID,
        host: String? = nil,
        holding assignment: Assignment? = nil
    ) -> Decision? {
        guard let ordinal = compiled.ordinal(of: id) else { return nil }
        return withExtendedLifetime(compiled) {
            let record = RolloutRecord(compiled.image, ordinal: ordinal)
            return RequestBytes.with(unit: unit, host: host) { record.decision(for: $0, holding: assignment) }
        }
    }

    /// Why a request gets what it gets in one of the policy's rollouts: each rule in order, and which one decided.
    ///
    /// - Parameters:
    ///   - unit: What is bucketed; nil and an empty text are no unit.
    ///   - id: The rollout.
    ///   - host: The value of the `Host` header, in any case, with or without port.
    ///   - assignment: What a verified cookie or the service's own store remembers.
    /// - Returns: The explanation, or nil if the policy has no rollout of that id.
    public func explanation(
        for unit: String?,
        in id: RolloutID,
        host: String? = nil,
        holding assignment: Assignment? = nil
    ) -> Explanation? {
        guard let ordinal = compiled.ordinal(of: id) else { return nil }
        let start = RolloutRecord.start(ofSeat: ordinal)
        return compiled.explanation(for: unit, host: host, holding: assignment, recordAt: start)
    }
}
