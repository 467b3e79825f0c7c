import Benchmark
import Fixtures
import Rollout

/// `decision(for:)` by what the policy holds.
func registerPolicies() {
    let policies: [(String, RolloutPolicy)] =
        [("fixed", .fixed), ("canary", .canary()), ("ab_test", .abTest), ("shadow", .shadow)]
        + [2, 4, 16, 256].map { ("\($0) variants", .variants($0)) }
        + [("50 units forced", .forced(50)), ("10,000 units forced", .forced(10_000))]
        + [("1,000 hosts", .hosts(1_000)), ("1,000 rollouts", .many(1_000))]
    for (name, policy) in policies {
        let handle = RolloutHandle(policy)
        // Many units, so that the variant cannot be foreseen.
        measure("decision(for: HashedUnit) sixteen, \(name)") {
            for unit in hashedUnits { blackHole(handle.decision(for: unit)) }
        }
    }
    let forced = RolloutHandle(.forced(50))
    measure("decision(for: String) a forced unit") { blackHole(forced.decision(for: "qa-7")) }
    let hosts = RolloutHandle(.hosts(1_000))
    measure("decision(for:host:) a host with a rule") {
        blackHole(hosts.decision(for: Units.bytes36, host: "h7.example.com"))
    }
    measure("decision(for:host:) a host without one") {
        blackHole(hosts.decision(for: Units.bytes36, host: "www.example.com"))
    }
    let assignment = Assignment(variant: .canary, of: "x", bucket: 7, epoch: 0, revision: 1)
    measure("decision(for:holding:)") { blackHole(hosts.decision(for: Units.bytes36, holding: assignment)) }
}

/// What is shown for these is sixteen decisions, and loading sixteen units from an array.
private let hashedUnits = (0..<16).map { HashedUnit("user-\($0)") }
