import Synchronization
import Testing

@testable import Rollout

@Suite("Totals of units")
struct UnitTotalsTests {
    /// Latencies that lie well between two edges, and both ends.
    private static let latencies =
        [0, 1, 8, 40, 41, 126, 127].map { LatencyEdge.all[$0] * 1.045 } + [.zero, .seconds(2_000)]

    @Test("in whatever order outcomes come, the totals are those of sets", arguments: StressEffort.seeds(12, long: 400))
    func oracle(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        let service = try CountedCanary()
        var oracle = UnitOracle()
        var (epoch, stage, revision): (UInt32, UInt64, UInt32) = (0, 1, 1)
        _ = service.totals(stage: stage)
        let buckets = Array(0..<9) + Array(999_993..<1_000_000)
        var isStageOfEpoch = true
        var late: [(bucket: Int, Decision)] = []
        for _ in 0..<400 {
            switch UInt.random(in: 0..<40, using: &generator) {
            case 0:
                epoch += 1
                revision += 1
                try service.router.update(to: CountedCanary.policy(epoch: epoch, revision: revision))
                oracle.beginEpoch()
                isStageOfEpoch = false
            case 1, 2:
                stage = .random(in: .min ... .max, using: &generator)
                _ = service.totals(epoch: epoch, stage: stage)
                oracle.beginStage()
                isStageOfEpoch = true
            default:
                let variant: VariantName = Bool.random(using: &generator) ? .stable : .canary
                let bucket = buckets.randomElement(using: &generator) ?? 0
                var outcome = (bucket: bucket, service.decision(bucket, variant))
                late.append(outcome)
                if UInt.random(in: 0..<6, using: &generator) == 0 {
                    outcome = late.randomElement(using: &generator) ?? outcome
                }
                let isFailure = UInt.random(in: 0..<4, using: &generator) == 0
                let latency = Self.latencies.randomElement(using: &generator) ?? .zero
                service.outcomes.record(outcome.1, isFailure ? .failure : .success, latency: latency)
                oracle.record(
                    outcome.bucket,
                    outcome.1.variant.name,
                    isFailure: isFailure,
                    latency,
                    isLate: outcome.1.epoch < epoch
                )
            }
        }
        let totals = service.totals(epoch: epoch, stage: stage)
        if !isStageOfEpoch { oracle.beginStage() }
        #expect(totals[.stable] == oracle[.stable])
        #expect(totals[.canary] == oracle[.canary])
    }

    // MARK: What counts

    private func units(_ service: CountedCanary, _ variant: VariantName = .canary) -> [Int] {
        let units = service.totals()[variant]?.units
        return units.map { [$0.arrived, $0.entered, $0.enteredFailed, $0.failed] } ?? []
    }

    @Test("a measured request counts its unit, and a cancelled one does not")
    func measured() async throws {
        struct Unreachable: Error {}
        let service = try CountedCanary()
        let decision = service.decision(1, .canary)
        #expect(units(service) == [0, 0, 0, 0])
        #expect(throws: CancellationError.self) { try service.outcomes.measure(decision) { throw CancellationError() } }
        #expect(units(service) == [0, 0, 0, 0])
        func fails() async throws { throw Unreachable() }
        await #expect(throws: Unreachable.self) { try await service.outcomes.measure(decision, fails) }
        service.outcomes.measure(decision) {}
        #expect(units(service) == [1, 1, 1, 1])
        #expect(units(service, .stable) == [0, 0, 0, 0])
        #expect(service.totals()[.canary]?.requests == 2)
    }

