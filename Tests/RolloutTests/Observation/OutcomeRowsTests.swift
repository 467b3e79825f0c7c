import Foundation
import Synchronization
import Testing

@testable import Rollout

@Suite("Rows of outcomes")
struct OutcomeRowsTests {
    private let router: RolloutRouter
    private let sms: RolloutHandle
    private var outcomes: Outcomes { router.outcomes }

    init() throws {
        router = try RolloutRouter(policy: Self.policy(release: 0))
        sms = router.rollout("sms", default: [.app: "r0"])
    }

    /// A rollout that serves one release to all; each has a row of its own.
    private static func policy(release: Int) -> RolloutPolicy {
        EditedPolicy.policy(.fixed([.app: "r\(release)"]), revision: UInt32(release + 1))
    }

    /// Serves the next releases, and has each counted once.
    @discardableResult
    private func serve(_ releases: Range<Int>) throws -> [Decision] {
        try releases.map { release in
            if release > 0 { try router.update(to: Self.policy(release: release)) }
            let decision = sms.decision(for: "a")
            outcomes.record(decision, .success, latency: .milliseconds(3))
            return decision
        }
    }

    private func remainder(_ counts: OutcomeCounts? = nil) -> OutcomeRow? {
        (counts ?? outcomes.counts).rows.first { $0.rollout == "sms" && $0.variant == nil }
    }

    @Test("of the retired variants, the 64 that retired last keep their rows")
    func folding() throws {
        try serve(0..<65)
        #expect(remainder() == nil)
        try serve(65..<100)
        let counts = outcomes.counts
        #expect(counts.rows.count == 66, "the running one, 64 that retired, and the remainder")
        #expect(remainder(counts)?.requests == 35)
        #expect(counts.rows.reduce(0) { $0 + $1.requests } == 100)
        #expect(counts.rows.first?.release == [.app: "r35"])
    }

    @Test("a row that somebody is in is not folded, and their request ends in it")
    func inFlight() throws {
        let first = try serve(0..<1)[0]
        try outcomes.measure(first) {
            try serve(1..<100)
            let row = try #require(outcomes.counts.rows.first { $0.release == [.app: "r0"] })
            #expect(row.requests == 1 && row.inFlight == 1)
        }
        let row = try #require(outcomes.counts.rows.first { $0.release == [.app: "r0"] })
        #expect(row.requests == 2 && row.inFlight == 0)
        try serve(100..<101)
        #expect(!outcomes.counts.rows.contains { $0.release == [.app: "r0"] })
    }

    @Test("an old decision of a folded variant is counted, and windows add up to the rollout's total")
    func windows() throws {
        let old = try serve(0..<1)[0]
        var readings = [outcomes.counts]
        for step in 1..<12 {
            try serve(step * 20..<step * 20 + 20)
            outcomes.record(old, .failure, latency: .seconds(1))
            readings.append(outcomes.counts)
        }
        var sum = try #require(readings[0].since(OutcomeCounts(recorder: readings[0].recorder, rows: [])))
        for (earlier, later) in zip(readings, readings.dropFirst()) {
            let window = try #require(later.since(earlier))
            #expect(window.rows.reduce(0) { $0 + $1.requests } == 21)
            #expect(window.rows.reduce(0) { $0 + $1.failures } == 1)
            sum = sum + window
        }
        let total = outcomes.counts
        #expect(remainder(total) != nil)
        #expect(sum.rows.reduce(0) { $0 + $1.requests } == total.rows.reduce(0) { $0 + $1.requests })
        #expect(sum.rows.reduce(0) { $0 + $1.requests } == 1 + 11 * 21)
        // A window over all of them, across many folds, is the same sum.
        let whole = try #require(readings[11].since(readings[0]))
        #expect(whole.rows.reduce(0) { $0 + $1.requests } == 11 * 21)
    }

    @Test("a variant that comes back has a row again")
    func comesBack() throws {
        try serve(0..<1)
        try serve(1..<100)
        let folded = remainder()?.requests
        try router.update { $0.sms.strategy = .fixed([.app: "r0"]) }
        outcomes.record(sms.decision(for: "a"), .success, latency: .zero)
        let row = try #require(outcomes.counts.rows.first { $0.release == [.app: "r0"] })
        #expect(row.requests == 1)
        #expect(remainder()?.requests == folded.map { $0 + 1 })
    }

