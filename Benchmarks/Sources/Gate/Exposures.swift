import Fixtures
import Rollout

/// A unit that got a variant: told before, and new.
let exposures: [Probe] = {
    let router = RolloutRouter.running(.canary())
    let told = Exposures(of: router) { _ in }
    let (text, unit) = (Units.bytes36, HashedUnit(Units.bytes36))
    let handle = RolloutHandle(.canary())
    let decision = handle.decision(for: unit)
    told.record(decision, unit: unit)
    let newcomers = (0..<(Probe.fewer + Probe.difference)).map { index in
        // As long as the unit above.
        let unit = "\(index + 1_000_000)" + Units.bytes36.dropFirst(7)
        return (unit: unit, decision: handle.decision(for: unit))
    }
    return [
        Probe("exposure.told.36") { count in
            for _ in 0..<count { told.record(decision, unit: text) }
        },
        Probe("exposure.told.hashed") { count in
            for _ in 0..<count { told.record(decision, unit: unit) }
        },
        Probe("exposure.new") { count in
            let fresh = Exposures(of: router) { _ in }
            for index in 0..<count {
                let newcomer = newcomers[index]
                fresh.record(newcomer.decision, unit: newcomer.unit, at: 1_800_000_000)
            }
        },
    ]
}()
