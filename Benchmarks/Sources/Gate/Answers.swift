import Fixtures
import Rollout

/// What is read from a decision, and decisions by a snapshot.
let answers: [Probe] = {
    let handle = RolloutHandle(.canary())
    let decision = handle.decision(for: Units.bytes36)
    let snapshot = RolloutRouter.running(.many(1_000)).snapshot()
    // Made at run time, as a name that comes from a document: a literal's characters are never counted.
    guard let longName = VariantName(Units.bytes100.filter { $0 != "/" }.lowercased().prefix(60).description) else {
        preconditionFailure("60 letters are a name")
    }
    let long = RolloutHandle(
        .one(RolloutDefinition(.abTest([WeightedVariant(longName, weight: 1, release: .v1)])))
    ).decision(for: Units.bytes36)
    return [
        Probe("decision.variant.name.short") { count in
            for _ in 0..<count { consume(decision.variant.name) }
        },
        Probe("decision.variant.name.long") { count in
            for _ in 0..<count { consume(long.variant.name) }
        },
        Probe("decision.reason") { count in
            for _ in 0..<count { consume(decision.reason) }
        },
        Probe("decision.bucket") { count in
            for _ in 0..<count { consume(decision.bucket) }
        },
        Probe("decision.variant.release") { count in
            for _ in 0..<count { consume(decision.variant.release[.app]) }
        },
        Probe("snapshot.decision") { count in
            for _ in 0..<count { consume(snapshot.decision(for: Units.bytes36, in: "x")) }
        },
    ]
}()
