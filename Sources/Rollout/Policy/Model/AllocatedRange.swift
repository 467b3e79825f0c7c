/// A half-open range of the 1,000,000 buckets that a variant owns.
public struct AllocatedRange: Hashable, Sendable {
    /// The owner.
    public var variant: VariantName
    /// The buckets, within 0 ..< 1,000,000 and not empty.
    public var buckets: Range<Int>

    /// A range; a policy that holds it is refused where the ranges do not tile the coverage.
    public init(_ variant: VariantName, _ buckets: Range<Int>) {
        self.variant = variant
        self.buckets = buckets
    }
}
