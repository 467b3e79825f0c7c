import Fixtures
import Rollout
import Synchronization
import Threads

/// Serves releases one after the other while two threads count what became of them and now and then hold on to an old
/// decision, and prints what the counts take beside the names of the releases.
///
/// - Parameters:
///   - count: How many releases.
///   - limit: The bytes that the counts may take.
/// - Returns: Whether they kept within the limit, and all that was written is counted.
func outcomes(of count: Int, limit: Int) -> Bool {
    // Without counts first: after that the process knows the names, and they are not counted below.
    _ = ReleaseRun(count: count, counts: false)
    let run = ReleaseRun(count: count, counts: true)
    guard let bytes = run.bytes else {
        print("  outcomes of \(count) releases: this system does not tell the memory of a process")
        return run.isComplete
    }
    print("  outcomes of \(count) releases, \(run.written) in all: \(bytes / 1024) KiB beside the names")
    if !run.isComplete { print("  \(run.counted) of them are counted") }
    if bytes > limit { print("  that is more than \(limit / 1024) KiB") }
    return bytes <= limit && run.isComplete
}

private struct ReleaseRun {
    var bytes: Int?
    var written = 0
    var counted = 0

    var isComplete: Bool { written == counted }

    init(count: Int, counts: Bool) {
        let policy: @Sendable (UInt32) -> RolloutPolicy = { revision in
            .canary(revision: revision, canary: [.app: "r\(revision)"])
        }
        let updater = RolloutUpdater.running(policy(1))
        let (handle, outcomes) = (updater.router.x, updater.router.outcomes)
        let isRunning = Atomic<Bool>(true)
        let steps = Atomic<Int>(0)
        trimMemory()
        let before = residentBytes
        _ = elapsed(onThreads: 3) { index in
            if index == 0 {
                onThisThread {
                    for revision in 2...UInt32(count + 1) {
                        await updater.run(policy(revision))
                        // Until both threads have met it.
                        let goal = steps.load(ordering: .relaxed) + 8
                        while steps.load(ordering: .relaxed) < goal {}
                    }
                    isRunning.store(false, ordering: .relaxed)
                }
                return
            }
            var (held, step) = (handle.decision(for: Units.bytes36), 0)
            while isRunning.load(ordering: .relaxed) {
                let present = handle.decision(for: "user-\(step % 16)")
                if step % 4_099 == 0 { held = present }
                if counts {
                    let latency = Duration.microseconds(1_000 + step % 99_000)
                    outcomes.record(
                        step % 67 == 0 ? held : present,
                        step % 10 == 0 ? .failure : .success,
                        latency: latency
                    )
                }
                step += 1
                steps.add(1, ordering: .relaxed)
            }
        }
        trimMemory()
        if let before, let after = residentBytes { bytes = after - before }
        written = counts ? steps.load(ordering: .relaxed) : 0
        counted = outcomes.counts.rows.reduce(0) { $0 + $1.requests }
    }
}
