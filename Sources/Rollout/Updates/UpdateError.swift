/// Why an update did not happen. The running policy is untouched.
public enum UpdateError: Error, Hashable, Sendable {
    /// The new policy is wrong.
    case invalid(PolicyError)

    /// The file that holds the new policy cannot be read.
    case unreadable(FileError)

    /// Another revision runs than was expected, or the same one with other content.
    case conflict(current: UInt32)

    /// The change makes older assignments wrong, and the policy does not raise the epochs that void them.
    case needsEpoch([EpochDemand])

    /// The closure that was to edit the policy threw: an ``EditError``, or an error of its own.
    case edit(ThrownError)

    /// A gate did not let the policy through.
    case refused(GateRefusal)

    /// The revision to go back to is not remembered; those that are, oldest first.
    case unknownRevision(UInt32?, remembered: [UInt32])
}

extension UpdateError: CustomStringConvertible {
    /// What was wrong, in full sentences.
    public var description: String {
        switch self {
        case .invalid(let error): "The policy is invalid. \(error)"
        case .unreadable(let error): "The policy cannot be read. \(error)"
        case .conflict(let current):
            "Revision \(current) runs, with other content: base the change on it, and give the result a higher revision."
        case .needsEpoch(let demands):
            "Older assignments would get the wrong variant. \(demands.map(\.description).joined(separator: "\n"))"
        case .edit(let thrown): "The edit failed. \(thrown)"
        case .refused(let refusal): "The gate \(refusal)"
        case .unknownRevision(nil, _): "No revision before the running one is remembered."
        case .unknownRevision(let revision?, let remembered):
            "Revision \(revision) is not remembered; \(remembered.map(String.init).joined(separator: ", ")) can be restored."
        }
    }
}

/// An error of somebody else's, carried along. Two are equal where they say the same.
public struct ThrownError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The error that was thrown.
    public let error: any Error

    init(_ error: any Error) { self.error = error }

    /// What the error says of itself.
    public var description: String { String(describing: error) }

    /// Whether both say the same.
    public static func == (left: ThrownError, right: ThrownError) -> Bool { left.description == right.description }

    /// Feeds what the error says of itself.
    public func hash(into hasher: inout Hasher) { hasher.combine(description) }
}
