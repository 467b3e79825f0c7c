import Rollout

/// A router with a canary whose plan counts units, and decisions of it for any bucket and variant.
struct CountedCanary: Sendable {
    let router: RolloutRouter
    private let sms: RolloutHandle
    var outcomes: Outcomes { router.outcomes }

    init(_ policy: RolloutPolicy = CountedCanary.policy()) throws {
        router = try RolloutRouter(policy: policy)
        sms = router.rollout("sms", default: EditedPolicy.v1)
    }

    static func policy(epoch: UInt32 = 0, revision: UInt32 = 1, percent: Double = 50) -> RolloutPolicy {
        var policy = EditedPolicy.canary(percent)
        policy.revision = revision
        policy.sms.epoch = epoch
        policy.sms.progression = ProgressionPlan(steps: [.percent(50)])
        return policy
    }

    /// A decision of the policy that runs: an assignment keeps the bucket in the variant, whatever the hash says.
    func decision(_ bucket: Int, _ variant: VariantName) -> Decision {
        let epoch = router.snapshot().policy.sms.epoch
        let assignment = Assignment(variant: variant, of: "sms", bucket: bucket, epoch: epoch, revision: 1)
        return sms.decision(for: nil, holding: assignment)
    }

    func totals(epoch: UInt32 = 0, stage: UInt64 = 1) -> [VariantName: VariantOutcomes] {
        outcomes.totals(in: Self.stage(epoch: epoch, stage)).variants
    }

    static func stage(epoch: UInt32 = 0, _ id: UInt64) -> OutcomeStage {
        OutcomeStage(of: "sms", epoch: epoch, releases: [.stable: EditedPolicy.v1, .canary: EditedPolicy.v2], id: id)
    }
}

/// What a table of units should say, told with sets.
struct UnitOracle {
    private static let noRequests = VariantOutcomes(
        requests: 0,
        failures: 0,
        slow: .thanEdges(requests: [Int](repeating: 0, count: LatencyEdge.count), units: [])
    )

    /// For each bucket, the variant that its first outcome counts for.
    private var arrived: [Int: VariantName] = [:]
    private var entered: [Int: VariantName] = [:]
    private var enteredFailed: [Int: VariantName] = [:]
    private var failed: [Int: VariantName] = [:]
    private var slow = [[Int: VariantName]](repeating: [:], count: LatencyEdge.count)
    private var requests: [VariantName: VariantOutcomes] = [:]

    mutating func beginEpoch() {
        (arrived, failed) = ([:], [:])
        slow = [[Int: VariantName]](repeating: [:], count: LatencyEdge.count)
        beginStage()
    }

    mutating func beginStage() { (entered, enteredFailed) = ([:], [:]) }

    /// An outcome, whose unit counts only in its own epoch.
    mutating func record(_ bucket: Int, _ variant: VariantName, isFailure: Bool, _ latency: Duration, isLate: Bool) {
        var served = requests[variant] ?? Self.noRequests
        served.requests += 1
        served.failures += isFailure ? 1 : 0
        if case .thanEdges(var requests, _) = served.slow {
            for (edge, limit) in LatencyEdge.all.enumerated() where latency > limit { requests[edge] += 1 }
            served.slow = .thanEdges(requests: requests, units: [])
        }
        requests[variant] = served
        if isLate { return }
        if arrived[bucket] == nil { arrived[bucket] = variant }
        if isFailure, failed[bucket] == nil { failed[bucket] = variant }
        if entered[bucket] == nil {
            entered[bucket] = variant
            if isFailure { enteredFailed[bucket] = variant }
        }
        for (edge, limit) in LatencyEdge.all.enumerated() where latency > limit && slow[edge][bucket] == nil {
            slow[edge][bucket] = variant
        }
    }

    subscript(variant: VariantName) -> VariantOutcomes {
        func count(_ units: [Int: VariantName]) -> Int { units.values.count { $0 == variant } }
        var outcomes = requests[variant] ?? Self.noRequests
        outcomes.units = VariantOutcomes.Units(
            arrived: count(arrived),
            entered: count(entered),
            enteredFailed: count(enteredFailed),
            failed: count(failed)
        )
        if case .thanEdges(let requests, _) = outcomes.slow {
            outcomes.slow = .thanEdges(requests: requests, units: slow.map(count))
        }
        return outcomes
    }
}
