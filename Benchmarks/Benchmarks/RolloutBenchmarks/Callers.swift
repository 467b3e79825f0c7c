import Benchmark
import Fixtures
import Rollout

/// `decision(for:)` by what the caller holds the handle in, and what is read from the answer.
func registerCallers() {
    let service = Service()
    let unit = HashedUnit(Units.bytes36)
    measure("caller: let") { [handle = service.handle] in blackHole(handle.decision(for: unit)) }
    measure("caller: var property") { blackHole(service.handle.decision(for: unit)) }
    measure("caller: array") { blackHole(service.array[3].decision(for: unit)) }
    measure("caller: dictionary") { blackHole(service.dictionary["x"]?.decision(for: unit)) }

    let decision = service.handle.decision(for: unit)
    measure("decision.variant.name") { blackHole(decision.variant.name) }
    measure("decision.variant.release[.app]") { blackHole(decision.variant.release[.app]) }
    let snapshot = RolloutRouter.running(.many(1_000)).snapshot()
    measure("snapshot.decision(for:in:)") { blackHole(snapshot.decision(for: Units.bytes36, in: "x")) }
}

/// A service as people write it. Unchecked, because benchmarks run one after the other.
private final class Service: @unchecked Sendable {
    var handle = RolloutHandle(.canary())
    var array: [RolloutHandle]
    var dictionary: [String: RolloutHandle]

    init() {
        array = Array(repeating: handle, count: 8)
        dictionary = ["x": handle]
    }
}
