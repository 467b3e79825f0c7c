import Dispatch
import Fixtures
import Foundation
import Rollout
import Synchronization

// How long requests take while copies burn processor time, beside how long they take without copies. The rounds go through all
// cases in turn, so that what disturbs the machine for a while disturbs all alike.
//
//     swift run -c release Shadowing [ROUNDS]

/// One way to shadow, with the times of its requests.
struct Case: Sendable {
    let name: String
    let shadows: ShadowRunner?
    var times: [Double] = []

    /// The time below which this share of the requests is, in microseconds.
    func quantile(_ share: Double) -> Double {
        let sorted = times.sorted()
        return sorted.isEmpty ? .nan : sorted[min(Int(Double(sorted.count) * share), sorted.count - 1)]
    }
}

let rounds = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 10
let cores = ProcessInfo.processInfo.activeProcessorCount
let router = RolloutRouter.running(.canary())

func runner(on executor: (any TaskExecutor)? = nil) -> ShadowRunner {
    let shadows = ShadowRunner(of: router, limit: 8, timeout: .seconds(60), on: executor)
    Task.detached { try await shadows.run() }
    return shadows
}

/// Computes for that long, as a model does.
@Sendable func compute(microseconds: Int) {
    let end = ContinuousClock.now + .microseconds(microseconds)
    while ContinuousClock.now < end {}
}

/// A request that arrives after a millisecond on a thread of its own, as from the network, and computes for a tenth of one in a
/// task; then its copy of 20 milliseconds.
func request(copying shadows: ShadowRunner?) -> Double {
    usleep(1_000)
    let start = ContinuousClock.now
    let time = Mutex(Duration.zero)
    let isDone = DispatchSemaphore(value: 0)
    Task.detached {
        compute(microseconds: 100)
        time.withLock { $0 = ContinuousClock.now - start }
        if let permit = shadows?.permit(for: .copied) { permit.run(.readOnly) { compute(microseconds: 20_000) } }
        isDone.signal()
    }
    isDone.wait()
    return time.withLock { $0 } / .microseconds(1)
}

var cases = [
    Case(name: "no copies", shadows: nil),
    Case(name: "on the system's pool", shadows: runner()),
    Case(name: "on idle threads", shadows: runner(on: IdleThreads(cores))),
]
for _ in 0..<rounds {
    for index in cases.indices {
        let shadows = cases[index].shadows
        // Copies are on every core before the first request that counts.
        for _ in 0..<50 { _ = request(copying: shadows) }
        for _ in 0..<400 { cases[index].times.append(request(copying: shadows)) }
        while let shadows, shadows.counts.total.running > 0 { usleep(10_000) }
    }
}

func text(_ value: Double) -> String { String(format: value < 20 ? "%.1f" : "%.0f", value) }

print(
    "A request that computes for 100 us while copies of 20 ms burn every core; \(rounds) rounds in turns, \(cores) cores.\n"
)
print(
    "| copies | median, us | against none | p99, us | against none | copies run |\n| --- | ---: | ---: | ---: | ---: | ---: |"
)
for one in cases {
    let (median, tail) = (one.quantile(0.5), one.quantile(0.99))
    let ratios = (median / cases[0].quantile(0.5), tail / cases[0].quantile(0.99))
    let count = one.shadows.map { "\($0.counts.total.admitted)" } ?? ""
    print("| \(one.name) | \(text(median)) | \(text(ratios.0))x | \(text(tail)) | \(text(ratios.1))x | \(count) |")
}
