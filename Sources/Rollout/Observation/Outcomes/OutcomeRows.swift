/// What a recorder keeps under its lock: which rows there are, what was folded, and the pages that are spare.
struct OutcomeRows {
    /// The entry of the row for all that have no row of their own.
    static let otherEntry: UInt64 = 1
    /// How many retired rows stay rows: those that retired last.
    static let retiredLimit = 64

    /// A row that is in use.
    struct Row {
        let entry: UInt64
        let variant: VariantNumber
        /// Tells a variant's row from the one that it had before that was folded.
        let life: Int
        /// When it was seen to be retired, or nil if the policy may still serve its variant.
        var retired: Int?
    }

    private var rows: [UInt64: Row] = [:]
    private var spareEntries: [UInt64] = []
    private var lastEntry = otherEntry
    private var remainders: [RolloutID: RowCounts] = [:]
    private var sharedVersions = SharedVersions<RowCounts>()
    private var sparePages: [OutcomePage.Purpose: [OutcomePage]] = [:]
    /// Numbers lives and retirements.
    private var events = 0
    /// The variants that the policy may serve, with the revision and the number of seats that this was found out for.
    private var servable: (revision: UInt32, seats: Int, variants: Set<VariantNumber>) = (0, -1, [])
    private(set) var counters: [OutcomeCounter.Description] = []
    var units = UnitTables()

    // MARK: Rows

    /// The retired rows that are to be folded, after noting which rows have retired since the last time.
    mutating func retiredRows(runningUnder compiled: CompiledPolicy) -> [Row] {
        if servable.revision != compiled.policy.revision || servable.seats != compiled.roster.count {
            servable = (compiled.policy.revision, compiled.roster.count, compiled.servableVariants)
            for row in rows.values.sorted(by: { $0.life < $1.life }) {
                let isRetired = !servable.variants.contains(row.variant)
                guard isRetired != (row.retired != nil) else { continue }
                let event = nextEvent()
                rows[row.entry]?.retired = isRetired ? event : nil
            }
        }
        let retired = rows.values.filter { $0.retired != nil }.sorted { ($0.retired ?? 0) < ($1.retired ?? 0) }
        return retired.dropLast(Self.retiredLimit)
    }

    /// A row for a variant, or nil if there are too many.
    mutating func addRow(of variant: VariantNumber) -> UInt64? {
        guard rows.count + remainders.count < OutcomeRecorder.rowLimit else { return nil }
        let entry = spareEntries.popLast() ?? nextEntry()
        let isRetired = !servable.variants.contains(variant)
        let life = nextEvent()
        rows[entry] = Row(entry: entry, variant: variant, life: life, retired: isRetired ? life : nil)
        return entry
    }

    /// Adds a row's counts to the remainder of its rollout, and gives up the row.
    mutating func fold(_ row: Row, _ counts: RowCounts) {
        remainders[VariantRegistry.shared.rollout(row.variant), default: RowCounts()].add(counts)
        rows[row.entry] = nil
        spareEntries.append(row.entry)
        sharedVersions.fold(row.variant, besides: rows.values.lazy.map(\.variant), into: RowCounts()) { $0.add(counts) }
    }

    private mutating func nextEntry() -> UInt64 {
        lastEntry += 1
        return lastEntry
    }

    private mutating func nextEvent() -> Int {
        events += 1
        return events
    }

    // MARK: Pages

    /// A page for a purpose, with an owner's counts of 0, and no address yet.
    ///
    /// Each word is set once. Whoever comes late to a page that is used again may look for an address in it at any moment, and
    /// must find one of a page, or 0; the owner's word is neither. And the owner may count in it already.
    mutating func takePage(for purpose: OutcomePage.Purpose, of owner: UInt64) -> OutcomePage {
        let page = sparePages[purpose]?.popLast() ?? OutcomePage()
        for index in 0..<OutcomePage.count { page.set(purpose.holdsAddress(at: index) ? 0 : owner, at: index) }
        return page
    }

    /// Keeps a page that is no longer used.
    mutating func give(_ page: OutcomePage, for purpose: OutcomePage.Purpose) {
        sparePages[purpose, default: []].append(page)
    }

    // MARK: Reading

    /// The rows in use, in the order in which they came.
    var rowsInOrder: [Row] { rows.values.sorted { $0.life < $1.life } }

    /// A row as a value.
    func row(_ row: Row, _ counts: RowCounts, inFlight: Int) -> OutcomeRow {
        let record = VariantRegistry.shared[row.variant]
        let subject = OutcomeRow.Subject(rollout: record.rollout, variant: record.name, release: record.release)
        return self.row(subject, counts, inFlight: inFlight, life: row.life)
    }

