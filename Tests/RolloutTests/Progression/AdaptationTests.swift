import Testing

@testable import Rollout

@Suite("Adaptation of an A/B test", .timeLimit(.minutes(5)))
struct AdaptationTests {
    private static func policy(_ weights: [Int] = [1, 1], _ plan: AdaptationPlan = AdaptationPlan(interval: 10))
        -> RolloutPolicy
    {
        EditedPolicy.test(weights).changed { policy in
            policy.revision = 1
            policy.sms.adaptation = plan
        }
    }

    private static func source(_ failures: [Int], of requests: Int = 1_000) -> CountingSource {
        CountingSource(countsUnits: false) { _ in
            Dictionary(uniqueKeysWithValues: failures.enumerated().map { (EditedPolicy.variant($0), (requests, $1)) })
        }
    }

    @Test("The better variant gets the traffic, step by step, and as few units move as can be")
    func better() async throws {
        let driven = try DrivenRollout(Self.policy(), source: Self.source([200, 100]))
        #expect(await driven.report().adaptation?.detail == "the first reading is what the next one is compared with")
        var previous = driven.router.snapshot().policy
        for weights in [[3_000, 7_000], [1_000, 9_000], [200, 9_800]] {
            let status = await driven.step()
            let running = driven.router.snapshot().policy
            #expect(running.smsTest.variants.map(\.weight) == weights)
            #expect(
                status.adaptation?.weights == [
                    EditedPolicy.variant(0): weights[0], EditedPolicy.variant(1): weights[1],
                ]
            )
            guard case .kept(let movement) = try previous.movement(to: running).rollouts["sms"] else { return }
            #expect(movement.moved == movement.minimum && movement.moved > 0)
            previous = running
        }
        let last = await driven.step()
        #expect(last.adaptation?.detail == "the weights are right within 1 %")
        #expect(last.waiting == nil)
        #expect(driven.written.count == 3)
        #expect(driven.written.last?.reason == "best: v0 0 %, v1 100 %; weights v0 200, v1 9,800 of 10,000")
        #expect(driven.sms.epoch == 0)
    }

    @Test("Nothing moves before each variant has 100 outcomes, nor while the source fails")
    func few() async throws {
        struct Outage: Error, CustomStringConvertible { let description = "connection refused" }
        let source = Self.source([0, 3], of: 30)
        let driven = try DrivenRollout(Self.policy(), source: source)
        _ = await driven.report()
        for _ in 0..<3 { #expect(await driven.step().adaptation?.detail == "a variant has fewer than 100 outcomes") }
        source.bring { _ in throw Outage() }
        #expect(await driven.step().adaptation?.detail == "the source failed: connection refused")
        #expect(driven.written.isEmpty)
    }

    @Test("Weights that others write are where it goes on; another variant begins anew")
    func edited() async throws {
        let driven = try DrivenRollout(Self.policy(), source: Self.source([100, 100]))
        _ = await driven.report()
        await driven.step()
        let count = driven.written.count
        try await driven.updater.update {
            try $0.rebalance("sms", weights: [EditedPolicy.variant(0): 9, EditedPolicy.variant(1): 1])
        }
        #expect(await driven.step().adaptation?.best.isEmpty == false)
        #expect(driven.written.count == count + 1, "back towards what is due")
        try await driven.updater.update { policy in
            policy.sms.epoch += 1
            policy.smsTest.variants[1].release = [.model: "other"]
        }
        #expect(await driven.step().adaptation?.best.isEmpty == true)
        try await driven.updater.update { $0.sms.adaptation = nil }
        #expect(await driven.step().waiting == #"the A/B test has no plan: write "adaptation""#)
    }

    @Test("A gate that refuses is asked again after a minute, and then with the weights of then")
    func refused() async throws {
        struct Refusal: Error, CustomStringConvertible { let description = "not on a Friday" }
        let gate = ClosureGate { _ in throw Refusal() }
        let driven = try DrivenRollout(Self.policy(), source: Self.source([200, 100]), gates: [gate])
        _ = await driven.report()
        for _ in 0..<6 { #expect(await driven.step().adaptation?.detail?.contains("not on a Friday") == true) }
        #expect(driven.updater.history.count { $0.author == Progression.author } == 1)
        await driven.step()
        #expect(driven.updater.history.count { $0.author == Progression.author } == 2)
        #expect(driven.progression.status.adaptation?.weights == nil)
    }

    @Test("The status has the judgement as JSON")
    func status() async throws {
        let driven = try DrivenRollout(Self.policy(), source: Self.source([200, 100]))
        _ = await driven.report()
        let json = await driven.step().json
        #expect(json.contains(#""adaptation":{"best":{"v0":"#))
        #expect(json.contains(#""detail":null,"weights":{"v0":3000,"v1":7000}}"#))
        #expect(json.contains(#""canary":null"#))
    }
}
