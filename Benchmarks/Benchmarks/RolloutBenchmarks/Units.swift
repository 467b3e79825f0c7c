import Benchmark
import Fixtures
import Rollout

/// `decision(for:)` by what the unit is.
func registerUnits() {
    let handle = RolloutHandle(.canary())
    let texts = [
        ("12 bytes", Units.bytes12), ("16 bytes", Units.bytes16), ("36 bytes", Units.bytes36),
        ("100 bytes", Units.bytes100), ("not ASCII", Units.nonASCII),
    ]
    for (name, unit) in texts {
        measure("decision(for: String) \(name)") { blackHole(handle.decision(for: unit)) }
    }
    for (name, unit) in [("6 digits", Units.integer6), ("19 digits", Units.integer19)] {
        measure("decision(for: Int) \(name)") { blackHole(handle.decision(for: unit)) }
    }
    let bytes = Array(Units.bytes36.utf8)
    measure("decision(for: Span) 36 bytes") { blackHole(handle.decision(for: bytes.span)) }
    let hashed = HashedUnit(Units.bytes36)
    measure("decision(for: HashedUnit)") { blackHole(handle.decision(for: hashed)) }
}
