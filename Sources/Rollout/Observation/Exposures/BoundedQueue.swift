import Synchronization

/// A bounded queue without locks, for any number of producers and one consumer at a time (Vyukov's bounded queue).
///
/// A cell has a sequence number. With n the number of cells, the cell of ticket t is `t mod n`, and its number is
///
///     t          free: whoever draws ticket t may fill it
///     t + 1      filled: the consumer may empty it
///     t + n      emptied, which is: free for ticket t + n
///
///     producer of ticket t                             consumer, at ticket t
///     P1  load the cell's number = t, acquiring        C1  load the cell's number = t + 1, acquiring
///     P2  tail: t -> t + 1, relaxed                    C2  take the element
///     P3  fill the cell                                C3  store the number t + n, releasing
///     P4  store the number t + 1, releasing            C4  head: t -> t + 1
///
/// **Claim 1:** one thread at a time touches a cell's element, and sees it as the last one left it. Because
/// 1. one producer wins ticket t (P2), and only after it saw the cell free for t (P1). From then on the number stays t until
///    P4: no other producer has that ticket, and the consumer waits for t + 1;
/// 2. from P4 to C3 the number is t + 1: the next producer of the cell needs t + n, and stands at P1;
/// 3. C1 pairs with P4, P1 with C3 (or with the initialization).
/// With weaker orders a consumer could take a reference that is not written yet, or a producer overwrite one that is
/// still to be taken: one would be released twice, or never.
///
/// **Claim 2:** each element that is handed over is taken once, or goes with the queue. Because a ticket is won once, its
/// cell is filled once (P3), and the consumer's `head` passes each ticket once, emptying the cell.
///
/// **Claim 3:** ``draw()`` returns nil only if the queue was full. Because then the number lies below the ticket:
/// the cell holds the element of ticket t - n, which is not taken yet, while t was the next ticket at the earliest.
///
/// P4 and the consumer's look are sequentially consistent, for whoever waits: see ``ExposureDelivery``.
@safe struct BoundedQueue<Element: Sendable>: ~Copyable, @unchecked Sendable {
    /// How many elements there is room for.
    let capacity: Int
    /// The number of each cell.
    private let sequences: UnsafeMutablePointer<Atomic<Int>>
    /// The element of each cell; nil in one that is not filled.
    private let elements: UnsafeMutablePointer<Element?>
    /// The next ticket.
    private let tail = Atomic<Int>(0)
    /// The ticket of the next element to be taken. Written by the consumer alone.
    private let head = Atomic<Int>(0)

    /// A queue of that many elements, rounded up to a power of two; at least two, for with one cell "filled" and "free for the
    /// next ticket" would be the same number.
    init(capacity count: Int) {
        capacity = 1 << (Int.bitWidth - (max(count, 2) - 1).leadingZeroBitCount)
        unsafe sequences = .allocate(capacity: capacity)
        unsafe elements = .allocate(capacity: capacity)
        for index in 0..<capacity {
            unsafe (sequences + index).initialize(to: Atomic(index))
            unsafe (elements + index).initialize(to: nil)
        }
    }

    deinit {
        unsafe elements.deinitialize(count: capacity)
        unsafe elements.deallocate()
        unsafe sequences.deallocate()
    }

    @inline(__always)
    private func cell(of ticket: Int) -> Int { ticket & (capacity &- 1) }

    /// Draws a ticket, or returns nil if the queue is full. Whoever has a ticket must ``fill(_:_:)`` its cell, and soon:
    /// the consumer waits for it.
    @inline(__always)
    func draw() -> Int? {
        var ticket = tail.load(ordering: .relaxed)
        while true {
            let sequence = unsafe sequences[cell(of: ticket)].load(ordering: .acquiring)  // P1
            if sequence == ticket {
                let next = ticket &+ 1
                let (isMine, newer) = tail.compareExchange(expected: ticket, desired: next, ordering: .relaxed)  // P2
                if isMine { return ticket }
                ticket = newer
            } else if sequence < ticket {
                return nil
            } else {
                ticket = tail.load(ordering: .relaxed)
            }
        }
    }

    /// Hands over the element of a ticket; nil if it turned out that there is none.
    @inline(__always)
    func fill(_ ticket: Int, _ element: consuming Element?) {
        let cell = cell(of: ticket)
        // What was there is nil, and has nothing to release.
        unsafe (elements + cell).initialize(to: element)  // P3
        unsafe sequences[cell].store(ticket &+ 1, ordering: .sequentiallyConsistent)  // P4
    }

    /// Whether the next element is not there yet. For the consumer.
    var isEmpty: Bool {
        let ticket = head.load(ordering: .relaxed)
        return unsafe sequences[cell(of: ticket)].load(ordering: .sequentiallyConsistent) != ticket &+ 1
    }

    /// Whether every ticket that was drawn has been taken. For the consumer.
    var isDrained: Bool { head.load(ordering: .relaxed) == tail.load(ordering: .sequentiallyConsistent) }

    /// Takes the elements that are there, in the order of their tickets, but no more than that many. For the consumer.
    func take(upTo count: Int) -> [Element] {
        var taken: [Element] = []
        var ticket = head.load(ordering: .relaxed)
        while taken.count < count {
            let cell = cell(of: ticket)
            guard unsafe sequences[cell].load(ordering: .acquiring) == ticket &+ 1 else { break }  // C1
            // Not `elements[cell].take()`: the thread sanitizer would take that for a change of `elements` itself.
            let place = unsafe elements + cell
            if let element = unsafe place.move() { taken.append(element) }  // C2
            unsafe place.initialize(to: nil)
            unsafe sequences[cell].store(ticket &+ capacity, ordering: .releasing)  // C3
            ticket &+= 1
        }
        head.store(ticket, ordering: .relaxed)  // C4
        return taken
    }
}
