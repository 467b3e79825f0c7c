import Synchronization

/// Counts what became of a router's decisions. Lives as long as the process, as the router does.
///
/// A row belongs to a variant's number, that is to a rollout, a variant and a release. It has counts of its own for each
/// stripe, so that threads do not fight over them, and makes them when they are first needed.
///
/// To count takes no lock: from the variant's number to the row, to the thread's node, to the page, to the count. Each step
/// may be too late, because the row was folded, and its pages belong to others by now. That changes nothing: a page is only
/// memory, and a count says itself whose it is (``OutcomeCell``).
///
/// Unchecked, because of the pointers, which never change. What they point to is atomic.
@safe final class OutcomeRecorder: @unchecked Sendable {
    typealias Entry = Atomic<UInt64>

    private static let chunkSize = 1024
    /// Rows and remainders together, but for the one of all others.
    static let rowLimit = 1_000

    /// A random number that tells this recorder from those of other processes and other routers. It fits into a `Double`, which
    /// is what many a reader of JSON makes of a number.
    let id = UInt64.random(in: 0..<1 << 53)
    /// The policy says which rows are retired.
    let router: RouterState
    let state = Lock(OutcomeRows())

    /// The place of each variant's row, counted from 1, by the variant's number; 0 for none. Chunks are made when needed.
    private let chunks: UnsafeMutablePointer<Atomic<UnsafeMutablePointer<Entry>?>>
    /// The nodes of each row, by its place and the stripe; address by address made when needed.
    private let rows: UnsafeMutablePointer<Atomic<UnsafeMutablePointer<Entry>?>>
    /// Where the units of each variant are counted.
    let units = UnitDirectory()

    init(_ router: RouterState) {
        self.router = router
        let chunkCount = VariantRegistry.shared.limit / Self.chunkSize + 1
        unsafe chunks = .allocate(capacity: chunkCount)
        for index in 0..<chunkCount { unsafe (chunks + index).initialize(to: Atomic(nil)) }
        unsafe rows = .allocate(capacity: Self.rowLimit + 1)
        for index in 0...Self.rowLimit { unsafe (rows + index).initialize(to: Atomic(nil)) }
    }

    /// The recorder of a router, made when it is first asked for.
    static func of(_ router: RouterState) -> Unmanaged<OutcomeRecorder> {
        if let address = unsafe UnsafeRawPointer(bitPattern: router.recorder.load(ordering: .acquiring)) {
            return unsafe .fromOpaque(address)
        }
        return unsafe all.withLock { recorders in
            if let known = recorders.first(where: { $0.router === router }) { return unsafe .passUnretained(known) }
            let recorder = OutcomeRecorder(router)
            recorders.append(recorder)
            let unmanaged = unsafe Unmanaged.passUnretained(recorder)
            router.recorder.store(UInt(bitPattern: unsafe unmanaged.toOpaque()), ordering: .releasing)
            return unsafe unmanaged
        }
    }

    /// What lives as long as the process is no leak, and leak checkers can see it.
    private static let all = Lock<[OutcomeRecorder]>([])
}

// MARK: Counting

extension OutcomeRecorder {
    /// Counts a request that ended, in the range of its latency.
    @inline(__always)
    final func record(_ decision: Decision, _ kind: OutcomeKind, _ range: LatencyRange) {
        let variant = decision.variant.number
        let (entry, node) = node(of: variant, on: Stripe.current)
        guard let node else { return recordMakingRoom(decision, kind, range) }
        guard let directory = node.page(at: NodeLayout.directories &+ kind.index) else {
            return recordWithUnit(decision, kind, range, in: node)
        }
        if let ranges = directory.page(at: range.page),
            ranges.increment(at: range.place, of: Self.owner(entry, variant))
        {
            return
        }
        recordMakingRoom(decision, kind, range)
    }

    /// Adds to one of the counts in a variant's node.
    @inline(__always)
    final func add(_ amount: UInt64, at place: Int, _ variant: VariantNumber) {
        let stripe = Stripe.current
        if !tryAdd(amount, at: place, variant, on: stripe) { addMakingRoom(amount, at: place, variant, on: stripe) }
    }

    // The next ones are apart, because the way that nearly all requests take is a straight one without them.

    @inline(never)
    final func recordMakingRoom(_ decision: Decision, _ kind: OutcomeKind, _ range: LatencyRange) {
        let (variant, stripe) = (decision.variant.number, Stripe.current)
        while true {
            let isApart = isApart(kind.index, variant)
            if tryRecord(variant, kind, range, on: stripe, isApart: isApart) {
                if isApart { countUnit(of: decision, kind, range) }
                return
            }
            makeRoom(for: variant, on: stripe, kind: kind.index, page: range.page)
        }
    }

    @inline(never)
    private final func addMakingRoom(_ amount: UInt64, at place: Int, _ variant: VariantNumber, on stripe: Int) {
        repeat { makeRoom(for: variant, on: stripe) } while !tryAdd(amount, at: place, variant, on: stripe)
    }

