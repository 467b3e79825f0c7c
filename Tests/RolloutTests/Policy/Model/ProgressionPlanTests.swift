import Testing

@testable import Rollout

@Suite("Plans of progression")
struct ProgressionPlanTests {
    @Test("The steps alone are a complete plan, and a plan is written without its defaults")
    func defaults() throws {
        let text =
            #"{"revision":1,"rollouts":{"sms":{"progression":{"steps":[1,5,25,50]},"strategy":"#
            + #"{"canary":{"app":"v2"},"percent":1,"stable":{"app":"v1"},"type":"canary"}}},"schema":1}"#
        let policy = try RolloutPolicy(json: text)
        let plan = ProgressionPlan(steps: [.percent(1), .percent(5), .percent(25), .percent(50)])
        #expect(policy.rollouts["sms"]?.progression == plan)
        #expect(policy.json == text)
    }

    @Test(
        "A share between two steps goes to the next one, and the last goes to all",
        arguments: [(0, 1), (0.5, 1), (1, 5), (4.9, 5), (5, nil), (60, nil), (100, nil)] as [(Double, Double?)]
    )
    func next(share: Double, next: Double?) {
        let plan = ProgressionPlan(steps: [.percent(1), .percent(5)])
        #expect(plan.next(after: .percent(share)) == next.map { .percent($0) })
    }

    @Test("A plan changes no decision and raises no epoch, and the explanation names it")
    func silent() throws {
        var policy = EditedPolicy.canary(10)
        let router = try RolloutRouter(policy: policy)
        let sms = try #require(router.rollout("sms"))
        let before = (0..<1_000).map { sms.decision(for: "user-\($0)") }
        policy.revision = 2
        policy.sms.progression = ProgressionPlan(steps: [.percent(25)])
        try router.update(to: policy)
        let after = (0..<1_000).map { sms.decision(for: "user-\($0)") }
        #expect(before.map(\.variant) == after.map(\.variant))
        #expect(after.allSatisfy { $0.epoch == 0 && $0.revision == 2 })
        let explanation = sms.explanation(for: "user-1")
        #expect(
            explanation.description.contains("progression: 25 %, then everybody; counts units, and decides nothing")
        )
        #expect(explanation.json.contains(#""progression":{"steps":[25]}"#))
        #expect(explanation.json.contains(#""adaptation":null"#))
    }

    @Test("Times that no plan may have are warned of without a trap", arguments: [Int.max, .min])
    func extremes(seconds: Int) {
        var policy = EditedPolicy.canary(10)
        policy.sms.sticky = StickyCookie(name: "c", maxAge: seconds)
        let steps = (1...32).map { Share.percent(Double($0)) }
        policy.sms.progression = ProgressionPlan(steps: steps, interval: seconds, settle: 60, dwell: seconds)
        #expect(throws: PolicyError.self) { try policy.validate() }
        #expect(policy.warnings.count == (seconds > 0 ? 1 : 0))
        policy.sms.progression?.deadline = seconds
        #expect(throws: PolicyError.self) { try policy.validate() }
    }

    @Test("A canary waits for sessions to end if its cookie pins the variant")
    func settling() {
        let plan = ProgressionPlan(steps: [.percent(1)])
        #expect(plan.settling(beside: nil) == 60)
        #expect(plan.settling(beside: StickyCookie(name: "c", maxAge: 3_600)) == 3_600)
        #expect(plan.settling(beside: StickyCookie(name: "c", maxAge: 3_600, pin: .bucket)) == 60)
    }
}
