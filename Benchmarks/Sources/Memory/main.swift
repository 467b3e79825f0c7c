import Fixtures
import Foundation
import Rollout

// What a router costs for the life of the process, and what updates leave behind.
//
//   swift run -c release Memory             the bytes of a router and of each thing in a policy, and ten thousand updates
//   swift run -c release Memory --long      a million distinct revisions and ten million updates under readers (minutes)
//
// Exits 1 where updates that bring no new names grow the process by more than 2 MiB, or counts of outcomes by 2 MiB more than the
// names of what they are counted for.

let long = CommandLine.arguments.contains("--long")

print("bytes of memory that a router takes, by what VmRSS grew")
for shape in Shape.all { shape.report() }

print("\ngrowth while two threads ask")
let limit = 2 << 20
let kept = [
    growth(of: "updates of the same names", count: long ? 10_000_000 : 10_000, limit: limit) { .canary(revision: $0) },
    growth(
        of: "distinct revisions, 1,000 releases in all",
        count: long ? 1_000_000 : 10_000,
        limit: limit
    ) { revision in .canary(revision: revision, canary: [.app: "v\(revision % 1_000)"]) },
    growth(of: "distinct revisions, each with a release of its own", count: long ? 900_000 : 10_000) { revision in
        .canary(revision: revision, canary: [.app: "v\(revision)"])
    },
]

print("\nwhat became of decisions")
let counted = outcomes(of: 10_000, limit: limit)
exit(counted && kept.allSatisfy(\.self) ? 0 : 1)
