/// Whether the variants of a rollout get the units that are due to them: what one process saw in the running epoch.
///
/// Units are told apart by their bucket, and each bucket counts once, by its first decision of reason `split`. So neither
/// visitors who return, nor pinned or forced ones distort the ratio, nor does a ramp.
///
/// Several processes see the same units, so their units must not be added. Each has its own evidence, and the mean of the
/// evidences (not of their logarithms) is evidence again.
public struct ObservedRatio: Hashable, Sendable {
    /// The rollout.
    public let rollout: RolloutID
    /// The epoch that is watched.
    public let epoch: UInt32
    /// What each variant got, in order of names.
    public let variants: [Variant]
    /// The natural logarithm of the evidence that variants do not get what is due to them; 0 before any unit came.
    public let logEvidence: Double
    /// Buckets that were left out, because the revision of their decision was not known here, or its shares changed while it
    /// ran; and decisions of other epochs.
    public let leftOut: Int

    /// What a variant got.
    public struct Variant: Hashable, Sendable {
        /// The variant's name.
        public let name: VariantName
        /// How many units came to it.
        public let units: Int
        /// How many were due to it, by the shares that were in force.
        public let due: Double
    }

    /// Whether variants do not get what is due to them: the evidence is at least 1,000.
    ///
    /// If they do, this is ever true with a probability of at most 0.1 %, however often it is asked.
    public var isWrong: Bool { logEvidence >= SampleRatio.logAlarm }
}

extension ObservedRatio: CustomStringConvertible {
    /// The ratio in a few words: `sms: as due, canary 93 of 100.2, stable 907 of 899.8, log evidence -1.5`.
    public var description: String {
        func short(_ number: Double) -> String { "\((number * 10).rounded() / 10)" }
        let parts = variants.map { "\($0.name) \($0.units) of \(short($0.due))" }
        return (["\(rollout): \(isWrong ? "wrong" : "as due")"] + parts + ["log evidence \(short(logEvidence))"])
            .joined(separator: ", ")
    }
}
