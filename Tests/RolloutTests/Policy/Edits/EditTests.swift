import Rollout
import Testing

@Suite("Edits")
struct EditTests {
    private static let v1 = EditedPolicy.v1
    private static let v2 = EditedPolicy.v2
    private static let v3 = EditedPolicy.v3

    @Test("A share is set to the bucket, and nothing else changes")
    func share() throws {
        let share = Share(percent: 33.3333) ?? .zero
        var policy = EditedPolicy.canary(10)
        try policy.setShare(of: "sms", to: share)
        #expect(policy == EditedPolicy.policy(.canary(share, stable: Self.v1, canary: Self.v2)))

        policy = EditedPolicy.shadow(10)
        try policy.setShare(of: "sms", to: share)
        #expect(policy == EditedPolicy.policy(.shadow(share, primary: Self.v1, shadow: Self.v2)))
    }

    @Test("Promoting makes the canary stable; old assignments lose, and testers keep their door")
    func promote() throws {
        var policy = EditedPolicy.canary(10)
        policy.sms.hosts = ["canary.local": "canary", "stable.local": "stable"]
        policy.sms.forced = ["qa": "canary"]
        try policy.promote("sms")
        #expect(policy.sms.strategy == .fixed(Self.v2))
        #expect(policy.sms.hosts == ["canary.local": "canary", "stable.local": "stable"])
        #expect(policy.sms.forced == ["qa": "canary"])
        #expect(policy.sms.epoch == 1)
        try policy.validate()
    }

    @Test("Aborting leaves nobody a way to the canary; a second time changes nothing")
    func abort() throws {
        var policy = EditedPolicy.canary(10)
        policy.sms.epoch = 6
        policy.sms.forced = ["qa": "canary"]
        policy.sms.draining = ["canary"]
        try policy.abort("sms")
        #expect(policy.sms.strategy == .canary(.zero, stable: Self.v1, canary: Self.v2))
        #expect(policy.sms.disabled == ["canary"])
        #expect(policy.sms.epoch == 7)
        try policy.validate()

        let once = policy
        try policy.abort("sms")
        #expect(policy == once)
    }

    @Test("A canary taken up again after an abort is another one")
    func again() throws {
        var policy = EditedPolicy.canary(10)
        try policy.abort("sms")
        try policy.startCanary(of: "sms", serving: Self.v3, to: .percent(5))
        #expect(policy.sms.strategy == .canary(.percent(5), stable: Self.v1, canary: Self.v3))
        #expect(policy.sms.disabled.isEmpty)
        #expect(policy.sms.epoch == 2)
    }

    @Test("From fixed to a canary to fixed, and to a shadow to fixed")
    func cycle() throws {
        var policy = EditedPolicy.fixed()
        try policy.startCanary(of: "sms", serving: Self.v2, to: .percent(10))
        #expect(policy.sms.strategy == EditedPolicy.canary(10).sms.strategy)
        try policy.promote("sms")
        try policy.force("qa", to: "stable", in: "sms")
        try policy.startShadow(of: "sms", serving: Self.v3, to: .percent(1))
        #expect(policy.sms.strategy == .shadow(.percent(1), primary: Self.v2, shadow: Self.v3))
        #expect(policy.sms.forced == ["qa": "primary"])
        try policy.validate()
        try policy.promoteShadow("sms")
        #expect(policy.sms.strategy == .fixed(Self.v3))
        #expect(policy.sms.forced == ["qa": "stable"])
        #expect(policy.sms.epoch == 4, "started, promoted, started, promoted")
        try policy.validate()
    }

