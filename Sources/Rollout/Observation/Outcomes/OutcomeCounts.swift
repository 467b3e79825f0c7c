/// How the requests of one row ended, and how long they took.
public struct OutcomeTally: Hashable, Sendable, Codable {
    /// The requests that succeeded.
    public internal(set) var success = LatencyHistogram()
    /// The requests that failed.
    public internal(set) var failure = LatencyHistogram()
    /// The requests that were cancelled.
    public internal(set) var cancelled = LatencyHistogram()

    /// The requests that ended this way.
    public subscript(outcome: RequestOutcome) -> LatencyHistogram {
        switch outcome {
        case .success: success
        case .failure: failure
        case .cancelled: cancelled
        }
    }

    /// The latencies of all requests, however they ended.
    public var latency: LatencyHistogram { success + failure + cancelled }

    /// How many requests ended.
    public var requests: Int { success.count + failure.count + cancelled.count }

    /// The requests of both.
    public static func + (left: OutcomeTally, right: OutcomeTally) -> OutcomeTally {
        OutcomeTally(
            success: left.success + right.success,
            failure: left.failure + right.failure,
            cancelled: left.cancelled + right.cancelled
        )
    }

    /// What came since an earlier tally, or nil if that holds more somewhere.
    func since(_ earlier: OutcomeTally) -> OutcomeTally? {
        guard let success = success.since(earlier.success), let failure = failure.since(earlier.failure),
            let cancelled = cancelled.since(earlier.cancelled)
        else { return nil }
        return OutcomeTally(success: success, failure: failure, cancelled: cancelled)
    }
}

/// What became of the requests that a variant served with one release.
///
/// A new release has a row of its own, and never continues the counts of an old one.
public struct OutcomeRow: Hashable, Sendable, Codable {
    /// Whose requests these are.
    var subject: Subject
    /// Tells a row from the one that the same variant had before, which was folded.
    var life = 0
    /// The requests whose variant was chosen by chance: these may be compared with another variant's, and nothing else may.
    ///
    /// A draw chose them (reason `split`), or the assignment that remembers one (`sticky`), and no other service's decision
    /// that could not be adopted.
    public internal(set) var drawn = OutcomeTally()
    /// All other requests: of forced units, hosts and invitations, of visitors who are not enrolled or bring no unit, copies to
    /// a shadow, and decisions that are tainted.
    public internal(set) var undrawn = OutcomeTally()
    /// Requests that are being measured now. At the end of a window, as all numbers of moments.
    public internal(set) var inFlight = 0
    /// The service's own counters by the series' name and labels: `cache_hits_total{tier="memory"}`.
    public internal(set) var counters: [String: Int] = [:]

    struct Subject: Hashable, Sendable, Codable {
        var rollout: RolloutID?
        var variant: VariantName?
        var release: Release?
    }

    /// The rollout, or nil if the row holds what found no room in the table of 1,000 rows.
    public var rollout: RolloutID? { subject.rollout }
    /// The variant, or nil if the row is the remainder of a rollout: the counts of variants that retired long ago.
    public var variant: VariantName? { subject.variant }
    /// What the variant served, or nil in a remainder.
    public var release: Release? { subject.release }

    /// All requests of the row.
    public var all: OutcomeTally { drawn + undrawn }
    /// How many requests ended.
    public var requests: Int { drawn.requests + undrawn.requests }
    /// How many requests failed.
    public var failures: Int { drawn.failure.count + undrawn.failure.count }

    /// Whether nothing was counted.
    var isEmpty: Bool { requests == 0 && inFlight == 0 && counters.values.allSatisfy { $0 == 0 } }

    /// Adds the requests of another row.
    mutating func add(_ other: OutcomeRow) {
        drawn = drawn + other.drawn
        undrawn = undrawn + other.undrawn
        inFlight = Self.bounded(inFlight) + Self.bounded(other.inFlight)
        counters.merge(other.counters) { Self.bounded($0) + Self.bounded($1) }
    }

