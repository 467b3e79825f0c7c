import Testing

@testable import Rollout

@Suite("Progression under faults", .timeLimit(.minutes(5)))
struct ProgressionFaultTests {
    private struct Outage: Error, CustomStringConvertible { let description = "connection refused" }

    // MARK: The source

    @Test("A source that fails holds, says why, and the next window covers the gap")
    func failing() async throws {
        let source = CountingSource(ProgressionTests.healthy)
        let driven = try DrivenRollout(EditedPolicy.driven(), source: source)
        _ = await driven.report()
        for _ in 0..<4 { await driven.step() }
        let before = try #require(driven.progression.status.canary?.trials.canary.trials)
        source.bring { _ in throw Outage() }
        for number in 1...3 {
            let status = await driven.step()
            #expect(status.canary?.reason == .noData)
            #expect(status.canary?.detail == "the source failed: connection refused")
            #expect(status.readings.failed == number)
        }
        source.bring { _ in [.stable: (7_600, 76), .canary: (400, 4)] }
        let status = await driven.step()
        #expect(status.canary?.trials.canary.trials == before + 400)
        #expect(driven.written.isEmpty)
    }

    @Test("A source that hangs is not asked again before it answers, and a late answer is no reading")
    func hanging() async throws {
        let driven = try DrivenRollout(EditedPolicy.driven(), source: CountingSource(ProgressionTests.healthy))
        _ = await driven.report()
        let mayAnswer = await driven.hangInReading()
        // Now the limit of the reading sleeps.
        let late = await driven.step()
        #expect(late.canary?.detail == "the source did not answer within 10 s")
        let still = await driven.step()
        #expect(still.canary?.detail == "the source has not answered yet")
        #expect(still.readings.failed == 2)
        mayAnswer.fulfil(())
        let again = await driven.steps(atMost: 100) { $0.canary?.reason == .gathering }
        #expect(again.canary?.reason == .gathering)
        #expect(driven.written.isEmpty)
    }

    @Test("A call of the source that never returns ends with the run that made it")
    func neverReturning() async throws {
        let driven = try DrivenRollout(EditedPolicy.driven(), source: CountingSource(ProgressionTests.healthy))
        _ = await driven.report()
        let never = await driven.hangInReading()
        driven.cancel()
        try await driven.ended()
        _ = await driven.report()
        driven.run()
        #expect(await driven.report().canary?.detail == "the first reading is what the next one is compared with")
        never.fulfil(())
    }

    @Test("A source that was restarted begins a new window, and is counted")
    func restarted() async throws {
        let source = CountingSource(ProgressionTests.healthy)
        let driven = try DrivenRollout(EditedPolicy.driven(), source: source)
        _ = await driven.report()
        for _ in 0..<4 { await driven.step() }
        let before = try #require(driven.progression.status.canary?.trials)
        source.restart()
        let status = await driven.step()
        #expect(status.canary?.reason == .noData)
        #expect(status.canary?.detail?.hasSuffix("is lower than before: the source has started again") == true)
        #expect(status.readings.restarts == 1)
        let page = MetricsPage(of: driven.router, with: driven.progression.metrics).text
        #expect(page.contains(#"rollout_progression_readings_lost_total{rollout="sms",cause="restart"} 1"#))
        let next = await driven.step()
        #expect(next.canary?.trials.canary.trials == before.canary.trials + 100)
    }

    struct Nonsense: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let says: String
        let edit: @Sendable (inout OutcomeTotals) -> Void

