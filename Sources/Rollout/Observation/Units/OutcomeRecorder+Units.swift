/// Counting units, beside requests.
///
/// Of a variant whose units are counted, a node holds the directories of drawn requests at another place. So the straight way to
/// a count ends there, and only these requests take the longer one, on which their unit is counted, too.
extension OutcomeRecorder {
    /// Counts a request that finds no directory at the usual place of a node, and its unit.
    ///
    /// Its variant has a row of its own, or its units would not be counted.
    @inline(never)
    final func recordWithUnit(
        _ decision: Decision,
        _ kind: OutcomeKind,
        _ range: LatencyRange,
        in node: OutcomePage
    ) {
        guard kind.index < NodeLayout.unitKinds,
            let ranges = node.page(at: NodeLayout.unitDirectories &+ kind.index)?.page(at: range.page),
            ranges.increment(at: range.place, of: OutcomeCell.empty(decision.variant.number))
        else { return recordMakingRoom(decision, kind, range) }
        countUnit(of: decision, kind, range)
    }

    /// Counts the unit of a request that was counted.
    @inline(__always)
    final func countUnit(of decision: Decision, _ kind: OutcomeKind, _ range: LatencyRange) {
        let header = units[decision.variant.number]
        let outcome = units.outcome(kind, range)
        // A header that leads nowhere has no tag, and in no word without a tag has anybody entered.
        if header.isOfEpoch(of: decision.origin), let memory = units.memory(header.memory),
            memory.knows(outcome, of: decision.bucketField, header)
        {
            return
        }
        countNews(outcome, decision, header)
    }

    /// Counts an outcome that is news of its unit, or for which the header is not good.
    @inline(never)
    private final func countNews(_ outcome: UnitOutcome, _ decision: Decision, _ header: UnitHeader) {
        if !tryCount(outcome, decision, header) { countLate(outcome, decision, header) }
    }

    @inline(__always)
    private final func tryCount(_ outcome: UnitOutcome, _ decision: Decision, _ header: UnitHeader) -> Bool {
        guard header != .nowhere, header.isOfEpoch(of: decision.origin), let memory = units.memory(header.memory) else {
            return false
        }
        return memory.count(outcome, of: decision.bucketField, header)
    }

    /// Counts the unit of a request for which a header is not good, unless the request is of an earlier epoch.
    ///
    /// Whoever changes headers holds the lock. So under it, the header is good, or there is none that would be.
    @inline(never)
    private final func countLate(_ outcome: UnitOutcome, _ decision: Decision, _ header: UnitHeader) {
        var header = header
        while header != .nowhere, header.epoch <= decision.epoch {
            let now = state.withLock { state in
                followPolicy(&state)
                return units[decision.variant.number]
            }
            // Somebody else's decision: this router knows no policy of its epoch.
            if now == header { return }
            header = now
            if tryCount(outcome, decision, header) { return }
        }
    }

    // MARK: Under the lock

    /// Closes the tables that the running policy has no use for any more, and opens those that it wants, if it is not the policy
    /// that the tables were last held against.
    final func followPolicy(_ state: inout OutcomeRows) {
        let published = router.cell.published
        guard state.units.published != published else { return }
        state.units.published = published
        let compiled = router.compiled
        for table in Array(state.units.all)
        where UnitTables.Subject(table.subject.rollout, in: compiled) != table.subject {
            for variant in table.subject.variants { units.set(.nowhere, of: variant) }
            state.units.close(table)
            moveDirectories(of: table.subject.variants, &state)
        }
        for rollout in Set(state.rowsInOrder.map { VariantRegistry.shared.rollout($0.variant) }) {
            openTable(of: rollout, compiled, &state)
        }
    }

    /// Opens the table of a rollout, if the policy wants one and there is none.
    final func openTable(of rollout: RolloutID, _ compiled: CompiledPolicy, _ state: inout OutcomeRows) {
        guard state.units[rollout] == nil, let subject = UnitTables.Subject(rollout, in: compiled),
            let table = state.units.open(subject, in: units)
        else { return }
        setHeaders(of: table)
        moveDirectories(of: subject.variants, &state)
    }

