/// What a recorder keeps of its tables of units under its lock.
struct UnitTables {
    /// Whose units a table counts.
    struct Subject: Hashable {
        let rollout: RolloutID
        let epoch: UInt32
        /// Stable and canary.
        let variants: [VariantNumber]

        /// What a policy has counted of a rollout, or nil if it has no units counted.
        init?(_ rollout: RolloutID, in compiled: CompiledPolicy) {
            guard let definition = compiled.policy.rollouts[rollout], definition.progression?.count == .units,
                definition.strategy.kind == .canary, let ordinal = compiled.ordinal(of: rollout)
            else { return nil }
            self.rollout = rollout
            epoch = definition.epoch
            variants = compiled.roster[ordinal].variants.map(\.number)
        }
    }

    /// The table of one epoch of a rollout.
    struct Table {
        let subject: Subject
        /// The number of its memory.
        let number: Int
        let memory: UnitMemory
        fileprivate(set) var tag: UInt64
        /// The stage that was last asked for.
        fileprivate(set) var stage: UInt64?
        /// Whether the memory has no tag for the stage, so that nobody enters in it.
        fileprivate(set) var isUsedUp = false
        /// What was last said of units slower than each edge, by the variant's place.
        fileprivate var slower = [[Int]](
            repeating: [Int](repeating: 0, count: LatencyEdge.count),
            count: UnitMemory.variantCount
        )

        /// Where units of the variant at a place are counted now.
        func header(at place: Int) -> UnitHeader {
            UnitHeader(epoch: subject.epoch, tag: tag, memory: number, place: place)
        }
    }

    private var tables: [RolloutID: Table] = [:]
    /// The last tag of each memory, by number.
    private var lastTags: [UInt64] = []
    /// The first tag of a new memory. A test of used up tags need not use them up.
    private let firstTag: UInt64
    /// Memories that serve no table.
    private var spare: [(number: Int, memory: UnitMemory)] = []
    /// How many policies were published when the tables were last held against the running one.
    var published: UInt64?

    init(firstTag: UInt64 = 1) { self.firstTag = firstTag }

    subscript(rollout: RolloutID) -> Table? { tables[rollout] }

    /// All tables that are in use.
    var all: some Sequence<Table> { tables.values }

    /// How many memories there are.
    var memoryCount: Int { lastTags.count }

    /// Opens a table, or returns nil if there is no memory for one.
    mutating func open(_ subject: Subject, in directory: UnitDirectory) -> Table? {
        guard let (number, memory) = spare.popLast() ?? newMemory(in: directory) else { return nil }
        lastTags[number] += 1
        memory.begin(epochAt: lastTags[number])
        let table = Table(subject: subject, number: number, memory: memory, tag: lastTags[number])
        tables[subject.rollout] = table
        return table
    }

    private mutating func newMemory(in directory: UnitDirectory) -> (Int, UnitMemory)? {
        guard lastTags.count < UnitDirectory.memoryLimit else { return nil }
        let (number, memory) = (lastTags.count, UnitMemory())
        directory.set(memory, at: number)
        lastTags.append(firstTag - 1)
        return (number, memory)
    }

    /// Closes a table. Its memory will serve another one, as long as half of its tags are left for the stages of that.
    mutating func close(_ table: Table) {
        tables[table.subject.rollout] = nil
        if lastTags[table.number] <= UnitMemory.lastTag / 2 { spare.append((table.number, table.memory)) }
    }

    /// Begins a stage, unless it is the one that was last asked for. Whoever counts has to be given the table's headers then.
    ///
    /// - Returns: Whether the headers are new.
    mutating func begin(_ stage: UInt64, of rollout: RolloutID) -> Bool {
        guard let table = tables[rollout], table.stage != stage else { return false }
        tables[rollout]?.stage = stage
        guard table.tag < UnitMemory.lastTag else {
            table.memory.begin(stageAt: 0)
            tables[rollout]?.isUsedUp = true
            return false
        }
        table.memory.begin(stageAt: table.tag + 1)
        tables[rollout]?.tag = table.tag + 1
        lastTags[table.number] = table.tag + 1
        return true
    }

    /// The totals of the variant at a place of a rollout's table, which never fall within a stage.
    mutating func totals(of place: Int, _ rollout: RolloutID) -> (VariantOutcomes.Units, slower: [Int])? {
        guard let table = tables[rollout] else { return nil }
        let slower = zip(table.memory.slower(of: place), table.slower[place]).map { max($0, $1) }
        tables[rollout]?.slower[place] = slower
        return (table.memory.units(of: place), slower)
    }
}
