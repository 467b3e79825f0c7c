/// The refusals of one policy that were reported and entered in the history.
struct KnownRefusals: Sendable {
    private var refusals: Set<UpdateError> = []

    func contains(_ error: UpdateError) -> Bool { refusals.contains(Self.essence(of: error)) }

    /// Whether the error is a new one.
    mutating func insert(_ error: UpdateError) -> Bool { refusals.insert(Self.essence(of: error)).inserted }

    /// A policy may be stopped a thousand times, each with a time or a number in the message. So only the code counts.
    private static func essence(of error: UpdateError) -> UpdateError {
        error.mayPass ? UpdateError(error.code, "") : error
    }
}

extension UpdateError {
    /// Whether the same policy may run a moment later, although nobody changes anything.
    var mayPass: Bool {
        switch code {
        case .refused, .timedOut, .overtaken, .unreadable, .missing, .unreached, .outcomeUnknown, .unusableStore: true
        default: false
        }
    }
}
