/// Who changes a policy, why, and when.
struct UpdateOrigin: Sendable {
    var author: String?
    var reason: String?
    var time: Int64?
}

/// A policy that shall run.
struct UpdateAttempt: Sendable {
    let policy: RolloutPolicy
    let origin: UpdateOrigin
    /// The gates that let it through.
    var gates: [String] = []
}