    @Test("a variant that retired and serves again keeps its row, however many retire after it")
    func servesAgain() throws {
        func serve(_ sms: String, _ other: String) throws {
            try router.update { policy in
                policy.sms.strategy = .fixed([.app: sms])
                policy.rollouts["other"] = RolloutDefinition(.fixed([.app: other]))
            }
            let snapshot = router.snapshot()
            for id in ["sms", "other"] as [RolloutID] {
                let decision = try #require(snapshot.decision(for: nil, in: id))
                outcomes.record(decision, .success, latency: .zero)
            }
        }
        try serve("r0", "o0")
        try serve("r1", "o1")
        try serve("r0", "o2")
        for release in 3..<100 { try serve("r0", "o\(release)") }
        let row = try #require(outcomes.counts.rows.first { $0.rollout == "sms" && $0.release == [.app: "r0"] })
        #expect(row.requests == 99)
    }

    @Test("the place of a row that was folded is used again")
    func placesAreReused() throws {
        let variant = try serve(0..<1)[0].variant.number
        var rows = OutcomeRows()
        for life in 0..<OutcomeRecorder.rowLimit + 100 {
            let entry = rows.addRow(of: variant) ?? 0
            #expect(entry == OutcomeRows.otherEntry + 1)
            rows.fold(OutcomeRows.Row(entry: entry, variant: variant, life: life, retired: life), RowCounts())
        }
    }

    @Test("latencies of two decades take 5 KB a variant and thread at most, wherever they begin")
    func memory() {
        let pageBytes = OutcomePage.count * MemoryLayout<UInt64>.size
        for first in 1...LatencyRange.count - 2 * LatencyRange.perDecade {
            let last = first + 2 * LatencyRange.perDecade - 1
            let pages = last / OutcomePage.count - first / OutcomePage.count + 1
            // The node, and for successes and failures each a directory and the ranges.
            #expect((1 + 2 * (1 + pages)) * pageBytes <= 5 * 1024)
        }
    }

    @Test("what is added to a count while it is taken away is taken along or refused", .tags(.concurrency))
    func additionsAndTakings() {
        let page = OutcomePage()
        let mine = OutcomeCell.empty(VariantNumber(rawValue: 7))
        page.set(mine, at: 0)
        let (added, taken) = (Count(), Count())
        let isOver = Count()
        let adder: @Sendable () -> Void = {
            for _ in 0..<200_000 where page.add(1, at: 0, of: mine) { added.value.add(1, ordering: .relaxed) }
            isOver.value.add(1, ordering: .releasing)
        }
        onThreads([
            adder, adder,
            {
                while isOver.value.load(ordering: .acquiring) < 2 {
                    taken.value.add(page.take(at: 0), ordering: .relaxed)
                    page.set(mine, at: 0)
                }
            },
        ])
        #expect(added.value.load(ordering: .relaxed) == taken.value.load(ordering: .relaxed) + page.count(at: 0))
    }

    private final class Count: Sendable {
        let value = Atomic(0)
    }

    @Test("what finds no room in the table shares one row, and stays there")
    func others() throws {
        let count = OutcomeRecorder.rowLimit + 50
        let rollouts = (0..<count).map { (RolloutID("r\($0)")!, RolloutDefinition(.fixed([.app: "v1"]))) }
        let policy = RolloutPolicy(revision: 1, rollouts: Dictionary(uniqueKeysWithValues: rollouts))
        let router = try RolloutRouter(policy: policy)
        let snapshot = router.snapshot()
        for round in 1...2 {
            for (id, _) in rollouts {
                let decision = try #require(snapshot.decision(for: "a", in: id))
                router.outcomes.measure(decision) {}
            }
            let rows = router.outcomes.counts.rows
            #expect(rows.count == OutcomeRecorder.rowLimit + 1)
            #expect(rows.last?.rollout == nil)
            #expect(rows.last?.requests == 50 * round)
            #expect(rows.dropLast().allSatisfy { $0.requests == round && $0.inFlight == 0 })
        }
    }

