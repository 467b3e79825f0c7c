import Foundation
import Synchronization
import Testing

@testable import Rollout

@Suite("Resources of releases")
struct ReleaseResourcesTests {
    /// A model that knows whether it was freed, and how often.
    final class Model: Sendable {
        let version: String
        let freed = Atomic(0)

        init(_ version: String) { self.version = version }

        /// Looks for a while, so that somebody has the time to free it.
        var staysAlive: Bool {
            for _ in 0..<2_000 where !isAlive { return false }
            return true
        }

        var isAlive: Bool { freed.load(ordering: .sequentiallyConsistent) == 0 }
    }

    struct Missing: Error {}

    /// What was loaded, in order; loads of versions in `broken` fail.
    final class Shelf: Sendable {
        private let state = Lock<(models: [Model], broken: Set<String>)>(([], []))

        var models: [Model] { state.withLock(\.models) }
        var versions: [String] { models.map(\.version) }
        var alive: [String] { models.filter(\.isAlive).map(\.version) }

        func breakVersion(_ version: String) { state.withLock { _ = $0.broken.insert(version) } }

        func load(_ release: Release) throws -> Model {
            let model = Model(release[.app] ?? release[.model] ?? "")
            try state.withLock { state in
                if state.broken.contains(model.version) { throw Missing() }
                state.models.append(model)
            }
            return model
        }

        func resources(
            for policy: RolloutPolicy,
            defaults: [RolloutID: Release] = [:]
        ) async throws -> ReleaseResources<Model> {
            try await ReleaseResources(for: policy, defaults: defaults) { _, release in
                try self.load(release)
            } free: { model in
                model.freed.add(1, ordering: .sequentiallyConsistent)
            }
        }
    }

    private let shelf = Shelf()

    /// An abort that asks the gates: alone it only takes away, and resources hear of it at the next change.
    static let askingAbort: @Sendable (inout RolloutPolicy) throws -> Void = { policy in
        try policy.abort("sms")
        policy.environment = "after the abort of revision \(policy.revision)"
    }

    @Test("All that a policy can route to is loaded at the start, each release of a rollout once")
    func start() async throws {
        var policy = EditedPolicy.canary(10)
        policy.rollouts["same"] = RolloutDefinition(
            .canary(.percent(1), stable: EditedPolicy.v1, canary: EditedPolicy.v1)
        )
        let models = try await shelf.resources(for: policy)
        #expect(shelf.versions == ["v1", "v1", "v2"])
        #expect(models.status.loaded == ["sms": [EditedPolicy.v1, EditedPolicy.v2], "same": [EditedPolicy.v1]])
    }

    @Test("An update loads before it is published, and frees after")
    func update() async throws {
        let models = try await shelf.resources(for: EditedPolicy.fixed())
        let router = try RolloutRouter(policy: EditedPolicy.fixed())
        let updater = RolloutUpdater(router, gates: [models])
        let sms = try #require(router.rollout("sms"))
        try await updater.update {
            try $0.startCanary(of: "sms", serving: EditedPolicy.v2, to: .all)
        }
        #expect(shelf.versions == ["v1", "v2"])
        let canary = sms.decision(for: "alice")
        #expect(models.lent(to: canary) == "v2 of canary")

        try await updater.update { try $0.promote("sms") }
        #expect(shelf.versions == ["v1", "v2"], "what is promoted is not loaded again")
        #expect(shelf.alive == ["v2"])
        #expect(models.lent(to: sms.decision(for: "alice")) == "v2 of stable")
        #expect(models.lent(to: canary) == "v2 of canary", "the same release by its old name")
        #expect(models.status.substitutions == 0)
        #expect(updater.history.last?.gates == ["ReleaseResources<Model>"])
    }