    @Test("whoever was not drawn is no unit, and neither is a tainted decision")
    func undrawn() throws {
        var policy = CountedCanary.policy()
        policy.sms.forced = ["qa": .canary]
        policy.sms.hosts = ["canary.local": .canary]
        let service = try CountedCanary(policy)
        let sms = service.router.rollout("sms", default: EditedPolicy.v1)
        let decisions = [
            sms.decision(for: "qa"), sms.decision(for: "ana", host: "canary.local"), sms.decision(for: nil),
            sms.decision(
                for: nil,
                holding: Assignment(variant: .canary, of: "sms", bucket: nil, epoch: 0, revision: 1)
            ),
        ]
        for decision in decisions { service.outcomes.record(decision, .failure, latency: .zero) }
        let tainted = AdoptedDecision(decision: sms.decision(for: "ana"), taint: .missing)
        service.outcomes.record(tainted, .failure, latency: .zero)
        service.outcomes.measure(tainted) {}
        #expect(units(service) == [0, 0, 0, 0] && units(service, .stable) == [0, 0, 0, 0])
        #expect(service.outcomes.counts.rows.reduce(0) { $0 + $1.undrawn.requests } == 6)
        let adopted = AdoptedDecision(decision: service.decision(3, .canary), taint: nil)
        service.outcomes.record(adopted, .failure, latency: .zero)
        service.outcomes.measure(adopted) {}
        #expect(units(service) == [1, 1, 1, 1])
    }

    @Test("there are units as long as a plan counts them, also one that comes to a rollout that runs")
    func plans() throws {
        let service = try CountedCanary(EditedPolicy.canary(50))
        func serve(_ bucket: Int, _ outcome: RequestOutcome = .success) {
            service.outcomes.record(service.decision(bucket, .canary), outcome, latency: .milliseconds(3))
        }
        serve(1)
        #expect(service.totals()[.canary]?.units == nil)
        #expect(service.totals()[.canary]?.requests == 1)
        try service.router.update { $0.sms.progression = ProgressionPlan(steps: [.percent(60)]) }
        #expect(units(service) == [0, 0, 0, 0])
        serve(1, .failure)
        serve(2)
        #expect(units(service) == [2, 2, 1, 1])
        try service.router.update { $0.sms.strategy = EditedPolicy.canary(60).sms.strategy }
        serve(2)
        #expect(units(service) == [2, 2, 1, 1], "a ramp changes nothing")
        try service.router.update { $0.sms.progression?.count = .requests }
        serve(3)
        #expect(service.totals()[.canary]?.units == nil)
        try service.router.update { $0.sms.progression?.count = .units }
        #expect(units(service) == [0, 0, 0, 0])
        serve(3)
        #expect(units(service) == [1, 1, 0, 0])
        #expect(service.totals()[.canary]?.requests == 6, "whether units count or not, no request is lost")
        #expect(service.outcomes.counts.rows.reduce(0) { $0 + $1.requests } == 6)
        #expect(service.totals(epoch: 1)[.canary]?.units == .init(arrived: 0, entered: 0, enteredFailed: 0, failed: 0))
    }

    @Test("an A/B test has requests by variant, and no units")
    func test() throws {
        let router = try RolloutRouter(policy: EditedPolicy.test([1, 1]))
        let sms = router.rollout("sms", default: EditedPolicy.v1)
        for unit in 0..<100 { router.outcomes.record(sms.decision(for: unit), .failure, latency: .seconds(1)) }
        let releases: [VariantName: Release] = ["v0": [.model: "m0"], "v1": [.model: "m1"], "v2": [.model: "m2"]]
        let totals = router.outcomes.totals(in: OutcomeStage(of: "sms", epoch: 0, releases: releases, id: 1)).variants
        let counts = ["v0", "v1"].map { totals[$0]?.failures ?? 0 }
        #expect(counts.reduce(0, +) == 100 && counts.allSatisfy { $0 > 20 })
        #expect(totals["v2"]?.requests == 0)
        #expect(totals.values.allSatisfy { $0.units == nil })
        guard case .thanEdges(let slow, [])? = totals["v0"]?.slow else { throw StressError() }
        #expect(slow.first == counts[0] && slow.last == 0)
    }

    // MARK: Stages and epochs

    @Test("there are as many stages as there are asked for, and in each a unit enters once")
    func stages() throws {
        let service = try CountedCanary()
        for stage in 1...400 as ClosedRange<UInt64> {
            _ = service.totals(stage: stage)
            for _ in 0..<2 { service.outcomes.record(service.decision(7, .canary), .failure, latency: .zero) }
            let units = service.totals(stage: stage)[.canary]?.units
            #expect(units == .init(arrived: 1, entered: 1, enteredFailed: 1, failed: 1))
        }
        #expect(service.totals(stage: 1)[.canary]?.units?.entered == 0, "a stage that comes back is a new one")
    }

