import Synchronization

/// The memory of one table of units: four buckets a word, and the totals of two variants.
///
/// Memory is never freed. When its rollout, plan or epoch goes, it serves another one, without being cleared: it numbers the
/// stages of all that it serves with tags that only rise, and each word says of which stage it is.
///
///     words[0]          the first tag of the epoch that is counted now
///     words[16 ... ]    totals of the first variant, then of the second one (`Totals`)
///     words[304 ...]    2^18 words of four buckets each (`UnitWord`): as many as 20 bits can name
///
/// **Claim:** whoever counts adds to the epoch and stage of the header that they hold (``UnitHeader``), or to nothing, however
/// late they come; and each unit is counted exactly once. Because
/// 1. a header names one memory and one tag, tags of a memory only rise, and each belongs to one stage of one epoch of one
///    rollout. So does every word and every total, by the tag that is in it;
/// 2. a word is changed only by an exchange of the whole word, from a tag that is no later, to the tag of who changes it. So a late
///    writer changes no word that a later stage has written. What they put into other words is older than the first tag of
///    the next epoch, which takes it for nothing, or of an earlier stage of their own epoch, which it is;
/// 3. a total is changed only by an exchange of the whole word while it has the tag that is added to. A new stage gives the totals
///    of `entered` its tag and the count 0; a new epoch does that to all. So what is added late is added before that, and
///    vanishes with its stage, or is not added;
/// 4. an event is added to a total by whoever exchanged the word that says so, and by nobody else.
/// If words had no tag, a thread that sleeps between two instructions could mark a unit of another rollout as counted.
@safe struct UnitMemory: @unchecked Sendable {
    typealias Word = Atomic<UInt64>

    private let words: UnsafeMutablePointer<Word>

    /// What tags fit into.
    static let lastTag: UInt64 = 1 << 20 - 1
    static let variantCount = 2

    /// The places in the totals of one variant.
    private enum Totals {
        static let start = 16
        static let size = 144
        /// `arrived` and `failed`, tagged with the epoch's first tag.
        static let epoch = 0
        /// `entered` and `enteredFailed`, tagged with the stage's tag.
        static let stage = 1
        /// Units whose slowest outcome was slower than as many edges, more or fewer than units that were that slow before: the
        /// sum up to an edge is the number of units slower than it. Tagged with the epoch's first tag.
        static let slowness = 16
    }

    private static let cellStart = Totals.start + variantCount * Totals.size
    private static let cellWords = 1 << 18
    /// The second count of a word of two. A count is at most 1,000,000.
    private static let second: UInt64 = 1 << 22
    /// 0 as a count that may be negative.
    private static let zero: UInt64 = 1 << (UnitWord.tagShift - 1)

    init() { unsafe words = zeroedWords(Self.cellStart + Self.cellWords) }

    /// The memory at an address; nil for 0.
    @inline(__always)
    init?(address: UInt64) {
        guard let words = unsafe UnsafeMutablePointer<Word>(bitPattern: UInt(truncatingIfNeeded: address)) else {
            return nil
        }
        unsafe self.words = words
    }

    var address: UInt64 { UInt64(UInt(bitPattern: unsafe words)) }

    // MARK: Counting

    /// The word of a bucket, which has 20 bits.
    @inline(__always)
    private func word(of bucket: Int) -> UnsafeMutablePointer<Word> { unsafe words + (Self.cellStart &+ bucket >> 2) }

    /// Whether an outcome changes nothing, because all that it says is known.
    @inline(__always)
    func knows(_ outcome: UnitOutcome, of bucket: Int, _ header: UnitHeader) -> Bool {
        let word = unsafe word(of: bucket).pointee.load(ordering: .relaxed)
        return (word ^ header.bits &<< 32) &>> UnitWord.tagShift == 0
            && UnitCell.isKnown(word &>> UnitWord.shift(of: bucket), outcome)
    }

    /// Counts an outcome of a bucket.
    ///
    /// The exchange is releasing, so that whoever sees the unit counted sees its request counted.
    ///
    /// - Returns: Whether the header is still good. If it is not, nothing was counted.
    func count(_ outcome: UnitOutcome, of bucket: Int, _ header: UnitHeader) -> Bool {
        let place = unsafe word(of: bucket)
        var word = unsafe UnitWord(bits: place.pointee.load(ordering: .relaxed))
        while true {
            let first = first
            guard first <= header.tag, let cells = word.seen(in: header.tag, since: first) else { return false }
            let (old, new) = (cells[bucket], cells[bucket].after(outcome))
            if new == old, word.tag == header.tag { return true }
            let (isDone, now) = unsafe place.pointee.weakCompareExchange(
                expected: word.bits,
                desired: cells.setting(new, of: bucket, tag: header.tag).bits,
                successOrdering: .releasing,
                failureOrdering: .relaxed
            )
            if isDone {
                add(old, new, first, header)
                return true
            }
            word = UnitWord(bits: now)
        }
    }

