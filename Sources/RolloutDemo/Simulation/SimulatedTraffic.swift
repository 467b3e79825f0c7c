import Rollout

/// The requests that a simulated service gets, and how each would end as stable and as canary.
struct SimulatedTraffic {
    /// Requests a minute.
    var rate = 6_000
    /// The rate of failures of stable, 0 ... 1.
    var stable = 0.01
    /// The canary's rate of failures from a share on, in ascending order; the first is from 0 on.
    var canary: [(from: Share, rate: Double)] = [(.zero, 0.01)]
    /// Minutes in which both fail at least at a rate.
    var incident: (minutes: Range<Double>, rate: Double)?

    /// Requests and failures of one variant.
    struct Count {
        var requests = 0
        var failures = 0

        static func += (left: inout Count, right: Count) {
            left.requests += right.requests
            left.failures += right.failures
        }

        var rate: Double { requests == 0 ? 0 : Double(failures) / Double(requests) }
    }

    /// What both variants did in some time.
    struct Counts {
        var stable = Count()
        var canary = Count()
        /// How many of the canary's requests would have failed as stable, on average.
        var expected = 0.0

        static func += (left: inout Counts, right: Counts) {
            left.stable += right.stable
            left.canary += right.canary
            left.expected += right.expected
        }
    }

    /// What requests come to that arrive at a share: those whose numbers these are, counted from the start.
    func serve(_ requests: Range<Int>, of stream: inout RequestStream, at share: Share) -> Counts {
        let toCanary = share.fraction
        let canary = canary.last { $0.from <= share }?.rate ?? 0
        var counts = Counts()
        for number in requests {
            let least = leastRate(atMinute: Double(number) / Double(rate))
            let (place, luck) = stream.next()
            if place < toCanary {
                counts.canary.requests += 1
                counts.expected += max(least, stable)
                if luck < max(least, canary) { counts.canary.failures += 1 }
            } else {
                counts.stable.requests += 1
                if luck < max(least, stable) { counts.stable.failures += 1 }
            }
        }
        return counts
    }

    private func leastRate(atMinute minute: Double) -> Double {
        guard let incident, incident.minutes.contains(minute) else { return 0 }
        return incident.rate
    }
}

/// A seeded source of requests, the same for every rule that asks: what a request will be, whoever decides.
struct RequestStream {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// A request goes to the canary if its place lies below the share, and fails if its luck lies below the rate.
    mutating func next() -> (place: Double, luck: Double) { (uniform(), uniform()) }

    /// SplitMix64, the upper 53 bits.
    private mutating func uniform() -> Double {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Double((mixed ^ (mixed >> 31)) >> 11) * 0x1p-53
    }
}
