/// A unit with its hash, for asking several rollouts, or one of them often, about the same unit.
///
/// Holds the text too, because a rule that forces a unit compares bytes, not hashes.
public struct HashedUnit: Hashable, Sendable {
    // The text first: the key then arrives in a register that a multiplication needs, and nothing has to be moved.
    private let exact: ExactText
    @usableFromInline let key: UInt64

    /// The unit's text.
    public var text: String { exact.text }

    /// Hashes a unit. O(length).
    public init(_ text: String) {
        exact = ExactText(text: text)
        key = XXH3.hash(text)
    }
}
