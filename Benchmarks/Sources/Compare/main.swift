// One process, one run: prints a table, and writes it with a plot beside it. `Benchmarks/compare` says with what.
let options = Options(CommandLine.arguments)

var candidates = [
    Candidate("hash only", HashOnly(), note: "floor: XXH3-64 of the text, no policy"),
    Candidate("leaked pointer", LeakedPointer(salt: "sms", canaryBuckets: 100_000), note: "floor: cannot be updated"),
    Candidate("Rollout", isOurs: true, Handle(), note: "any policy, updated while it is asked"),
    Candidate("20 careful lines", Careful(), note: "Mutex round a struct, Murmur3; one rollout"),
    Candidate("lock + dictionary", Typical(), note: "Mutex, dictionary, hash of \"salt:id\""),
]
let typicalActor = TypicalActor()
candidates.append(
    Candidate(name: "actor + dictionary", note: "the same in an actor") { typicalActor.canaries(in: $0, rounds: $1) }
)
if let path = options["--unleash"], let unleash = Unleash(library: path) {
    let version = options["--unleash-version"] ?? ""
    candidates.append(
        Candidate("Unleash engine \(version)", unleash, note: "C ABI, JSON in and out; also targeting and metrics")
    )
} else {
    print("compare: Unleash's engine is left out: no wheel of yggdrasil-engine is installed here.\n")
}

let report = Report(
    measured(candidates, repetitions: options.repetitions),
    machine: options["--machine"] ?? "unknown machine",
    repetitions: options.repetitions
)
print(report.markdown)
if let path = options["--markdown"] { write(report.markdown, to: path) }
if let path = options["--svg"] { write(Plot(report).svg, to: path) }