    /// Tells those who count which stage it is. A variant that found no room for a row of its own has no units either.
    private final func setHeaders(of table: UnitTables.Table) {
        for (place, variant) in table.subject.variants.enumerated() where !isAmongOthers(variant) {
            units.set(table.header(at: place), of: variant)
        }
    }

    /// Puts the directories of variants where requests of theirs look for them.
    private final func moveDirectories(of variants: [VariantNumber], _ state: inout OutcomeRows) {
        for row in state.rowsInOrder where variants.contains(row.variant) {
            let isCounted = units[row.variant] != .nowhere
            for node in nodes(of: row.entry) {
                for kind in 0..<NodeLayout.unitKinds {
                    let places = [NodeLayout.directories + kind, NodeLayout.unitDirectories + kind]
                    guard let directory = places.lazy.compactMap({ node.page(at: $0) }).first else { continue }
                    node.set(isCounted ? directory.address : 0, at: places[1])
                    node.set(isCounted ? 0 : directory.address, at: places[0])
                }
            }
        }
    }

    /// The table that counts the units of a stage, of which it is from now on; nil if none does.
    private final func table(in stage: OutcomeStage, _ state: inout OutcomeRows) -> UnitTables.Table? {
        followPolicy(&state)
        openTable(of: stage.rollout, router.compiled, &state)
        guard state.units[stage.rollout]?.subject.epoch == stage.epoch else { return nil }
        if state.units.begin(stage.id, of: stage.rollout), let table = state.units[stage.rollout] {
            setHeaders(of: table)
        }
        return state.units[stage.rollout]
    }

    // MARK: Reading

    /// The table of a stage as a value, or nil if its units are not counted.
    final func unitTable(in stage: OutcomeStage) -> UnitTable? {
        state.withLock { state in
            guard let table = table(in: stage, &state) else { return nil }
            return UnitTable(epoch: stage.epoch, stage: stage.id) { put in
                table.memory.forEachWord(in: table.tag) { put($0, table.isUsedUp ? $1.aged : $1) }
            }
        }
    }

    /// What was counted of a stage.
    ///
    /// Units are read before requests, and a unit is counted after its request. So there are never more units than requests.
    final func totals(in stage: OutcomeStage) -> OutcomeTotals {
        state.withLock { state in
            let table = table(in: stage, &state)
            let countsUnits = state.units[stage.rollout] != nil
            var variants: [VariantName: VariantOutcomes] = [:]
            for (name, release) in stage.releases {
                let record = VariantRecord(rollout: stage.rollout, name: name, release: release)
                let place = table?.subject.variants.firstIndex { VariantRegistry.shared[$0] == record }
                // Without a row of its own a variant has no units, which is not the same as none that came.
                let isCounted = place.flatMap { table?.subject.variants[$0] }.map { !isAmongOthers($0) } ?? true
                let units = place.flatMap { state.units.totals(of: $0, stage.rollout) }
                let none = VariantOutcomes.Units(arrived: 0, entered: 0, enteredFailed: 0, failed: 0)
                variants[name] = VariantOutcomes(
                    requests: 0,
                    failures: 0,
                    units: countsUnits && isCounted ? units?.0 ?? none : nil,
                    slow: .thanEdges(requests: LatencyHistogram().slowerThanEdges, units: units?.slower ?? [])
                )
            }
            for row in state.rowsInOrder {
                let record = VariantRegistry.shared[row.variant]
                guard record.rollout == stage.rollout, stage.releases[record.name] == record.release,
                    case .thanEdges(_, let slowerUnits)? = variants[record.name]?.slow
                else { continue }
                let (success, failure) = read(row.entry).0.drawn
                variants[record.name]?.requests = success.count + failure.count
                variants[record.name]?.failures = failure.count
                variants[record.name]?.slow = .thanEdges(
                    requests: (success + failure).slowerThanEdges,
                    units: slowerUnits
                )
            }
            return OutcomeTotals(variants)
        }
    }
}

extension Decision {
    /// The bucket of a decision that was drawn: 20 bits.
    @inline(__always)
    var bucketField: Int { Int(truncatingIfNeeded: answer >> Outcome.bucketShift) }
}
