import Testing

@testable import Rollout

@Suite("Handles with a default")
struct DefaultHandleTests {
    private static let v1: Release = [.app: "v1", .model: "m1"]
    private static let v2: Release = [.app: "v2", .model: "m2"]
    private static let fallback: Release = [.app: "v0", .model: "m0"]

    private func policy(_ revision: UInt32, _ rollouts: [RolloutID: RolloutDefinition]) -> RolloutPolicy {
        RolloutPolicy(revision: revision, rollouts: rollouts)
    }

    private static let canary = RolloutDefinition(.canary(.percent(50), stable: v1, canary: v2))

    /// What the handle says to requests of every kind.
    private func decisions(_ handle: RolloutHandle) -> [Decision] {
        let held = Assignment(variant: "canary", of: "sms", bucket: 7, epoch: 9, revision: 9)
        return [
            handle.decision(for: "alice"), handle.decision(for: 42), handle.decision(for: -1), handle.decision(for: ""),
            handle.decision(for: HashedUnit("alice")), handle.decision(for: HashedUnit("")),
            handle.decision(for: Array("alice".utf8).span), handle.decision(for: nil),
            handle.decision(for: "alice", host: "canary.example"), handle.decision(for: nil, host: "h", holding: held),
            handle.decision(for: "alice", holding: held),
        ]
    }

    private func expectDefault(
        _ handle: RolloutHandle,
        of id: RolloutID = "sms",
        _ release: Release = fallback,
        revision: UInt32,
        _ location: SourceLocation = #_sourceLocation
    ) {
        for decision in decisions(handle) {
            #expect(decision.reason == .absent, sourceLocation: location)
            #expect(decision.reason.description == "absent", sourceLocation: location)
            #expect(decision.variant.name == .default, sourceLocation: location)
            #expect(decision.variant.name.text == "default", sourceLocation: location)
            #expect(decision.variant.release == release, sourceLocation: location)
            #expect(decision.variant.rollout == id, sourceLocation: location)
            #expect(decision.bucket == nil && decision.shadow == nil, sourceLocation: location)
            #expect(decision.revision == revision && decision.epoch == 0, sourceLocation: location)
        }
        #expect(handle.id == id, sourceLocation: location)
    }

    @Test("A router without rollouts serves defaults, at revision 0")
    func noPolicy() {
        let router = RolloutRouter(now: 7)
        expectDefault(router.rollout("sms", default: Self.fallback), revision: 0)
        #expect(router.rollout("sms") == nil)
        #expect(router.snapshot().policy == policy(0, [:]))
        #expect(router.snapshot().decision(for: "alice", in: "sms") == nil)
        #expect(router.status.revision == 0 && router.status.rollouts.isEmpty && router.status.appliedAt == 7)
    }

    @Test("The rollout is served while the policy has it, and the default whenever it does not")
    func comesAndGoes() throws {
        let router = RolloutRouter()
        let early = router.rollout("sms", default: Self.fallback)
        for revision in stride(from: 1, to: 30, by: 2) as StrideTo<UInt32> {
            try router.update(to: policy(revision, ["sms": Self.canary, "ui": Self.canary]))
            let plain = try #require(router.rollout("sms"))
            let late = router.rollout("sms", default: Self.fallback)
            #expect(decisions(early) == decisions(plain) && decisions(late) == decisions(plain))
            #expect(plain.decision(for: "alice").reason == .split)
            #expect([early.id, late.id, plain.id] == ["sms", "sms", "sms"])

            try router.update(to: policy(revision + 1, ["ui": Self.canary]))
            expectDefault(early, revision: revision + 1)
            expectDefault(late, revision: revision + 1)
            #expect(plain.decision(for: "alice").variant.name == .stable, "the first variant it last had")
            #expect(plain.decision(for: "alice").reason == .absent)
        }
    }

