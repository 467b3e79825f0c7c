import Dispatch
import Synchronization

/// What is usually written by hand: a dictionary of rollouts behind a lock, and the hash of `"salt:id"`.
final class Typical: Contender {
    private let rollouts = Mutex(["sms": HandWritten(salt: "sms", percent: 10)])

    func decides(_ unit: borrowing Unit) -> Bool {
        guard let rollout = rollouts.withLock({ $0["sms"] }) else { return false }
        return rollout.decides(unit.text)
    }
}

/// The same in an actor.
actor TypicalActor {
    private var rollouts = ["sms": HandWritten(salt: "sms", percent: 10)]

    func decides(_ unit: String) -> Bool { rollouts["sms"]?.decides(unit) ?? false }
}

extension TypicalActor {
    /// Asks from a task, as code that knows an actor does, while the calling thread waits.
    nonisolated func canaries(in crowd: Crowd, rounds: Int) -> Int {
        let (texts, count, done) = (crowd.texts, Count(), DispatchSemaphore(value: 0))
        Task {
            for round in 0..<rounds where await decides(texts[round & 255]) {
                count.value.add(1, ordering: .relaxed)
            }
            done.signal()
        }
        done.wait()
        return count.value.load(ordering: .relaxed)
    }
}

private final class Count: Sendable {
    let value = Atomic<Int>(0)
}

/// A rollout as the two keep it.
struct HandWritten: Sendable {
    var salt: String
    var percent: UInt32

    func decides(_ unit: String) -> Bool {
        var text = "\(salt):\(unit)"
        let hash = text.withUTF8 { unsafe Murmur3.value(of: $0) }
        return hash % 100 < percent
    }
}

extension Murmur3 {
    /// The hash of bytes that lie in one piece.
    @inline(__always)
    static func value(of bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
        var hash = WordFeed(Murmur3(seed: 0))
        unsafe hash.append(UnsafeRawBufferPointer(bytes))
        return hash.value
    }
}
