/// Makes windows of what a source has counted since it started: the differences between one reading and the next.
///
/// A reading that says nothing leaves the one before in its place, so the next window covers the gap.
struct SourceReadings: Sendable {
    /// Why there is no window.
    struct Missing: Error, Hashable {
        let reason: String
    }

    /// An answer of the source.
    struct Reading: Sendable {
        /// What it was asked for, and when.
        let stage: OutcomeStage
        let asked: Duration
        let totals: Result<OutcomeTotals, Missing>
    }

    /// What happened between two readings.
    struct Window: Sendable {
        let variants: [VariantName: VariantOutcomes]
        /// When the earlier reading was asked for.
        let start: Duration
        /// The stage that both were of, or nil if they were of two.
        let stage: UInt64?
    }

    private struct Baseline {
        let totals: OutcomeTotals
        let stage: UInt64
        let asked: Duration
    }

    private var baseline: Baseline?

    /// Takes in what the source has counted.
    ///
    /// - Parameters:
    ///   - reading: The source's answer.
    ///   - count: What is counted.
    ///   - percentiles: How many percentiles of latency are compared.
    ///   - tally: Counts readings that are of no use.
    /// - Returns: What happened since the reading before.
    /// - Throws: Why nobody can say.
    mutating func window(
        _ reading: Reading,
        counting count: ProgressionPlan.Count,
        percentiles: Int,
        _ tally: inout ProgressionStatus.Readings
    ) throws(Missing) -> Window {
        let (stage, asked) = (reading.stage, reading.asked)
        var totals: OutcomeTotals
        do throws(Missing) { totals = try reading.totals.get() } catch {
            tally.failed += 1
            throw error
        }
        totals.variants = totals.completed(for: stage.releases.keys)
        for (name, counted) in totals.variants.sorted(by: { $0.key < $1.key }) {
            if let fault = counted.fault(counting: count, percentiles: percentiles) {
                tally.unusable += 1
                throw Missing(reason: "\(name): \(fault)")
            }
        }
        guard let earlier = baseline else {
            baseline = Baseline(totals: totals, stage: stage.id, asked: asked)
            throw Missing(reason: "the first reading is what the next one is compared with")
        }
        if let time = totals.time, let before = earlier.totals.time, time <= before {
            tally.unusable += 1
            throw Missing(reason: "the source has counted nothing newer than before")
        }
        baseline = Baseline(totals: totals, stage: stage.id, asked: asked)
        let isSameStage = earlier.stage == stage.id
        var variants: [VariantName: VariantOutcomes] = [:]
        for (name, counted) in totals.variants {
            let before = earlier.totals.variants[name]
            guard let before, let difference = counted.difference(from: before, isSameStage: isSameStage) else {
                tally.restarts += 1
                throw Missing(reason: "a count of \(name) is lower than before: the source has started again")
            }
            variants[name] = difference
        }
        return Window(variants: variants, start: earlier.asked, stage: isSameStage ? stage.id : nil)
    }
}

extension OutcomeTotals {
    /// The counts of these variants and no others. One that is missing has none, in the form that others have.
    fileprivate func completed(for names: some Sequence<VariantName>) -> [VariantName: VariantOutcomes] {
        var none = VariantOutcomes(requests: 0, failures: 0)
        for (_, counted) in variants {
            if counted.units != nil {
                none.units = VariantOutcomes.Units(arrived: 0, entered: 0, enteredFailed: 0, failed: 0)
            }
            switch counted.slow {
            case .unknown: break
            case .thanThresholds(let slow): none.slow = .thanThresholds(slow.map { _ in 0 })
            case .thanEdges(let requests, let units):
                none.slow = .thanEdges(requests: requests.map { _ in 0 }, units: units.map { _ in 0 })
            }
        }
        return Dictionary(uniqueKeysWithValues: names.map { ($0, variants[$0] ?? none) })
    }
}

extension VariantOutcomes {
    /// What was counted since an earlier reading, or nil if a count is lower than it was, or of another form.
    ///
    /// A reading takes some time, and units are read before requests. So a request may be counted in one window and its unit
    /// in the next, and a window has at least as many requests as units.
    fileprivate func difference(from earlier: VariantOutcomes, isSameStage: Bool) -> VariantOutcomes? {
        guard var requests = Self.difference(requests, earlier.requests),
            var failures = Self.difference(failures, earlier.failures)
        else { return nil }
        var units: Units?
        if let now = self.units {
            guard let before = earlier.units, let seen = now.difference(from: before, isSameStage: isSameStage) else {
                return nil
            }
            units = seen
            failures = max(failures, seen.failed, seen.enteredFailed)
            requests = max(requests, seen.arrived, seen.entered, failures)
        }
        let slow: Slow
        switch (self.slow, earlier.slow) {
        case (.unknown, .unknown): slow = .unknown
        case (.thanThresholds(let now), .thanThresholds(let before)):
            guard let seen = Self.difference(now, before) else { return nil }
            slow = .thanThresholds(seen)
        case (.thanEdges(let now, let nowUnits), .thanEdges(let before, let beforeUnits)):
            guard let seen = Self.difference(now, before), let seenUnits = Self.difference(nowUnits, beforeUnits) else {
                return nil
            }
            slow = .thanEdges(requests: seen, units: seenUnits)
        default: return nil
        }
        switch slow {
        case .unknown: break
        case .thanThresholds(let seen): requests = max(requests, seen.max() ?? 0)
        case .thanEdges(let seen, let seenUnits): requests = max(requests, seen.max() ?? 0, seenUnits.max() ?? 0)
        }
        return VariantOutcomes(requests: requests, failures: failures, units: units, slow: slow)
    }

    fileprivate static func difference(_ now: Int, _ before: Int) -> Int? { now < before ? nil : now - before }

    private static func difference(_ now: [Int], _ before: [Int]) -> [Int]? {
        guard now.count == before.count else { return nil }
        let differences = zip(now, before).compactMap { difference($0, $1) }
        return differences.count == now.count ? differences : nil
    }
}

extension VariantOutcomes.Units {
    /// In another stage, nobody has entered yet when its first reading comes.
    fileprivate func difference(from earlier: Self, isSameStage: Bool) -> Self? {
        guard let arrived = VariantOutcomes.difference(arrived, earlier.arrived),
            let failed = VariantOutcomes.difference(failed, earlier.failed)
        else { return nil }
        guard isSameStage else { return Self(arrived: arrived, entered: 0, enteredFailed: 0, failed: failed) }
        guard let entered = VariantOutcomes.difference(entered, earlier.entered),
            let enteredFailed = VariantOutcomes.difference(enteredFailed, earlier.enteredFailed)
        else { return nil }
        return Self(arrived: arrived, entered: entered, enteredFailed: enteredFailed, failed: failed)
    }
}