    @Test("what finds no room is read though only a counter of the service's own has counted it")
    func countersOfOthers() throws {
        let count = OutcomeRecorder.rowLimit + 1
        let rollouts = (0..<count).map { (RolloutID("c\($0)")!, RolloutDefinition(.fixed([.app: "v1"]))) }
        let policy = RolloutPolicy(revision: 1, rollouts: Dictionary(uniqueKeysWithValues: rollouts))
        let router = try RolloutRouter(policy: policy)
        let hits = router.outcomes.counter("hits_total", help: "Hits.")
        let snapshot = router.snapshot()
        for (id, _) in rollouts { hits.add(for: try #require(snapshot.decision(for: "a", in: id))) }
        let rows = router.outcomes.counts.rows
        #expect(rows.count == count && rows.last?.rollout == nil)
        #expect(rows.reduce(0) { $0 + ($1.counters["hits_total"] ?? 0) } == count)
    }

    @Test("who comes late to a node that is used again never finds a count in place of an address")
    func lateLook() async {
        var rows = OutcomeRows()
        let owner = OutcomeCell.empty(VariantNumber(rawValue: 7))
        let node = rows.takePage(for: .node, of: owner)
        #expect((0..<OutcomeKind.count).allSatisfy { node.page(at: NodeLayout.directories + $0) == nil })
        #expect(node.add(1, at: NodeLayout.begun, of: owner) && node.add(1, at: NodeLayout.counters, of: owner))
        rows.give(node, for: .node)
        let isOver = Atomic(false)
        let strays = Atomic(0)
        let pool = Lock(rows)
        await onThreads([
            {
                for _ in 0..<20_000 {
                    pool.withLock { rows in
                        let page = rows.takePage(for: .node, of: owner)
                        rows.give(page, for: .node)
                    }
                }
                isOver.store(true, ordering: .releasing)
            },
            {
                while !isOver.load(ordering: .acquiring) {
                    let isStray = node.page(at: NodeLayout.directories) != nil
                    if isStray { strays.add(1, ordering: .relaxed) }
                }
            },
        ])
        #expect(strays.load(ordering: .relaxed) == 0)
    }

    @Test("a count that is given up is not added to, whoever comes late")
    func lateAddition() throws {
        let page = OutcomePage()
        let (mine, other) = (VariantNumber(rawValue: 7), VariantNumber(rawValue: 8))
        page.set(OutcomeCell.empty(mine), at: 0)
        #expect(page.add(3, at: 0, of: OutcomeCell.empty(mine)))
        #expect(!page.add(1, at: 0, of: OutcomeCell.empty(other)))
        #expect(page.take(at: 0) == 3)
        #expect(!page.add(1, at: 0, of: OutcomeCell.empty(mine)), "taken")
        page.set(OutcomeCell.empty(other), at: 0)
        #expect(!page.add(1, at: 0, of: OutcomeCell.empty(mine)), "used again by somebody else")
        #expect(!page.add(1, at: 0, of: OutcomeCell.other))
        #expect(page.count(at: 0) == 0)
    }

    // MARK: Threads

    @Test("as often as a row is folded under its requests, each ends in the row in which it began", .tags(.concurrency))
    func foldingUnderRequests() throws {
        let decisions = try serve(0..<131)
        let (held, others) = (decisions[0], decisions[1..<130])
        let (outcomes, isOver, written) = (outcomes, Count(), Count())
        onThreads([
            {
                // Each of these variants has lost its row when it comes again: the row that it gets costs the oldest one its own.
                for step in 0..<(StressEffort.isLong ? 60_000 : 700) {
                    outcomes.measure(others[others.startIndex + step % others.count]) {}
                    written.value.add(1, ordering: .relaxed)
                }
                isOver.value.store(1, ordering: .releasing)
            },
            {
                while isOver.value.load(ordering: .acquiring) == 0 {
                    outcomes.measure(held) {}
                    written.value.add(1, ordering: .relaxed)
                }
            },
        ])
        let counts = outcomes.counts
        #expect(counts.rows.allSatisfy { $0.inFlight == 0 })
        #expect(counts.rows.reduce(0) { $0 + $1.requests } == written.value.load(ordering: .relaxed) + 131)
        #expect(counts.rows.contains { $0.release == held.variant.release }, "it was folded and came back")
    }

    @Test("a request that has begun is in flight or has ended, in every reading", .tags(.concurrency))
    func readingUnderRequests() throws {
        let decision = try serve(0..<1)[0]
        let (outcomes, begun, isOver) = (outcomes, Count(), Count())
        let problems = Lock<[String]>([])
        onThreads([
            {
                for _ in 0..<(StressEffort.isLong ? 500_000 : 20_000) {
                    outcomes.measure(decision) { _ = begun.value.add(1, ordering: .releasing) }
                }
                isOver.value.store(1, ordering: .releasing)
            },
            {
                while isOver.value.load(ordering: .acquiring) == 0 {
                    let expected = begun.value.load(ordering: .acquiring) + 1
                    guard let row = outcomes.counts.rows.first else { continue }
                    if row.inFlight < 0 { problems.withLock { $0.append("\(row.inFlight) in flight") } }
                    if row.requests + row.inFlight < expected { problems.withLock { $0.append("one is missing") } }
                }
            },
        ])
        #expect(problems.withLock(\.self) == [])
    }

    @Test("a request is in flight until it is counted as ended")
    func inFlightUntilCounted() throws {
        let decision = sms.decision(for: "a")
        let (outcomes, isReady, isHeld, begun) = (outcomes, Count(), Count(), Count())
        let seen = Lock<[Int]>([])
        onThreads([
            {
                while isReady.value.load(ordering: .acquiring) == 0 { sched_yield() }
                // Whoever counts the first failure of a row makes room for it under the lock, and so waits here.
                let recorder = unsafe outcomes.recorder._withUnsafeGuaranteedRef(\.self)
                recorder.state.withLock { rows in
                    isHeld.value.store(1, ordering: .releasing)
                    while begun.value.load(ordering: .acquiring) == 0 { sched_yield() }
                    // Time to get there. If it is too short, a fault is missed, and nothing else.
                    Thread.sleep(forTimeInterval: 0.02)
                    seen.withLock { $0 = rows.rowsInOrder.map { recorder.read($0.entry).inFlight } }
                }
            },
            {
                // With the first success comes room to begin and to end.
                for isFailure in [false, true] {
                    if isFailure {
                        isReady.value.store(1, ordering: .releasing)
                        while isHeld.value.load(ordering: .acquiring) == 0 { sched_yield() }
                    }
                    outcomes.measure(decision, as: { isFailure ? .failure : .success }) {
                        if isFailure { begun.value.store(1, ordering: .releasing) }
                    }
                }
            },
        ])
        #expect(seen.withLock(\.self) == [1])
        #expect(outcomes.counts.rows.map(\.inFlight) == [0])
        #expect(outcomes.counts.rows.map(\.failures) == [1])
    }

    /// Writers that follow the policy, and now and then hold on to an old decision, and a reader that looks all the time.
    private func race(releases: Int) async throws {
        let written = Atomic(0)
        let steps = Atomic(0)
        let isOver = Atomic(false)
        let handle = sms
        let (router, outcomes) = (router, outcomes)
        let writer: @Sendable (UInt64) -> Void = { seed in
            var random = SplitMix64(seed: seed)
            var held = handle.decision(for: "a")
            var count = 0
            while !isOver.load(ordering: .acquiring) {
                let present = handle.decision(for: "a")
                if random.next() % 512 == 0 { held = present }
                let decision = random.next() % 64 == 0 ? held : present
                if random.next() % 2 == 0 {
                    outcomes.measure(decision) {}
                } else {
                    outcomes.record(decision, .failure, latency: .nanoseconds(Int64(random.next() % 1_000_000_000)))
                }
                count += 1
                steps.add(1, ordering: .releasing)
            }
            written.add(count, ordering: .relaxed)
        }
        let problems = Lock<[String]>([])
        let reader: @Sendable () -> Void = {
            var last = outcomes.counts
            while !isOver.load(ordering: .acquiring) {
                let counts = outcomes.counts
                if counts.since(last) == nil { problems.withLock { $0.append("a count fell") } }
                if counts.rows.contains(where: { $0.inFlight < 0 }) { problems.withLock { $0.append("in flight") } }
                if counts.rows.contains(where: { $0.failures > $0.requests }) {
                    problems.withLock { $0.append("failures") }
                }
                last = counts
                Thread.sleep(forTimeInterval: 0.002)
            }
        }
        let updates: @Sendable () -> Void = {
            for release in 1...releases {
                do { try router.update(to: Self.policy(release: release)) } catch {
                    problems.withLock { $0.append("\(error)") }
                }
                // Until each release has been served.
                let goal = steps.load(ordering: .acquiring) + 4
                while steps.load(ordering: .acquiring) < goal { sched_yield() }
            }
            isOver.store(true, ordering: .releasing)
        }
        await onThreads([{ writer(1) }, { writer(2) }, reader, updates])
        #expect(problems.withLock(\.self) == [])
        let counts = outcomes.counts
        #expect(counts.rows.reduce(0) { $0 + $1.requests } == written.load(ordering: .relaxed))
        #expect(counts.rows.allSatisfy { $0.inFlight == 0 })
        #expect(remainder(counts) != nil)
    }

    @Test("releases one after the other under two writers: what was written is counted", .tags(.concurrency))
    func race() async throws { try await race(releases: StressEffort.isLong ? 2_000 : 80) }
}
