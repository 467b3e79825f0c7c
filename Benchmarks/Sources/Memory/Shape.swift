import Fixtures
import Rollout

/// Something a policy holds many of, and what one of them costs.
struct Shape {
    let name: String
    let count: Int
    let policy: RolloutPolicy

    static var all: [Shape] {
        [
            Shape(name: "router with one rollout", count: 1, policy: .canary()),
            Shape(name: "rollout, of 1,000", count: 1_000, policy: .many(1_000)),
            Shape(name: "rollout, of 10,000", count: 10_000, policy: .many(10_000)),
            Shape(name: "variant, of 256", count: 256, policy: .variants(256)),
            Shape(name: "forced unit, of 10,000", count: 10_000, policy: .forced(10_000)),
            Shape(name: "host, of 1,000", count: 1_000, policy: .hosts(1_000)),
        ]
    }

    /// Makes several routers, so that a page more or less does not matter, and prints the bytes of one and of a thing in it.
    func report() {
        let routers = max(8, 2_000 / count)
        _ = RolloutRouter.running(policy)
        trimMemory()
        guard let before = residentBytes else {
            print("  this system does not tell the memory of a process")
            return
        }
        for _ in 0..<routers { _ = RolloutRouter.running(policy) }
        trimMemory()
        let bytes = ((residentBytes ?? before) - before) / routers
        print("  \(name): \(bytes) bytes the router, \(bytes / count) each")
    }
}
