/// A variant of an A/B test: a name, its weight against the others, and the release it serves.
public struct WeightedVariant: Hashable, Sendable {
    /// The variant's name, unique within the rollout.
    public var name: VariantName
    /// Its part of the coverage relative to the sum of all weights, 0 ... 1,000,000.
    public var weight: Int
    /// What it serves.
    public var release: Release

    /// A variant; a policy that holds it is refused if the weight is out of range.
    public init(_ name: VariantName, weight: Int, release: Release) {
        self.name = name
        self.weight = weight
        self.release = release
    }
}
