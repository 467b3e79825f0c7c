import Testing

@testable import Rollout

@Suite("Progression", .timeLimit(.minutes(5)))
struct ProgressionTests {
    static let harmful: @Sendable (OutcomeStage) async throws -> [VariantName: CountingSource.Counts] = { _ in
        [.stable: (19_000, 190), .canary: (1_000, 60)]
    }
    /// As many canary units as are due to it, so that nothing but failures tells the variants apart.
    static let healthy: @Sendable (OutcomeStage) async throws -> [VariantName: CountingSource.Counts] = { _ in
        [.stable: (1_900, 19), .canary: (100, 1)]
    }

    // MARK: On its own

    @Test("A healthy canary goes from step to step and is promoted, each time with its figures")
    func promoted() async throws {
        let source = CountingSource()
        let driven = try DrivenRollout(EditedPolicy.driven { $0.count = .requests }, source: source)
        _ = await driven.report()
        let advanced = await driven.steps(atMost: 20) { $0.canary?.verdict == .advance }
        #expect(advanced.canary?.share == .percent(5))
        #expect(driven.sms.strategy == .canary(.percent(25), stable: EditedPolicy.v1, canary: EditedPolicy.v2))
        let promoted = await driven.steps(atMost: 20) { $0.canary?.verdict == .promote }
        #expect(promoted.waiting == #"the rollout has no canary, its strategy is "fixed""#)
        #expect(driven.sms.strategy == .fixed(EditedPolicy.v2))
        #expect(driven.written.map(\.revision) == [2, 3])
        let reasons = driven.written.compactMap(\.reason)
        #expect(reasons.allSatisfy { $0.contains("fail against 1 % of") && $0.contains("of 20") })
        #expect(reasons.first?.hasPrefix("5 %: 1 % of ") == true)
        #expect(reasons.last?.hasPrefix("25 %: 1 % of ") == true)
    }

    @Test("A harmful canary is taken back at once, with its figures")
    func takenBack() async throws {
        let driven = try DrivenRollout(EditedPolicy.driven(), source: CountingSource(Self.harmful))
        let first = await driven.report()
        #expect(first.canary?.reason == .noData)
        let status = await driven.steps(atMost: 5) { $0.canary?.verdict == .rollBack }
        #expect(status.canary?.reason == .failures)
        #expect(status.waiting == "the canary was taken back, it is disabled")
        #expect(driven.sms.disabled == [.canary])
        #expect(driven.sms.epoch == 1)
        #expect(driven.written.count == 1)
        #expect(driven.written.first?.reason?.hasPrefix("5 %: failures, evidence ") == true)
    }

    @Test("Windows wait for the share to settle, and steps for their time")
    func waits() async throws {
        let driven = try DrivenRollout(EditedPolicy.driven { $0.margin.absolute = .percent(50) })
        var seen = [await driven.report().canary?.reason]
        for _ in 0..<4 { seen.append(await driven.step().canary?.reason) }
        #expect(seen == [.noData, .settling, .settling, nil, .settling])
        #expect(driven.written.count == 1)
    }

    @Test("A schedule reads nothing, and leaves each step when its time is over")
    func schedule() async throws {
        let source = CountingSource { _ in throw EndOfSource() }
        let driven = try DrivenRollout(EditedPolicy.driven { $0.count = .nothing }, source: source)
        #expect(await driven.report().canary?.reason == .dwelling)
        let advanced = await driven.steps(atMost: 3) { $0.canary?.verdict == .advance }
        #expect(advanced.canary?.share == .percent(5))
        let promoted = await driven.steps(atMost: 3) { $0.canary?.verdict == .promote }
        #expect(promoted.canary?.share == .percent(25))
        #expect(promoted.readings == ProgressionStatus.Readings())
        #expect(source.stages.isEmpty)
    }

    private struct EndOfSource: Error {}

    @Test("A share of 0 is not started by the driver, not after a change of drivers either")
    func notStarted() async throws {
        let source = CountingSource { _ in [.stable: (2_000, 20)] }
        let driven = try DrivenRollout(EditedPolicy.driven(0), source: source)
        _ = await driven.report()
        let status = await driven.steps(atMost: 20) { $0.canary?.reason != .notStarted }
        #expect(status.canary?.reason == .notStarted)
        #expect(driven.written.isEmpty)
    }

