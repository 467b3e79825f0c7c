public import Rollout

/// The policies that are measured. Every rollout but those of ``many(_:)`` is called `x`.
extension RolloutPolicy {
    /// A policy of one rollout, `x`.
    public static func one(_ definition: RolloutDefinition, revision: UInt32 = 1) -> RolloutPolicy {
        RolloutPolicy(revision: revision, rollouts: ["x": definition])
    }

    /// The usual one: a canary of 10 %.
    public static func canary(revision: UInt32 = 1) -> RolloutPolicy {
        canary(revision: revision, epoch: 0, canary: .v2)
    }

    /// The usual one with a plan, so that its units are counted.
    public static var plannedCanary: RolloutPolicy {
        one(
            RolloutDefinition(
                .canary(.percent(10), stable: .v1, canary: .v2),
                progression: ProgressionPlan(steps: [.percent(50)])
            )
        )
    }

    /// The usual one in a revision that changes what the canary serves, so that it needs an epoch of its own.
    public static func canary(revision: UInt32, canary: Release) -> RolloutPolicy {
        .canary(revision: revision, epoch: revision, canary: canary)
    }

    private static func canary(revision: UInt32, epoch: UInt32, canary: Release) -> RolloutPolicy {
        one(RolloutDefinition(.canary(.percent(10), stable: .v1, canary: canary), epoch: epoch), revision: revision)
    }

    /// The same 90/10 as an A/B test.
    public static var abTest: RolloutPolicy {
        one(
            RolloutDefinition(
                .abTest([
                    WeightedVariant("control", weight: 9, release: .v1),
                    WeightedVariant("treatment", weight: 1, release: .v2),
                ])
            )
        )
    }

    /// One release for everybody.
    public static var fixed: RolloutPolicy { one(RolloutDefinition(.fixed(.v1))) }

    /// Everybody gets the primary, and one request in ten is copied.
    public static var shadow: RolloutPolicy {
        one(RolloutDefinition(.shadow(.percent(10), primary: .v1, shadow: .v2)))
    }

    /// A test of so many variants, with weights 1, 2, 3, 1, 2, 3, … so that no two bounds are equally far apart.
    public static func variants(_ count: Int) -> RolloutPolicy {
        let variants = (0..<count).compactMap { index in
            VariantName("v\(index)").map { WeightedVariant($0, weight: index % 3 + 1, release: .v1) }
        }
        return one(RolloutDefinition(.abTest(variants)))
    }

    /// The canary with so many forced units, `qa-0`, `qa-1`, ….
    public static func forced(_ count: Int) -> RolloutPolicy {
        let units = (0..<count).map { (UnitID("qa-\($0)"), VariantName.canary) }
        return one(
            RolloutDefinition(
                .canary(.percent(10), stable: .v1, canary: .v2),
                forced: Dictionary(uniqueKeysWithValues: units)
            )
        )
    }

    /// The canary, with its units drawn as another system does.
    public static func stated(_ bucketing: Bucketing) -> RolloutPolicy {
        one(RolloutDefinition(.canary(.percent(10), stable: .v1, canary: .v2), bucketing: bucketing))
    }

    /// The canary, with draws before its own that half of all units pass each.
    public static func enrolled(_ draws: Int) -> RolloutPolicy {
        let enrolment = (0..<draws).map { EnrolmentDraw.salt("s\($0)", in: [0..<500_000]) }
        return one(RolloutDefinition(.canary(.percent(10), stable: .v1, canary: .v2), enrolment: enrolment))
    }

    /// The sticky canary with so many hosts, `h0.example.com`, `h1.example.com`, ….
    public static func hosts(_ count: Int) -> RolloutPolicy {
        let hosts = (0..<count).map { (HostName("h\($0).example.com"), VariantName.canary) }
        return one(
            RolloutDefinition(
                .canary(.percent(10), stable: .v1, canary: .v2),
                sticky: StickyCookie(name: "x", maxAge: 3600),
                hosts: Dictionary(uniqueKeysWithValues: hosts)
            )
        )
    }

    /// So many canaries, `r0`, `r1`, …, and `x`.
    public static func many(_ count: Int, revision: UInt32 = 1) -> RolloutPolicy {
        var policy = canary(revision: revision)
        for index in 1..<max(count, 1) {
            guard let id = RolloutID("r\(index)") else { continue }
            policy.rollouts[id] = RolloutDefinition(.canary(.percent(10), stable: .v1, canary: .v2))
        }
        return policy
    }
}

extension Release {
    /// What is served today.
    public static let v1: Release = [.app: "v1", .model: "v1"]
    /// What comes next.
    public static let v2: Release = [.app: "v2", .model: "v2"]
}

extension RolloutHandle {
    /// The handle to `x` of a router with this policy. The policies are literals: a wrong one is a mistake here.
    public init(_ policy: RolloutPolicy) {
        self = RolloutRouter.running(policy).x
    }
}

extension RolloutRouter {
    /// A router with a policy of the fixtures.
    public static func running(_ policy: RolloutPolicy) -> RolloutRouter {
        do {
            return try RolloutRouter(policy: policy)
        } catch {
            preconditionFailure("\(error)")
        }
    }

    /// The handle to `x`, which every policy of the fixtures has.
    public var x: RolloutHandle {
        guard let handle = rollout("x") else { preconditionFailure("the policy has no rollout x") }
        return handle
    }
}