    @Test("Every replica answers alike, whenever it was started and whatever it ran before")
    func replicas() throws {
        let last = policy(9, ["ui": Self.canary])
        let fresh = try RolloutRouter(policy: last)
        let old = try RolloutRouter(policy: policy(1, ["sms": RolloutDefinition(.fixed(Self.v1))]))
        let asked = old.rollout("sms", default: Self.fallback)
        try old.update(to: policy(2, ["sms": Self.canary]))
        try old.update(to: last)
        let handles = [asked, old.rollout("sms", default: Self.fallback), fresh.rollout("sms", default: Self.fallback)]
        for handle in handles { #expect(decisions(handle) == decisions(handles[0])) }
        expectDefault(asked, revision: 9)
    }

    @Test("Each default is served to its own handles; one that equals a variant's release is still a default")
    func severalDefaults() throws {
        let router = try RolloutRouter(policy: policy(1, ["sms": Self.canary]))
        let defaults = [Self.fallback, Self.v1, [.app: "v0"], [.app: "v0", .model: "m9"]]
        let handles = defaults.map { router.rollout("sms", default: $0) }
        let others = defaults.map { router.rollout("other", default: $0) }
        #expect(router.defaults == ["sms": Set(defaults), "other": Set(defaults)])
        for handle in handles { #expect(handle.decision(for: "alice") == handles[0].decision(for: "alice")) }
        try router.update(to: policy(2, [:]))
        for (index, release) in defaults.enumerated() {
            expectDefault(handles[index], release, revision: 2)
            expectDefault(others[index], of: "other", release, revision: 2)
        }
    }

    @Test("Asking again gives the same seat, and changes nothing that anybody sees")
    func asking() throws {
        let router = try RolloutRouter(policy: policy(7, ["sms": Self.canary]), now: 100)
        let before = router.snapshot()
        let status = router.status
        for _ in 0..<100 { _ = router.rollout("sms", default: Self.fallback) }
        for id in ["ui", "ranker"] as [RolloutID] { _ = router.rollout(id, default: Self.fallback) }
        #expect(router.status == status)
        #expect(router.snapshot().policy == before.policy)
        #expect(router.state.compiled.roster.count == 4)
        #expect(before.decision(for: "alice", in: "sms") == router.snapshot().decision(for: "alice", in: "sms"))
        #expect(router.snapshot().decision(for: "alice", in: "ui") == nil, "a snapshot has what the policy has")
    }

    /// Far more than an image first has room for, of rollouts that are there, that come later, and that never come.
    @Test("Many handles, asked for between updates, each keep their own answers")
    func manySeats() throws {
        var rollouts: [RolloutID: RolloutDefinition] = [:]
        let ids = try (0..<40).map { try #require(RolloutID("r\($0)")) }
        for (index, id) in ids.enumerated() {
            var definition = RolloutDefinition(.canary(.percent(50), stable: [.app: "s\(index)"], canary: Self.v2))
            definition.forced = ["qa": .canary]
            definition.hosts = ["h": .canary]
            rollouts[id] = definition
        }
        let router = try RolloutRouter(policy: policy(1, rollouts.filter { ids.prefix(20).contains($0.key) }))
        var handles: [(RolloutHandle, RolloutID, Release)] = []
        var random = SplitMix64(seed: 1)
        for revision in 2...25 as ClosedRange<UInt32> {
            for _ in 0..<8 {
                let (id, release) = (
                    try #require(ids.randomElement(using: &random)), ["v": "\(handles.count)"] as Release
                )
                handles.append((router.rollout(id, default: release), id, release))
            }
            let next = policy(revision, rollouts.filter { _ in Bool.random(using: &random) })
            try router.update(to: next)
            for (handle, id, release) in handles {
                guard next.rollouts[id] != nil else {
                    expectDefault(handle, of: id, release, revision: revision)
                    continue
                }
                #expect(decisions(handle) == decisions(try #require(router.rollout(id))))
                #expect(
                    handle.decision(for: "qa").reason == .forced && handle.decision(for: "x", host: "H").reason == .host
                )
            }
        }
    }

    @Test(
        "A seat that is added answers as it would if the policy were compiled anew",
        arguments: StressEffort.seeds(1, long: 8)
    )
    func seating(seed: UInt64) throws {
        var random = RandomPolicy(seed: seed)
        var compiled = try CompiledPolicy(random.policy(revision: 1), after: Roster(), appliedAt: 0)
        for index in 0..<40 {
            if index.isMultiple(of: 10) {
                let next = random.policy(revision: UInt32(index + 2))
                compiled = try CompiledPolicy(next, after: compiled.roster, appliedAt: 0)
            }
            compiled = compiled.seating(RandomPolicy.ids[index % RandomPolicy.ids.count], default: ["v": "\(index)"])
            let anew = try CompiledPolicy(compiled.policy, after: compiled.roster, appliedAt: 0)
            // Tables are filled in the order of dictionaries, which differs: so answers are compared, not words.
            for ordinal in 0..<compiled.roster.count {
                let (record, other) = (
                    RolloutRecord(compiled.image, ordinal: ordinal), RolloutRecord(anew.image, ordinal: ordinal)
                )
                #expect(record.origin == other.origin && record.cookie == other.cookie)
                for unit in RandomPolicy.units + (0..<20).map({ "u\($0)" }) {
                    RequestBytes.with(unit: unit, host: "canary.example") { request in
                        let (mine, theirs) = (
                            record.decision(for: request, holding: nil), other.decision(for: request, holding: nil)
                        )
                        if mine != theirs { Issue.record("\(ordinal), \(unit): \(mine) and \(theirs)") }
                    }
                }
            }
            #expect(compiled.digest.text == anew.digest.text)
        }
    }

    @Test("A default keeps no cookie, and does not travel to other services")
    func sessions() throws {
        let router = RolloutRouter()
        let handle = router.rollout("sms", default: Self.fallback)
        let sessions = try Fixture.sessions()
        let request = SessionRequest(unit: nil, host: Fixture.host, cookies: "sms-app-version=x", now: Fixture.now)
        let answer = sessions.route(request, through: handle)
        #expect(answer.decision.variant.name == .default && answer.setCookie == nil)
        #expect(sessions.header(for: answer.decision, unit: nil, now: Fixture.now) == nil)
        #expect(Assignment(remembering: answer.decision) == nil)
    }

    @Test("A handle knows its rollout, whatever the strategy", arguments: 0..<20 as Range<UInt64>)
    func ids(seed: UInt64) throws {
        var random = RandomPolicy(seed: seed)
        let policy = random.policy(revision: 1)
        let router = try RolloutRouter(policy: policy)
        for id in policy.rollouts.keys { #expect(router.rollout(id)?.id == id) }
        for id in RandomPolicy.ids { #expect(router.rollout(id, default: Self.fallback).id == id) }
    }

    // MARK: Mistakes

    private func expect(_ result: ExitTest.Result?, says text: String, _ location: SourceLocation = #_sourceLocation) {
        let output = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        // A release build of the library drops the message of a precondition.
        #if DEBUG
            #expect(output.contains(text), "\(output)", sourceLocation: location)
        #endif
    }

    @Test("A default without a component traps")
    func noComponent() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = RolloutRouter().rollout("sms", default: [:])
        }
        expect(result, says: "the default of rollout sms: default: expected a release with at least one component")
    }

    @Test("A default with a version that no policy may have traps, and says which")
    func badVersion() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = RolloutRouter().rollout("sms", default: [.app: "v1", .model: "caf\u{E9}"])
        }
        expect(
            result,
            says: "the default of rollout sms: default.model: expected a version of 1 ... 128 printable ASCII"
        )
        expect(result, says: "caf\u{E9}")
    }
}
