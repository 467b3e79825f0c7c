/// A unit with its hash, for asking several rollouts, or one of them often, about the same unit.
///
/// Holds the text too, because a rule that forces a unit compares bytes, not hashes.
public struct HashedUnit: Hashable, Sendable {
    let key: UInt64
    private let exact: ExactText

    /// The unit's text.
    public var text: String { exact.text }

    /// Hashes a unit. O(length).
    public init(_ text: String) {
        exact = ExactText(text: text)
        key = XXH3.hash(text)
    }
}
