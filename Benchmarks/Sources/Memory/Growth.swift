import Fixtures
import Rollout
import Synchronization
import Threads

/// Updates a router so many times while another thread asks, and prints by how much the process grew after the first tenth.
func growth(of name: String, count: Int, _ policy: @escaping @Sendable (UInt32) -> RolloutPolicy) {
    let router = RolloutRouter.running(policy(1))
    let handle = router.x
    let isRunning = Atomic<Bool>(true)
    let report = Mutex("")
    let time = elapsed(onThreads: 2) { index in
        if index == 0 {
            report.withLock { $0 = update(router, count: count, policy) }
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
    print("  \(count) \(name): \(report.withLock(\.self)), \(nanoseconds) ns each")
}

private func update(_ router: RolloutRouter, count: Int, _ policy: (UInt32) -> RolloutPolicy) -> String {
    var before: Int?
    for revision in 2...UInt32(count + 1) {
        if revision == UInt32(count / 10) {
            trimMemory()
            before = residentBytes
        }
        do {
            try router.update(to: policy(revision))
        } catch {
            preconditionFailure("\(error)")
        }
    }
    trimMemory()
    guard let before, let after = residentBytes else { return "this system does not tell the memory of a process" }
    return "grew by \((after - before) / 1024) KiB"
}
