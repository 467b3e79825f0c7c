/// Something that one task may run at a time is running already.
public struct AlreadyRunning: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was to be run again.
    let what: String

    /// What is running, and what to do.
    public var description: String { "\(what).run() is under way already: one task is enough" }
}
