@testable import Rollout

/// A router that is updated through all shapes of ``StressPolicies``, with a handle and the right answer for every question.
struct RouterUnderStress: Sendable {
    private let router: RolloutRouter
    private let handles: [RolloutHandle]
    private let expected: [UInt64]

    init() throws {
        let start = UInt32(StressPolicies.count)
        router = try RolloutRouter(policy: StressPolicies.policy(start))
        handles = StressPolicies.questions.compactMap { [router] in router.rollout($0.rollout) }
        var expected: [UInt64] = []
        let still = try RolloutRouter(policy: StressPolicies.policy(start))
        for revision in start..<(start * 2) {
            try still.update(to: StressPolicies.policy(revision))
            expected += StressPolicies.questions.compactMap { question in
                still.rollout(question.rollout).map { question.ask($0).answer } ?? Self.retired
            }
        }
        self.expected = expected
    }

    func write(while goesOn: () -> Bool) -> Int {
        let first = router.snapshot().revision
        var revision = first
        while goesOn() {
            revision += 1
            _ = try? router.update(to: StressPolicies.policy(revision))
        }
        return Int(router.snapshot().revision - first)
    }

    /// Asks the handles, and now and then a snapshot, which must agree with them and come from no older revision.
    func read(times: Int) -> StressCounts {
        var counts = StressCounts(reads: times)
        var last: UInt32 = 0
        let questions = StressPolicies.questions
        for index in 0..<times {
            let question = index % questions.count
            let decision = questions[question].ask(handles[question])
            if !isRight(decision, question) { counts.torn += 1 }
            if decision.revision < last { counts.backwards += 1 }
            last = decision.revision
            guard index % 64 == 0 else { continue }
            let snapshot = router.snapshot()
            if snapshot.revision < last { counts.backwards += 1 }
            last = snapshot.revision
            guard case .request(let unit, let host, let held) = questions[question].kind else { continue }
            let again = snapshot.decision(for: unit, in: questions[question].rollout, host: host, holding: held)
            if again?.revision != last || again.map({ isRight($0, question) }) != true { counts.torn += 1 }
        }
        return counts
    }

    private func isRight(_ decision: Decision, _ question: Int) -> Bool {
        let shape = Int(decision.revision) % StressPolicies.count
        let expected = expected[shape * StressPolicies.questions.count + question]
        if expected == Self.retired { return decision.reason == .absent }
        return decision.answer == expected && decision.epoch == decision.revision
    }

    /// No outcome has this word.
    private static let retired: UInt64 = .max
}
