@testable import Rollout

/// Updates without a gate and without a history, at once on the caller's thread: for tests of what reads.
extension RolloutRouter {
    @discardableResult
    func update(to policy: RolloutPolicy) throws(PolicyError) -> UInt32 {
        try policy.validate()
        let running = snapshot().revision
        guard policy.revision > running else { return running }
        return try state.publish(policy, appliedAt: .now).policy.revision
    }

    @discardableResult
    func update(_ edit: (inout RolloutPolicy) throws -> Void) throws -> UInt32 {
        var next = snapshot().policy
        next.revision += 1
        try edit(&next)
        return try update(to: next)
    }
}
