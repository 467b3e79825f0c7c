import Fixtures

// Without arguments the probes run, for `Benchmarks/gate` to count; `--list` prints what the profiles are.
let probes =
    controls + decisions + callers + rules + answers + sessions + updates + resources + outcomes + exposures + shadows

if CommandLine.arguments.contains("--list") {
    print(Probe.difference)
    for probe in probes { print(probe.name) }
} else {
    for probe in probes { probe.measure() }
}