        init(_ name: String, _ says: String, _ edit: @escaping @Sendable (inout OutcomeTotals) -> Void) {
            (testDescription, self.says, self.edit) = (name, says, edit)
        }
    }

    static let nonsense = [
        Nonsense("negative", "canary: failures is -1, and must be in 0 ... 9,007,199,254,740,992") {
            $0.variants[.canary]?.failures = -1
        },
        Nonsense(
            "above 2^53",
            "stable: requests is 9,223,372,036,854,775,807, and must be in 0 ... 9,007,199,254,740,992"
        ) {
            $0.variants[.stable]?.requests = .max
        },
        Nonsense("more failures than requests", "canary: 5,000,000 failures, and only ") {
            $0.variants[.canary]?.failures = 5_000_000
        },
        Nonsense("more entered than requests", "canary: 5,000,000 entered, and only ") {
            $0.variants[.canary]?.units?.entered = 5_000_000
        },
        Nonsense("no units", #"canary: no units: count them, or write "count": "requests" and mean it"#) { totals in
            for name in totals.variants.keys { totals.variants[name]?.units = nil }
        },
        Nonsense("nothing newer", "the source has counted nothing newer than before") { $0.time = 1_000 },
    ]

    @Test("Counts that cannot be are no data, and the baseline stays", arguments: nonsense)
    func impossible(_ nonsense: Nonsense) async throws {
        let source = CountingSource(ProgressionTests.healthy)
        source.amend { OutcomeTotals($0.variants, at: 1_000) }
        let driven = try DrivenRollout(EditedPolicy.driven(), source: source)
        _ = await driven.report()
        source.amend { totals in
            var totals = totals
            nonsense.edit(&totals)
            return totals
        }
        for number in 1...9 {
            let status = await driven.step()
            #expect(status.canary?.reason == .noData)
            #expect(status.canary?.detail?.hasPrefix(nonsense.says) == true, "\(status)")
            #expect(status.readings.unusable == number)
        }
        source.amend { $0 }
        let status = await driven.steps(atMost: 2) { $0.canary?.trials.canary.trials ?? 0 > 0 }
        #expect(status.canary?.trials.canary.trials == 100)
        #expect(driven.written.isEmpty)
    }

    @Test("A source that counts requests in one window and their units in the next is believed")
    func skewed() async throws {
        let source = CountingSource(ProgressionTests.healthy)
        let driven = try DrivenRollout(EditedPolicy.driven(), source: source)
        let isEven = Lock(false)
        source.amend { totals in
            var totals = totals
            isEven.withLock { isEven in
                isEven.toggle()
                guard isEven else { return }
                for name in totals.variants.keys { totals.variants[name]?.requests += 3 }
            }
            return totals
        }
        _ = await driven.report()
        for _ in 0..<6 { #expect(await driven.step().canary?.reason != .noData) }
    }

    @Test("A variant without outcomes has no traffic, and is no fault")
    func noTraffic() async throws {
        let source = CountingSource { _ in [.stable: (10, 0)] }
        let driven = try DrivenRollout(EditedPolicy.driven(), source: source)
        _ = await driven.report()
        let status = await driven.steps(atMost: 4) { $0.canary?.reason == .noTraffic }
        #expect(status.canary?.reason == .noTraffic)
        #expect(status.canary?.detail == "canary")
    }

    // MARK: The updater

    @Test("A gate that refuses holds, and an advance is tried again after a minute")
    func refused() async throws {
        struct Refusal: Error, CustomStringConvertible { let description = "the smoke test fails" }
        let gate = Counting { if $0.sms.strategy.kind == .canary { throw Refusal() } }
        let driven = try DrivenRollout(
            EditedPolicy.driven {
                $0.count = .nothing
                $0.dwell = 10
            },
            gates: [gate]
        )
        _ = await driven.report()
        for _ in 0..<6 {
            let status = await driven.step()
            #expect(status.canary?.verdict == .hold)
            #expect(status.canary?.reason == .refused)
            #expect(status.canary?.detail?.contains("the smoke test fails") == true)
        }
        #expect(gate.count == 1)
        await driven.step()
        #expect(gate.count == 2)
        #expect(driven.written.isEmpty)
        // What takes the canary back asks no gate.
        #expect(driven.sms.strategy.kind == .canary)
    }

    /// A gate that counts how often it is asked.
    private final class Counting: PolicyGate {
        let name = "smoke test"
        private let asked = Lock(0)
        private let verdict: @Sendable (RolloutPolicy) throws -> Void

        init(_ verdict: @escaping @Sendable (RolloutPolicy) throws -> Void) { self.verdict = verdict }

        var count: Int { asked.withLock { $0 } }

        func prepare(from running: RolloutPolicy, to next: RolloutPolicy) async throws {
            asked.withLock { $0 += 1 }
            try verdict(next)
        }
    }

    @Test("Cancelled in the middle of a write, it finishes that one and begins none")
    func cancelled() async throws {
        let (isAtGate, mayPass) = (OneShot<Void>(), OneShot<Void>())
        let gate = ClosureGate { _ in
            isAtGate.fulfil(())
            await mayPass.value
        }
        let driven = try DrivenRollout(
            EditedPolicy.driven {
                $0.count = .nothing
                $0.dwell = 10
            },
            gates: [gate]
        )
        _ = await driven.report()
        await driven.clock.sleepers(1)
        driven.clock.advance(by: .seconds(10))
        await isAtGate.value
        driven.cancel()
        mayPass.fulfil(())
        try await driven.ended()
        #expect(driven.written.count == 1)
        #expect(driven.sms.strategy == EditedPolicy.canary(25).sms.strategy)
        #expect(!driven.progression.status.isRunning)
    }

    @Test("Cancelled while the source is read, it writes nothing")
    func cancelledReading() async throws {
        let driven = try DrivenRollout(EditedPolicy.driven(), source: CountingSource(ProgressionTests.harmful))
        _ = await driven.report()
        let never = await driven.hangInReading()
        driven.cancel()
        try await driven.ended()
        #expect(driven.written.isEmpty)
        never.fulfil(())
    }

    @Test("The store must hold what the driver was elected by")
    func condition() async throws {
        let policy = EditedPolicy.driven {
            $0.count = .nothing
            $0.dwell = 10
        }
        let store = MemoryStore(policy)
        let lost = StoreCondition("leader", at: "7")
        let driven = try DrivenRollout(policy, store: store, requiring: lost)
        _ = await driven.report()
        let status = await driven.step()
        #expect(status.canary?.reason == .refused)
        #expect(driven.written.isEmpty)
        #expect(driven.updater.history.last?.error?.code == .conditionFailed)
    }

    @Test("Two runs at once are refused, and one after the other begins anew")
    func runs() async throws {
        let driven = try DrivenRollout(EditedPolicy.driven(), source: CountingSource(ProgressionTests.healthy))
        _ = await driven.report()
        await #expect(throws: AlreadyRunningError.self) { try await driven.progression.run() }
        for _ in 0..<4 { await driven.step() }
        #expect(driven.progression.status.canary?.trials.canary.trials ?? 0 > 0)
        driven.cancel()
        try await driven.ended()
        #expect(driven.progression.status.waiting == "the driver does not run")
        let page = MetricsPage(of: driven.router, with: driven.progression.metrics).text
        #expect(!page.contains("rollout_progression_share_ratio{"))
        #expect(page.contains(#"rollout_progression_leader{rollout="sms"} 0"#))
        driven.run()
        let status = await driven.report()
        #expect(status.canary?.trials == CanaryTrials())
        #expect(status.canary?.reason == .noData)
    }

    // MARK: The clock

    @Test("A clock that goes far ahead or back decides nothing; a deadline does")
    func jumps() async throws {
        let source = CountingSource { _ in [.stable: (19, 0), .canary: (1, 0)] }
        let driven = try DrivenRollout(
            EditedPolicy.driven {
                $0.deadline = 1_000
                $0.onDeadline = .abort
            },
            source: source
        )
        _ = await driven.report()
        #expect(await driven.step(.seconds(86_400)).canary?.verdict == .hold)
        source.bring { [clock = driven.clock] _ in
            clock.advance(by: .seconds(-500))
            return [:]
        }
        #expect(await driven.step().canary?.verdict == .hold)
        source.bring { _ in [.stable: (19, 0), .canary: (1, 0)] }
        for _ in 0..<50 { #expect(await driven.step().canary?.verdict == .hold) }
        #expect(driven.written.isEmpty)
        let status = await driven.steps(atMost: 100) { $0.canary?.verdict == .rollBack }
        #expect(status.canary?.reason == .inconclusive)
        #expect(driven.written.count == 1)
    }

    @Test("A clock that fails ends the run, with its error")
    func failingClock() async throws {
        struct Broken: Clock {
            struct Failure: Error {}
            let inner = ManualClock()
            var now: ManualClock.Instant { inner.now }
            var minimumResolution: Duration { .zero }
            func sleep(until deadline: ManualClock.Instant, tolerance: Duration?) async throws { throw Failure() }
        }
        let updater = RolloutUpdater(try RolloutRouter(policy: EditedPolicy.driven()))
        let progression = Progression(of: "sms", updating: updater, reading: CountingSource(), clock: Broken())
        await #expect(throws: Broken.Failure.self) { try await progression.run() }
        #expect(!progression.status.isRunning)
    }

    // MARK: Seen

    @Test("The status is a sentence and JSON, and stands on the metrics page")
    func seen() async throws {
        let driven = try DrivenRollout(EditedPolicy.driven(), source: CountingSource(ProgressionTests.healthy))
        _ = await driven.report()
        for _ in 0..<5 { await driven.step() }
        let status = driven.progression.status
        #expect(status.description.hasPrefix("sms: 5 %: gathering; 300 canary units, 3 failed; evidence "))
        for part in [
            #""rollout":"sms","running":true,"waiting":null}"#, #""canary":{"failures":3,"trials":300}"#,
            #""stable":{"failures":57,"trials":5700}"#, #""why":"gathering""#, #""next":25"#, #""needed":100"#,
            #""readings":{"failed":0,"restarts":0,"unusable":0}"#, #""text":"5 %: gathering; 300 canary units"#,
        ] { #expect(status.json.contains(part), "\(part) in \(status.json)") }
        let page = MetricsPage(of: driven.router, with: driven.progression.metrics).text
        #expect(page.contains(#"rollout_progression_share_ratio{rollout="sms"} 0.05"#))
        #expect(page.contains(#"rollout_progression_verdict{rollout="sms",verdict="hold"} 1"#))
        #expect(page.contains(#"rollout_progression_verdict{rollout="sms",verdict="advance"} 0"#))
        #expect(page.contains(#"rollout_progression_evidence{rollout="sms",test="harm"} "#))
        #expect(page.contains(#"rollout_progression_evidence{rollout="sms",test="mismatch"} 0.359"#))
        #expect(page.contains(#"rollout_progression_readings_lost_total{rollout="sms",cause="restart"} 0"#))
        #expect(page.contains(#"rollout_progression_leader{rollout="sms"} 1"#))
        if Prometheus.isThere { #expect(try Prometheus.check(page) == "") }
    }
}