    /// Whether the counts of a kind are where requests with units are counted.
    private final func isApart(_ kind: Int, _ variant: VariantNumber) -> Bool {
        kind < NodeLayout.unitKinds && units[variant] != .nowhere
    }

    private final func tryRecord(
        _ variant: VariantNumber,
        _ kind: OutcomeKind,
        _ range: LatencyRange,
        on stripe: Int,
        isApart: Bool
    ) -> Bool {
        let (entry, node) = node(of: variant, on: stripe)
        let place = (isApart ? NodeLayout.unitDirectories : NodeLayout.directories) + kind.index
        guard let ranges = node?.page(at: place)?.page(at: range.page) else { return false }
        return ranges.add(1, at: range.place, of: Self.owner(entry, variant))
    }

    @inline(__always)
    private final func tryAdd(_ amount: UInt64, at place: Int, _ variant: VariantNumber, on stripe: Int) -> Bool {
        let (entry, node) = node(of: variant, on: stripe)
        return node?.add(amount, at: place, of: Self.owner(entry, variant)) ?? false
    }

    @inline(__always)
    private final func node(of variant: VariantNumber, on stripe: Int) -> (entry: UInt64, OutcomePage?) {
        guard let entry = unsafe entry(variant)?.pointee.load(ordering: .acquiring), entry != 0,
            let row = unsafe rows[Int(truncatingIfNeeded: entry &- 1)].load(ordering: .acquiring)
        else { return (0, nil) }
        return (entry, OutcomePage(address: unsafe row[stripe].load(ordering: .acquiring)))
    }

    @inline(__always)
    private final func entry(_ variant: VariantNumber) -> UnsafeMutablePointer<Entry>? {
        let index = Int(variant.rawValue)
        guard let chunk = unsafe chunks[index / Self.chunkSize].load(ordering: .acquiring) else { return nil }
        return unsafe chunk + index % Self.chunkSize
    }

    /// Whose the counts are that an entry leads to: the variant's, or those of all that have no row.
    @inline(__always)
    private static func owner(_ entry: UInt64, _ variant: VariantNumber) -> UInt64 {
        entry == OutcomeRows.otherEntry ? OutcomeCell.other : OutcomeCell.empty(variant)
    }
}

// MARK: Making room

extension OutcomeRecorder {
    /// Makes what is missing on the way to a count.
    private final func makeRoom(for variant: VariantNumber, on stripe: Int, kind: Int? = nil, page: Int = 0) {
        state.withLock { state in
            let entry = openRow(of: variant, &state)
            let owner = Self.owner(entry, variant)
            let row = unsafe addresses(of: entry)
            let node: OutcomePage
            if let known = OutcomePage(address: unsafe row[stripe].load(ordering: .relaxed)) {
                node = known
            } else {
                node = state.takePage(for: .node, of: owner)
                unsafe row[stripe].store(node.address, ordering: .releasing)
            }
            guard let kind else { return }
            let isApart = isApart(kind, variant)
            let place = (isApart ? NodeLayout.unitDirectories : NodeLayout.directories) + kind
            let directory = node.page(at: place) ?? state.takePage(for: .directory(kind: kind), of: owner)
            node.set(directory.address, at: place)
            guard directory.page(at: page) == nil else { return }
            directory.set(state.takePage(for: .ranges(kind: kind, page: page), of: owner).address, at: page)
        }
    }

    /// The entry of a variant, with a row; that of all others if there is no room for one more.
    private final func openRow(of variant: VariantNumber, _ state: inout OutcomeRows) -> UInt64 {
        let index = Int(variant.rawValue) / Self.chunkSize
        if unsafe chunks[index].load(ordering: .relaxed) == nil {
            unsafe chunks[index].store(Self.words(Self.chunkSize), ordering: .releasing)
        }
        guard let slot = unsafe entry(variant) else { return OutcomeRows.otherEntry }
        let known = unsafe slot.pointee.load(ordering: .relaxed)
        if known != 0 { return known }
        followPolicy(&state)
        let compiled = router.compiled
        for row in state.retiredRows(runningUnder: compiled) { fold(row, &state) }
        let entry = state.addRow(of: variant) ?? OutcomeRows.otherEntry
        unsafe slot.pointee.store(entry, ordering: .releasing)
        openTable(of: VariantRegistry.shared.rollout(variant), compiled, &state)
        if entry == OutcomeRows.otherEntry { units.set(.nowhere, of: variant) }
        return entry
    }

    /// Whether the counts of a variant are among those of all that have no row of their own.
    final func isAmongOthers(_ variant: VariantNumber) -> Bool {
        unsafe entry(variant)?.pointee.load(ordering: .relaxed) == OutcomeRows.otherEntry
    }

