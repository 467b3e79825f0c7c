public import Rollout
import Synchronization

/// Runs an asynchronous call on the calling thread, so that what it takes can be counted there.
///
/// - Precondition: The call never waits for another thread. A change of a router without gates and recorders does not.
public func onThisThread(_ call: @escaping @Sendable () async -> Void) {
    let executor = InlineExecutor()
    Task(executorPreference: executor) { await call() }
    executor.drain()
}

/// Keeps jobs until the thread that drains it runs them.
private final class InlineExecutor: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
    }

    func drain() {
        while let job = jobs.withLock({ $0.popLast() }) {
            unsafe job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}

extension RolloutUpdater {
    /// The updater of a router that runs this policy.
    public static func running(_ policy: RolloutPolicy) -> RolloutUpdater {
        RolloutUpdater(RolloutRouter.running(policy))
    }

    /// Replaces the policy, which must be a good one.
    public func run(_ policy: RolloutPolicy) async {
        do {
            try await update(to: policy, now: 0)
        } catch {
            preconditionFailure("\(error)")
        }
    }
}