    @Test("Testers keep their door from one canary to the next, whatever stands between them")
    func door() throws {
        var policy = EditedPolicy.fixed()
        policy.sms.hosts = ["canary.local": "canary", "stable.local": "stable"]
        try policy.force("qa", to: "canary", in: "sms")

        /// What both doors answer: app and reason by the host, and by the unit.
        func doors() throws -> [String] {
            let sms = try #require(try RolloutRouter(policy: policy).rollout("sms"))
            return [sms.decision(for: "x", host: "canary.local"), sms.decision(for: "qa")].map { decision in
                let copied = decision.shadow.map { ", copied to \($0.release[.app] ?? "")" } ?? ""
                return "\(decision.variant.name) \(decision.variant.release[.app] ?? "") \(decision.reason)\(copied)"
            }
        }

        #expect(try doors() == ["stable v1 host", "stable v1 forced"])
        try policy.startCanary(of: "sms", serving: Self.v2, to: .zero)
        #expect(try doors() == ["canary v2 host", "canary v2 forced"])
        try policy.promote("sms")
        #expect(try doors() == ["stable v2 host", "stable v2 forced"])
        try policy.startShadow(of: "sms", serving: Self.v3, to: .all)
        #expect(try doors() == ["primary v2 host, copied to v3", "primary v2 forced, copied to v3"])
        #expect(policy.sms.hosts["stable.local"] == "primary")
        try policy.promoteShadow("sms")
        #expect(try doors() == ["stable v3 host", "stable v3 forced"])
        try policy.startCanary(of: "sms", serving: Self.v1, to: .percent(1))
        #expect(try doors() == ["canary v1 host", "canary v1 forced"])
        try policy.abort("sms")
        #expect(try doors() == ["stable v3 not_enrolled", "stable v3 not_enrolled"])
        try policy.startShadow(of: "sms", serving: Self.v2, to: .zero)
        #expect(try doors() == ["primary v3 host", "primary v3 forced"])
        #expect(policy.sms.disabled.isEmpty)
        try policy.startCanary(of: "sms", serving: Self.v2, to: .percent(1))
        #expect(try doors() == ["canary v2 host", "canary v2 forced"])
        #expect(policy.sms.hosts == ["canary.local": "canary", "stable.local": "stable"])
    }

    @Test("A shadow that is over makes room for a canary")
    func shadowToCanary() throws {
        var policy = EditedPolicy.shadow(10)
        try policy.abort("sms")
        #expect(policy.sms.disabled == ["shadow"])
        try policy.startCanary(of: "sms", serving: Self.v2, to: .percent(10))
        #expect(policy.sms.strategy == EditedPolicy.canary(10).sms.strategy)
        #expect(policy.sms.disabled.isEmpty)
        try policy.validate()
    }

    @Test("Units are forced, forced elsewhere, and given back")
    func force() throws {
        var policy = EditedPolicy.canary(10)
        try policy.force("qa", to: "canary", in: "sms")
        try policy.force("qa", to: "stable", in: "sms")
        #expect(policy.sms.forced == ["qa": "stable"])
        try policy.unforce("qa", in: "sms")
        #expect(policy == EditedPolicy.canary(10))
    }

    @Test("Hosts are given to a variant, given to another one, and given back, however they are written")
    func hosts() throws {
        var policy = EditedPolicy.canary(10)
        try policy.setHost("canary.local", to: "canary", in: "sms")
        try policy.setHost("Canary.Local:8443", to: "stable", in: "sms")
        #expect(policy.sms.hosts == ["canary.local": "stable"])
        try policy.validate()
        let handle = try #require(RolloutRouter(policy: policy).rollout("sms"))
        #expect(handle.decision(for: nil, host: "CANARY.local.").reason == .host)
        try policy.removeHost("canary.LOCAL.", from: "sms")
        #expect(policy == EditedPolicy.canary(10))
    }

    @Test("Disabling and draining are taken back whole, at the same epoch")
    func service() throws {
        var policy = EditedPolicy.canary(10)
        try policy.disable("canary", in: "sms")
        try policy.drain("canary", in: "sms")
        #expect(policy.sms.disabled == ["canary"])
        #expect(policy.sms.draining == ["canary"])
        try policy.enable("canary", in: "sms")
        try policy.undrain("canary", in: "sms")
        #expect(policy == EditedPolicy.canary(10))
    }

    @Test("Disabling what has no share is an abort, in either order")
    func abortBySteps() throws {
        var policy = EditedPolicy.canary(10)
        try policy.disable("canary", in: "sms")
        #expect(policy.sms.epoch == 0)
        try policy.setShare(of: "sms", to: .zero)
        #expect(policy.sms.epoch == 1)

        policy = EditedPolicy.canary(0)
        try policy.disable("canary", in: "sms")
        #expect(policy.sms.epoch == 1)
    }

    @Test(
        "Another release raises the epoch, the same one does not",
        arguments: [
            (EditedPolicy.fixed(), "stable"), (EditedPolicy.canary(5), "stable"), (EditedPolicy.canary(5), "canary"),
            (EditedPolicy.shadow(5), "primary"), (EditedPolicy.shadow(5), "shadow"), (EditedPolicy.test([1, 1]), "v1"),
        ] as [(RolloutPolicy, VariantName)]
    )
    func release(policy: RolloutPolicy, variant: VariantName) throws {
        let old = policy.sms.strategy.variants
        var policy = policy
        try policy.setRelease(of: variant, in: "sms", to: Self.v3)
        #expect(policy.sms.epoch == 1)
        for (index, new) in policy.sms.strategy.variants.enumerated() {
            #expect(new.release == (new.name == variant ? Self.v3 : old[index].release))
        }
        try policy.setRelease(of: variant, in: "sms", to: Self.v3)
        #expect(policy.sms.epoch == 1)
    }

