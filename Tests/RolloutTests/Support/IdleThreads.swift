import Dispatch
import Foundation
import Synchronization

/// Runs tasks on threads of the lowest scheduling class: they get the processor only while nobody else wants it.
final class IdleThreads: TaskExecutor {
    private final class Queue: Sendable { let jobs = Mutex<ArraySlice<UnownedJob>>([]) }

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
        while !queues.contains(where: { $0.jobs.withLockIfAvailable { $0.append(job) } != nil }) {}
        arrivals.signal()
    }

    private func serve() {
        #if os(Linux)
            var parameters = sched_param()
            unsafe pthread_setschedparam(pthread_self(), 5, &parameters)  // SCHED_IDLE
        #else
            Thread.current.qualityOfService = .background
        #endif
        while true {
            arrivals.wait()
            var job: UnownedJob?
            // There is a job for each arrival, but it may be in a queue that was looked at before it came.
            while job == nil {
                for queue in queues where job == nil { job = queue.jobs.withLock { $0.popFirst() } }
            }
            unsafe job?.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}
