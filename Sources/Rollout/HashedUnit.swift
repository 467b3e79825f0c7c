/// A unit with its hash, for asking several rollouts, or one of them often, about the same unit.
///
/// It holds the text too, because a rule that forces a unit compares bytes, not hashes.
public struct HashedUnit: Hashable, Sendable {
    // The text comes first, so that the key arrives in the register that a multiplication needs.
    @usableFromInline let exact: ExactText
    @usableFromInline let key: UInt64

    /// The unit's text.
    @inlinable
    public var text: String { exact.text }

    /// Hashes a unit. O(length).
    public init(_ text: String) {
        exact = ExactText(text: text)
        key = XXH3.hash(text)
    }
}