    /// What came since an earlier row of the same subject, or is beside a part of it, or nil if that holds more somewhere.
    func since(_ earlier: OutcomeRow) -> OutcomeRow? {
        guard let drawn = drawn.since(earlier.drawn), let undrawn = undrawn.since(earlier.undrawn),
            earlier.counters.allSatisfy({ (counters[$0] ?? -1) >= $1 })
        else { return nil }
        var rest = self
        rest.drawn = drawn
        rest.undrawn = undrawn
        for (name, count) in earlier.counters {
            rest.counters[name] = Self.bounded(counters[name] ?? 0) - Self.bounded(count)
        }
        return rest
    }

    /// A count whose sum with another is a number. Counts that were decoded may be any.
    private static func bounded(_ count: Int) -> Int { min(max(count, 0), 1 << 61) }
}

/// All that a router's recorder has counted until one moment.
///
/// A request that ended is in exactly one range of one outcome of one row. From one reading to the next no count falls, but
/// for one case: the row of a variant that retired long ago is folded, and its counts move to the remainder of its rollout.
public struct OutcomeCounts: Hashable, Sendable, Codable {
    /// A random number that tells the counts of one process and router from all others.
    let recorder: UInt64
    /// The rows, in the order in which they came; then the remainders, in order of rollouts.
    public let rows: [OutcomeRow]

    /// What came since an earlier reading.
    ///
    /// The windows of a rollout add up to its total, also where a row was folded between the readings.
    ///
    /// - Parameter earlier: A reading of the same router in the same process.
    /// - Returns: The window, or nil if the readings come from different processes or routers, or in the wrong order.
    public func since(_ earlier: OutcomeCounts) -> OutcomeWindow? {
        guard recorder == earlier.recorder else { return nil }
        var before: [Key: OutcomeRow] = [:]
        for row in earlier.rows where before.updateValue(row, forKey: Key(row)) != nil { return nil }
        var window: [OutcomeRow] = []
        var rest = before
        for row in rows where row.variant != nil || row.rollout == nil {
            let known = rest.removeValue(forKey: Key(row))
            guard let difference = known.map({ row.since($0) }) ?? row else { return nil }
            window.append(difference)
        }
        // What is left are remainders, and rows that have moved into remainders since.
        var moved: [RolloutID: OutcomeRow] = [:]
        for row in rest.values {
            guard let rollout = row.rollout else { return nil }
            moved[rollout, default: OutcomeRow(subject: OutcomeRow.Subject(rollout: rollout))].add(row)
        }
        for row in rows where row.variant == nil {
            guard let rollout = row.rollout else { continue }
            let known = moved.removeValue(forKey: rollout)
            guard let difference = known.map({ row.since($0) }) ?? row else { return nil }
            window.append(difference)
        }
        return moved.isEmpty ? OutcomeWindow(rows: window) : nil
    }

    private struct Key: Hashable {
        let subject: OutcomeRow.Subject
        let life: Int

        init(_ row: OutcomeRow) {
            subject = row.subject
            life = row.life
        }
    }
}

/// What came between two readings, of one process or of several.
public struct OutcomeWindow: Hashable, Sendable, Codable {
    /// A row for each variant and release, and for each remainder.
    public let rows: [OutcomeRow]

    init(rows: [OutcomeRow]) {
        self.rows = rows.united.map { row in
            var row = row
            row.life = 0
            return row
        }
    }

    /// The windows of several processes, or of one process one after the other, as one. O(rows of both).
    ///
    /// Rows of the same rollout, variant and release are added up. So are their requests in flight, whose sum means something
    /// only if all windows end at about the same time.
    public static func + (left: OutcomeWindow, right: OutcomeWindow) -> OutcomeWindow {
        OutcomeWindow(rows: left.rows + right.rows)
    }
}

extension [OutcomeRow] {
    /// One row for each rollout, variant and release, in the order in which they first come. O(rows).
    ///
    /// Latencies are added up range by range, so their sum is the same number in whatever order the rows come.
    var united: [OutcomeRow] {
        var (sums, places): ([OutcomeRow], [OutcomeRow.Subject: Int]) = ([], [:])
        for row in self {
            if let place = places[row.subject] {
                sums[place].add(row)
            } else {
                places[row.subject] = sums.count
                sums.append(row)
            }
        }
        return sums
    }
}
