/// Something was told to run that is running already.
public struct AlreadyRunningError: Error, Hashable {
    /// What is running.
    let subject: String
}

extension AlreadyRunningError: CustomStringConvertible {
    /// What is running, and what to do.
    public var description: String { "\(subject) is running already: one task is enough." }
}
