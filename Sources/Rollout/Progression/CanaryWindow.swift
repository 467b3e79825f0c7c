/// What one window counted of a canary and of the stable release beside it.
///
/// Only outcomes count whose variant chance chose: those that ``OutcomeRow/drawn`` holds.
public struct CanaryWindow: Hashable, Sendable {
    /// The stable release.
    public var stable: VariantOutcomes
    /// The canary.
    public var canary: VariantOutcomes
    /// The largest share that an outcome of this window may have been drawn under: of all that were in force while the window
    /// lasted or, for the time that the plan takes to settle, before it.
    public var weight: Share
    /// Whether the share was one and the same all that time.
    public var isSettled: Bool

    /// A window of these counts.
    public init(stable: VariantOutcomes, canary: VariantOutcomes, weight: Share, isSettled: Bool) {
        self.stable = stable
        self.canary = canary
        self.weight = weight
        self.isSettled = isSettled
    }
}

extension CanaryWindow {
    /// What is wrong with the counts for a plan, in a sentence, or nil if they can be judged.
    ///
    /// A count that cannot be is no data, never a reason to promote or to take back.
    func fault(for plan: ProgressionPlan) -> String? {
        for (name, side) in [("stable", stable), ("canary", canary)] {
            let fault = side.fault(counting: plan.count, percentiles: plan.latency.count)
            if let fault { return "\(name): \(fault)" }
        }
        switch (stable.slow, canary.slow) {
        case (.unknown, .unknown), (.thanThresholds, .thanThresholds), (.thanEdges, .thanEdges): break
        default: return "stable and canary count in different ways what is slow"
        }
        return nil
    }

    /// What the gate counts.
    func trials(_ count: ProgressionPlan.Count) -> CanaryTrials {
        CanaryTrials(canary: canary.trials(count), stable: stable.trials(count))
    }
}

extension VariantOutcomes {
    fileprivate func trials(_ count: ProgressionPlan.Count) -> CanaryTrials.Side {
        guard count == .units, let units else { return CanaryTrials.Side(trials: requests, failures: failures) }
        return CanaryTrials.Side(trials: units.entered, failures: units.enteredFailed)
    }

    /// What is wrong with the counts, in a sentence, or nil if they can be judged.
    func fault(counting count: ProgressionPlan.Count, percentiles: Int) -> String? {
        var counts = [("requests", requests), ("failures", failures)]
        // How many there are at most.
        var bounds = [("failures", failures, "requests", requests)]
        if count == .units {
            guard let units else {
                return "no units: count them, or write \"count\": \"requests\" and mean it"
            }
            counts += [
                ("arrived", units.arrived), ("entered", units.entered), ("enteredFailed", units.enteredFailed),
                ("failed", units.failed),
            ]
            bounds += [
                ("entered", units.entered, "requests", requests), ("arrived", units.arrived, "requests", requests),
                ("enteredFailed", units.enteredFailed, "entered", units.entered),
                ("failed", units.failed, "failures", failures),
            ]
        }
        switch slow {
        case .unknown: break
        case .thanThresholds(let slow):
            guard slow.count == percentiles else {
                return "slow has \(slow.count) numbers, the plan \(percentiles) percentiles"
            }
            for (index, slower) in slow.enumerated() {
                counts.append(("slow[\(index)]", slower))
                bounds.append(("slow[\(index)]", slower, "requests", requests))
            }
        case .thanEdges(let slowRequests, let slowUnits):
            let lists = count == .units ? [slowRequests, slowUnits] : [slowRequests]
            for list in lists {
                guard list.count == LatencyEdge.count else {
                    return "\(list.count) counts above edges of latency, not \(LatencyEdge.count)"
                }
                for (index, slower) in list.enumerated() where !(0...max(requests, 0) ~= slower) {
                    return "\(grouped(slower)) slower than edge \(index), and \(grouped(requests)) requests"
                }
            }
        }
        for (name, count) in counts where !(0...Self.limit ~= count) {
            return "\(name) is \(grouped(count)), and must be in \(spelled(0...Self.limit))"
        }
        for (name, count, other, most) in bounds where count > most {
            return "\(grouped(count)) \(name), and only \(grouped(most)) \(other)"
        }
        return nil
    }

    /// Up to here, each count is exact as a `Double`.
    private static let limit = 1 << 53
}

/// Trials of both variants, and how many of them failed: requests, or units by the first of their outcomes.
public struct CanaryTrials: Hashable, Sendable {
    /// What was tried with one variant.
    public struct Side: Hashable, Sendable {
        /// How many trials there were.
        public internal(set) var trials = 0
        /// How many of them failed.
        public internal(set) var failures = 0

        /// No traffic has so much, but data may be anything, and must not trap.
        static func sum(_ left: Int, _ right: Int) -> Int { min(left + right, 1 << 60) }

        mutating func add(_ other: Side) {
            trials = Self.sum(trials, other.trials)
            failures = Self.sum(failures, other.failures)
        }
    }

    /// Those of the canary.
    public internal(set) var canary = Side()
    /// Those of the stable release.
    public internal(set) var stable = Side()

    mutating func add(_ other: CanaryTrials) {
        canary.add(other.canary)
        stable.add(other.stable)
    }

    /// By counts, as in a window in which the share was one and the same.
    var badOutcomes: BadOutcomes {
        BadOutcomes(
            canary: Double(canary.failures),
            stable: Double(stable.failures),
            trials: .counts(canary: Double(canary.trials), stable: Double(stable.trials))
        )
    }
}
