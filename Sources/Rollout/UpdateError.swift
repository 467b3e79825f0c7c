/// Why an update did not happen. The running policy is untouched.
public enum UpdateError: Error, Hashable, Sendable {
    /// The new policy is wrong.
    case invalid(PolicyError)

    /// Another revision runs than was expected, or the same one with other content.
    case conflict(current: UInt32)
}

extension UpdateError: CustomStringConvertible {
    /// What was wrong, in full sentences.
    public var description: String {
        switch self {
        case .invalid(let error): "The policy is invalid. \(error)"
        case .conflict(let current): "Revision \(current) runs: read it, and base the change on it."
        }
    }
}
