import Synchronization

/// A count that says whose it is, in one word: the owner in the upper 21 bits, the count in the lower 43.
///
/// **Claim:** no addition is lost or counted for somebody else, whatever was folded meanwhile and whatever memory is used
/// again. Because
/// 1. an addition compares and exchanges the whole word, and only if its owner is the one that the addition is for;
/// 2. whoever takes a count away exchanges the whole word as well, so each addition comes before that and is taken along, or
///    comes after it, finds another owner, and is made elsewhere;
/// 3. the memory of a count is never freed, and used again only for the same range of the same kind of outcome. So an addition
///    that comes late finds its own owner only where it belongs.
/// If the owner were kept beside the count, an addition could be made between the look at one and the other. `FoldingModelTests`
/// shows what happens without each of these.
enum OutcomeCell {
    typealias Word = Atomic<UInt64>

    private static let ownerShift: UInt64 = 43
    /// The largest count. One thread that does nothing else reaches it after a day; from then on the count stands still.
    static let limit: UInt64 = 1 << ownerShift - 1
    /// What no owner's addition accepts.
    static let free = UInt64.max

    /// The word of an owner's count of 0.
    @inline(__always)
    static func empty(_ variant: VariantNumber) -> UInt64 { UInt64(variant.rawValue) << ownerShift }

    /// The owner of what has no row of its own. Above every variant's number.
    static let other: UInt64 = 1 << (20 + ownerShift)

    /// Adds to an owner's count, which stops at the limit.
    ///
    /// Releasing, so that whoever sees that a request has ended sees that it began.
    ///
    /// - Returns: Whether the count is the owner's.
    @inline(__always)
    static func add(_ amount: UInt64, to cell: UnsafeMutablePointer<Word>, of owner: UInt64) -> Bool {
        var word = unsafe cell.pointee.load(ordering: .relaxed)
        while word &- owner <= limit {
            let sum = min(word &- owner &+ amount, limit) &+ owner
            let (isDone, now) = unsafe cell.pointee.weakCompareExchange(
                expected: word,
                desired: sum,
                successOrdering: .releasing,
                failureOrdering: .relaxed
            )
            if isDone { return true }
            word = now
        }
        return false
    }

    /// Adds 1 to an owner's count, as long as that is below half of the limit. One test says both, and takes few registers: so a
    /// caller that has nothing else to do saves none.
    ///
    /// - Returns: Whether it was added.
    @inline(__always)
    static func increment(_ cell: UnsafeMutablePointer<Word>, of owner: UInt64) -> Bool {
        var word = unsafe cell.pointee.load(ordering: .relaxed)
        while (word ^ owner) &>> (ownerShift - 1) == 0 {
            let (isDone, now) = unsafe cell.pointee.weakCompareExchange(
                expected: word,
                desired: word &+ 1,
                successOrdering: .releasing,
                failureOrdering: .relaxed
            )
            if isDone { return true }
            word = now
        }
        return false
    }

    /// The count in a word.
    static func count(_ word: UInt64) -> Int { Int(word & limit) }
}

/// 256 bytes of a row's memory: 32 words, each a count or the address of another page.
///
/// Pages are never freed. One that is given back is used again for the same purpose.
@safe struct OutcomePage: @unchecked Sendable {
    let words: UnsafeMutablePointer<OutcomeCell.Word>

    static let count = 32

    /// What a page is for.
    enum Purpose: Hashable {
        /// A variant's counts on one stripe, and its directories.
        case node
        /// The addresses of one kind's ranges.
        case directory(kind: Int)
        /// 32 ranges of one kind.
        case ranges(kind: Int, page: Int)

        /// Whether a word is the address of another page, and no count.
        func holdsAddress(at index: Int) -> Bool {
            switch self {
            case .node:
                NodeLayout.directories..<NodeLayout.counters ~= index
                    || NodeLayout.unitDirectories..<NodeLayout.end ~= index
            case .directory: true
            case .ranges: false
            }
        }
    }

    init() {
        unsafe words = UnsafeMutableRawPointer.allocate(byteCount: Self.count * 8, alignment: Stripe.stride)
            .bindMemory(to: OutcomeCell.Word.self, capacity: Self.count)
        for index in 0..<Self.count { unsafe (words + index).initialize(to: Atomic(OutcomeCell.free)) }
    }

    /// The page at an address; nil for 0.
    @inline(__always)
    init?(address: UInt64) {
        guard let words = unsafe UnsafeMutablePointer<OutcomeCell.Word>(bitPattern: UInt(truncatingIfNeeded: address))
        else { return nil }
        unsafe self.words = words
    }

    /// The page whose address a word holds; nil if there is none yet.
    @inline(__always)
    func page(at index: Int) -> OutcomePage? {
        OutcomePage(address: unsafe words[index].load(ordering: .acquiring))
    }

    /// Adds to a count, as ``OutcomeCell/add(_:to:of:)`` does.
    @inline(__always)
    func add(_ amount: UInt64, at index: Int, of owner: UInt64) -> Bool {
        unsafe OutcomeCell.add(amount, to: words + index, of: owner)
    }

    /// Adds 1 to a count that is not too large, as ``OutcomeCell/increment(_:of:)`` does.
    @inline(__always)
    func increment(at index: Int, of owner: UInt64) -> Bool {
        unsafe OutcomeCell.increment(words + index, of: owner)
    }

    // MARK: Under the recorder's lock

    var address: UInt64 { UInt64(UInt(bitPattern: unsafe words)) }

    func count(at index: Int) -> Int { OutcomeCell.count(unsafe words[index].load(ordering: .acquiring)) }

    /// Takes a count away: nobody can add to it from then on.
    func take(at index: Int) -> Int {
        OutcomeCell.count(unsafe words[index].exchange(OutcomeCell.free, ordering: .acquiringAndReleasing))
    }

    func set(_ word: UInt64, at index: Int) { unsafe words[index].store(word, ordering: .releasing) }
}

/// The places in a page that is a node.
enum NodeLayout {
    /// Measured requests that began.
    static let begun = 0
    /// Measured requests that ended.
    static let finished = 1
    /// The directories of the kinds of outcome.
    static let directories = 2
    /// The service's own counters.
    static let counters = directories + OutcomeKind.count
    static let counterLimit = 16
    /// The directories of the first kinds of outcome, drawn successes and failures, if the variant's units are counted. Then there
    /// is none at their usual places.
    static let unitDirectories = counters + counterLimit
    static let unitKinds = 2
    static let end = unitDirectories + unitKinds
}

extension LatencyRange {
    /// The page of ranges that counts it.
    @inline(__always)
    var page: Int { index &>> 5 }

    /// Its place there.
    @inline(__always)
    var place: Int { index & (OutcomePage.count - 1) }
}
