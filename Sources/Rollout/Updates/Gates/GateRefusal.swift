/// Which gate did not let a policy through, and why.
public struct GateRefusal: Error, Hashable, Sendable {
    /// What made the gate refuse.
    public enum Cause: Hashable, Sendable {
        /// Its preparation threw.
        case threw(ThrownError)
        /// The time for all gates ran out during its preparation.
        case timedOut(after: Duration)
        /// The task that updates was cancelled.
        case cancelled
    }

    /// The gate's name.
    public let gate: String
    /// What made it refuse.
    public let cause: Cause
}

extension GateRefusal: CustomStringConvertible {
    /// `"smoke test" refused: …`, `"loader" did not finish within 30.0 seconds`.
    public var description: String {
        switch cause {
        case .threw(let thrown): "\"\(gate)\" refused: \(thrown)"
        case .timedOut(let limit): "\"\(gate)\" did not finish: all gates together had \(limit)."
        case .cancelled: "\"\(gate)\" did not finish: the update was cancelled."
        }
    }
}
