import Synchronization

/// What the memory keeps of an exposure, in one word. It is never 0, which is an empty place.
///
///     bits  0 ... 19   the variant's number in the registry
///     bit  20          whether the unit was drawn, and so its bucket is counted for the sample ratio
///     bits 21 ... 63   43 bits of the hash of unit, rollout and epoch; the other 21 bits name the set
struct ExposureMark: Hashable, Sendable {
    let word: UInt64
    /// The whole hash.
    fileprivate let hash: UInt64

    fileprivate static let bits: UInt64 = 21
    private static let drawn: UInt64 = 1 << 20

    /// The mark of a decision, by the hash that ``hash(of:unit:rollout:)`` gives.
    @inline(__always)
    init(_ decision: Decision, hash: UInt64) {
        self.hash = hash
        let word = Self.settled(decision, hash) & (decision.isSplit ? ~0 : ~Self.drawn)
        self.word = word == 0 ? 1 << Self.bits : word
    }

    /// What tells units, rollouts and epochs apart. The keys of unit and rollout are hashes, and look random already.
    @inline(__always)
    static func hash(of decision: Decision, unit: UInt64, rollout: UInt64) -> UInt64 {
        let epoch = decision.origin & ~0xFFFF_FFFF
        let product = (unit ^ rollout ^ epoch).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return product.high ^ product.low
    }

    /// The word of a unit that was drawn.
    @inline(__always)
    fileprivate static func settled(_ decision: Decision, _ hash: UInt64) -> UInt64 {
        hash & ~(1 << bits - 1) | decision.answer & Outcome.fieldMask | drawn
    }

    /// Whether the visit is a draw.
    @inline(__always)
    var isDrawn: Bool { word & Self.drawn != 0 }

    /// Whether a place that holds a word remembers the unit under the same variant, whether it was drawn or not.
    fileprivate func isSameExposure(as other: UInt64) -> Bool { other != 0 && (other ^ word) & ~Self.drawn == 0 }

    /// Whether a place that holds a word remembers the unit, under any variant.
    fileprivate func isSameUnit(as other: UInt64) -> Bool { other != 0 && other >> Self.bits == word >> Self.bits }
}

extension Decision {
    /// Whether the unit was drawn just now: the reason is `split`.
    @inline(__always)
    var isSplit: Bool {
        answer >> Outcome.reasonShift & Outcome.reasonMask == UInt64(Reason.Code.split.rawValue)
    }
}

/// Which units were told of, in which variant: a fixed table of marks in sets of eight, a cache line each.
///
/// A set that is full forgets one of its units for each new one. A place never becomes empty again. All operations are
/// relaxed, because a mark orders nothing else.
///
/// **Claim 1:** another unit's visit is suppressed with a probability of at most 2^-40, which is 9.1e-13. Because it is
/// compared with the eight marks of its set at most, and two units of one set share the 43 bits of a mark with a probability
/// of 2^-43: the set is named by other bits of the hash.
///
/// **Claim 2:** a set holds at most one mark of a unit in an epoch of a rollout. So a variant is compared with the one that
/// was told last, and A, B, A is told three times. Because
/// 1. a place is filled only by a thread that has seen all places before it filled, and never becomes empty again: so the
///    filled places come first, and a search that ends at an empty place has met all marks;
/// 2. a unit that is found is replaced in its place. One that is not goes to the first empty place or, in a full set, to the one that
///    its hash names. Two threads that enter one unit at once, and have not found it, exchange the same word: the first empty place
///    that one of them saw is empty for the other too, or filled, and then the exchange of the first one fails;
/// 3. whoever fails looks at the whole set again.
///
/// **Claim 3:** of two threads that tell of the same unit and variant at once, one does: ``enter(_:_:)`` is true for it alone.
/// Because by claim 2 the other one's exchange fails, and then it finds the mark. Only if the unit is forgotten in
/// between, it is told again.
@safe struct ExposureMemory: ~Copyable, @unchecked Sendable {
    static let setSize = 8
    /// The most places: as many sets as 21 bits can name.
    static let limit = setSize << Int(ExposureMark.bits)

    private let places: UnsafeMutablePointer<Atomic<UInt64>>
    private let mask: UInt64

    /// A memory of that many places, rounded up to a power of two, at least 8 and at most ``limit``.
    init(places count: Int) {
        let needed = (max(count, 1) + Self.setSize - 1) / Self.setSize
        let sets = 1 << (Int.bitWidth - (needed - 1).leadingZeroBitCount)
        mask = UInt64(sets - 1)
        let raw = UnsafeMutableRawPointer.allocate(byteCount: sets * Self.setSize * 8, alignment: 64)
        unsafe places = raw.bindMemory(to: Atomic<UInt64>.self, capacity: sets * Self.setSize)
        for index in 0..<(sets * Self.setSize) { unsafe (places + index).initialize(to: Atomic(0)) }
    }

    deinit { unsafe UnsafeMutableRawPointer(places).deallocate() }

    /// Whether the unit was told of under this variant, and was drawn: then nothing is left to do for any visit.
    @inline(__always)
    func isSettled(_ decision: Decision, hash: UInt64) -> Bool {
        let settled = ExposureMark.settled(decision, hash)
        let set = unsafe set(of: hash)
        for index in 0..<Self.setSize {
            let found = unsafe set[index].load(ordering: .relaxed)
            if found == settled { return true }
            if found == 0 { return false }
        }
        return false
    }

    /// Where a unit is or goes to, and what was there.
    @safe struct Look {
        fileprivate let place: UnsafeMutablePointer<Atomic<UInt64>>
        fileprivate let found: UInt64
        /// Whether the unit was told of under this variant.
        let isKnown: Bool
    }

    /// Looks for a unit. Places are filled from the front, so the first empty one ends the search.
    @inline(__always)
    func look(for mark: ExposureMark) -> Look {
        let set = unsafe set(of: mark.hash)
        for index in 0..<Self.setSize {
            let found = unsafe set[index].load(ordering: .relaxed)
            if found == 0 || mark.isSameUnit(as: found) {
                return unsafe Look(place: set + index, found: found, isKnown: mark.isSameExposure(as: found))
            }
        }
        // Named by bits that the set is not named by.
        let victim = unsafe set + Int(truncatingIfNeeded: mark.hash >> ExposureMark.bits) & (Self.setSize - 1)
        return unsafe Look(place: victim, found: victim.pointee.load(ordering: .relaxed), isKnown: false)
    }

    /// Enters a unit, or its new variant. False if it is there: then it is noted if it was drawn by now.
    @inline(__always)
    func enter(_ mark: ExposureMark, _ first: Look) -> Bool {
        var look = first
        while true {
            let desired = look.isKnown ? look.found | mark.word : mark.word
            if desired == look.found { return false }
            let entered = unsafe look.place.pointee.compareExchange(
                expected: look.found,
                desired: desired,
                ordering: .relaxed
            )
            if entered.exchanged { return !look.isKnown }
            look = self.look(for: mark)
        }
    }

    @inline(__always)
    private func set(of hash: UInt64) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe places + Int(truncatingIfNeeded: hash & mask) &* Self.setSize
    }
}