    @Test("Another salt raises the epoch; the id written out is the same salt; NFC and NFD are two")
    func salt() throws {
        var policy = EditedPolicy.canary(10)
        try policy.setSalt(of: "sms", to: "sms")
        #expect(policy.sms.epoch == 0)
        try policy.setSalt(of: "sms", to: "\u{E9}")
        #expect(policy.sms.epoch == 1)
        try policy.setSalt(of: "sms", to: "e\u{301}")
        #expect(policy.sms.epoch == 2)
        try policy.setSalt(of: "sms", to: nil)
        #expect(policy.sms.epoch == 3)
    }

    /// An edit that makes no sense for a policy.
    struct Refusal: Sendable {
        let policy: RolloutPolicy
        let code: EditError.Code
        let text: String
        let edit: @Sendable (inout RolloutPolicy) throws -> Void

        init(
            _ policy: RolloutPolicy,
            _ code: EditError.Code,
            _ text: String,
            _ edit: @escaping @Sendable (inout RolloutPolicy) throws -> Void
        ) {
            self.policy = policy
            self.code = code
            self.text = text
            self.edit = edit
        }
    }

    static let refusals: [Refusal] = [
        Refusal(EditedPolicy.fixed(), .wrongStrategy, "it has no share to set; start a canary or a shadow first") {
            try $0.setShare(of: "sms", to: .percent(1))
        },
        Refusal(
            EditedPolicy.test([1]),
            .wrongStrategy,
            "its variants share by weight; rebalance the weights, or set the coverage"
        ) { try $0.setShare(of: "sms", to: .percent(1)) },
        Refusal(disabled(EditedPolicy.canary(0)), .outOfService, "\"canary\" is disabled; enable it, or start anew") {
            try $0.setShare(of: "sms", to: .percent(1))
        },
        Refusal(
            EditedPolicy.fixed(),
            .wrongStrategy,
            "it has no canary to promote; set the release of \"stable\", or start a canary"
        ) { try $0.promote("sms") },
        Refusal(EditedPolicy.shadow(1), .wrongStrategy, "it has no canary to promote; promote the shadow") {
            try $0.promote("sms")
        },
        Refusal(EditedPolicy.canary(1), .wrongStrategy, "it has no shadow to promote; promote the canary") {
            try $0.promoteShadow("sms")
        },
        Refusal(disabled(EditedPolicy.canary(5)), .outOfService, "\"canary\" is disabled; enable it, or start anew") {
            try $0.promote("sms")
        },
        Refusal(EditedPolicy.fixed(), .wrongStrategy, "there is nothing to abort; roll back to an earlier revision") {
            try $0.abort("sms")
        },
        Refusal(EditedPolicy.test([1, 1]), .wrongStrategy, "it has no canary to abort; disable the variant that fails")
        { try $0.abort("sms") },
        Refusal(EditedPolicy.canary(25), .underWay, "a canary of 25 % is under way; promote it or abort it first") {
            try $0.startCanary(of: "sms", serving: EditedPolicy.v3, to: .percent(1))
        },
        Refusal(EditedPolicy.shadow(25), .underWay, "a shadow of 25 % is under way; promote it or abort it first") {
            try $0.startCanary(of: "sms", serving: EditedPolicy.v3, to: .percent(1))
        },
        Refusal(
            EditedPolicy.test([1]),
            .underWay,
            "an A/B test is under way; write a \"fixed\" strategy with the winner's release first"
        ) { try $0.startShadow(of: "sms", serving: EditedPolicy.v3, to: .percent(1)) },
        Refusal(
            EditedPolicy.canary(1),
            .unknownName,
            "it has no variant \"blue\"; a rule may name \"stable\" or \"canary\""
        ) { try $0.force("qa", to: "blue", in: "sms") },
        Refusal(
            EditedPolicy.fixed(),
            .unknownName,
            "it has no variant \"canery\"; a rule may name \"stable\" or \"canary\""
        ) { try $0.force("qa", to: "canery", in: "sms") },
        Refusal(
            EditedPolicy.test([1, 1]),
            .unknownName,
            "it has no variant \"canary\"; a rule may name \"v0\" or \"v1\""
        ) { try $0.force("qa", to: "canary", in: "sms") },
        Refusal(
            EditedPolicy.shadow(1),
            .forbiddenVariant,
            "\"shadow\" receives copies and answers nobody; name \"primary\" or \"canary\", or promote the shadow"
        ) { try $0.force("qa", to: "shadow", in: "sms") },
        Refusal(EditedPolicy.canary(1), .unknownName, "the unit \"qa\" is not forced; no unit is") {
            try $0.unforce("qa", in: "sms")
        },
        Refusal(EditedPolicy.canary(1), .unknownName, "no rule names the host \"a.local\"; no host has one") {
            try $0.removeHost("a.local", from: "sms")
        },
        Refusal(
            EditedPolicy.canary(1),
            .unknownName,
            "it has no variant \"blue\"; a rule may name \"stable\" or \"canary\""
        ) { try $0.setHost("a.local", to: "blue", in: "sms") },
        Refusal(
            EditedPolicy.canary(1),
            .forbiddenVariant,
            "\"stable\" is the first variant, which serves in place of all others; "
                + "give it another release, or give others its share"
        ) { try $0.disable("stable", in: "sms") },
        Refusal(EditedPolicy.canary(1), .unknownName, "it has no variant \"blue\"; it has \"stable\" or \"canary\"") {
            try $0.setRelease(of: "blue", in: "sms", to: EditedPolicy.v3)
        },
        Refusal(
            lastEpoch(EditedPolicy.canary(1)),
            .epochsExhausted,
            "its epoch is the highest there is; give the rollout another id"
        ) { try $0.abort("sms") },
    ]

