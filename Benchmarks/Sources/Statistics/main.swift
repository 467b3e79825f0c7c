import Foundation

// What the statistics of progression promise, and what simulated traffic makes of it. The seeds are fixed, so each figure comes
// back. Exit status 1 if a bound is broken.
//
//     swift run -c release Statistics [--only ITEM] [--runs N]

/// The number behind an option.
func option(_ name: String) -> Int? {
    guard let index = CommandLine.arguments.firstIndex(of: name) else { return nil }
    guard let value = CommandLine.arguments[(index + 1)...].first.flatMap({ Int($0) }), value > 0 else {
        print("statistics: \(name) needs a number above 0")
        exit(2)
    }
    return value
}

let effort = Effort(most: option("--runs") ?? .max)
let only = option("--only")
let start = ContinuousClock.now
var broken = 0
print(Row.head)
for experiment in Experiment.all where only.map({ $0 == experiment.item }) ?? true {
    for row in await experiment.rows(effort) {
        print(row.line)
        if row.isOver { broken += 1 }
    }
}
print("\n\(broken) bounds are broken; \((ContinuousClock.now - start).components.seconds) s.")
exit(broken == 0 ? 0 : 1)
