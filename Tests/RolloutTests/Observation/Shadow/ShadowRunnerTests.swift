import Foundation
import Synchronization
import Testing

@testable import Rollout

/// One after the other, as some keep every thread of background priority.
@Suite("Copies to a shadow", .serialized)
struct ShadowRunnerTests {
    private struct Failure: Error {}

    // MARK: Handing over

    @Test("Of 10,000 submissions every one is admitted or dropped, and no more than 8 copies are out at a time")
    func bounded() async throws {
        let service = try Shadowed(limit: 8)
        let (now, peak) = (Counted(), Counted())
        try await service.running {
            await until { service.hasPermit() }
            let before = service.copies.dropped
            await onThreads(
                (0..<4).map { _ in
                    {
                        for _ in 0..<2_500 {
                            guard let permit = service.shadows.permit(for: service.decision) else { continue }
                            permit.run(.readOnly) {
                                peak.raise(to: now.add(1))
                                for _ in 0..<3 { await Task.yield() }
                                _ = now.add(-1)
                            }
                        }
                    }
                }
            )
            #expect(service.copies.admitted + service.copies.dropped - before == 10_000)
            #expect(service.copies.noRoom > 0)
            await until { service.copies.running == 0 }
        }
        #expect(1...8 ~= peak.value)
        #expect(service.copies.succeeded == service.copies.admitted)
        #expect(service.outcomes?.success.count == service.copies.admitted)
        #expect(service.outcomes?.requests == service.copies.admitted)
    }

    enum Misbehaviour: CaseIterable {
        case spins, blocks
    }