    @Test("What makes no sense is refused, saying what would, and changes nothing", arguments: refusals)
    func refused(refusal: Refusal) {
        var edited = refusal.policy
        let kind = refusal.policy.sms.strategy.kind
        let error = #expect(throws: EditError.self) { try refusal.edit(&edited) }
        #expect(error?.code == refusal.code)
        #expect(error?.strategy == kind)
        #expect(error?.description == "rollout \"sms\" (\(kind.rawValue)): \(refusal.text)")
        #expect(edited == refusal.policy)
    }

    private static func disabled(_ policy: RolloutPolicy) -> RolloutPolicy {
        var policy = policy
        policy.sms.disabled = ["canary"]
        return policy
    }

    private static func lastEpoch(_ policy: RolloutPolicy) -> RolloutPolicy {
        var policy = policy
        policy.sms.epoch = .max
        return policy
    }

    @Test("A rollout that is not there is named, with those that are")
    func unknownRollout() {
        var policy = EditedPolicy.fixed()
        let error = #expect(throws: EditError.self) { try policy.promote("sns") }
        #expect(error?.code == .unknownRollout)
        #expect(error?.description == "rollout \"sns\": the policy has no such rollout; it has \"sms\"")
        var empty = RolloutPolicy(revision: 1, rollouts: [:])
        let other = #expect(throws: EditError.self) { try empty.promote("sms") }
        #expect(other?.advice == "it has none at all")
    }

    @Test(
        "Whatever edits follow one another, the epoch never lags behind what they demand",
        arguments: 0..<20 as Range<UInt64>
    )
    func epochs(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var policy = EditedPolicy.fixed()
        for _ in 0..<60 {
            let share = Share(buckets: Int.random(in: 0...1_000_000, using: &random)) ?? .zero
            let release: Release = [.app: "v\(Int.random(in: 1...3, using: &random))"]
            let edit = Int.random(in: 0..<9, using: &random)
            let next = policy.changed { policy in
                switch edit {
                case 0: try? policy.setShare(of: "sms", to: share)
                case 1: try? policy.startCanary(of: "sms", serving: release, to: share)
                case 2: try? policy.startShadow(of: "sms", serving: release, to: share)
                case 3: try? policy.promote("sms")
                case 4: try? policy.promoteShadow("sms")
                case 5: try? policy.abort("sms")
                case 6: try? policy.force("qa", to: "canary", in: "sms")
                case 7: try? policy.disable("canary", in: "sms")
                default: try? policy.enable("canary", in: "sms")
                }
            }
            try next.validate()
            #expect(next.epochDemands(from: policy).isEmpty)
            policy = next
        }
    }
}
