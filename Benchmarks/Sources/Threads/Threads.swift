import Foundation
import Synchronization

/// Calls the body once on each of so many threads at once, and gives the time from when the first starts to when the last
/// is done.
///
/// On Linux each thread is bound to a core of its own: left alone, two short threads may well take turns on one.
public func elapsed(onThreads count: Int, _ body: @escaping @Sendable (Int) -> Void) -> Duration {
    let missing = Counter(count)
    let spans = Spans()
    let done = DispatchGroup()
    for index in 0..<count {
        done.enter()
        Thread {
            bindToCore(index)
            missing.countDown()
            let start = ContinuousClock.now
            body(index)
            spans.add(start..<ContinuousClock.now)
            done.leave()
        }.start()
    }
    done.wait()
    return spans.length
}

/// Where threads wait until all of them are there.
private final class Counter: Sendable {
    private let missing: Atomic<Int>

    init(_ count: Int) { missing = Atomic(count) }

    func countDown() {
        missing.subtract(1, ordering: .acquiringAndReleasing)
        while missing.load(ordering: .acquiring) > 0 {}
    }
}

/// From when to when each thread ran.
private final class Spans: Sendable {
    private let spans = Mutex<[Range<ContinuousClock.Instant>]>([])

    func add(_ span: Range<ContinuousClock.Instant>) { spans.withLock { $0.append(span) } }

    var length: Duration {
        spans.withLock { spans in
            guard let start = spans.map(\.lowerBound).min() else { return .zero }
            return spans.reduce(.zero) { max($0, $1.upperBound - start) }
        }
    }
}

/// Binds the thread, where the system has a call for it; the C library's headers hide it from Swift.
private func bindToCore(_ index: Int) {
    typealias SetAffinity = @convention(c) (Int32, Int, UnsafePointer<UInt64>) -> Int32
    guard index < ProcessInfo.processInfo.activeProcessorCount, let call = unsafe dlsym(nil, "sched_setaffinity") else {
        return
    }
    var cores: UInt64 = 1 << UInt64(index)
    _ = unsafe unsafeBitCast(call, to: SetAffinity.self)(0, MemoryLayout<UInt64>.size, &cores)
}
