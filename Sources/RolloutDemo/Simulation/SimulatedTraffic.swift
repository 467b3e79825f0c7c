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
    var incident: (minutes: ClosedRange<Double>, rate: Double)?

    /// What a request will be, whoever decides: whether it goes to the canary at a share, and fails at a rate. So two rules see
    /// the same requests.
    struct Request {
        let place: Double
        let luck: Double
    }

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

        static func += (left: inout Counts, right: Counts) {
            left.stable += right.stable
            left.canary += right.canary
        }
    }

    /// What requests come to that arrive at a share, in a minute since the start.
    func serve(_ requests: some Sequence<Request>, at share: Share, minute: Double) -> Counts {
        let isIncident = incident.map { $0.minutes.contains(minute) } ?? false
        let least = isIncident ? incident?.rate ?? 0 : 0
        let toCanary = Double(share.buckets) / Double(Share.all.buckets)
        let stable = max(least, stable)
        let canary = max(least, canary.last { $0.from <= share }?.rate ?? 0)
        var counts = Counts()
        for request in requests {
            if request.place < toCanary {
                counts.canary.requests += 1
                if request.luck < canary { counts.canary.failures += 1 }
            } else {
                counts.stable.requests += 1
                if request.luck < stable { counts.stable.failures += 1 }
            }
        }
        return counts
    }
}

/// A seeded source of requests, the same for every rule that asks.
struct RequestStream {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next(_ count: Int) -> [SimulatedTraffic.Request] {
        (0..<count).map { _ in SimulatedTraffic.Request(place: uniform(), luck: uniform()) }
    }

    /// SplitMix64, the upper 53 bits.
    private mutating func uniform() -> Double {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Double((mixed ^ (mixed >> 31)) >> 11) * 0x1p-53
    }
}
