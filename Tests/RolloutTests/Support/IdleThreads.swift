import Dispatch
import Foundation

/// Runs tasks on threads of the lowest scheduling class: they get the processor only while nobody else wants it.
final class IdleThreads: TaskExecutor {
    private final class Queue: @unchecked Sendable {
        private let lock = NSLock()
        private var jobs: [UnownedJob] = []

        func popFirst() -> UnownedJob? { lock.withLock { jobs.isEmpty ? nil : jobs.removeFirst() } }

        /// Appends a job, but waits for nobody. Returns whether it did.
        func append(_ job: UnownedJob) -> Bool {
            guard lock.try() else { return false }
            jobs.append(job)
            lock.unlock()
            return true
        }
    }

    /// One more than there are threads. A thread that holds a lock may be without the processor for long: whoever brings a
    /// job waits for none, and always finds a queue that no thread holds.
    private let queues: [Queue]
    private let arrivals = DispatchSemaphore(value: 0)

    /// Starts the threads, which live as long as the process.
    init(_ count: Int) {
        queues = (0...count).map { _ in Queue() }
        for _ in 0..<count { Thread.detachNewThread { self.serve() } }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        while !queues.contains(where: { $0.append(job) }) {}
        arrivals.signal()
    }

    private func serve() {
        #if os(Linux)
            let idleClass: Int32 = 5  // SCHED_IDLE
            var parameters = sched_param()
            unsafe pthread_setschedparam(pthread_self(), idleClass, &parameters)
        #else
            Thread.current.qualityOfService = .background
        #endif
        while true {
            arrivals.wait()
            unsafe next().runSynchronously(on: asUnownedTaskExecutor())
        }
    }

    /// There is a job for each arrival, but it may be in a queue that was looked at before it came.
    private func next() -> UnownedJob {
        while true {
            for queue in queues {
                if let job = queue.popFirst() { return job }
            }
        }
    }
}
