import Foundation
import Synchronization

@testable import Rollout

/// A ring like the library's, of four slots, which can have a fault, and which holds its threads where a fault shows.
///
/// A reader waits, between head and words, until the writer is half through the slot; the writer waits there until somebody
/// has read. The waits are bounded, so nothing hangs if the other side has ended.
@safe struct HeldRing: Publication, @unchecked Sendable {
    enum Fault: CaseIterable {
        /// One slot, which is written while it is read, behind a head that is looked at twice.
        case oneSlot
        /// One publication more is let pass than there are slots for.
        case wideWindow
        /// What was read is never doubted.
        case noSecondLook
        /// The head is stored before the words.
        case headFirst
    }

    private let fault: Fault?
    private let slots: UInt64
    private let window: UInt64
    private let capacity: Int
    private let head: UnsafeMutablePointer<Atomic<UInt64>>
    private let isHalfWay: UnsafeMutablePointer<Atomic<UInt64>>
    private let finishedReads: UnsafeMutablePointer<Atomic<UInt64>>
    private let words: UnsafeMutablePointer<Atomic<UInt64>>

    /// A ring for policies of at most `capacity` words, which is a power of two.
    init(_ first: [UInt64], capacity: Int, fault: Fault?) {
        self.fault = fault
        self.capacity = capacity
        slots = fault == .oneSlot ? 1 : 4
        window =
            switch fault {
            case nil, .headFirst: slots - 1
            case .oneSlot, .wideWindow: slots
            case .noSecondLook: .max
            }
        let count = 3 + Int(slots) * capacity
        unsafe head = .allocate(capacity: count)
        for index in 0..<count { unsafe (head + index).initialize(to: Atomic(0)) }
        unsafe isHalfWay = unsafe head + 1
        unsafe finishedReads = unsafe head + 2
        unsafe words = unsafe head + 3
        publish(first)
    }

    func deallocate() { unsafe head.deallocate() }

    func read<Result>(_ body: (PolicyImage) -> Result) -> Result {
        var isHeld = true
        while true {
            let head = unsafe self.head.pointee.load(ordering: .acquiring)
            if isHeld { holdBehind(head) }
            isHeld = false
            let slot = unsafe words + Int(head % slots) * capacity
            let result = body(unsafe PolicyImage(words: slot, exponent: capacity.trailingZeroBitCount))
            atomicMemoryFence(ordering: .acquiring)
            let later = unsafe self.head.pointee.load(ordering: .relaxed)
            unsafe finishedReads.pointee.wrappingAdd(1, ordering: .relaxed)
            if later - head < window { return result }
        }
    }

    func publish(_ policy: [UInt64]) {
        let next = unsafe head.pointee.load(ordering: .relaxed) + 1
        let slot = unsafe words + Int(next % slots) * capacity
        if fault == .headFirst { unsafe head.pointee.store(next, ordering: .releasing) }
        atomicMemoryFence(ordering: .releasing)
        // Somewhere within the records of the first four rollouts, another place each time.
        let half = Int(next) * 11 % 64
        for (index, word) in policy.enumerated() {
            if index == half { holdHalfWay() }
            unsafe slot[index].store(word, ordering: .relaxed)
        }
        unsafe head.pointee.store(next, ordering: .releasing)
    }

    private func holdBehind(_ head: UInt64) {
        Self.hold(rounds: 10_000) {
            let later = unsafe self.head.pointee.load(ordering: .relaxed)
            let isHalfWay = unsafe isHalfWay.pointee.load(ordering: .relaxed) == 1
            return later - head == slots - 1 && isHalfWay || later - head >= slots
        }
    }

    private func holdHalfWay() {
        let before = unsafe finishedReads.pointee.load(ordering: .relaxed)
        unsafe isHalfWay.pointee.store(1, ordering: .relaxed)
        Self.hold(rounds: 20) { unsafe finishedReads.pointee.load(ordering: .relaxed) != before }
        unsafe isHalfWay.pointee.store(0, ordering: .relaxed)
    }

    private static func hold(rounds: Int, until isReached: () -> Bool) {
        for _ in 0..<rounds where !isReached() { sched_yield() }
    }
}
