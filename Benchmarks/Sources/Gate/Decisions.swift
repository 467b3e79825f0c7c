import Fixtures
import Rollout

/// `decision(for:)` by the kind of unit and by the policy.
let decisions: [Probe] =
    [
        hashed("canary", .canary()),
        hashed("fixed", .fixed),
        hashed("abTest", .abTest),
        hashed("shadow", .shadow),
        hashed("variants.4", .variants(4)),
        hashed("variants.16", .variants(16)),
        hashed("variants.256", .variants(256)),
        hashed("forced.50", .forced(50)),
        hashed("forced.10000", .forced(10_000)),
        hashed("hosts.1000", .hosts(1_000)),
        hashed("rollouts.1000", .many(1_000)),
        string("6", Units.bytes6),
        string("12", Units.bytes12),
        string("15", Units.bytes15),
        string("16", Units.bytes16),
        string("36", Units.bytes36),
        string("100", Units.bytes100),
        string("nonASCII", Units.nonASCII),
        string("36.variants.16", Units.bytes36, .variants(16)),
        string("36.forced.50", Units.bytes36, .forced(50)),
        integer("6", Units.integer6),
        integer("19", Units.integer19),
        integer("6.forced.50", Units.integer6, .forced(50)),
        span("36", Units.bytes36),
    ] + stated

/// Decisions by the hashes of other systems, and behind draws of an enrolment.
private let stated: [Probe] =
    [
        string("36.enrolled.1", Units.bytes36, .enrolled(1)),
        string("36.enrolled.4", Units.bytes36, .enrolled(4)),
        string("36.stated.murmur3", Units.bytes36, .stated(Bucketing(.murmur3, of: "g.one:{unit}", buckets: 100))),
        string("36.stated.murmur2", Units.bytes36, .stated(Bucketing(.murmur2))),
        string("36.stated.crc32", Units.bytes36, .stated(Bucketing(.crc32, of: "feature{unit}", buckets: 1_000))),
        string("36.stated.fnv1a", Units.bytes36, .stated(Bucketing(.fnv1a, of: "{unit}seed", buckets: 1_000))),
        string(
            "36.stated.fnv1aTwice",
            Units.bytes36,
            .stated(Bucketing(.fnv1aTwice, of: "seed{unit}", encoding: .utf16, buckets: 10_000))
        ),
        string("36.stated.java31", Units.bytes36, .stated(Bucketing(.java31, encoding: .utf16, buckets: 100))),
    ] + digests("md5", .md5) + digests("sha1", .sha1) + digests("sha256", .sha256)

/// One compression, and two of them: what the second one costs is a compression.
private func digests(_ name: String, _ hash: Bucketing.Hash) -> [Probe] {
    [("36", Units.bytes36), ("100", Units.bytes100)].map { length, unit in
        string("\(length).stated.\(name)", unit, .stated(Bucketing(hash, bits: 60)))
    }
}

private func hashed(_ name: String, _ policy: RolloutPolicy) -> Probe {
    let handle = RolloutHandle(policy)
    let unit = HashedUnit(Units.bytes36)
    return Probe("decision.hashed.\(name)") { count in
        for _ in 0..<count { consume(handle.decision(for: unit)) }
    }
}

private func string(_ name: String, _ unit: String, _ policy: RolloutPolicy = .canary()) -> Probe {
    let handle = RolloutHandle(policy)
    return Probe("decision.string.\(name)") { count in
        for _ in 0..<count { consume(handle.decision(for: unit)) }
    }
}

private func integer(_ name: String, _ unit: Int, _ policy: RolloutPolicy = .canary()) -> Probe {
    let handle = RolloutHandle(policy)
    return Probe("decision.integer.\(name)") { count in
        for _ in 0..<count { consume(handle.decision(for: unit)) }
    }
}

private func span(_ name: String, _ unit: String) -> Probe {
    let handle = RolloutHandle(.canary())
    let bytes = Array(unit.utf8)
    return Probe("decision.span.\(name)") { count in
        let span = bytes.span
        for _ in 0..<count { consume(handle.decision(for: span)) }
    }
}
