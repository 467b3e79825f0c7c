import Fixtures
import Rollout
import Synchronization
import Threads

/// Updates a router so many times while another thread asks, and prints by how much the process grew after the first tenth.
///
/// - Parameters:
///   - name: What changes.
///   - count: How many updates.
///   - limit: The bytes it may grow by, or nil where growth is what is looked for.
///   - policy: The policy of a revision.
/// - Returns: Whether it kept within the limit.
func growth(
    of name: String,
    count: Int,
    limit: Int? = nil,
    _ policy: @escaping @Sendable (UInt32) -> RolloutPolicy
) -> Bool {
    let updater = RolloutUpdater.running(policy(1))
    let handle = updater.router.x
    let isRunning = Atomic<Bool>(true)
    let growth = Growth()
    let time = elapsed(onThreads: 2) { index in
        if index == 0 {
            onThisThread {
                let bytes = await update(updater, count: count, policy)
                growth.bytes.withLock { $0 = bytes }
            }
            isRunning.store(false, ordering: .relaxed)
        } else {
            var last: UInt32 = 0
            while isRunning.load(ordering: .relaxed) {
                let revision = handle.decision(for: Units.bytes36).revision
                precondition(revision >= last, "revision \(revision) after \(last)")
                last = revision
            }
        }
    }
    let nanoseconds = Int(time / .nanoseconds(1)) / count
    guard let bytes = growth.bytes.withLock(\.self) else {
        print("  \(count) \(name): this system does not tell the memory of a process, \(nanoseconds) ns each")
        return true
    }
    print("  \(count) \(name): grew by \(bytes / 1024) KiB, \(nanoseconds) ns each")
    guard let limit, bytes > limit else { return true }
    print("  that is more than \(limit / 1024) KiB")
    return false
}

private final class Growth: Sendable {
    let bytes = Mutex<Int?>(nil)
}

/// Gives the bytes that the process grew by, or nil where the system does not tell.
private func update(_ updater: RolloutUpdater, count: Int, _ policy: (UInt32) -> RolloutPolicy) async -> Int? {
    var before: Int?
    for revision in 2...UInt32(count + 1) {
        if revision == UInt32(count / 10) {
            trimMemory()
            before = residentBytes
        }
        await updater.run(policy(revision))
    }
    trimMemory()
    guard let before, let after = residentBytes else { return nil }
    return after - before
}