    @Test(
        "While copies spin or block without end, 1,000 primaries finish with results of their own",
        arguments: Misbehaviour.allCases,
        [false, true]
    )
    func neverInTheWay(misbehaviour: Misbehaviour, onIdleThreads: Bool) async throws {
        let service = try Shadowed(limit: 8, on: onIdleThreads ? IdleThreads(2) : nil)
        let threads = onIdleThreads ? 2 : min(ProcessInfo.processInfo.activeProcessorCount, 8)
        let barrier = Barrier()
        // Long after everything has been seen, so that a failure ends. On a busy machine a thread of idle priority may wait for
        // half a minute before it runs at all.
        let deadline = ContinuousClock.now + .seconds(600)
        try await service.running {
            for _ in 0..<8 {
                try await service.permit().run(.readOnly) {
                    barrier.begun.add(1, ordering: .acquiringAndReleasing)
                    while barrier.isClosed, ContinuousClock.now < deadline {
                        if misbehaviour == .blocks { usleep(1_000) }
                    }
                    barrier.returned.add(1, ordering: .acquiringAndReleasing)
                }
            }
            let before = service.copies.noRoom
            await until { barrier.has(begun: threads) }
            let answers = await withTaskGroup(of: (Int, Int).self, returning: [Int: Int].self) { group in
                for number in 0..<1_000 {
                    group.addTask {
                        await Task.yield()
                        let answer = number * number
                        if let permit = service.shadows.permit(for: service.decision) {
                            permit.run(.readOnly, against: answer) { -1 }
                        }
                        return (number, answer)
                    }
                }
                return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            #expect(barrier.returned.load(ordering: .acquiring) == 0, "the copies were still at it")
            #expect(answers == Dictionary(uniqueKeysWithValues: (0..<1_000).map { ($0, $0 * $0) }))
            #expect(service.copies.noRoom == before + 1_000)
            barrier.open()
            await until { service.copies.running == 0 }
        }
        #expect(service.copies.succeeded == 8)
    }

    @Test("A copy succeeds, fails or is cancelled, and is an outcome of the shadow variant")
    func results() async throws {
        let service = try Shadowed()
        try await service.running {
            for error in [nil, Failure(), CancellationError(), nil] as [(any Error)?] {
                try await service.permit().run(.isolated) {
                    if let error { throw error }
                }
            }
            await until { service.copies.running == 0 }
        }
        #expect(service.copies.succeeded == 2)
        #expect(service.copies.failed == 1)
        #expect(service.copies.cancelled == 1)
        #expect(service.copies.admitted == 4)
        let tally = try #require(service.outcomes)
        #expect(tally.success.count == 2)
        #expect(tally.failure.count == 1)
        #expect(tally.cancelled.count == 1)
        #expect(service.router.outcomes.counts.rows.allSatisfy { $0.drawn.requests == 0 }, "chance drew no copy")
        #expect(service.shadows.counts.variants.keys.map(\.name) == ["shadow"])
    }

    @Test("A copy in flight is in flight as an outcome too")
    func inFlight() async throws {
        let service = try Shadowed()
        let barrier = Barrier()
        try await service.running {
            try await service.permit().run(.readOnly) { await barrier.wait() }
            await until { barrier.has(begun: 1) }
            #expect(service.copies.running == 1)
            #expect(service.router.outcomes.counts.rows.first?.inFlight == 1)
            barrier.open()
            await until { service.copies.running == 0 }
            #expect(service.router.outcomes.counts.rows.first?.inFlight == 0)
        }
    }

    @Test("A permit that is not used gives its worker back, and counts nothing")
    func givenBack() async throws {
        let service = try Shadowed(limit: 2)
        try await service.running {
            await until { service.hasPermit() }
            let before = service.copies
            do {
                let first = try await service.permit()
                let second = try await service.permit()
                #expect(!service.hasPermit())
                _ = consume first
                _ = consume second
            }
            #expect(service.hasPermit())
            #expect(service.copies.admitted == before.admitted)
            #expect(service.copies.noRoom > before.noRoom)
        }
    }

    @Test("A decision without a shadow has no copy, and is not counted")
    func noShadow() async throws {
        let service = try Shadowed()
        let plain = try #require(service.router.rollout("r")).decision(for: nil)
        try await service.running {
            #expect(!service.hasPermit(for: plain))
        }
        #expect(service.copies == ShadowCounts.Copies())
    }

    @TaskLocal private static var trace = "none"

    @Test("Task-local values of the request are not carried")
    func taskLocals() async throws {
        let service = try Shadowed()
        let seen = Lock("")
        try await service.running {
            try await service.permit().run(.readOnly) { seen.withLock { $0 = "\(Self.trace)" } }
            await until { service.copies.running == 0 }
            try await Self.$trace.withValue("request") {
                try await service.permit().run(.readOnly) { seen.withLock { $0 += " \(Self.trace)" } }
                await until { service.copies.running == 0 }
            }
        }
        #expect(seen.withLock { $0 } == "none none")
    }

    @Test("There is no shadow of a shadow, in whatever task of the copy and by whatever runner")
    func nested() async throws {
        let (service, other) = (try Shadowed(limit: 2), try Shadowed(limit: 2))
        let permits = Counted()
        try await service.running {
            try await other.running {
                await until { other.hasPermit() }
                @Sendable func ask() {
                    if service.hasPermit() { _ = permits.add(1) }
                    if other.hasPermit() { _ = permits.add(1) }
                }
                try await service.permit().run(.readOnly) {
                    ask()
                    async let child: Void = ask()
                    await child
                    await Task { ask() }.value
                }
                await until { service.copies.running == 0 }
                #expect(permits.value == 0)
                #expect(service.copies.nested == 3)
                #expect(other.copies.nested == 3)
                #expect(service.copies.admitted == 1)
            }
        }
    }

    @Test("Copies run on the executor that the runner is given, and so do their child tasks")
    func executor() async throws {
        let executor = HeldExecutor()
        let service = try Shadowed(on: executor)
        try await service.running {
            executor.run()
            let permit = try await service.permit()
            permit.run(.readOnly) {
                async let child: Void = Task.yield()
                await child
            }
            #expect(service.copies.running == 1)
            executor.run()
            #expect(service.copies.succeeded == 1)
        }
    }

    @Test("The article shows the executor that these tests run")
    func article() throws {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let code = try String(contentsOf: tests.appending(path: "Support/IdleThreads.swift"), encoding: .utf8)
        let catalog = tests.deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Sources/Rollout/Rollout.docc")
        let article = try String(contentsOf: catalog.appending(path: "shadowing-traffic.md"), encoding: .utf8)
        #expect(article.contains("```swift\n\(code)```\n"))
    }

    // MARK: Decisions of others

    @Test("A decision of another router, or of a rollout that is gone, counts for the variant that it names")
    func strangers() async throws {
        let service = try Shadowed()
        let stranger = try #require(try RolloutRouter(policy: Shadowed.policy("r9")).rollout("r")).decision(for: "bob")
        try await RolloutUpdater(service.router).update(to: RolloutPolicy(revision: 2, rollouts: [:]))
        try await service.running {
            try await service.permit().run(.readOnly) {}
            await until { service.copies.running == 0 }
            await until {
                guard let permit = service.shadows.permit(for: stranger) else { return false }
                permit.run(.readOnly) {}
                return true
            }
            await until { service.copies.running == 0 }
        }
        let releases = service.shadows.counts.variants.map { ($0.key.release, $0.value.succeeded) }
        #expect(Dictionary(uniqueKeysWithValues: releases) == [["model": "r2"]: 1, ["model": "r9"]: 1])
    }

    @Test("1,000 variants have counts of their own, and all later ones common ones")
    func manyVariants() {
        let tallies = ShadowTallies()
        for round in 1...2 {
            for number in 0..<1_100 { tallies[VariantNumber(rawValue: UInt32(number * 7))].count(.admitted) }
            #expect(tallies.all.count == 1_000)
            #expect(tallies.all.allSatisfy { $0.tally[.admitted] == round })
            #expect(tallies.others[.admitted] == 100 * round)
        }
    }

    // MARK: Runners that cannot be

    @Test("A limit of 0, a timeout of 0 and a negative drain trap, with what is allowed")
    func traps() async {
        let limit = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = ShadowRunner(of: RolloutRouter(), limit: 0)
        }
        let timeout = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = ShadowRunner(of: RolloutRouter(), timeout: .zero)
        }
        let drain = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = ShadowRunner(of: RolloutRouter(), drain: .seconds(-1))
        }
        #if DEBUG
            let texts = [limit, timeout, drain].map { String(decoding: $0?.standardErrorContent ?? [], as: UTF8.self) }
            #expect(texts[0].contains("the limit of a ShadowRunner is 0: it must be 1 to 10,000"))
            #expect(texts[1].contains("the timeout of a ShadowRunner is 0.0 seconds: it must be more than 0"))
            #expect(texts[2].contains("the drain of a ShadowRunner is -1.0 seconds: it must be 0 or more"))
        #endif
    }
}

/// A number that several threads change.
final class Counted: Sendable {
    private let number = Atomic<Int>(0)

    var value: Int { number.load(ordering: .acquiring) }

    func add(_ amount: Int) -> Int { number.add(amount, ordering: .acquiringAndReleasing).newValue }

    func raise(to value: Int) { number.max(value, ordering: .acquiringAndReleasing) }
}
