import Synchronization

/// What is counted of one shadow variant's copies.
@safe struct ShadowTally: @unchecked Sendable {
    /// What happens to copies. The raw value is the count's place: what requests count lies 128 bytes apart from what workers
    /// count, so that these do not slow those down.
    enum Event: Int {
        case admitted, noRoom, notRunning, nested
        case succeeded = 16, failed, cancelled
        case agreed, differed, unjudged
        case baselineAgreed, baselineDiffered, baselineUnjudged
    }

    private let counts: UnsafeMutablePointer<Atomic<Int>>

    private static let size = 32

    init() {
        let raw = UnsafeMutableRawPointer.allocate(byteCount: Self.size * 8, alignment: 128)
        unsafe counts = raw.bindMemory(to: Atomic<Int>.self, capacity: Self.size)
        for index in 0..<Self.size { unsafe (counts + index).initialize(to: Atomic(0)) }
    }

    init(at address: UnsafeMutablePointer<Atomic<Int>>) { unsafe counts = unsafe address }

    var address: UnsafeMutablePointer<Atomic<Int>> { unsafe counts }

    func deallocate() { unsafe counts.deallocate() }

    /// Releasing, so that who sees the end of a copy counted sees its beginning counted.
    @inline(__always)
    func count(_ event: Event) { unsafe counts[event.rawValue].wrappingAdd(1, ordering: .releasing) }

    subscript(event: Event) -> Int { unsafe counts[event.rawValue].load(ordering: .acquiring) }
}

/// The counts of every shadow variant that ever had a copy, found by its number without a lock.
///
/// The first 1,000 variants have counts of their own, and all later ones have common ones. Memory: 8 bytes for each variant
/// of a thousand among which one had a copy, and 256 bytes for each one that had.
@safe final class ShadowTallies: @unchecked Sendable {
    typealias Address = UnsafeMutablePointer<Atomic<Int>>
    private typealias Entry = Atomic<Address?>
    private typealias Chunk = UnsafeMutablePointer<Entry>
    private static let chunkSize = 1024
    /// How many variants have counts of their own.
    static let most = 1_000

    /// The counts of the variants that have no own ones.
    let others = ShadowTally()
    private let own = Lock<[(variant: Decision.Variant, tally: ShadowTally)]>([])
    /// Chunks are made when needed, and stay.
    private let chunks: UnsafeMutablePointer<Atomic<Chunk?>>
    private let chunkCount = VariantRegistry.shared.limit / chunkSize + 1

    init() {
        unsafe chunks = .allocate(capacity: chunkCount)
        for index in 0..<chunkCount { unsafe (chunks + index).initialize(to: Atomic(nil)) }
    }

    deinit {
        for index in 0..<chunkCount { unsafe chunks[index].load(ordering: .relaxed)?.deallocate() }
        unsafe chunks.deallocate()
        for (_, tally) in own.withLock({ $0 }) { tally.deallocate() }
        others.deallocate()
    }

    /// The counts of each variant that has own ones, in the order of their first copies.
    var all: [(variant: Decision.Variant, tally: ShadowTally)] { own.withLock { $0 } }

    /// The counts of a variant. O(1), no lock but for the first time.
    @inline(__always)
    subscript(number: VariantNumber) -> ShadowTally {
        let index = Int(number.rawValue)
        if index / Self.chunkSize < chunkCount,
            let chunk = unsafe chunks[index / Self.chunkSize].load(ordering: .acquiring),
            let counts = unsafe chunk[index % Self.chunkSize].load(ordering: .acquiring)
        {
            return unsafe ShadowTally(at: counts)
        }
        return enter(number)
    }

    @inline(never)
    private func enter(_ number: VariantNumber) -> ShadowTally {
        let (place, offset) = Int(number.rawValue).quotientAndRemainder(dividingBy: Self.chunkSize)
        guard place < chunkCount else { return others }
        return own.withLock { own in
            let chunk: Chunk
            if let known = unsafe chunks[place].load(ordering: .relaxed) {
                unsafe chunk = known
            } else {
                unsafe chunk = .allocate(capacity: Self.chunkSize)
                for index in 0..<Self.chunkSize { unsafe (chunk + index).initialize(to: Entry(nil)) }
                unsafe chunks[place].store(chunk, ordering: .releasing)
            }
            if let known = unsafe chunk[offset].load(ordering: .relaxed) { return unsafe ShadowTally(at: known) }
            let isOther = own.count == Self.most
            let tally = isOther ? others : ShadowTally()
            if !isOther { own.append((Decision.Variant(number: number), tally)) }
            unsafe chunk[offset].store(tally.address, ordering: .releasing)
            return tally
        }
    }
}
