import Synchronization
import Testing

@testable import Rollout

@Suite("Tables and unions of units")
struct UnitUnionTests {
    private static func latency(_ edges: Int) -> Duration { edges == 0 ? .zero : LatencyEdge.all[edges - 1] * 1.045 }

    @Test("a table says of each bucket what was counted, and is the same after its bytes")
    func table() throws {
        let service = try CountedCanary()
        func serve(_ bucket: Int, _ outcome: RequestOutcome, slowness: Int) {
            let decision = service.decision(bucket, .canary)
            service.outcomes.record(decision, outcome, latency: Self.latency(slowness))
        }
        _ = service.totals(stage: 7)
        serve(999_999, .failure, slowness: 128)
        serve(0, .success, slowness: 3)
        _ = service.totals(stage: 8)
        serve(0, .failure, slowness: 2)
        serve(5, .success, slowness: 0)
        let table = try #require(service.outcomes.unitTable(in: CountedCanary.stage(8)))
        #expect(table.epoch == 0 && table.stage == 8)
        let copy = try UnitTable(bytes: table.bytes)
        #expect(copy == table)
        let units = [0, 5, 999_999].compactMap { copy[$0] }
        let told = units.map { "\($0.entry?.rawValue ?? "none") \($0.hasFailed) \($0.slowness)" }
        #expect(told == ["failure true 3", "success false 0", "none true 128"])
        #expect([1, 4, 6, 999_998].allSatisfy { copy[$0] == nil })
        #expect(service.outcomes.unitTable(in: CountedCanary.stage(9))?[0]?.entry == nil, "a new id begins a stage")
        #expect(service.outcomes.unitTable(in: CountedCanary.stage(epoch: 1, 9)) == nil)
    }

    @Test("bytes that are no table are refused, with what is wrong and where")
    func bytes() throws {
        let service = try CountedCanary()
        let good = try #require(service.outcomes.unitTable(in: CountedCanary.stage(1))).bytes
        func fault(_ change: (inout [UInt8]) -> Void) -> String? {
            var bytes = good
            change(&bytes)
            do throws(UnitTableError) { _ = try UnitTable(bytes: bytes) } catch { return error.description }
            return nil
        }
        func cell(_ number: UInt16) -> String? {
            fault { ($0[28 + 2 * 1_234], $0[29 + 2 * 1_234]) = (UInt8(number & 255), UInt8(number >> 8)) }
        }
        #expect(fault { _ in } == nil)
        #expect(fault { $0.removeLast() } == "a table of units has 2,000,028 bytes, and here are 2,000,027")
        #expect(fault { $0 = [] } == "a table of units has 2,000,028 bytes, and here are 0")
        #expect(fault { $0[14] = 50 } == "a table of units begins with \"rollout units 1\" and a line feed")
        #expect(cell(1 << 11) == "bucket 1,234 is 2048: a bucket has 11 bits")
        #expect(cell(512 | 129) == "bucket 1,234 is 641: no outcome is slower than more than 128 edges")
        #expect(cell(256) == "bucket 1,234 is 256: a bucket without an outcome is 0")
        #expect(cell(1_536) == "bucket 1,234 is 1536: a unit whose first outcome was a failure has failed")
        #expect(cell(512) == nil && cell(1_024 | 128) == nil && cell(1_792) == nil)
    }

    // MARK: Several processes

    /// What a fleet's source does: it asks all processes, and keeps the union of their units.
    private struct Fleet {
        /// A process, and what it has counted up to the last reading.
        struct Replica {
            var service: CountedCanary
            var known: [VariantName: VariantOutcomes] = [:]
        }

        var replicas: [Replica]
        private var requests: [VariantName: VariantOutcomes] = [:]
        private var union = UnitUnion()

        init(_ count: Int) throws { replicas = try (0..<count).map { _ in Replica(service: try CountedCanary()) } }

        /// A process that starts anew knows nothing.
        mutating func restart(_ place: Int, _ policy: RolloutPolicy) throws {
            replicas[place] = Replica(service: try CountedCanary(policy))
        }

        /// Units are read before requests, so that there are never more of them.
        mutating func totals(in stage: OutcomeStage, canary share: Share) -> OutcomeTotals {
            union.begin(stage)
            for place in replicas.indices {
                let outcomes = replicas[place].service.outcomes
                if let table = outcomes.unitTable(in: stage) { union.formUnion(with: table, canary: share) }
                for (variant, now) in outcomes.totals(in: stage).variants {
                    let last = replicas[place].known[variant]
                    requests[variant, default: VariantOutcomes(requests: 0, failures: 0)].requests +=
                        now.requests - (last?.requests ?? 0)
                    requests[variant]?.failures += now.failures - (last?.failures ?? 0)
                    replicas[place].known[variant] = now
                }
            }
            for variant in requests.keys {
                requests[variant]?.units = union.units(of: variant)
                requests[variant]?.slow = .thanEdges(requests: [], units: union.slower(of: variant))
            }
            return OutcomeTotals(requests)
        }
    }

