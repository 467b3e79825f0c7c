import Synchronization

/// A worker's place: where the worker waits, and what a permit, the worker and the supervisor know of the copy.
@safe struct ShadowSlot: ~Copyable {
    typealias Pointer = UnsafeMutablePointer<ShadowSlot>

    /// When the copy's time is up, by the runner's clock. 0 if there is no copy, negative once it was asked to end.
    ///
    /// A positive number becomes negative by comparing and exchanging it, and 0 when the copy has returned. So a copy is
    /// asked at most once, and never in place of the next one: that has another time, or one that is up as well.
    let due = Atomic<Int64>(0)
    /// The number of the shadow variant.
    let variant = Atomic<UInt32>(0)
    /// The next free slot's place in the stack, counted from 1, or 0 for none.
    let next = Atomic<UInt32>(0)
    /// Where the worker waits. Written by the worker before the slot is free, read by whoever took it from the free ones.
    var seat: Seat?

    /// Waiting as the runtime offers it at the least cost. A worker may be told to go on before it has come to rest, and
    /// ThreadSanitizer does not see that the runtime orders these two; of the other kind of waiting it sees nothing at all.
    #if TSAN
        typealias Seat = CheckedContinuation<ShadowWork, Never>
    #else
        typealias Seat = UnsafeContinuation<ShadowWork, Never>
    #endif

    /// What `due` is while a copy that has returned is counted.
    static let returned = Int64.min

    /// Whether the copy was asked to end and has not returned.
    var wasAskedToEnd: Bool { ShadowSlot.returned + 1..<0 ~= due.load(ordering: .acquiring) }
}

/// The free slots: a stack without a lock, so that a worker that is interrupted at low priority holds up nobody.
///
/// **Claim:** a slot that is taken was free, and nobody else gets it. Because
/// 1. the head changes by compare and exchange only, and holds the number of changes beside the place of the slot: what
///    `pop` read as `next` is the successor of the head as long as the head is the same;
/// 2. that number has 32 bits. It would come round only if four thousand million changes fell between two instructions of
///    one thread;
/// 3. slots are never freed, so `next` of a slot that somebody else has taken meanwhile may be read, and is then not used.
/// Releasing `push` pairs with acquiring `pop`: whoever takes a slot sees where its worker waits.
@safe struct ShadowSlots: ~Copyable, @unchecked Sendable {
    let count: Int
    private let slots: ShadowSlot.Pointer
    /// The place of the first free slot, counted from 1, in the low half; the number of changes in the high half.
    private let head = Atomic<UInt64>(0)

    /// So many slots, none of them free.
    init(count: Int) {
        self.count = count
        unsafe slots = .allocate(capacity: count)
        for index in 0..<count { unsafe (slots + index).initialize(to: ShadowSlot()) }
    }

    deinit {
        unsafe slots.deinitialize(count: count)
        unsafe slots.deallocate()
    }

    subscript(index: Int) -> ShadowSlot.Pointer { unsafe slots + index }

    func index(of slot: ShadowSlot.Pointer) -> Int { unsafe slot - slots }

    /// A slot that was free, or nil if none is. O(1).
    @inline(__always)
    func pop() -> ShadowSlot.Pointer? {
        var head = self.head.load(ordering: .acquiring)
        while true {
            let place = UInt32(truncatingIfNeeded: head)
            if place == 0 { return nil }
            let slot = unsafe slots + Int(place - 1)
            let next = unsafe slot.pointee.next.load(ordering: .relaxed)
            let (isDone, current) = self.head.weakCompareExchange(
                expected: head,
                desired: Self.head(next, after: head),
                ordering: .acquiringAndReleasing
            )
            if isDone { return unsafe slot }
            head = current
        }
    }

    /// Makes a slot free whose worker waits. O(1).
    func push(_ slot: ShadowSlot.Pointer) {
        let place = UInt32(truncatingIfNeeded: unsafe index(of: slot) + 1)
        var head = self.head.load(ordering: .relaxed)
        while true {
            unsafe slot.pointee.next.store(UInt32(truncatingIfNeeded: head), ordering: .relaxed)
            let (isDone, current) = self.head.weakCompareExchange(
                expected: head,
                desired: Self.head(place, after: head),
                ordering: .acquiringAndReleasing
            )
            if isDone { return }
            head = current
        }
    }

    @inline(__always)
    private static func head(_ place: UInt32, after head: UInt64) -> UInt64 {
        (head >> 32 &+ 1) << 32 | UInt64(place)
    }
}
