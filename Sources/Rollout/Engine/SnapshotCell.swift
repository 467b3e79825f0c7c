import Synchronization

/// Where a compiled policy is published to readers on other threads: a ring of eight slots behind one head word.
///
/// The only file that publishes across threads. One writer at a time (`RouterState` holds its lock); any number of
/// readers, who take no lock, write no memory and wait for nobody.
///
///     words[0]   head: the number of policies published, whose low three bits name the current slot
///     words[1]   ring: the address of the ring | log2 of the words of a slot
///     words[e]   the outgrown ring whose slots have 2^e words, so that nothing is ever out of reach
///
/// A policy that outgrows the slots gets a ring with larger ones. Outgrown rings stay, because a reader may be in one; as
/// each is at least twice the one before, they take together no more than the last.
///
/// **Claim 1:** what ``read(_:)`` returns was made of the words of one published policy.
/// Because, for a reader that loaded head = s:
/// 1. The words of policy s were stored before head = s was (releasing store in ``publish(_:)``, acquiring load in
///    ``read(_:)``), so the reader sees those words or later ones; a weaker load could see words from before s.
/// 2. Later words of the same slot belong to policy s + 8 at the earliest. The writer stores them after a releasing
///    fence, which follows its store of head = s + 7. A reader that saw any of them passes an acquiring fence before it
///    loads head again, so the fences synchronise and it sees at least s + 7, and tries again.
/// 3. A reader that sees less than s + 7 saw none of them.
/// Without the fence of the writer the new words could become visible before head = s + 7, without the fence of the
/// reader the second load of head could happen before the words were read: either way a mixture of s and s + 8 would
/// pass. A release on each word's store instead of the fence would do as well, and cost more where that is an instruction.
///
/// **Claim 2:** it does not matter which ring the reader finds. Because
/// 1. a new ring is a copy of the old one, slot by slot, before its address is stored (releasing; the reader's load is
///    acquiring, since a reader with an older head gets no order from that),
/// 2. the address is stored before the next head, so a reader never finds a ring older than its head,
/// 3. an outgrown ring is never written again, so what was current in it stays whole.
///
/// **Claim 3:** revisions never go back. Because head only rises, and loads of one word by one thread, or by threads that
/// synchronise, never go back (coherence).
///
/// Readers try again only where seven policies were published inside one read.
@safe struct SnapshotCell: @unchecked Sendable {
    private typealias Words = UnsafeMutablePointer<Atomic<UInt64>>

    /// A power of two: the low bits of head name the slot.
    private static let slots = 8
    /// A cache line, and the adjacent one that prefetchers fetch with it.
    private static let alignment = 128
    /// log2 of the words of a slot of the first ring: one record.
    private static let firstExponent = 4
    private static let head = 0
    private static let ring = 1

    private let words: Words

    init() {
        unsafe words = Self.allocate(UInt64.bitWidth)
        unsafe words[Self.ring].store(Self.newRing(exponent: Self.firstExponent), ordering: .releasing)
    }

    /// What the body makes of the current policy. The body may run several times, and must be pure and total.
    @inline(__always)
    func read<Result>(_ body: (PolicyImage) -> Result) -> Result {
        while true {
            let head = unsafe words[Self.head].load(ordering: .acquiring)
            let ring = unsafe words[Self.ring].load(ordering: .acquiring)
            let result = body(Self.image(head, ring))
            atomicMemoryFence(ordering: .acquiring)
            let later = unsafe words[Self.head].load(ordering: .relaxed)
            if later &- head < UInt64(Self.slots - 1) { return result }
        }
    }

    /// What the body makes of the current policy, or nil where it makes nothing of it or an update passed meanwhile.
    ///
    /// The loads of ``read(_:)``, and a stricter test: a head that has not moved at all. For a first attempt that makes
    /// no call and has no loop, so that the compiler saves no register for it.
    @inline(__always)
    func glance<Result>(_ body: (PolicyImage) -> Result?) -> Result? {
        let head = unsafe words[Self.head].load(ordering: .acquiring)
        let ring = unsafe words[Self.ring].load(ordering: .acquiring)
        let result = body(Self.image(head, ring))
        atomicMemoryFence(ordering: .acquiring)
        let later = unsafe words[Self.head].load(ordering: .relaxed)
        return later == head ? result : nil
    }

    /// Publishes a policy. One writer at a time. O(words), and O(8 words) where they outgrow the slots.
    func publish(_ policy: [UInt64]) {
        growIfNeeded(for: policy.count)
        let next = unsafe words[Self.head].load(ordering: .relaxed) &+ 1
        let slot = unsafe Self.slot(next, words[Self.ring].load(ordering: .relaxed))
        atomicMemoryFence(ordering: .releasing)
        for (index, word) in policy.enumerated() { unsafe slot[index].store(word, ordering: .relaxed) }
        unsafe words[Self.head].store(next, ordering: .releasing)
    }

    private func growIfNeeded(for count: Int) {
        let old = unsafe words[Self.ring].load(ordering: .relaxed)
        let needed = Self.exponent(for: count)
        guard needed > Self.exponent(of: old) else { return }
        let new = Self.newRing(exponent: needed)
        for index in 0..<UInt64(Self.slots) {
            let (from, to) = unsafe (Self.slot(index, old), Self.slot(index, new))
            for word in 0..<(1 << Self.exponent(of: old)) {
                unsafe to[word].store(from[word].load(ordering: .relaxed), ordering: .relaxed)
            }
        }
        unsafe words[Self.exponent(of: old)].store(old, ordering: .relaxed)
        unsafe words[Self.ring].store(new, ordering: .releasing)
    }

    // MARK: Rings

    /// log2 of the words of a slot that holds so many.
    static func exponent(for count: Int) -> Int { Int.bitWidth - (count - 1).leadingZeroBitCount }

    @inline(__always)
    private static func exponent(of ring: UInt64) -> Int { Int(truncatingIfNeeded: ring & 63) }

    @inline(__always)
    private static func slot(_ head: UInt64, _ ring: UInt64) -> Words {
        // Never nil: the address is that of an allocation. A branch here would be paid by every decision.
        let start = unsafe Words(bitPattern: UInt(ring & ~63)).unsafelyUnwrapped
        return unsafe start + (Int(truncatingIfNeeded: head & UInt64(slots - 1)) &<< exponent(of: ring))
    }

    @inline(__always)
    private static func image(_ head: UInt64, _ ring: UInt64) -> PolicyImage {
        unsafe PolicyImage(words: slot(head, ring), exponent: exponent(of: ring))
    }

    private static func newRing(exponent: Int) -> UInt64 {
        unsafe UInt64(UInt(bitPattern: allocate(slots << exponent))) | UInt64(exponent)
    }

    private static func allocate(_ count: Int) -> Words {
        let raw = UnsafeMutableRawPointer.allocate(byteCount: count * 8, alignment: alignment)
        let words = unsafe raw.bindMemory(to: Atomic<UInt64>.self, capacity: count)
        for index in 0..<count { unsafe (words + index).initialize(to: Atomic(0)) }
        return unsafe words
    }
}