    @Test("A loader that fails for one of three refuses the update, and what it loaded for it is freed")
    func failingLoad() async throws {
        shelf.breakVersion("m2")
        let old = EditedPolicy.test([1])
        let models = try await shelf.resources(for: old)
        let router = try RolloutRouter(policy: old)
        let updater = RolloutUpdater(router, gates: [models])
        let error = await #expect(throws: UpdateError.self) {
            try await updater.update(to: EditedPolicy.test([1, 1, 1]).at(2))
        }
        #expect(
            error?.description
                == "The gate \"ReleaseResources<Model>\" refused: \"sms\" cannot serve model m2: Missing()"
        )
        #expect(shelf.versions == ["m0", "m1"])
        #expect(shelf.alive == ["m0"])
        #expect(shelf.models.map { $0.freed.load(ordering: .relaxed) } == [0, 1])
        #expect(router.snapshot().policy == old)

        // And again, once what was loaded is gone.
        try await updater.update(to: EditedPolicy.test([1, 1]).at(2))
        #expect(shelf.alive == ["m0", "m1"])
    }

    @Test("At the start a loader that fails is the caller's error")
    func failingStart() async {
        shelf.breakVersion("v2")
        let error = await #expect(throws: ReleaseLoadError.self) {
            try await shelf.resources(for: EditedPolicy.canary(10))
        }
        #expect(error?.rollout == "sms" && error?.release == EditedPolicy.v2 && error?.underlying is Missing)
        #expect(shelf.versions == ["v1"])
        #expect(shelf.alive.isEmpty)
    }

    @Test("A value in use is freed when the last use ends, also across a suspension; once")
    func pinned() async throws {
        let models = try await shelf.resources(for: EditedPolicy.canary(100))
        let router = try RolloutRouter(policy: EditedPolicy.canary(100))
        let updater = RolloutUpdater(router, gates: [models])
        let decision = try #require(router.rollout("sms")).decision(for: "alice")
        let shelf = shelf
        let (inside, release) = (OneShot<Bool>(), OneShot<Bool>())
        let use = Task {
            await models.withValue(for: decision.variant) { model, _ in
                inside.fulfil(true)
                _ = await release.value
                return model.isAlive
            }
        }
        _ = await inside.value
        try await updater.update { $0.sms = EditedPolicy.fixed().sms }
        #expect(shelf.alive == ["v1", "v2"])
        #expect(models.status.retiring == 1)
        #expect(models.status.loaded == ["sms": [EditedPolicy.v1]])

        // A second use of the old decision gets the value of the first variant already, and is told.
        #expect(models.lent(to: decision) == "v1 of stable")
        #expect(models.status.substitutions == 1)

        release.fulfil(true)
        #expect(await use.value == true)
        #expect(shelf.alive == ["v1"])
        #expect(models.status.retiring == 0)
        #expect(shelf.models.map { $0.freed.load(ordering: .relaxed) } == [0, 1])
    }

    @Test("Blue and green: switched and switched back in one call each, each loaded before it serves")
    func blueGreen() async throws {
        let models = try await shelf.resources(for: EditedPolicy.fixed())
        let router = try RolloutRouter(policy: EditedPolicy.fixed())
        let updater = RolloutUpdater(router, gates: [models])
        let sms = try #require(router.rollout("sms"))
        try await updater.update { try $0.setRelease(of: "stable", in: "sms", to: EditedPolicy.v2) }
        #expect(models.lent(to: sms.decision(for: "alice")) == "v2 of stable")
        try await updater.rollback(of: "sms")
        #expect(models.lent(to: sms.decision(for: "alice")) == "v1 of stable")
        #expect(shelf.versions == ["v1", "v2", "v1"])
        #expect(shelf.alive == ["v1"])
    }

    @Test("A shadow's copy has a value of its own")
    func shadow() async throws {
        let models = try await shelf.resources(for: EditedPolicy.shadow(100))
        let router = try RolloutRouter(policy: EditedPolicy.shadow(100))
        let decision = try #require(router.rollout("sms")).decision(for: "alice")
        #expect(models.lent(to: decision) == "v1 of primary")
        #expect(models.lent(to: try #require(decision.shadow)) == "v2 of shadow")
    }

    @Test("Rollouts that are left out have no value; what the body throws comes through")
    func subset() async throws {
        var policy = EditedPolicy.canary(10)
        policy.rollouts["ui"] = RolloutDefinition(.fixed(EditedPolicy.v3))
        let models = try await ReleaseResources(for: policy, in: ["sms"]) { _, release in release[.app] ?? "" }
        let router = try RolloutRouter(policy: policy)
        let ui = try #require(router.rollout("ui")).decision(for: "alice")
        let sms = try #require(router.rollout("sms")).decision(for: "alice")
        #expect(models.withValue(for: ui.variant) { value, _ in value } == nil)
        #expect(throws: Missing.self) { try models.withValue(for: sms.variant) { _, _ in throw Missing() } }
        #expect(models.status.loaded.keys.map(\.text) == ["sms"])
    }
}

