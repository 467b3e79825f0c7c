import Rollout

/// What a log says about itself: whether its requests are a fair sample of the units.
struct RouteData {
    private(set) var frequentUnits = FrequentUnits()
    private var samples: [RolloutID: DrawnSample] = [:]

    mutating func count(_ decision: Decision, for unit: String?, in rollout: RolloutID) {
        frequentUnits.count(unit)
        samples[rollout, default: DrawnSample()].count(decision)
    }

    /// What the requests of a rollout say about its shares, or nil if there is nothing to compare.
    func note(on definition: RolloutDefinition, _ rollout: RolloutID) -> String? {
        samples[rollout]?.note(on: definition)
    }
}

/// Finds the units that make up more than a twentieth of all requests, in memory that does not grow with their number
/// (Misra, Gries 1982).
///
/// **Claim:** a count is at most what it should be, and less by at most 1/4,096 of all requests. Because a request that finds no
/// room takes one from each of 4,096 counts, each of which a request of its own had added.
struct FrequentUnits {
    private static let capacity = 4_096
    /// The most scalars of a unit that a message shows.
    private static let shown = 64

    /// By the hash of the unit, because a unit can be a megabyte long.
    private var counts: [Int: (unit: String, count: Int)] = [:]
    private var total = 0

    mutating func count(_ unit: String?) {
        total += 1
        guard let unit else { return }
        let hash = unit.hashValue
        if counts[hash] != nil {
            counts[hash]?.count += 1
        } else if counts.count < Self.capacity {
            counts[hash] = (String(String.UnicodeScalarView(unit.unicodeScalars.prefix(Self.shown))), 1)
        } else {
            counts = counts.compactMapValues { $0.count > 1 ? ($0.unit, $0.count - 1) : nil }
        }
    }

    /// What is to be said of units that make up more than 5 % of the requests, most frequent first.
    var notes: [String] {
        let frequent = counts.values.filter { $0.count > 1 && 20 * $0.count > total }
            .sorted { ($1.count, $0.unit) < ($0.count, $1.unit) }
        let lines = frequent.prefix(3).map { unit, count in
            "the unit \(quoted(unit)) makes up \(percent(count, of: total)) of the requests, and they all share one bucket: "
                + "does the log write it for everybody?"
        }
        let rest = frequent.count - lines.count
        return lines + (rest > 0 ? ["\(counted(rest, "other unit")) make up more than 5 % of the requests each"] : [])
    }
}

/// The buckets that the requests of one rollout were drawn into, each counted with its first request.
///
/// One bit a bucket: 125 kB, however many requests there are.
struct DrawnSample {
    private var seen: [UInt64] = []
    private var counts: [Decision.Variant: Int] = [:]

    mutating func count(_ decision: Decision) {
        guard decision.reason == .split, let bucket = decision.bucket else { return }
        if seen.isEmpty { seen = Array(repeating: 0, count: (Share.all.buckets + 63) / 64) }
        let bit: UInt64 = 1 << UInt64(bucket % 64)
        if seen[bucket / 64] & bit != 0 { return }
        seen[bucket / 64] |= bit
        counts[decision.variant, default: 0] += 1
    }

    /// What the sample says about a rollout's shares, or nil if there is nothing to compare.
    func note(on definition: RolloutDefinition) -> String? {
        let due = definition.drawnBuckets
        let byName = Dictionary(counts.map { ($0.key.name, $0.value) }) { first, _ in first }
        let names = definition.strategy.variants.map(\.name)
        let stage = SampleRatio.Stage(counts: names.map { byName[$0] ?? 0 }, weights: due.map(Double.init))
        let units = stage.counts.reduce(0, +)
        guard units > 0, due.count(where: { $0 > 0 }) > 1 else { return nil }

        let evidence = SampleRatio.evidence([stage])
        let basis =
            "by the first requests of \(counted(units, "bucket")) "
            + "(evidence \(shown(evidence)), wrong from \(shown(SampleRatio.alarm)) on)"
        guard evidence >= SampleRatio.alarm else { return "sample ratio: as due, \(basis)" }
        let total = due.reduce(0, +)
        let parts = zip(names, zip(stage.counts, due)).map { name, part in
            "\(name) \(percent(part.0, of: units)) where \(percent(part.1, of: total)) is due"
        }
        return "sample ratio: wrong, \(basis): \(parts.joined(separator: ", ")); "
            + "the requests are no fair sample of the units, or units share buckets"
    }

    private func shown(_ evidence: Double) -> String {
        if evidence >= 1e15 { return "above 10^15" }
        return evidence < 100 ? fixed(Int(evidence * 100 + 0.5), decimals: 2) : grouped(Int(evidence))
    }
}
