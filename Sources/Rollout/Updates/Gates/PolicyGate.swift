/// Stands before an update: a smoke test, an approval, something that has to be loaded first.
///
/// A router asks every gate to prepare for the new policy, one after the other, and publishes it when all have. Then each
/// gate whose preparation began is told once how it ended. Gates run outside the writers' lock, so decisions and other
/// updates go on meanwhile; where another policy was published in the meantime, the update is a conflict.
///
/// On one router, one update after another stands before gates. Only a preparation that goes on after the time was up
/// may meet the next one; its `finish` comes when it returns.
public protocol PolicyGate: Sendable {
    /// What the gate is called in refusals and in the history.
    var name: String { get }

    /// Returns when the policy may run, and throws when it must not.
    ///
    /// Cancelled when the time is up or the task that updates is cancelled.
    func prepare(from running: RolloutPolicy, to next: RolloutPolicy) async throws

    /// Comes exactly once after each preparation, whether that returned or threw.
    ///
    /// - Parameter published: Whether the policy runs.
    func finish(published: Bool) async
}

extension PolicyGate {
    /// The name of the type.
    public var name: String { String(describing: Self.self) }

    /// Nothing to do.
    public func finish(published: Bool) async {}
}
