@testable import Rollout

/// Exposures of one router, and what their sink was given.
struct ToldExposures: Sendable {
    /// What the sink was given, batch by batch.
    final class Sink: Sendable {
        private let taken = Lock<[[Exposure]]>([])

        var batches: [[Exposure]] { taken.withLock { $0 } }

        func take(_ batch: [Exposure]) { taken.withLock { $0.append(batch) } }
    }

    let router: RolloutRouter
    let exposures: Exposures
    private let sink = Sink()

    init(_ policy: RolloutPolicy, remembering places: Int = 131_072, queue: Int = 65_536) throws {
        router = try RolloutRouter(policy: policy)
        exposures = Exposures(of: router, remembering: places, queue: queue) { [sink] in sink.take($0) }
    }

    /// Decides for a unit by the policy that runs, and records it.
    @discardableResult
    func visit(_ unit: String, in rollout: RolloutID = "sms", at now: UnixTime = 1) throws -> Decision {
        let decision = try decision(for: unit, in: rollout)
        exposures.record(decision, unit: unit, at: now)
        return decision
    }

    func decision(for unit: String, in rollout: RolloutID = "sms") throws -> Decision {
        guard let handle = router.rollout(rollout) else { throw StressError() }
        return handle.decision(for: unit)
    }

    /// All that was told, once it is delivered.
    func told() async throws -> [Exposure] {
        try await exposures.deliverWhatIsLeft()
        return sink.batches.flatMap(\.self)
    }

    /// The ratio of a rollout.
    func ratio(of rollout: RolloutID = "sms") throws -> ObservedRatio {
        guard let ratio = exposures.sampleRatios[rollout] else { throw StressError() }
        return ratio
    }
}

extension Exposures {
    /// Runs, cancelled from the start.
    func deliverWhatIsLeft() async throws {
        let delivery = Task { try await run() }
        delivery.cancel()
        try await delivery.value
    }
}

extension ObservedRatio {
    /// The units of each variant.
    var units: [VariantName: Int] { Dictionary(uniqueKeysWithValues: variants.map { ($0.name, $0.units) }) }
}

extension ExposureCounts {
    /// What was told of each variant of a rollout, by name and version of the app; of the others, by `nil`.
    func told(of rollout: RolloutID) -> [String?: Int] {
        Dictionary(
            rows.filter { $0.rollout == rollout }.map { row in
                (row.variant.map { "\($0.name) \($0.release[.app] ?? "")" }, row.told)
            },
            uniquingKeysWith: +
        )
    }
}
