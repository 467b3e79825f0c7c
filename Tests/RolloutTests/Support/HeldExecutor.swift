@testable import Rollout

/// Runs tasks step by step: whatever they do next waits until a test runs it.
///
///     let task = Task(executorPreference: executor) { … }
///     executor.run()      // on this thread, up to where the task waits for something
final class HeldExecutor: TaskExecutor {
    private let jobs = Lock<[UnownedJob]>([])

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
    }

    /// Runs all that there is to do, and returns when the tasks wait for others.
    func run() {
        while let job = jobs.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
            unsafe job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }

    /// Returns once there is something to do.
    func isReady() async {
        while jobs.withLock({ $0.isEmpty }), !Task.isCancelled { await Task.yield() }
    }

    /// Runs all that there is to do until the task has ended, and returns how it did.
    func result<Value: Sendable>(of task: Task<Value, any Error>) async -> Result<Value, any Error> {
        let isOver = Lock(false)
        Task {
            _ = await task.result
            isOver.withLock { $0 = true }
        }
        while !isOver.withLock({ $0 }) {
            run()
            await Task.yield()
        }
        return await task.result
    }
}
