import Rollout

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Units that come back. Each has a bucket, its own rate of requests and its own rate of failures, and counts by the first of its
/// outcomes.
struct SimulatedUnits {
    private struct Unit {
        /// The unit is the canary's while the share is larger.
        let bucket: Double
        let failureRate: Double
        /// Who counted the unit as arrived.
        var isCanarys: Bool?
        var hasEntered = false
        var hasFailed = false
    }

    private var units: [Unit]
    /// A wheel on which each unit has places in proportion to its rate of requests.
    private let wheel: [Int32]
    private var traffic: SimulatedTraffic
    /// Whether a unit is counted as arrived again if its variant changes. No source should.
    private let countsAgain: Bool

    /// So many units. Each makes requests at a rate of exp(spread times a normal variable). A part of them is broken and fails
    /// half of its requests; all others fail as sound ones do.
    init(_ count: Int, spread: Double, broken: Double, sound: Double, countsAgain: Bool = false, seed: UInt64) {
        var traffic = SimulatedTraffic(seed: seed)
        units = (0..<count).map { _ in
            Unit(bucket: traffic.uniform(), failureRate: traffic.uniform() < broken ? 0.5 : sound)
        }
        wheel = units.indices.flatMap { index in
            let places = spread == 0 ? 1 : max(1, Int((20 * exp(spread * traffic.normal())).rounded()))
            return repeatElement(Int32(index), count: places)
        }
        self.traffic = traffic
        self.countsAgain = countsAgain
    }

    /// Lets every unit enter again.
    mutating func beginStage() {
        for index in units.indices { units[index].hasEntered = false }
    }

    /// Serves so many requests at a share. The canary's rate of failures follows from what the unit's would be in stable.
    mutating func window(_ requests: Int, share: Share, canaryRate: (Double) -> Double = { $0 }) -> CanaryWindow {
        var (stable, canary) = (Counts(), Counts())
        for _ in 0..<requests {
            let index = Int(wheel[Int.random(in: wheel.indices, using: &traffic.random)])
            let (isCanary, rate) = (units[index].bucket < share.part, units[index].failureRate)
            let fails = traffic.uniform() < (isCanary ? canaryRate(rate) : rate)
            if isCanary {
                count(index, fails: fails, as: true, in: &canary)
            } else {
                count(index, fails: fails, as: false, in: &stable)
            }
        }
        return CanaryWindow(stable: stable.outcomes, canary: canary.outcomes, weight: share, isSettled: true)
    }

    private mutating func count(_ index: Int, fails: Bool, as isCanary: Bool, in counts: inout Counts) {
        counts.requests += 1
        if fails { counts.failures += 1 }
        if units[index].isCanarys == nil || countsAgain && units[index].isCanarys != isCanary {
            units[index].isCanarys = isCanary
            counts.units.arrived += 1
        }
        if !units[index].hasEntered {
            units[index].hasEntered = true
            counts.units.entered += 1
            if fails { counts.units.enteredFailed += 1 }
        }
        if fails, !units[index].hasFailed {
            units[index].hasFailed = true
            counts.units.failed += 1
        }
    }

    private struct Counts {
        var requests = 0
        var failures = 0
        var units = VariantOutcomes.Units(arrived: 0, entered: 0, enteredFailed: 0, failed: 0)

        var outcomes: VariantOutcomes { VariantOutcomes(requests: requests, failures: failures, units: units) }
    }
}
