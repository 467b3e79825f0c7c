import Fixtures
import Rollout

/// What the caller holds the handle and the decisions in, which must not matter.
let callers: [Probe] = {
    let unit = HashedUnit(Units.bytes36)
    let service = Service(handle: RolloutHandle(.canary()))
    return [
        Probe("caller.property") { count in
            for _ in 0..<count { consume(service.handle.decision(for: unit)) }
        },
        Probe("caller.array") { count in
            for _ in 0..<count { consume(service.array[3].decision(for: unit)) }
        },
        Probe("caller.dictionary") { count in
            for _ in 0..<count { consume(service.dictionary[7]?.decision(for: unit)) }
        },
        Probe("caller.router") { count in
            for _ in 0..<count {
                let router = service.router
                consume(router)
            }
        },
        Probe("caller.decisions") { count in
            for index in 0..<count { service.decisions[index & 7] = service.handle.decision(for: unit) }
        },
        Probe("caller.decisionsByKey") { count in
            for index in 0..<count { service.decisionsByKey[index & 7] = service.handle.decision(for: unit) }
        },
    ]
}()

/// A service as people write it: a class with variables.
///
/// Unchecked, because the probes run one after the other on one thread.
private final class Service: @unchecked Sendable {
    var handle: RolloutHandle
    var router: RolloutRouter
    var array: [RolloutHandle]
    var dictionary: [Int: RolloutHandle]
    var decisions: [Decision]
    var decisionsByKey: [Int: Decision] = [:]

    init(handle: RolloutHandle) {
        self.handle = handle
        self.router = .running(.canary())
        self.array = Array(repeating: handle, count: 8)
        self.dictionary = Dictionary(uniqueKeysWithValues: (0..<8).map { ($0, handle) })
        self.decisions = Array(repeating: handle.decision(for: 1), count: 8)
    }
}