    @Test("replicas that restart take nothing back and enter nothing twice", arguments: StressEffort.seeds(1, long: 8))
    func fleet(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        var fleet = try Fleet(3)
        var oracle = UnitOracle()
        var (stage, epoch, revision, served): (UInt64, UInt32, UInt32, Int) = (1, 0, 1, 0)
        // The canary owns the lower half.
        let buckets = [0, 1, 2, 499_998, 499_999, 500_000, 500_001, 999_999]
        func read() -> OutcomeTotals {
            fleet.totals(in: CountedCanary.stage(epoch: epoch, stage), canary: .percent(50))
        }
        _ = read()
        for _ in 0..<(StressEffort.isLong ? 60 : 20) {
            switch UInt.random(in: 0..<14, using: &generator) {
            case 0:
                // What it has counted since the last reading is lost. So it is read before that.
                _ = read()
                try fleet.restart(
                    Int.random(in: 0..<3, using: &generator),
                    CountedCanary.policy(epoch: epoch, revision: revision)
                )
                _ = read()
            case 1:
                _ = read()
                stage += 1
                _ = read()
                oracle.beginStage()
            case 2 where served > 8:
                _ = read()
                (epoch, stage, revision) = (epoch + 1, stage + 1, revision + 1)
                for replica in fleet.replicas {
                    try replica.service.router.update(to: CountedCanary.policy(epoch: epoch, revision: revision))
                }
                _ = read()
                oracle.beginEpoch()
            default:
                served += 1
                let bucket = buckets.randomElement(using: &generator) ?? 0
                let variant: VariantName = bucket < 500_000 ? .canary : .stable
                let isFailure = UInt.random(in: 0..<3, using: &generator) == 0
                let latency = Self.latency(Int.random(in: 0...128, using: &generator))
                let service = fleet.replicas[Int.random(in: 0..<3, using: &generator)].service
                let outcome: RequestOutcome = isFailure ? .failure : .success
                service.outcomes.record(service.decision(bucket, variant), outcome, latency: latency)
                oracle.record(bucket, variant, isFailure: isFailure, latency, isLate: false)
                // The union learns who was first only if it reads in between.
                _ = read()
            }
        }
        let totals = read().variants
        for variant in [VariantName.stable, .canary] {
            #expect(totals[variant]?.units == oracle[variant].units)
            #expect(totals[variant]?.requests == oracle[variant].requests)
            #expect(totals[variant]?.failures == oracle[variant].failures)
            guard case .thanEdges(_, let slower)? = totals[variant]?.slow,
                case .thanEdges(_, let expected) = oracle[variant].slow
            else { throw StressError() }
            #expect(slower == expected)
        }
    }

    @Test("what is new of a bucket counts for whoever owns it now, and a table of another time for nobody's entry")
    func owners() throws {
        let service = try CountedCanary()
        service.outcomes.record(service.decision(300_000, .stable), .failure, latency: .zero)
        var union = UnitUnion()
        let table = try #require(service.outcomes.unitTable(in: CountedCanary.stage(1)))
        union.formUnion(with: table, canary: .percent(50))
        #expect(union.units(of: .canary).arrived == 0, "of no stage yet")
        union.begin(CountedCanary.stage(epoch: 1, 1))
        union.formUnion(with: table, canary: .percent(50))
        #expect(union.units(of: .canary).arrived == 0, "of another epoch")
        union.begin(CountedCanary.stage(2))
        service.outcomes.record(service.decision(300_001, .stable), .failure, latency: .zero)
        let older = try #require(service.outcomes.unitTable(in: CountedCanary.stage(1)))
        union.formUnion(with: older, canary: .percent(20))
        #expect(union.units(of: .stable) == .init(arrived: 2, entered: 0, enteredFailed: 0, failed: 2))
        service.outcomes.record(service.decision(300_001, .stable), .success, latency: .zero)
        let now = try #require(service.outcomes.unitTable(in: CountedCanary.stage(2)))
        service.outcomes.record(service.decision(300_001, .stable), .success, latency: .zero)
        let entered = try #require(service.outcomes.unitTable(in: CountedCanary.stage(2)))
        for table in [now, entered, entered] { union.formUnion(with: table, canary: .percent(50)) }
        #expect(union.units(of: .canary) == .init(arrived: 0, entered: 1, enteredFailed: 0, failed: 0))
        #expect(union.units(of: "other") == .init(arrived: 0, entered: 0, enteredFailed: 0, failed: 0))
    }
}