    @Test("a memory without tags lets nobody enter any more, and forgets nothing")
    func usedUp() throws {
        var tables = UnitTables(firstTag: UnitMemory.lastTag - 1)
        let directory = UnitDirectory()
        let router = try CountedCanary().router
        let subject = try #require(UnitTables.Subject("sms", in: router.state.compiled))
        let opened = tables.open(subject, in: directory)
        let table = try #require(opened)
        func count(_ bucket: Int) throws -> Bool {
            let table = try #require(tables["sms"])
            return table.memory.count(UnitOutcome(failure: 1, slowness: 0), of: bucket, table.header(at: 1))
        }
        let (first, isNew) = (UnitMemory.lastTag, tables.begin(1, of: "sms"))
        #expect(isNew && tables["sms"]?.tag == first)
        #expect(try count(1))
        var units = tables.totals(of: 1, "sms")?.0
        #expect(units == .init(arrived: 1, entered: 1, enteredFailed: 1, failed: 1))
        let hasTag = tables.begin(2, of: "sms")
        #expect(!hasTag)
        #expect(try count(1) && count(2))
        units = tables.totals(of: 1, "sms")?.0
        #expect(units == .init(arrived: 2, entered: 0, enteredFailed: 0, failed: 2))
        tables.close(table)
        _ = tables.open(subject, in: directory)
        #expect(tables.memoryCount == 2, "a memory that is used up serves no other table")
    }

    @Test("Rollouts that come and go share the memory of one, however many there are")
    func comingAndGoing() throws {
        let router = try RolloutRouter(policy: RolloutPolicy(revision: 1, rollouts: [:]))
        let definition = CountedCanary.policy().sms
        var last: Decision?
        for index in 0..<(StressEffort.isLong ? 1_200 : 200) {
            let id = RolloutID("r\(index)") ?? "sms"
            try router.update(to: RolloutPolicy(revision: UInt32(index) + 2, rollouts: [id: definition]))
            let decision = try #require(router.rollout(id)).decision(for: "ana")
            let variant = decision.variant
            let stage = OutcomeStage(of: id, epoch: 0, releases: [variant.name: variant.release], id: 1)
            _ = router.outcomes.totals(in: stage)
            router.outcomes.record(decision, .success, latency: .zero)
            // Whoever comes late counts a request, and in the table that is another's by now nothing.
            if let last { router.outcomes.record(last, .failure, latency: .seconds(1)) }
            let units = router.outcomes.totals(in: stage).variants[variant.name]?.units
            // Each rollout that went has a row for its remainder. When all 1,000 rows are taken, nobody's units are counted.
            if index < 900 {
                #expect(units == .init(arrived: 1, entered: 1, enteredFailed: 0, failed: 0))
            } else if index > 1_000 {
                #expect(units == nil)
            }
            last = decision
        }
        let recorder = unsafe OutcomeRecorder.of(router.state).takeUnretainedValue()
        #expect(recorder.state.withLock { $0.units.memoryCount } == 1)
    }

    @Test("who still holds the header of a table that is gone writes into nobody's counts")
    func late() throws {
        var tables = UnitTables()
        let directory = UnitDirectory()
        let subject = try #require(UnitTables.Subject("sms", in: CountedCanary().router.state.compiled))
        let gone = tables.open(subject, in: directory)
        let first = try #require(gone)
        tables.close(first)
        let opened = tables.open(subject, in: directory)
        let second = try #require(opened)
        #expect(first.number == second.number)
        let failure = UnitOutcome(failure: 1, slowness: 128)
        let success = UnitOutcome(failure: 0, slowness: 3)
        #expect(!second.memory.count(failure, of: 0, first.header(at: 0)), "its epoch is over")
        #expect(second.memory.count(success, of: 0, second.header(at: 0)))
        #expect(!second.memory.knows(success, of: 0, first.header(at: 0)))
        #expect(!second.memory.count(failure, of: 1, first.header(at: 0)), "the word is written already")
        #expect(second.memory.units(of: 0) == .init(arrived: 1, entered: 1, enteredFailed: 0, failed: 0))
        #expect(second.memory.slower(of: 0).reduce(0, +) == 3)
    }