    /// The addresses of a row's nodes by stripe, made when the row's place is first used.
    private final func addresses(of entry: UInt64) -> UnsafeMutablePointer<Entry> {
        let place = unsafe rows + Int(entry - 1)
        if let known = unsafe place.pointee.load(ordering: .relaxed) { return unsafe known }
        let made = unsafe Self.words(Stripe.count)
        unsafe place.pointee.store(made, ordering: .releasing)
        return unsafe made
    }

    private static func words(_ count: Int) -> UnsafeMutablePointer<Entry> {
        let words = UnsafeMutablePointer<Entry>.allocate(capacity: count)
        for index in 0..<count { unsafe (words + index).initialize(to: Atomic(0)) }
        return unsafe words
    }
}

// MARK: Folding and reading

extension OutcomeRecorder {
    /// Moves the counts of a retired row to its rollout's remainder and gives its memory back, unless somebody is in it.
    ///
    /// **Claim:** a request that was measured ends in the row in which it began, so no row's number in flight is ever wrong.
    /// Because
    /// 1. first the counts of those that began are taken away, so nobody begins in the row any more. If they were only looked at,
    ///    somebody could begin here before they are taken, and end elsewhere;
    /// 2. those that have ended are counted, by now or before. If they are fewer, the row stays, with its counts put back;
    /// 3. if they are as many, nobody is in the row, and who comes later begins in another;
    /// 4. a request ends only after it was counted. So whoever has ended here is counted here.
    ///
    /// `FoldingModelTests` runs this, ``reading`` and the claim of ``OutcomeCell`` through every execution that the memory model
    /// allows within small bounds, and shows what each step and each ordering is needed for.
    ///
    /// Whoever finds a count gone meanwhile waits for the lock that is held here. So does whoever reads, and sees all of this or
    /// nothing of it.
    private final func fold(_ row: OutcomeRows.Row, _ state: inout OutcomeRows) {
        guard let slot = unsafe entry(row.variant) else { return }
        let nodes = nodes(of: row.entry)
        unsafe slot.pointee.store(0, ordering: .releasing)
        let begun = nodes.map { $0.take(at: NodeLayout.begun) }
        let begunInAll = begun.reduce(0, +)
        let finishedInAll = nodes.reduce(0) { $0 + $1.count(at: NodeLayout.finished) }
        guard begunInAll == finishedInAll else {
            for (node, count) in zip(nodes, begun) {
                node.set(OutcomeCell.empty(row.variant) + UInt64(count), at: NodeLayout.begun)
            }
            unsafe slot.pointee.store(row.entry, ordering: .releasing)
            return
        }
        var counts = RowCounts()
        for node in nodes { counts.take(from: node, into: &state) }
        let addresses = unsafe addresses(of: row.entry)
        for stripe in 0..<Stripe.count { unsafe addresses[stripe].store(0, ordering: .relaxed) }
        state.fold(row, counts)
    }

    final func nodes(of entry: UInt64) -> [OutcomePage] {
        guard let row = unsafe rows[Int(entry - 1)].load(ordering: .acquiring) else { return [] }
        return (0..<Stripe.count).compactMap { OutcomePage(address: unsafe row[$0].load(ordering: .acquiring)) }
    }

    final func read(_ entry: UInt64) -> (RowCounts, inFlight: Int) {
        let nodes = nodes(of: entry)
        let finished = nodes.reduce(0) { $0 + $1.count(at: NodeLayout.finished) }
        let begun = nodes.reduce(0) { $0 + $1.count(at: NodeLayout.begun) }
        var counts = RowCounts()
        for node in nodes { counts.read(node) }
        return (counts, begun - finished)
    }

    /// Every count, of one moment as far as that can be seen.
    ///
    /// What ended is read before what began, and whoever ended a request began it before. So in flight is never below 0. What was
    /// counted is read last, and is counted before it ends. So a request that has begun is in flight or counted; one that ends
    /// while this reads may be found to be both.
    final var reading: OutcomeReading {
        state.withLock { state in
            followPolicy(&state)
            let rows = state.rowsInOrder.map { row in
                let (counts, inFlight) = read(row.entry)
                return state.row(row, counts, inFlight: inFlight)
            }
            let (counts, inFlight) = read(OutcomeRows.otherEntry)
            let other = state.otherRow(counts, inFlight: inFlight)
            let others = other.isEmpty ? [] : [other]
            return OutcomeReading(
                counts: OutcomeCounts(recorder: id, rows: rows + state.remainderRows + others),
                shared: state.sharedRows,
                counters: state.counters
            )
        }
    }
}

/// What a page needs to know of one moment.
struct OutcomeReading {
    let counts: OutcomeCounts
    /// By component: what is in the remainders, of releases whose version of the component a row of their variant still has.
    let shared: [Release.Component: [OutcomeRow]]
    /// The service's own counters.
    let counters: [OutcomeCounter.Description]
}
