public import Synchronization

#if !_pointerBitWidth(_64)
    #error("Rollout runs on 64-bit platforms: an Int holds every offset that 40 bits of a torn word can name")
#endif

/// Where a compiled policy is published to readers on other threads: a ring of eight slots behind one head word.
///
/// There is one writer at a time (`RouterState` holds a lock) and any number of readers. Readers take no lock, write no memory
/// and wait for nobody. Three other files let threads share memory that is written while they run, each with its own proof:
/// `VariantRegistry`, `CookieRegistry` and `ResourcePool`.
///
///     words[0]        head: the number of policies published, whose low three bits name the current slot
///     words[8 ... 15] the slots: the address of each | log2 of its words
///     words[16 ...]   every ring there was, at the log2 of its slots' words; only leak checkers read them
///
///     writer of policy s                                reader
///     W1  store the slots, releasing (if they grew)     R1  load head = s, acquiring
///     W2  fence, releasing                              R2  load slot s mod 8, acquiring
///     W3  store the words of slot s mod 8, relaxed      R3  load words of slot s mod 8, relaxed
///     W4  store head = s, releasing                     R4  fence, acquiring
///                                                       R5  load head, relaxed: accept s ... s + 6
///
/// R1 pairs with W4, R2 with W1, R4 with W2.
///
/// **Claim 1:** what ``read(_:)`` returns was made of the words of policy s alone. Because
/// 1. R3 loads nothing older. The words of s were stored before the W4 that R1 loads. If either of the two were relaxed,
///    head = s could arrive before the words, and the words of s - 8 be read in their place.
/// 2. If R3 loads something newer, the reader tries again. The slot's next words are those of s + 8, whose writer stored
///    head = s + 7 before its W2. A reader that loads one of them at R3 goes on to R4, so W2 synchronises with R4, and R5
///    loads s + 7 at least. Without W2 the new words could arrive before head = s + 7. Without R4 the second load of head
///    could be made before R3. If s + 7 were accepted as well, a reader whose slot is half rewritten would get through.
/// What got through would be a decision of two policies: the salt of one, the bounds of the other, a revision of either.
/// W2 and R4 cost nothing on x86. A releasing store of each word could replace W2, and would cost more elsewhere.
///
/// **Claim 2:** any address that R2 finds will do. Because
/// 1. it is not older than s. The addresses of the ring were stored at W1, before the W4 that R1 loaded. If R2 came before
///    R1, or R1 were relaxed, head could name a slot that is too small;
/// 2. if it is newer than s, the slot holds the words of s all the same, because it began as a copy of the old slot that was
///    complete before W1. R2 has to acquire that itself: a reader of an older head gets no order from R1, and if R2 were
///    relaxed, it could read a slot that is not written yet. If s was overwritten before the copy was made, then R2 also
///    acquires a head beyond s + 6, and R5 sees it;
/// 3. if it is older than the running ring, nobody writes that ring any more, so what was current in it stays.
///
/// **Claim 3:** an image has room for the record of every handle, torn or not. Because a handle holds a seat of a policy that
/// is published already (`RouterState`), all later policies have that seat too, each of them fills at least the records of
/// its seats, and by claim 2.1 the slot fits policy s. The thread that has the handle loads a head no older than that
/// policy's (claim 4), because the handle reached it from the thread that took the seat.
///
/// **Claim 4:** revisions never go back, for one thread or for threads that synchronise. Because head only rises (64 bits
/// do not wrap), and loads of one atomic word never go back in such threads, whatever their ordering (coherence).
///
/// Readers try again only if seven policies were published inside one read. ThreadSanitizer does not know fences, so it says
/// nothing about W2 and R4. `PublicationModelTests` runs this table through every execution that the memory model allows
/// within small bounds, as it is and with each ordering weakened in turn. `PublicationStressTests` runs the code.
@usableFromInline
@safe struct SnapshotCell: @unchecked Sendable {
    @usableFromInline typealias Words = UnsafeMutablePointer<Atomic<UInt64>>

    /// A power of two: the low bits of head name the slot.
    @inlinable static var slots: Int { 8 }
    /// A cache line, and the adjacent one that prefetchers fetch with it.
    private static let alignment = 128
    @inlinable static var head: Int { 0 }
    @inlinable static var table: Int { 8 }
    private static let rings = 16

    @usableFromInline let words: Words

    /// A cell that has published a first policy.
    init(_ first: [UInt64]) {
        unsafe words = Self.allocate(Self.rings + 64)
        adopt(newRing(exponent: Self.exponent(for: first.count)))
        publish(first)
    }

    /// How many policies were published. Whoever holds a decision of one of them finds it counted.
    var published: UInt64 { unsafe words[Self.head].load(ordering: .acquiring) }

