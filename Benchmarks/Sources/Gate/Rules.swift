import Fixtures
import Rollout

/// Decisions by a rule, and with all that a request brings.
let rules: [Probe] = [
    request("unit", .canary(), unit: Units.bytes36),
    request("missing", .canary(), unit: nil),
    request("host", .hosts(1_000), unit: Units.bytes36, host: "H7.example.com:8443"),
    request("host.other", .hosts(1_000), unit: Units.bytes36, host: "www.example.com"),
    request("host.normal", .hosts(1_000), unit: Units.bytes36, host: "h7.example.com"),
    request("host.normal.2", .hosts(2), unit: Units.bytes36, host: "h1.example.com"),
    request("host.normal.port", .hosts(1_000), unit: Units.bytes36, host: "h7.example.com:8443"),
    request("host.normal.other.2", .hosts(2), unit: Units.bytes36, host: "www.example.com"),
    request("forced", .forced(10_000), unit: "qa-7"),
    request("holding", .hosts(1_000), unit: Units.bytes36, holding: assignment),
    request("holding.missing", .hosts(1_000), unit: nil, holding: assignment),
    Probe("decision.string.forced") { [handle = RolloutHandle(.forced(50))] count in
        for _ in 0..<count { consume(handle.decision(for: "qa-7")) }
    },
]

/// A canary's, though the unit is drawn into stable.
private let assignment = Assignment(variant: .canary, of: "x", bucket: 7, epoch: 0, revision: 1)

private func request(
    _ name: String,
    _ policy: RolloutPolicy,
    unit: String?,
    host: String? = nil,
    holding assignment: Assignment? = nil
) -> Probe {
    let handle = RolloutHandle(policy)
    return Probe("decision.request.\(name)") { count in
        for _ in 0..<count { consume(handle.decision(for: unit, host: host, holding: assignment)) }
    }
}
