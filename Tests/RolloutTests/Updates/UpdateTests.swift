import Testing

@testable import Rollout

@Suite("Updates")
struct UpdateTests {
    @Test("A higher revision runs, an older one is counted, the running one again is no change")
    func revisions() async throws {
        let (router, updater) = try EditedPolicy.updated(EditedPolicy.canary(10).at(5))
        #expect(try await updater.update(to: EditedPolicy.canary(20).at(7)) == 7)
        #expect(try await updater.update(to: EditedPolicy.canary(90).at(6)) == 7)
        #expect(router.status.ignoredUpdates == 1)
        #expect(try await updater.update(to: EditedPolicy.canary(20).at(7)) == 7)
        #expect(router.snapshot().policy == EditedPolicy.canary(20).at(7))
        #expect(updater.history.map(\.outcome) == [.accepted, .accepted, .ignored])
        #expect(updater.history.map(\.revision) == [5, 7, 6])
        #expect(updater.history.map(\.running) == [5, 7, 7])
    }

    @Test("The running revision with other content is a conflict")
    func otherContent() async throws {
        let (router, updater) = try EditedPolicy.updated(EditedPolicy.canary(10).at(5))
        await #expect(throws: UpdateError.revisionTaken(5)) {
            try await updater.update(to: EditedPolicy.canary(20).at(5))
        }
        #expect(router.snapshot().policy == EditedPolicy.canary(10).at(5))
    }

    @Test("The expected revision is compared first: even an older policy is then a conflict")
    func expectation() async throws {
        let (router, updater) = try EditedPolicy.updated(EditedPolicy.canary(10).at(5))
        for revision in [4, 5, 6] as [UInt32] {
            let error = UpdateError.conflict(expected: 3, running: 5)
            await #expect(throws: error) {
                try await updater.update(to: EditedPolicy.canary(10).at(revision), expecting: 3)
            }
        }
        #expect(router.status.ignoredUpdates == 0)
        #expect(try await updater.update(to: EditedPolicy.canary(20).at(6), expecting: 5) == 6)
    }

    @Test("An invalid policy is refused, and the running one untouched")
    func invalid() async throws {
        let (router, updater) = try EditedPolicy.updated(EditedPolicy.canary(10))
        let error = await #expect(throws: UpdateError.self) {
            try await updater.update(to: EditedPolicy.test([0]).at(2))
        }
        #expect(error?.code == .invalid)
        #expect((error?.underlying as? PolicyError)?.problems.map(\.code) == [.badWeights])
        #expect(router.snapshot().policy == EditedPolicy.canary(10))
        #expect(updater.history.last?.outcome == .refused)
        #expect(updater.history.last?.error == error)
    }

    // MARK: Epochs

    struct HandWritten: Sendable {
        let name: String
        let old: RolloutPolicy
        let new: RolloutPolicy
        let causes: [EpochDemand.Cause]
    }

    static let handWritten: [HandWritten] = [
        change("the canary's release", of: EditedPolicy.canary(10), [.release("canary")]) {
            $0.strategy = .canary(.percent(10), stable: EditedPolicy.v1, canary: EditedPolicy.v3)
        },
        change("promoted by hand", of: EditedPolicy.canary(10), [.release("stable")]) {
            $0.strategy = .fixed(EditedPolicy.v2)
        },
        change("the salt", of: EditedPolicy.canary(10), [.salt]) { $0.salt = "other" },
        change("salt and release", of: EditedPolicy.fixed(), [.salt, .release("stable")]) {
            $0.salt = "other"
            $0.strategy = .fixed(EditedPolicy.v2)
        },
        change("aborted by hand", of: EditedPolicy.canary(10), [.abort("canary")]) {
            $0.strategy = .canary(.zero, stable: EditedPolicy.v1, canary: EditedPolicy.v2)
            $0.disabled = ["canary"]
        },
        change("one of several variants", of: EditedPolicy.test([1, 1, 1]), [.release("v2")]) {
            guard case .abTest(var test) = $0.strategy else { return }
            test.variants[2].release = EditedPolicy.v3
            $0.strategy = .abTest(test)
        },
        change("a share", of: EditedPolicy.canary(10), []) {
            $0.strategy = .canary(.percent(20), stable: EditedPolicy.v1, canary: EditedPolicy.v2)
        },
        change("the id as salt", of: EditedPolicy.canary(10), []) { $0.salt = "sms" },
        change("a first canary", of: EditedPolicy.fixed(), []) {
            $0.strategy = .canary(.percent(10), stable: EditedPolicy.v1, canary: EditedPolicy.v2)
        },
        change("disabled alone", of: EditedPolicy.canary(10), []) { $0.disabled = ["canary"] },
    ]

    private static func change(
        _ name: String,
        of old: RolloutPolicy,
        _ causes: [EpochDemand.Cause],
        _ change: (inout RolloutDefinition) -> Void
    ) -> HandWritten {
        var (old, new) = (old, old)
        old.sms.epoch = 3
        new.sms.epoch = 3
        new.revision = 2
        change(&new.sms)
        return HandWritten(name: name, old: old, new: new, causes: causes)
    }

    @Test("A hand-written change that voids assignments has to raise the epoch", arguments: handWritten)
    func epochs(change: HandWritten) async throws {
        let (router, updater) = try EditedPolicy.updated(change.old)
        var next = change.new
        guard !change.causes.isEmpty else {
            try await updater.update(to: next)
            return
        }
        let demand = EpochDemand(rollout: "sms", causes: change.causes, found: 3, needed: 4)
        await #expect(throws: UpdateError.needsEpoch([demand])) { try await updater.update(to: next) }
        #expect(router.snapshot().policy == change.old)
        next.sms.epoch = 4
        try await updater.update(to: next)
    }

    @Test("An epoch never goes back, nor does that of a rollout that was away")
    func epochsOfRetired() async throws {
        var policy = EditedPolicy.canary(10)
        policy.sms.epoch = 3
        let (_, updater) = try EditedPolicy.updated(policy)
        var lower = policy.at(2)
        lower.sms.epoch = 2
        let demand = EpochDemand(rollout: "sms", causes: [.lowered], found: 2, needed: 3)
        await #expect(throws: UpdateError.needsEpoch([demand])) { try await updater.update(to: lower) }

        try await updater.update(to: RolloutPolicy(revision: 2, rollouts: [:]))
        await #expect(throws: UpdateError.needsEpoch([demand])) { try await updater.update(to: lower.at(3)) }
        try await updater.update(to: policy.at(3))
        lower.sms.epoch = 3
        lower.sms.salt = "other"
        let salted = EpochDemand(rollout: "sms", causes: [.salt], found: 3, needed: 4)
        await #expect(throws: UpdateError.needsEpoch([salted])) { try await updater.update(to: lower.at(4)) }
        #expect(
            UpdateError.needsEpoch([salted]).description
                == "Older assignments would get the wrong variant. "
                + "rollouts.sms.epoch: expected at least 4, because the salt changed, found 3"
        )
    }

    @Test("A variant that went and comes back in the same epoch is held against the release it had")
    func epochsOfReturningVariants() async throws {
        func canary(_ release: Release, _ revision: UInt32) -> RolloutPolicy {
            var policy = EditedPolicy.canary(10).at(revision)
            policy.sms.strategy = .canary(.percent(10), stable: EditedPolicy.v1, canary: release)
            return policy
        }
        let (_, updater) = try EditedPolicy.updated(canary(EditedPolicy.v2, 1))
        try await updater.update(to: EditedPolicy.fixed().at(2))
        // Away for long, and the rollout with it for a while.
        try await updater.update(to: RolloutPolicy(revision: 3, rollouts: [:]))
        try await updater.update(to: EditedPolicy.fixed().at(4))
        let demand = EpochDemand(rollout: "sms", causes: [.release("canary")], found: 0, needed: 1)
        await #expect(throws: UpdateError.needsEpoch([demand])) {
            try await updater.update(to: canary(EditedPolicy.v3, 5))
        }
        try await updater.update(to: canary(EditedPolicy.v2, 5))
        try await updater.update(to: EditedPolicy.fixed().at(6))

        var next = canary(EditedPolicy.v3, 7)
        next.sms.epoch = 1
        try await updater.update(to: next)
        // In the new epoch no assignment knows the variant of the old one.
        var fixed = EditedPolicy.fixed().at(8)
        fixed.sms.epoch = 2
        try await updater.update(to: fixed)
        var last = canary(EditedPolicy.v2, 9)
        last.sms.epoch = 2
        try await updater.update(to: last)
    }

    @Test("Above the highest epoch there is none")
    func lastEpoch() {
        var policy = EditedPolicy.canary(10)
        policy.sms.epoch = .max
        var next = policy
        next.sms.salt = "other"
        #expect(next.epochDemands(from: policy).map(\.needed) == [nil])
    }

    @Test("An error about epochs names the rollout, the causes, and the lowest epoch that will do")
    func demands() async throws {
        let (_, updater) = try EditedPolicy.updated(EditedPolicy.canary(10))
        var next = EditedPolicy.policy(
            .canary(.percent(10), stable: EditedPolicy.v1, canary: EditedPolicy.v3),
            revision: 2
        )
        next.sms.salt = "other"
        let error = await #expect(throws: UpdateError.self) { try await updater.update(to: next) }
        let demand = try #require(error?.epochDemands.first)
        #expect(demand.rollout == "sms" && demand.found == 0 && demand.needed == 1)
        #expect(demand.causes == [.salt, .release("canary")])
        #expect(demand.causes.map(\.variant) == [nil, "canary"])
    }

    @Test("A rollback above the highest epoch is refused, because there is none")
    func rollbackAboveLastEpoch() async throws {
        var policy = EditedPolicy.canary(10)
        policy.sms.epoch = .max
        let (_, updater) = try EditedPolicy.updated(policy)
        try await updater.update { try $0.setShare(of: "sms", to: .percent(20)) }
        let error = await #expect(throws: UpdateError.self) { try await updater.rollback(of: "sms") }
        #expect((error?.underlying as? EditError)?.code == .epochsExhausted)
    }

    // MARK: Edits

    @Test("An edit gets the next revision, whatever it sets")
    func edit() async throws {
        let (router, updater) = try EditedPolicy.updated(EditedPolicy.canary(10).at(5))
        let revision = try await updater.update(by: "ana", because: "healthy", now: 1_800_000_000) { policy in
            #expect(policy.revision == 6)
            policy.revision = 99
            try policy.setShare(of: "sms", to: .percent(25))
        }
        #expect(revision == 6)
        #expect(router.snapshot().policy == EditedPolicy.canary(25).at(6))
        let record = try #require(updater.history.last)
        #expect((record.author, record.reason) == ("ana", "healthy"))
        #expect(record.time == 1_800_000_000)
        #expect(router.status.appliedAt == 1_800_000_000)
        #expect(record.oldDigest == EditedPolicy.canary(10).at(5).digest)
        #expect(record.newDigest == EditedPolicy.canary(25).at(6).digest)
    }

    struct OutOfOrder: Error {}

    @Test("What an edit throws arrives wrapped, and nothing has changed")
    func failingEdit() async throws {
        let (router, updater) = try EditedPolicy.updated(EditedPolicy.fixed())
        let refused = await #expect(throws: UpdateError.self) { try await updater.update { try $0.promote("sms") } }
        #expect(refused?.code == .editFailed)
        #expect((refused?.underlying as? EditError)?.code == .wrongStrategy)
        await #expect(throws: UpdateError.edit(OutOfOrder())) { try await updater.update { _ in throw OutOfOrder() } }
        #expect(router.snapshot().policy == EditedPolicy.fixed())
        #expect(updater.history.map(\.revision) == [1, 2, 2])
        #expect(updater.history.last?.newDigest == nil)
    }

    @Test("An edit that makes the policy invalid is refused like any other")
    func invalidEdit() async throws {
        let (_, updater) = try EditedPolicy.updated(EditedPolicy.test([1]))
        let error = await #expect(throws: UpdateError.self) {
            try await updater.update { $0.smsTest.variants[0].weight = 0 }
        }
        #expect(error?.code == .invalid)
    }

    @Test("After the highest revision nothing comes")
    func lastRevision() async throws {
        let (_, updater) = try EditedPolicy.updated(EditedPolicy.canary(10).at(.max))
        let error = await #expect(throws: UpdateError.self) { try await updater.update { try $0.abort("sms") } }
        #expect(error?.code == .invalid)
        #expect((error?.underlying as? PolicyError)?.problems.map(\.path) == ["revision"])
        await #expect(throws: UpdateError.self) { try await updater.rollback(of: "sms") }
    }
}

extension RolloutPolicy {
    /// The same policy at another revision.
    func at(_ revision: UInt32) -> RolloutPolicy {
        var policy = self
        policy.revision = revision
        return policy
    }
}
