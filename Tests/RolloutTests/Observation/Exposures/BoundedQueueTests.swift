import Synchronization
import Testing

@testable import Rollout

@Suite("The bounded queue")
struct BoundedQueueTests {
    /// Counts the objects that are alive.
    private final class Counted: Sendable {
        let number: Int
        private let alive: Alive

        init(_ number: Int, _ alive: Alive) {
            self.number = number
            self.alive = alive
            alive.count.add(1, ordering: .relaxed)
        }

        deinit { alive.count.subtract(1, ordering: .relaxed) }
    }

    private final class Alive: Sendable {
        let count = Atomic<Int>(0)
    }

    /// A queue that threads can share, and expectations look into.
    private final class Shared<Element: Sendable>: Sendable {
        private let queue: BoundedQueue<Element>
        let isOver = Atomic<Int>(0)

        init(_ capacity: Int) { queue = BoundedQueue(capacity: capacity) }

        var capacity: Int { queue.capacity }
        var isEmpty: Bool { queue.isEmpty }
        var isDrained: Bool { queue.isDrained }
        func push(_ element: Element?) -> Bool {
            guard let ticket = queue.draw() else { return false }
            queue.fill(ticket, element)
            return true
        }
        func take(upTo count: Int) -> [Element] { queue.take(upTo: count) }
    }

    @Test(
        "It holds as many as a power of two, in order, and no more",
        arguments: [(1, 2), (2, 2), (3, 4), (1_000, 1_024)]
    )
    func capacity(asked: Int, capacity: Int) {
        let queue = Shared<Int>(asked)
        #expect(queue.capacity == capacity)
        for lap in 0..<3 {
            #expect(queue.isEmpty && queue.isDrained)
            for number in 0..<capacity { #expect(queue.push(lap * capacity + number)) }
            #expect(!queue.push(0))
            #expect(!queue.isEmpty && !queue.isDrained)
            #expect(queue.take(upTo: 1) == [lap * capacity])
            #expect(queue.take(upTo: .max) == Array(lap * capacity + 1..<(lap + 1) * capacity))
        }
    }

    @Test("A ticket without an element is passed over")
    func passedOver() {
        let queue = Shared<Int>(4)
        for number in 0..<4 { #expect(queue.push(number % 2 == 0 ? nil : number)) }
        #expect(queue.take(upTo: 4) == [1, 3])
        #expect(queue.isDrained)
    }

    @Test("What is left goes with the queue, and what was taken does not stay")
    func ownership() {
        let alive = Alive()
        do {
            let queue = Shared<Counted>(8)
            for number in 0..<6 { _ = queue.push(Counted(number, alive)) }
            #expect(alive.count.load(ordering: .relaxed) == 6)
            #expect(queue.take(upTo: 4).map(\.number) == [0, 1, 2, 3])
            #expect(alive.count.load(ordering: .relaxed) == 2)
        }
        #expect(alive.count.load(ordering: .relaxed) == 0)
    }

    @Test("Threads hand over each element once, each thread's in its order", .tags(.concurrency))
    func producers() {
        let (threads, elements) = (3, StressEffort.isLong ? 300_000 : 4_000)
        let alive = Alive()
        let shared = Shared<Counted>(32)
        let producers = (0..<threads).map { thread in
            { @Sendable in
                for index in 0..<elements {
                    while !shared.push(Counted(thread * elements + index, alive)) {}
                }
                shared.isOver.add(1, ordering: .releasing)
            }
        }
        let next = Lock(Array(repeating: 0, count: threads))
        let consumer = { @Sendable in
            var isOver = false
            while !isOver || !shared.isDrained {
                isOver = shared.isOver.load(ordering: .acquiring) == threads
                for element in shared.take(upTo: 7) {
                    let (thread, index) = element.number.quotientAndRemainder(dividingBy: elements)
                    next.withLock { next in
                        if next[thread] == index { next[thread] += 1 }
                    }
                }
            }
        }
        onThreads(producers + [consumer])
        #expect(next.withLock { $0 } == Array(repeating: elements, count: threads))
        #expect(alive.count.load(ordering: .relaxed) == 0)
    }
}