    // MARK: Threads

    enum Change: CaseIterable { case none, stages, epochs }

    @Test("threads at once lose no unit and count none twice", .tags(.concurrency), arguments: Change.allCases)
    func threads(change: Change) throws {
        let service = try CountedCanary()
        let buckets = StressEffort.isLong ? 20_000 : 600
        @Sendable func variant(_ bucket: Int) -> VariantName { bucket % 2 == 0 ? .stable : .canary }
        @Sendable func latency(_ bucket: Int) -> Duration { LatencyEdge.all[bucket % 128] * 1.045 }
        @Sendable func serve(_ bucket: Int) {
            let outcome: RequestOutcome = bucket % 3 == 0 ? .failure : .success
            service.outcomes.record(service.decision(bucket, variant(bucket)), outcome, latency: latency(bucket))
        }
        let writers: [@Sendable () -> Void] = (0..<3 as Range<UInt64>).map { thread in
            {
                var generator = SplitMix64(seed: thread)
                for bucket in (0..<buckets).shuffled(using: &generator) { serve(bucket) }
            }
        }
        let changes = change == .none ? 0 : 100 as UInt64
        _ = service.totals()
        onThreads(
            writers + [
                {
                    for step in 0..<changes {
                        let epoch = change == .epochs ? UInt32(step) : 0
                        let policy = CountedCanary.policy(epoch: epoch, revision: UInt32(step) + 2)
                        if change == .epochs { _ = try? service.router.update(to: policy) }
                        _ = service.totals(epoch: epoch, stage: step + 2)
                    }
                }
            ]
        )
        // Whoever has entered before does not enter again, and all others do.
        if change != .none { for bucket in 0..<buckets { serve(bucket) } }
        var oracle = UnitOracle()
        for bucket in 0..<buckets {
            oracle.record(bucket, variant(bucket), isFailure: bucket % 3 == 0, latency(bucket), isLate: false)
        }
        let totals = service.totals(epoch: change == .epochs ? UInt32(changes) - 1 : 0, stage: changes + 1)
        for name in [VariantName.stable, .canary] {
            #expect(totals[name]?.units == oracle[name].units)
            #expect(totals[name]?.slowerUnits == oracle[name].slowerUnits)
        }
    }

    @Test("in every reading there are no more units than requests, and no total falls", .tags(.concurrency))
    func readingWhileCounting() throws {
        let service = try CountedCanary()
        let isOver = Atomic<Bool>(false)
        let faults = Lock<[String]>([])
        onThreads([
            {
                for bucket in 0..<(StressEffort.isLong ? 100_000 : 2_000) {
                    let latency = LatencyEdge.all[bucket % 128] * 1.045
                    let (decision, again) = (service.decision(bucket, .canary), service.decision(bucket / 2, .canary))
                    service.outcomes.record(decision, .failure, latency: latency)
                    service.outcomes.record(again, .failure, latency: latency)
                }
                isOver.store(true, ordering: .releasing)
            },
            {
                var last: VariantOutcomes?
                while !isOver.load(ordering: .acquiring) {
                    guard let now = service.totals()[.canary], let units = now.units else { continue }
                    var isFine = units.arrived <= now.requests && units.entered <= now.requests
                    isFine = isFine && units.failed <= now.failures && units.enteredFailed <= units.entered
                    isFine = isFine && zip(now.slowerUnits, now.slowerRequests).allSatisfy { $0 <= $1 }
                    if let last { isFine = isFine && zip(last.slowerUnits, now.slowerUnits).allSatisfy { $0 <= $1 } }
                    if !isFine { faults.withLock { $0.append("\(now)") } }
                    last = now
                }
            },
        ])
        #expect(faults.withLock { $0 } == [])
    }
}

extension VariantOutcomes {
    fileprivate var slowerUnits: [Int] { if case .thanEdges(_, let units) = slow { units } else { [] } }
    fileprivate var slowerRequests: [Int] { if case .thanEdges(let requests, _) = slow { requests } else { [] } }
}
