import Fixtures
import Rollout

/// A handle of this library, and a text.
struct Handle: Contender {
    private let handle: RolloutHandle
    /// What ``decides(_:)`` looks for without comparing texts: the decisions of the two variants differ in it.
    private let canary: Decision.Variant

    init(_ handle: RolloutHandle = RolloutHandle(.canary())) {
        self.handle = handle
        guard let unit = (0...).first(where: { handle.decision(for: $0).variant.name == "canary" }) else {
            preconditionFailure("nobody gets the canary")
        }
        canary = handle.decision(for: unit).variant
    }

    @inline(__always)
    func decides(_ unit: borrowing Unit) -> Bool { handle.decision(for: unit.text).variant == canary }
}
