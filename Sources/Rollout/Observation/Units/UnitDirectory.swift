import Synchronization

/// Where the units of a variant are counted, in one word: which epoch of it, in which memory, and in which stage. 0 for nowhere.
///
///     bit   0          the variant's place in the totals
///     bits  1 ... 11   the number of the memory
///     bits 12 ... 31   the tag of the stage
///     bits 32 ... 63   the epoch
struct UnitHeader: Hashable {
    let bits: UInt64

    static let nowhere = UnitHeader(bits: 0)

    @inline(__always)
    init(bits: UInt64) { self.bits = bits }

    init(epoch: UInt32, tag: UInt64, memory: Int, place: Int) {
        bits = UInt64(epoch) << 32 | tag << 12 | UInt64(memory) << 1 | UInt64(place)
    }

    @inline(__always)
    var place: Int { Int(truncatingIfNeeded: bits & 1) }
    @inline(__always)
    var memory: Int { Int(truncatingIfNeeded: bits >> 1 & 0x7FF) }
    @inline(__always)
    var tag: UInt64 { bits >> 12 & UnitMemory.lastTag }
    @inline(__always)
    var epoch: UInt32 { UInt32(truncatingIfNeeded: bits >> 32) }

    /// Whether decisions of this origin are of the epoch.
    @inline(__always)
    func isOfEpoch(of origin: UInt64) -> Bool { (bits ^ origin) >> 32 == 0 }
}

/// The way from a variant to where its units are counted, which takes no lock.
///
/// A variant's header has a place of its own for as long as the process lives. So whoever comes late finds a header of their own
/// variant, and no other one.
@safe struct UnitDirectory: @unchecked Sendable {
    typealias Word = Atomic<UInt64>

    /// Rows allow for fewer than 1,000 tables at once.
    static let memoryLimit = 1 << 11
    private static let chunkSize = 1024

    /// The headers by the variant's number. Chunks are made when needed.
    private let chunks: UnsafeMutablePointer<Atomic<UnsafeMutablePointer<Word>?>>
    /// The addresses of memories by their number.
    private let memories: UnsafeMutablePointer<Word>
    /// ``LatencyEdge/exceeded``
    private let exceeded: UnsafeMutablePointer<UInt8>

    init() {
        let chunkCount = VariantRegistry.shared.limit / Self.chunkSize + 1
        unsafe chunks = .allocate(capacity: chunkCount)
        for index in 0..<chunkCount { unsafe (chunks + index).initialize(to: Atomic(nil)) }
        unsafe memories = zeroedWords(Self.memoryLimit)
        unsafe exceeded = .allocate(capacity: LatencyRange.count)
        for (index, count) in LatencyEdge.exceeded.enumerated() { unsafe (exceeded + index).initialize(to: count) }
    }

    @inline(__always)
    subscript(variant: VariantNumber) -> UnitHeader {
        let index = Int(variant.rawValue)
        guard let chunk = unsafe chunks[index / Self.chunkSize].load(ordering: .acquiring) else { return .nowhere }
        return unsafe UnitHeader(bits: chunk[index % Self.chunkSize].load(ordering: .acquiring))
    }

    @inline(__always)
    func memory(_ number: Int) -> UnitMemory? {
        UnitMemory(address: unsafe memories[number].load(ordering: .acquiring))
    }

    /// What a request of one of the kinds that count units, success and failure, says of its unit.
    @inline(__always)
    func outcome(_ kind: OutcomeKind, _ range: LatencyRange) -> UnitOutcome {
        UnitOutcome(failure: UInt64(truncatingIfNeeded: kind.index), slowness: UInt64(unsafe exceeded[range.index]))
    }

    // MARK: Under the recorder's lock

    func set(_ header: UnitHeader, of variant: VariantNumber) {
        let index = Int(variant.rawValue)
        let place = unsafe chunks + index / Self.chunkSize
        let chunk: UnsafeMutablePointer<Word>
        if let known = unsafe place.pointee.load(ordering: .relaxed) {
            unsafe chunk = known
        } else if header == .nowhere {
            return
        } else {
            unsafe chunk = zeroedWords(Self.chunkSize)
            unsafe place.pointee.store(chunk, ordering: .releasing)
        }
        unsafe chunk[index % Self.chunkSize].store(header.bits, ordering: .releasing)
    }

    func set(_ memory: UnitMemory, at number: Int) {
        unsafe memories[number].store(memory.address, ordering: .releasing)
    }
}
