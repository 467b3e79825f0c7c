import Testing

@testable import Rollout

/// Readers against a writer that publishes as fast as it can.
///
/// Every decision has to be what the policy of its revision decides, and revisions must not go back on a thread. The same
/// readers have to find the fault in rings that have one. `ROLLOUT_STRESS=long` makes it more than 100 million reads.
@Suite("Publication under load", .serialized)
struct PublicationStressTests {
    @Test("Every decision belongs wholly to one revision, and revisions never go back")
    func cell() throws {
        let plan = try StressPlan.shared.get()
        let effort = StressEffort.cell
        var total = StressCounts()
        // A new cell each time, so that rings are outgrown while they are read.
        for _ in 0..<effort.rounds {
            let cell = SnapshotCell.kept(plan.words[0])
            total = total + run(plan, cell, effort)
        }
        if StressEffort.isLong { print("cell: \(total)") }
        #expect(total.torn == 0)
        #expect(total.backwards == 0)
        #expect(total.updates > 0)
    }

    @Test("The same of a router, its handles and its snapshots")
    func router() throws {
        let effort = StressEffort.router
        var total = StressCounts()
        for _ in 0..<effort.rounds {
            let subject = try RouterUnderStress()
            total =
                total
                + stress(
                    readers: effort.readers,
                    read: { subject.read(times: effort.readsPerReader) },
                    write: { subject.write(while: $0) }
                )
        }
        if StressEffort.isLong { print("router: \(total)") }
        #expect(total.torn == 0)
        #expect(total.backwards == 0)
        #expect(total.updates > 0)
    }

    @Test("The readers find every fault of a ring", arguments: HeldRing.Fault.allCases)
    func faults(fault: HeldRing.Fault) throws {
        // A machine that runs one thread at a time for a while may let a round pass; twenty in a row it does not.
        var total = StressCounts()
        for _ in 0..<20 where total.torn == 0 { total = total + (try held(fault)) }
        #expect(total.torn > 0)
    }

    @Test("The readers find nothing in the same ring without a fault")
    func noFault() throws {
        let total = try held(nil)
        #expect(total.torn == 0)
        #expect(total.backwards == 0)
        #expect(total.retries > 0)
    }

    private func held(_ fault: HeldRing.Fault?) throws -> StressCounts {
        let plan = try StressPlan.shared.get()
        let ring = HeldRing(plan.words[0], capacity: plan.capacity, fault: fault)
        defer { ring.deallocate() }
        return run(plan, ring, StressEffort(rounds: 1, readers: 2, readsPerReader: 200))
    }

    private func run(_ plan: StressPlan, _ publication: some Publication, _ effort: StressEffort) -> StressCounts {
        stress(
            readers: effort.readers,
            read: { plan.read(from: publication, times: effort.readsPerReader) },
            write: { plan.write(to: publication, while: $0) }
        )
    }
}