    /// The remainders as values, in order of rollouts.
    var remainderRows: [OutcomeRow] {
        remainders.sorted { $0.key < $1.key }.map { rollout, counts in
            row(OutcomeRow.Subject(rollout: rollout), counts, inFlight: 0, life: 0)
        }
    }

    /// What was folded of variants that still have a row with the same version of a component, as values by that component.
    var sharedRows: [Release.Component: [OutcomeRow]] {
        sharedVersions.counts.reduce(into: [:]) { shared, element in
            let (key, counts) = element
            let subject = OutcomeRow.Subject(rollout: key.rollout, variant: key.variant, release: key.release)
            shared[key.component, default: []].append(row(subject, counts, inFlight: 0, life: 0))
        }
    }

    /// What has no row of its own, as a value.
    func otherRow(_ counts: RowCounts, inFlight: Int) -> OutcomeRow {
        row(OutcomeRow.Subject(), counts, inFlight: inFlight, life: 0)
    }

    private func row(_ subject: OutcomeRow.Subject, _ counts: RowCounts, inFlight: Int, life: Int) -> OutcomeRow {
        OutcomeRow(
            subject: subject,
            life: life,
            drawn: counts.tally(isDrawn: true),
            undrawn: counts.tally(isDrawn: false),
            inFlight: inFlight,
            counters: Dictionary(uniqueKeysWithValues: zip(counters, counts.counters).map { ($0.series, $1) })
        )
    }

    // MARK: The service's own counters

    /// Takes in a counter, and returns its number.
    mutating func add(_ counter: OutcomeCounter.Description) -> Int {
        counters.append(counter)
        return counters.count - 1
    }
}

/// The counts of a row, collected from the nodes of all stripes.
struct RowCounts {
    private var kinds = [LatencyHistogram](repeating: LatencyHistogram(), count: OutcomeKind.count)
    private(set) var counters = [Int](repeating: 0, count: NodeLayout.counterLimit)

    func tally(isDrawn: Bool) -> OutcomeTally {
        OutcomeTally(
            success: kinds[OutcomeKind(.success, isDrawn: isDrawn).index],
            failure: kinds[OutcomeKind(.failure, isDrawn: isDrawn).index],
            cancelled: kinds[OutcomeKind(.cancelled, isDrawn: isDrawn).index]
        )
    }

    /// The requests whose variant chance chose, and that nobody cancelled.
    var drawn: (success: LatencyHistogram, failure: LatencyHistogram) {
        let tally = tally(isDrawn: true)
        return (tally.success, tally.failure)
    }

    mutating func add(_ other: RowCounts) {
        for kind in kinds.indices { kinds[kind] += other.kinds[kind] }
        for counter in counters.indices { counters[counter] += other.counters[counter] }
    }

    /// Adds the counts of a node.
    mutating func read(_ node: OutcomePage) {
        for counter in counters.indices { counters[counter] += node.count(at: NodeLayout.counters + counter) }
        for (kind, page, ranges) in Self.ranges(of: node) {
            for place in 0..<OutcomePage.count { add(ranges.count(at: place), kind, page, place) }
        }
    }

    /// Takes the counts of a node away, and gives its pages back.
    mutating func take(from node: OutcomePage, into rows: inout OutcomeRows) {
        _ = node.take(at: NodeLayout.finished)
        for counter in counters.indices { counters[counter] += node.take(at: NodeLayout.counters + counter) }
        for (kind, page, ranges) in Self.ranges(of: node) {
            for place in 0..<OutcomePage.count { add(ranges.take(at: place), kind, page, place) }
            rows.give(ranges, for: .ranges(kind: kind, page: page))
        }
        for (kind, directory) in Self.directories(of: node) { rows.give(directory, for: .directory(kind: kind)) }
        rows.give(node, for: .node)
    }

    private mutating func add(_ count: Int, _ kind: Int, _ page: Int, _ place: Int) {
        if count > 0 { kinds[kind].add(count, in: LatencyRange(index: page * OutcomePage.count + place)) }
    }

    /// The directories that a node has. A kind has one, at either of its places.
    private static func directories(of node: OutcomePage) -> [(kind: Int, OutcomePage)] {
        (0..<OutcomeKind.count).compactMap { kind in
            let apart = kind < NodeLayout.unitKinds ? node.page(at: NodeLayout.unitDirectories + kind) : nil
            return (apart ?? node.page(at: NodeLayout.directories + kind)).map { (kind, $0) }
        }
    }

    /// The pages of ranges that a node has.
    private static func ranges(of node: OutcomePage) -> [(kind: Int, page: Int, OutcomePage)] {
        var found: [(kind: Int, page: Int, OutcomePage)] = []
        for (kind, directory) in directories(of: node) {
            for page in 0..<LatencyRange.count / OutcomePage.count {
                if let ranges = directory.page(at: page) { found.append((kind, page, ranges)) }
            }
        }
        return found
    }
}
