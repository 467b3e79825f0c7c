import Rollout

extension Station {
    /// Two canaries under one plan, driven by what their visitors meet: one is as good as stable, one is not.
    static let progression = Station(title: "A canary that earns its share, and one that does not") {
        stage throws(Stop) in
        stage.say("Two services start the same canary at 1 % under the same plan. It asks for a look each minute, a")
        stage.say("minute to settle and five at each step. Of all requests 1 % fail, but 4 % of the second canary's.")
        stage.say("Every visitor is decided, counted and judged as in a service; only the clock runs ahead.")
        stage.say("")
        let healthy = try await DrivenCanary(failing: 0.01, on: stage)
        let harmful = try await DrivenCanary(failing: 0.04, on: stage)
        var table = Table("rrlrl")
        table.head("minute", "healthy", "", "harmful", "")
        var last = ("", "")
        for minute in 1...240 where !(healthy.hasEnded && harmful.hasEnded) {
            let words = (await healthy.passMinute(), await harmful.passMinute())
            if words != last {
                table.add(
                    "\(minute)",
                    "\(healthy.share(if: words.0 != last.0))",
                    "\(words.0 == last.0 ? "" : words.0)",
                    "\(harmful.share(if: words.1 != last.1))",
                    "\(words.1 == last.1 ? "" : words.1)"
                )
            }
            last = words
        }
        stage.show(table)
        stage.say("")
        stage.say("The histories of the two say why:")
        stage.say("")
        for canary in [healthy, harmful] {
            for record in canary.updater.history where record.author == Progression.author {
                stage.say("  \(record)", .dim)
            }
        }
        await healthy.end()
        await harmful.end()
    }
}

/// A service with a canary, its visitors and its driver.
private final class DrivenCanary {
    let updater: RolloutUpdater
    private let handle: RolloutHandle
    private let outcomes: Outcomes
    private let clock = SteppedClock()
    private let driver: Task<Void, any Error>
    private var statuses: AsyncStream<ProgressionStatus>.Iterator
    private var status: ProgressionStatus
    private let rate: Double
    /// The same visitors for both services.
    private var stream = RequestStream(seed: 7)
    private var visitor: UInt64 = 0

    private static let plan = ProgressionPlan(steps: [.percent(1), .percent(10), .percent(50)], interval: 60)
    private static let visitorsAMinute = 3_000

    init(failing rate: Double, on stage: Stage) async throws(Stop) {
        let strategy = RolloutStrategy.canary(.percent(1), stable: [.app: "v1"], canary: [.app: "v2"])
        let definition = RolloutDefinition(strategy, progression: Self.plan)
        let router = try stage.router(RolloutPolicy(revision: 1, rollouts: ["sms": definition]))
        let handle = try stage.rollout("sms", of: router)
        let (stream, continuation) = AsyncStream.makeStream(of: ProgressionStatus.self)
        let updater = RolloutUpdater(router)
        let progression = Progression(of: "sms", updating: updater, clock: clock) { continuation.yield($0) }
        (self.rate, self.handle, self.updater, outcomes) = (rate, handle, updater, router.outcomes)
        driver = Task { try await progression.run() }
        statuses = stream.makeAsyncIterator()
        status = progression.status
        status = await statuses.next(isolation: #isolation) ?? status
    }

    var hasEnded: Bool { status.waiting != nil }

    /// The share that was judged last, if it is to be shown.
    func share(if isShown: Bool) -> String { isShown ? status.canary.map { "\($0.share)" } ?? "" : "" }

    /// Lets a minute pass with its visitors, and says what the driver found.
    func passMinute() async -> String {
        for _ in 0..<Self.visitorsAMinute {
            visitor += 1
            let decision = handle.decision(for: visitor)
            let fails = stream.next().luck < (decision.variant.name == .canary ? rate : 0.01)
            outcomes.record(decision, fails ? .failure : .success, latency: .milliseconds(5))
        }
        guard !hasEnded else { return words }
        await clock.advance(by: .seconds(60))
        status = await statuses.next(isolation: #isolation) ?? status
        return words
    }

    private var words: String { status.canary?.words ?? "" }

    func end() async {
        driver.cancel()
        _ = await driver.result
    }
}