    @Test("A person confirms by making the edit", arguments: [ProgressionPlan.Confirmation.promotion, .everything])
    func confirmation(_ confirm: ProgressionPlan.Confirmation) async throws {
        let policy = EditedPolicy.driven {
            $0.confirm = confirm
            $0.count = .requests
        }
        let driven = try DrivenRollout(policy)
        _ = await driven.report()
        let held = await driven.steps(atMost: 40) { $0.canary?.reason == .confirmation }
        #expect(held.canary?.share == .percent(confirm == .everything ? 5 : 25))
        #expect(held.canary?.verdict == .hold)
        #expect(driven.written.count == (confirm == .everything ? 0 : 1))
        try await driven.updater.update { try $0.promote("sms") }
        #expect(await driven.step().waiting == #"the rollout has no canary, its strategy is "fixed""#)
    }

    // MARK: When others edit

    struct Ending: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let waiting: String
        let edit: @Sendable (inout RolloutPolicy) throws -> Void

        init(_ name: String, _ waiting: String, _ edit: @escaping @Sendable (inout RolloutPolicy) throws -> Void) {
            (testDescription, self.waiting, self.edit) = (name, waiting, edit)
        }
    }

    static let endings = [
        Ending("removed", "the policy has no such rollout") { policy in
            policy.rollouts["sms"] = nil
            policy.rollouts["other"] = RolloutDefinition(.fixed(EditedPolicy.v1))
        },
        Ending("promoted", #"the rollout has no canary, its strategy is "fixed""#) { try $0.promote("sms") },
        Ending("aborted", "the canary was taken back, it is disabled") { try $0.abort("sms") },
        Ending("draining", "the canary is draining") { try $0.drain(.canary, in: "sms") },
        Ending("without a plan", #"the canary has no plan: write "progression""#) { $0.sms.progression = nil },
        Ending("a shadow", #"the rollout has no canary, its strategy is "shadow""#) { policy in
            policy.sms.epoch += 1
            policy.sms.strategy = .shadow(.percent(5), primary: EditedPolicy.v1, shadow: EditedPolicy.v2)
        },
        Ending("an A/B test", #"the A/B test has no plan: write "adaptation""#) { policy in
            policy.sms.epoch += 1
            policy.sms.progression = nil
            policy.sms.strategy = EditedPolicy.test([1, 1]).sms.strategy
        },
    ]

    @Test("The analysis ends with the canary, and the status says what was found", arguments: endings)
    func ended(_ ending: Ending) async throws {
        let driven = try DrivenRollout(EditedPolicy.driven())
        _ = await driven.report()
        try await driven.updater.update(ending.edit)
        let status = await driven.step()
        #expect(status.waiting == ending.waiting)
        #expect(status.isRunning)
        #expect(driven.written.isEmpty)
        // The driver waits for the next canary, and needs no clock for that.
        try await driven.updater.update { policy in
            policy.sms = EditedPolicy.driven().sms
            policy.sms.epoch = 9
        }
        var next = await driven.report()
        while next.waiting != nil { next = await driven.report() }
        #expect(next.canary?.share == .percent(5))
    }

    struct Renewal: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let isNew: Bool
        let edit: @Sendable (inout RolloutDefinition) -> Void

        init(_ name: String, isNew: Bool, _ edit: @escaping @Sendable (inout RolloutDefinition) -> Void) {
            (testDescription, self.isNew, self.edit) = (name, isNew, edit)
        }
    }

    static let renewals = [
        Renewal("epoch", isNew: true) { $0.epoch += 1 },
        Renewal("salt", isNew: true) { ($0.salt, $0.epoch) = ("other", $0.epoch + 1) },
        Renewal("release", isNew: true) { definition in
            definition.epoch += 1
            definition.strategy = .canary(.percent(5), stable: EditedPolicy.v1, canary: EditedPolicy.v3)
        },
        Renewal("plan", isNew: true) { $0.progression?.margin.relative = .percent(21) },
        Renewal("hosts", isNew: false) { $0.hosts = ["beta.example": .canary] },
        Renewal("forced units", isNew: false) { $0.forced = ["qa": .canary] },
        Renewal("sticky", isNew: false) { $0.sticky = StickyCookie(name: "sms", maxAge: 3_600, pin: .bucket) },
    ]

    @Test("Another epoch, salt, release or plan is another analysis; another rule is not", arguments: renewals)
    func renewed(_ renewal: Renewal) async throws {
        let driven = try DrivenRollout(EditedPolicy.driven(), source: CountingSource(Self.healthy))
        _ = await driven.report()
        for _ in 0..<6 { await driven.step() }
        let before = driven.progression.status.canary?.trials
        try #require(before?.canary.trials ?? 0 > 0)
        try await driven.updater.update { renewal.edit(&$0.sms) }
        let status = await driven.step()
        #expect(status.waiting == nil)
        #expect(status.canary?.trials == (renewal.isNew ? CanaryTrials() : status.canary?.trials))
        #expect((status.canary?.trials.canary.trials ?? 0 > before?.canary.trials ?? 0) != renewal.isNew)
        #expect(status.canary?.reason == (renewal.isNew ? .noData : .gathering))
    }

    @Test("Cookies that pin the variant make windows wait for the sessions of an earlier share")
    func pinned() async throws {
        let driven = try DrivenRollout(EditedPolicy.driven(), source: CountingSource(Self.healthy))
        _ = await driven.report()
        let gathering = await driven.steps(atMost: 6) { $0.canary?.reason == .gathering }
        #expect(gathering.canary?.reason == .gathering)
        try await driven.updater.update { $0.sms.sticky = StickyCookie(name: "sms", maxAge: 100) }
        #expect(await driven.step().canary?.reason == .settling)
        let again = await driven.steps(atMost: 10) { $0.canary?.reason == .gathering }
        #expect(again.canary?.reason == .gathering)
    }

    @Test("Sessions that were pinned until a moment ago are still about")
    func unpinned() async throws {
        let policy = EditedPolicy.driven().changed { policy in
            policy.revision = 1
            policy.sms.sticky = StickyCookie(name: "sms", maxAge: 100)
        }
        let source = CountingSource(Self.healthy)
        let driven = try DrivenRollout(policy, source: source)
        _ = await driven.report()
        for _ in 0..<3 { await driven.step() }
        let stages = source.stages.count
        try await driven.updater.update { $0.sms.sticky = nil }
        // It is 40 s, and what was begun by a cookie may last until 60 s.
        for count in [0, 0, 1] {
            await driven.step()
            #expect(source.stages.count == stages + count)
        }
    }

    @Test("A share that others raise, to a step or between two, is a new stage", arguments: [10, 25.0])
    func raised(_ percent: Double) async throws {
        let source = CountingSource(Self.healthy)
        let driven = try DrivenRollout(EditedPolicy.driven(), source: source)
        _ = await driven.report()
        for _ in 0..<6 { await driven.step() }
        try await driven.updater.update { try $0.setShare(of: "sms", to: .percent(percent)) }
        let status = await driven.step()
        #expect(status.canary?.share == .percent(percent))
        #expect(status.canary?.trials == CanaryTrials())
        #expect(status.canary?.next == (percent < 25 ? .percent(25) : nil))
        let stages = source.stages.count
        for _ in 0..<3 { await driven.step() }
        #expect(source.stages.count == stages + 1)
    }

    @Test("A share that others lowered is held until somebody raises it", arguments: [0, 1.0])
    func lowered(_ percent: Double) async throws {
        let source = CountingSource { _ in
            percent == 0 ? [.stable: (2_000, 20)] : [.stable: (1_980, 20), .canary: (20, 0)]
        }
        let driven = try DrivenRollout(EditedPolicy.driven(), source: source)
        _ = await driven.report()
        try await driven.updater.update { try $0.setShare(of: "sms", to: .percent(percent)) }
        let held = await driven.steps(atMost: 10) { $0.canary?.reason != .lowered }
        #expect(held.canary?.reason == .lowered)
        #expect(driven.written.isEmpty)
        try await driven.updater.update { try $0.setShare(of: "sms", to: .percent(5)) }
        #expect(await driven.step().canary?.reason == .settling)
    }

    @Test("A share that was raised and lowered between two looks counts, as far as it is remembered")
    func betweenLooks() async throws {
        let driven = try DrivenRollout(EditedPolicy.driven(), source: CountingSource(Self.healthy))
        _ = await driven.report()
        for _ in 0..<6 { await driven.step() }
        try await driven.updater.update { try $0.setShare(of: "sms", to: .percent(50)) }
        try await driven.updater.update { try $0.setShare(of: "sms", to: .percent(5)) }
        let status = await driven.step()
        #expect(status.canary?.reason == .lowered)
        #expect(status.canary?.trials == CanaryTrials())
    }

    @Test("A share of the time without a plan counts, too", arguments: [true, false])
    func withoutPlan(hadPlan: Bool) async throws {
        let source = CountingSource { _ in [.stable: (9_990, 15), .canary: (510, 15)] }
        let start = hadPlan ? EditedPolicy.driven() : EditedPolicy.canary(50)
        let driven = try DrivenRollout(start, source: source)
        _ = await driven.report()
        if hadPlan {
            try await driven.updater.update { policy in
                policy.sms.progression = nil
                try policy.setShare(of: "sms", to: .percent(50))
            }
            #expect(await driven.step().waiting == #"the canary has no plan: write "progression""#)
        }
        try await driven.updater.update { $0.sms = EditedPolicy.driven().sms }
        var status = await driven.report()
        while status.waiting != nil { status = await driven.report() }
        // Half of these failures are the canary's, because half of all units were when their requests began.
        for _ in 0..<2 { #expect(await driven.step().canary?.verdict == .hold) }
        #expect(driven.written.isEmpty)
    }

    @Test("A canary that is stopped in this process is not judged, and not promoted")
    func stopped() async throws {
        let driven = try DrivenRollout(EditedPolicy.driven { ($0.count, $0.dwell) = (.nothing, 20) })
        _ = await driven.report()
        try await driven.updater.stop(.canary, of: "sms")
        #expect(await driven.step().waiting == "the canary is stopped in this process")
        #expect(driven.written.isEmpty)
        try await driven.updater.update { $0.sms.epoch += 1 }
        var status = await driven.report()
        while status.waiting != nil { status = await driven.report() }
        #expect(status.canary?.reason == .dwelling)
    }

    @Test("A change while the source is read counts from when it was found")
    func duringReading() async throws {
        let source = CountingSource(Self.healthy)
        let driven = try DrivenRollout(EditedPolicy.driven { $0.settle = 25 }, source: source)
        _ = await driven.report()
        source.bring { [clock = driven.clock, updater = driven.updater] stage in
            clock.advance(by: .seconds(9))
            try await updater.update { try $0.setShare(of: "sms", to: .percent(10)) }
            return try await Self.healthy(stage)
        }
        #expect(await driven.step().canary?.share == .percent(10))
        source.bring(Self.healthy)
        let stages = source.stages.count
        // It is 19 s. What was begun before may end until 44 s.
        for count in [0, 0, 1] {
            await driven.step()
            #expect(source.stages.count == stages + count)
        }
    }

    @Test("A newer file with another share is as an edit by hand, an older one nothing")
    func files() async throws {
        let driven = try DrivenRollout(EditedPolicy.driven(), source: CountingSource(Self.healthy))
        _ = await driven.report()
        try await driven.updater.update(to: EditedPolicy.driven(10).at(7))
        #expect(await driven.step().canary?.share == .percent(10))
        try await driven.updater.update(to: EditedPolicy.driven(1).at(3))
        #expect(await driven.step().canary?.share == .percent(10))
    }

    @Test("A file that still has a canary that was taken back is refused, by its epoch")
    func staleFile() async throws {
        let driven = try DrivenRollout(EditedPolicy.driven(), source: CountingSource(Self.harmful))
        _ = await driven.report()
        _ = await driven.steps(atMost: 5) { $0.waiting != nil }
        let stale = EditedPolicy.driven(5).at(9)
        let error = await #expect(throws: UpdateError.self) { try await driven.updater.update(to: stale) }
        #expect(error?.code == .needsEpoch)
        #expect(driven.sms.disabled == [.canary])
    }

    @Test("A change that comes between verdict and write keeps an advance from being written")
    func overtaken() async throws {
        let (isAtGate, mayPass) = (OneShot<Void>(), OneShot<Void>())
        let gate = ClosureGate { policy in
            guard policy.rollouts["other"] != nil, policy.sms.hosts.isEmpty == false else { return }
            isAtGate.fulfil(())
            await mayPass.value
        }
        let driven = try DrivenRollout(
            EditedPolicy.driven {
                $0.count = .nothing
                $0.dwell = 10
            },
            gates: [gate],
            beforeWriting: { mayPass.fulfil(()) }
        )
        _ = await driven.report()
        let edit = Task { [updater = driven.updater] in
            try await updater.update(by: "ana") { policy in
                policy.rollouts["other"] = RolloutDefinition(.fixed(EditedPolicy.v1))
                policy.sms.hosts = ["beta.example": .canary]
            }
        }
        await isAtGate.value
        // The edit is at its gate until the verdict has been reached.
        let status = await driven.step()
        _ = try await edit.value
        #expect(status.canary?.verdict == .hold)
        #expect(status.canary?.reason == .refused)
        #expect(status.canary?.detail?.contains("sms was changed after it was judged") == true)
        #expect(driven.written.isEmpty)
    }

    @Test("A share that was raised and lowered again since the verdict is not raised")
    func changedAndBack() throws {
        let judged = EditedPolicy.driven()
        let between = judged.changed { try? $0.setShare(of: "sms", to: .percent(25)) }
        for operation in [ProgressionChange.Operation.setShare(.percent(25)), .promote] {
            var policy = judged
            let change = ProgressionChange(operation, of: judged.sms, because: "figures")
            #expect(throws: ProgressionChange.Overtaken.self) {
                try change.apply(to: &policy, of: "sms", after: [between.sms, judged.sms])
            }
            #expect(throws: ProgressionChange.Overtaken.self) { try change.apply(to: &policy, of: "sms", after: [nil]) }
            try change.apply(to: &policy, of: "sms", after: [judged.sms])
            #expect(policy != judged)
        }
    }

    @Test("A change is made on what was judged; an abort whatever share and plan are by now")
    func changes() throws {
        let judged = EditedPolicy.driven()
        let edits: [(String, (inout RolloutPolicy) -> Void, aborts: Bool)] = [
            ("hosts", { $0.sms.hosts = ["a.example": .stable] }, true),
            ("share", { $0.sms.strategy = EditedPolicy.canary(9).sms.strategy }, true),
            ("plan", { $0.sms.progression = nil }, true),
            ("epoch", { $0.sms.epoch += 1 }, false),
            ("salt", { $0.sms.salt = "other" }, false),
            (
                "release", { $0.sms.strategy = .canary(.percent(5), stable: EditedPolicy.v1, canary: EditedPolicy.v3) },
                false
            ),
            ("disabled", { $0.sms.disabled = [.canary] }, false),
            ("gone", { $0.rollouts["sms"] = nil }, false),
        ]
        for (name, edit, aborts) in edits {
            let changed = judged.changed(edit)
            for operation in [ProgressionChange.Operation.setShare(.percent(25)), .promote, .abort] {
                var policy = changed
                let change = ProgressionChange(operation, of: judged.sms, because: "figures")
                if case .abort = operation, aborts {
                    try change.apply(to: &policy, of: "sms")
                    #expect(policy.sms.disabled == [.canary], "\(name)")
                } else {
                    #expect(throws: ProgressionChange.Overtaken.self, "\(name)") {
                        try change.apply(to: &policy, of: "sms")
                    }
                    #expect(policy == changed)
                }
            }
        }
    }

    @Test("Two drivers on one updater never write twice for one verdict")
    func twoDrivers() async throws {
        let driven = try DrivenRollout(EditedPolicy.driven { $0.count = .nothing })
        let other = DrivenRollout(beside: driven)
        _ = await (driven.report(), other.report())
        // Both reach the same verdict at the same time, again and again.
        while driven.sms.strategy.kind == .canary {
            async let one = driven.step()
            async let two = other.step()
            _ = await (one, two)
        }
        #expect(driven.written.count == 2, "an advance and a promotion")
    }
}
