import Fixtures
import Rollout

/// What shows that the gate can see: the loop that every probe consists of, to be subtracted, and one of each event that
/// it must find.
let controls: [Probe] = [
    Probe("loop") { [decision = RolloutHandle(.canary()).decision(for: 1)] count in
        for _ in 0..<count { consume(decision) }
    },
    Probe("control.reference") { count in
        let shared = Shared()
        for _ in 0..<count { hold(shared) }
    },
    Probe("control.allocation") { count in
        for _ in 0..<count { consume(Shared()) }
    },
]

private final class Shared {}

/// Where a reference is kept, so that one has to be counted.
nonisolated(unsafe) private var held: Shared?

@inline(never) private func hold(_ shared: Shared) { unsafe held = shared }