extension ReleaseResources where Value == ReleaseResourcesTests.Model {
    /// What a decision gets, and as which variant: `v2 of canary`.
    func lent(to decision: Decision) -> String? { lent(to: decision.variant) }

    func lent(to variant: Decision.Variant) -> String? {
        withValue(for: variant) { model, lent in "\(model.version) of \(lent.name)" }
    }
}

@Suite("Resources of releases under load", .tags(.concurrency))
struct ReleaseResourcesRaceTests {
    typealias Shelf = ReleaseResourcesTests.Shelf

    /// Readers use whatever their decisions say, old ones too, while the canary comes and goes with ever new releases.
    @Test("Nobody ever uses a value that was freed, and every value is freed once")
    func readers() async throws {
        let shelf = Shelf()
        let models = try await shelf.resources(for: EditedPolicy.canary(50))
        let router = try RolloutRouter(policy: EditedPolicy.canary(50))
        let updater = RolloutUpdater(router, gates: [models])
        let sms = try #require(router.rollout("sms"))
        let isDone = OneShot<Bool>()
        let stop = Flag()
        defer { stop.set() }
        let (dead, unknown, missing, total) = (Counter(), Counter(), Counter(), Counter())
        // Threads of their own: two that spin in the pool would leave none for the tasks that update.
        let finished = Counter()
        for reader in 0..<2 {
            Thread.detachNewThread {
                var old = sms.decision(for: reader)
                var unit = reader
                var (revision, uses) = (UInt32(0), 0)
                while !stop.isSet {
                    unit += 2
                    let decision = sms.decision(for: unit)
                    uses = decision.revision == revision ? uses + 1 : 0
                    revision = decision.revision
                    // The next update may have to wait for other tests, and what this policy can show has been seen.
                    if uses > 30 { Thread.sleep(forTimeInterval: 0.001 * Double(min(uses - 30, 10))) }
                    for asked in [decision, old] {
                        var isSubstitute = false
                        let isAlive = models.withValue(for: asked.variant) { model, lent in
                            isSubstitute = lent != asked.variant
                            return model.staysAlive
                        }
                        // A value goes after another policy runs, so only what that one replaced may lack its own.
                        if isSubstitute, sms.decision(for: unit).revision == asked.revision { missing.add() }
                        if isAlive == nil { unknown.add() }
                        if isAlive == false { dead.add() }
                        total.add()
                    }
                    if unit % 64 < 2 { old = decision }
                }
                if finished.add() == 2 { isDone.fulfil(true) }
            }
        }
        while total.count == 0 { await Task.yield() }
        for version in 0..<200 {
            let release: Release = [.app: "v\(version)"]
            try await updater.update { policy in
                try policy.abort("sms")
                try policy.startCanary(of: "sms", serving: release, to: .percent(50))
            }
        }
        stop.set()
        _ = await isDone.value
        #expect(dead.count == 0)
        #expect(unknown.count == 0)
        #expect(missing.count == 0)
        #expect(shelf.alive.sorted() == ["v1", "v199"])
        #expect(shelf.models.allSatisfy { $0.freed.load(ordering: .relaxed) <= 1 })
        #expect(models.status.retiring == 0)
    }

    final class Counter: Sendable {
        private let value = Atomic(0)

        var count: Int { value.load(ordering: .relaxed) }

        @discardableResult
        func add() -> Int { value.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue }
    }

    final class Flag: Sendable {
        private let value = Atomic(false)

        var isSet: Bool { value.load(ordering: .relaxed) }

        func set() { value.store(true, ordering: .relaxed) }
    }
}
