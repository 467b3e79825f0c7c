/// A run of buckets with one outcome, up to and including its bound.
struct Segment: Hashable, Sendable {
    let upperBound: Int
    let outcome: Outcome
}

extension [Segment] {
    /// Adds the buckets up to a limit (excluded), together with the last segment where that has the same outcome.
    mutating func extend(to limit: Int, _ outcome: Outcome) {
        guard limit - 1 > (last?.upperBound ?? -1) else { return }
        if last?.outcome == outcome { removeLast() }
        append(Segment(upperBound: limit - 1, outcome: outcome))
    }
}