    private func add(_ old: UnitCell, _ new: UnitCell, _ first: UInt64, _ header: UnitHeader) {
        let totals = unsafe words + (Totals.start + header.place * Totals.size)
        let epoch = (old.hasArrived ? 0 : 1) + (new.hasFailed && !old.hasFailed ? Self.second : 0)
        let stage = (old.hasEntered ? 0 : 1) + (new.hasEnteredFailed && !old.hasEntered ? Self.second : 0)
        if epoch > 0 { unsafe add(epoch, to: totals + Totals.epoch, first) }
        if stage > 0 { unsafe add(stage, to: totals + Totals.stage, header.tag) }
        guard new.slowness > old.slowness else { return }
        // In this order: see `slower(of:)`.
        let slowness = unsafe totals + Totals.slowness
        if new.slowness < LatencyEdge.count { unsafe add(~0, to: slowness + Int(new.slowness), first) }
        unsafe add(1, to: slowness + Int(old.slowness), first)
    }

    private func add(_ amount: UInt64, to total: UnsafeMutablePointer<Word>, _ tag: UInt64) {
        var word = unsafe total.pointee.load(ordering: .relaxed)
        while word >> UnitWord.tagShift == tag {
            let (isDone, now) = unsafe total.pointee.weakCompareExchange(
                expected: word,
                desired: word &+ amount,
                successOrdering: .releasing,
                failureOrdering: .relaxed
            )
            if isDone { return }
            word = now
        }
    }

    // MARK: Under the recorder's lock

    /// The first tag of the epoch that is counted now.
    private(set) var first: UInt64 {
        get { unsafe words[0].load(ordering: .acquiring) }
        nonmutating set { unsafe words[0].store(newValue, ordering: .releasing) }
    }

    /// Counts another epoch from a tag on: all is 0.
    func begin(epochAt tag: UInt64) {
        first = tag
        for place in 0..<Self.variantCount {
            let totals = Totals.start + place * Totals.size
            unsafe words[totals + Totals.epoch].store(tag << UnitWord.tagShift, ordering: .releasing)
            for edge in 0..<LatencyEdge.count {
                let total = unsafe words + (totals + Totals.slowness + edge)
                unsafe total.pointee.store(tag << UnitWord.tagShift | Self.zero, ordering: .releasing)
            }
        }
        begin(stageAt: tag)
    }

    /// Counts who enters in the stage of a tag. Tag 0 is nobody's: from then on nobody enters.
    func begin(stageAt tag: UInt64) {
        for place in 0..<Self.variantCount {
            let total = Totals.start + place * Totals.size + Totals.stage
            unsafe words[total].store(tag << UnitWord.tagShift, ordering: .releasing)
        }
    }

    /// The totals of a variant.
    func units(of place: Int) -> VariantOutcomes.Units {
        let (arrived, failed) = counts(at: Totals.start + place * Totals.size + Totals.epoch)
        let (entered, enteredFailed) = counts(at: Totals.start + place * Totals.size + Totals.stage)
        return VariantOutcomes.Units(arrived: arrived, entered: entered, enteredFailed: enteredFailed, failed: failed)
    }

    private func counts(at index: Int) -> (Int, Int) {
        let word = unsafe words[index].load(ordering: .acquiring)
        return (Int(word & (Self.second - 1)), Int(word >> 22 & (Self.second - 1)))
    }

    /// How many units of a variant were slower than each edge, or fewer while somebody counts.
    ///
    /// **Claim:** never more. Because a unit that was slower than a edges, and now than b, is taken away at b before it is added
    /// at a, a < b, and here a is read before b: whoever finds it added finds it taken away.
    func slower(of place: Int) -> [Int] {
        let start = Totals.start + place * Totals.size + Totals.slowness
        var sum = 0
        return (0..<LatencyEdge.count).map { edge in
            let word = unsafe words[start + edge].load(ordering: .acquiring)
            sum += Int(word & (1 << UnitWord.tagShift - 1)) - Int(Self.zero)
            return sum
        }
    }

    /// Hands out the cells of four buckets after the other, as a stage sees them, but for those that are empty.
    func forEachWord(in tag: UInt64, _ body: (_ bucket: Int, UnitWord) -> Void) {
        let first = first
        for place in 0..<Share.bucketCount / 4 {
            let word = unsafe UnitWord(bits: words[Self.cellStart + place].load(ordering: .acquiring))
            if word.bits == 0 { continue }
            if let cells = word.seen(in: tag, since: first) { body(4 * place, cells) }
        }
    }
}
