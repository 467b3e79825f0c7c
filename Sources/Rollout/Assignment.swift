/// What a visitor's cookie, or a service's own store, remembers of an earlier decision.
///
/// An assignment is taken at its word: verify what comes from outside before you make one.
public struct Assignment: Hashable, Sendable {
    /// The variant, or "not enrolled".
    let tag: VariantTag
    /// The bucket, `Outcome.none` for none.
    let bucketField: UInt32
    /// The rollout's epoch when the assignment was made.
    public let epoch: UInt32
    /// The policy's revision when the assignment was made.
    public let revision: UInt32

    /// Whether it can hold a variant or a bucket fast; otherwise it only supplies the bucket of an anonymous visitor.
    let isBinding: Bool

    /// The bucket of the visitor, 0 ..< 1,000,000, or nil where none was drawn.
    public var bucket: Int? { bucketField == Outcome.none ? nil : Int(bucketField) }

    /// An assignment to a variant, or, with no variant, one that only keeps the bucket of a visitor who is not enrolled.
    ///
    /// Nil where the bucket is outside 0 ..< 1,000,000. Hashes the names with SHA-256: microseconds, not nanoseconds, so make it
    /// where the assignment is stored, or keep it.
    public init?(variant: VariantName?, of rollout: RolloutID, bucket: Int?, epoch: UInt32, revision: UInt32) {
        if let bucket, !(0..<Share.bucketCount ~= bucket) { return nil }
        self.tag = variant.map { VariantTag($0, in: rollout) } ?? .notEnrolled
        self.bucketField = bucket.map(UInt32.init) ?? Outcome.none
        self.epoch = epoch
        self.revision = revision
        self.isBinding = true
    }

    /// What a verified token says.
    init(tag: VariantTag, bucketField: UInt32, epoch: UInt32, revision: UInt32) {
        self.tag = tag
        self.bucketField = bucketField < UInt32(Share.bucketCount) ? bucketField : Outcome.none
        self.epoch = epoch
        self.revision = revision
        self.isBinding = true
    }

    /// An assignment that only supplies a bucket: one freshly drawn, or that of a token that has lost. It is of no epoch,
    /// so that none is too new for it.
    init(onlyBucket bucketField: UInt32) {
        self.tag = .notEnrolled
        self.bucketField = bucketField < UInt32(Share.bucketCount) ? bucketField : Outcome.none
        self.epoch = 0
        self.revision = 0
        self.isBinding = false
    }

    /// What to remember of a decision, or nil where it is none to be remembered: it came of no draw and no assignment. O(1).
    public init?(remembering decision: Decision) {
        guard decision.bucket != nil || decision.reason == .sticky else { return nil }
        let isEnrolled = decision.reason != .notEnrolled
        self.init(
            tag: isEnrolled ? VariantRegistry.shared.tag(decision.variant.number) : .notEnrolled,
            bucketField: decision.bucket.map(UInt32.init) ?? Outcome.none,
            epoch: decision.epoch,
            revision: decision.revision
        )
    }
}
