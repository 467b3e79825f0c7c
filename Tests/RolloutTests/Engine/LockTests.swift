import Testing

@testable import Rollout

@Suite("The lock")
struct LockTests {
    /// Plain memory, which only the lock protects; ThreadSanitizer watches it.
    private final class Plain: @unchecked Sendable {
        var count = 0
        var history: [Int] = []
    }

    @Test("Threads that wait for it see what the ones before them wrote")
    func contended() {
        let plain = Plain()
        let lock = Lock<Int>(0)
        let worker: @Sendable () -> Void = {
            for _ in 0..<500 {
                lock.withLock { entries in
                    entries += 1
                    plain.count += 1
                    // Long enough for the others to be parked, which is where the sanitizer loses sight of a bare mutex.
                    plain.history.append(plain.count)
                    plain.history.sort()
                }
            }
        }
        onThreads(Array(repeating: worker, count: 4))
        #expect(lock.withLock { $0 } == 2_000)
        #expect(plain.history == Array(1...2_000))
    }

    @Test("An error leaves it open")
    func error() {
        let lock = Lock<Int>(0)
        #expect(throws: StressError.self) {
            try lock.withLock { (count: inout Int) throws(StressError) -> Void in
                count += 1
                throw StressError()
            }
        }
        #expect(lock.withLock { $0 } == 1)
    }
}
