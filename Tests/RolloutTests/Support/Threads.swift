import Foundation
import Synchronization

/// Runs the bodies, each on a thread of its own, and returns when all have returned.
func onThreads(_ bodies: [@Sendable () -> Void]) {
    let running = Atomics(running: bodies.count)
    for body in bodies {
        Thread.detachNewThread {
            body()
            running.count.subtract(1, ordering: .releasing)
        }
    }
    while running.count.load(ordering: .acquiring) > 0 { Thread.sleep(forTimeInterval: 0.001) }
}

/// The same for a task, which does not block a thread of the pool meanwhile.
func onThreads(_ bodies: [@Sendable () -> Void]) async {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread {
            onThreads(bodies)
            continuation.resume()
        }
    }
}

private final class Atomics: Sendable {
    let count: Atomic<Int>

    init(running: Int) { count = Atomic(running) }
}