    /// What the body makes of the current policy. The body may run several times, and must be pure and total.
    @inline(__always)
    func read<Result>(_ body: (PolicyImage) -> Result) -> Result {
        while true {
            let head = unsafe words[Self.head].load(ordering: .acquiring)  // R1
            let slot = unsafe words[Self.place(of: head)].load(ordering: .acquiring)  // R2
            let result = body(Self.image(slot))  // R3
            atomicMemoryFence(ordering: .acquiring)  // R4
            let later = unsafe words[Self.head].load(ordering: .relaxed)  // R5
            if later &- head < UInt64(Self.slots - 1) { return result }
        }
    }

    /// What the body makes of the current policy, or nil if it makes nothing of it or an update passed meanwhile.
    ///
    /// The loads are those of ``read(_:)``, and the test is stricter: head must not have moved at all. This is for a first
    /// attempt that makes no call and has no loop, so that the compiler saves no register for it.
    @inlinable
    @inline(__always)
    func glance<Result>(_ body: (PolicyImage) -> Result?) -> Result? {
        let head = unsafe words[Self.head].load(ordering: .acquiring)
        let slot = unsafe words[Self.place(of: head)].load(ordering: .acquiring)
        guard let result = body(Self.image(slot)) else { return nil }
        atomicMemoryFence(ordering: .acquiring)
        let later = unsafe words[Self.head].load(ordering: .relaxed)
        return later == head ? result : nil
    }

    /// Publishes a policy. Only one writer at a time may do so. O(words), and O(8 words) if they outgrow the slots.
    func publish(_ policy: [UInt64]) {
        growIfNeeded(for: policy.count)
        let next = unsafe words[Self.head].load(ordering: .relaxed) &+ 1
        let slot = unsafe Self.start(of: words[Self.place(of: next)].load(ordering: .relaxed))
        atomicMemoryFence(ordering: .releasing)  // W2
        for index in policy.indices { unsafe slot[index].store(policy[index], ordering: .relaxed) }  // W3
        unsafe words[Self.head].store(next, ordering: .releasing)  // W4
    }

    /// Replaces slots that are too small by larger ones.
    ///
    /// The outgrown ring stays, because a reader may be in it. Each ring has slots at least twice as large as the one before,
    /// so all outgrown rings together take no more than the last one.
    private func growIfNeeded(for count: Int) {
        let old = unsafe words[Self.table].load(ordering: .relaxed)
        let needed = Self.exponent(for: count)
        guard needed > Self.exponent(of: old) else { return }
        let ring = newRing(exponent: needed)
        let (from, to) = unsafe (Self.start(of: old), Self.start(of: ring))
        for slot in 0..<Self.slots {
            for word in 0..<(1 << Self.exponent(of: old)) {
                let copied = unsafe from[slot << Self.exponent(of: old) + word].load(ordering: .relaxed)
                unsafe to[slot << needed + word].store(copied, ordering: .relaxed)
            }
        }
        adopt(ring)
    }

    // MARK: Rings

    /// log2 of the words of a slot that has room for `count`: 16 words at least, because slots share no cache line.
    static func exponent(for count: Int) -> Int {
        Int.bitWidth - (max(count, alignment / 8) - 1).leadingZeroBitCount
    }

    /// The place of the address of the slot that a head names.
    @inlinable
    @inline(__always)
    static func place(of head: UInt64) -> Int {
        table &+ Int(truncatingIfNeeded: head & UInt64(slots - 1))
    }

    @inlinable
    @inline(__always)
    static func exponent(of slot: UInt64) -> Int { Int(truncatingIfNeeded: slot & 63) }

    /// The first word of a slot. It is never nil, because the address is that of an allocation, and it is not tested, because
    /// every decision would pay for the test. The allocation is exposed by its conversion to an integer, so a pointer that is
    /// made from the integer may be followed.
    @inlinable
    @inline(__always)
    static func start(of slot: UInt64) -> Words {
        unsafe Words(bitPattern: UInt(slot & ~63)).unsafelyUnwrapped
    }

    @inlinable
    @inline(__always)
    static func image(_ slot: UInt64) -> PolicyImage {
        unsafe PolicyImage(words: start(of: slot), exponent: exponent(of: slot))
    }

    /// Allocates eight slots, one after the other. Returns the address of the first | log2 of its words.
    private func newRing(exponent: Int) -> UInt64 {
        let ring = unsafe UInt64(UInt(bitPattern: Self.allocate(Self.slots << exponent))) | UInt64(exponent)
        unsafe words[Self.rings + exponent].store(ring, ordering: .relaxed)
        return ring
    }

    /// Makes readers use the slots of a ring from now on.
    private func adopt(_ ring: UInt64) {
        for slot in 0..<Self.slots {
            let address = ring + UInt64(slot << Self.exponent(of: ring) * 8)
            unsafe words[Self.table + slot].store(address, ordering: .releasing)  // W1
        }
    }

    private static func allocate(_ count: Int) -> Words {
        let raw = UnsafeMutableRawPointer.allocate(byteCount: count * 8, alignment: alignment)
        let words = unsafe raw.bindMemory(to: Atomic<UInt64>.self, capacity: count)
        for index in 0..<count { unsafe (words + index).initialize(to: Atomic(0)) }
        return unsafe words
    }
}
