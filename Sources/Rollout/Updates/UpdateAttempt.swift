/// Who changes a policy, why, and when.
struct UpdateOrigin: Sendable {
    var author: String?
    var reason: String?
    var time: Int64?
}

/// One attempt to change the policy.
struct UpdateAttempt: Sendable {
    /// The policy that shall run, or nil where an edit failed before there was one.
    var policy: RolloutPolicy?
    /// The revision it has, or would have had.
    var revision: UInt32?
    let origin: UpdateOrigin
    /// The gates that let it through.
    var gates: [String] = []

    init(policy: RolloutPolicy, origin: UpdateOrigin, gates: [String] = []) {
        self.policy = policy
        self.revision = policy.revision
        self.origin = origin
        self.gates = gates
    }

    init(failedAt revision: UInt32?, origin: UpdateOrigin) {
        self.revision = revision
        self.origin = origin
    }
}
