import Foundation
public import Rollout
import Synchronization

extension Decision {
    /// A decision that asks for a copy.
    public static let copied = RolloutHandle(
        .one(RolloutDefinition(.shadow(.percent(100), primary: .v1, shadow: .v2)))
    ).decision(for: Units.bytes36)
}

extension ShadowRunner {
    /// Runners whose copies never begin, so that to hand one over takes the same every time: one with room for so many
    /// copies, and one without any.
    ///
    /// Copies that never end keep every thread of background priority, for as long as the process lives.
    public static func held(room: Int) -> (roomy: ShadowRunner, full: ShadowRunner) {
        let router = RolloutRouter.running(.canary())
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let roomy = ShadowRunner(of: router, limit: room + cores, timeout: .seconds(3_600)).running
        let begun = Begun()
        for _ in 0..<cores {
            while true {
                guard let permit = roomy.permit(for: .copied) else {
                    usleep(1_000)
                    continue
                }
                permit.run(.readOnly) { begun.stay() }
                break
            }
        }
        // The threads take what is to do in order. So by now all workers wait.
        while begun.count.load(ordering: .acquiring) < cores { usleep(1_000) }
        let full = ShadowRunner(of: router, limit: 1).running
        while full.permit(for: .copied) == nil, full.counts.total.noRoom == 0 { usleep(1_000) }
        return (roomy, full)
    }

    /// The runner, which is soon running.
    private var running: ShadowRunner {
        Task.detached { try await run() }
        return self
    }
}

/// How many copies have begun that never end.
private final class Begun: Sendable {
    let count = Atomic<Int>(0)

    func stay() {
        count.add(1, ordering: .acquiringAndReleasing)
        while true { sleep(1_000) }
    }
}
