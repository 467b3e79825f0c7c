import Testing

@testable import Rollout

@Suite("Engine against the oracle")
struct OracleTests {
    /// Each seed is a router that lives through 50 policies, so rollouts also come, go and come back.
    @Test("decides as the oracle does, through every way in", arguments: StressEffort.seeds(2, long: 40))
    func agreement(seed: UInt64) throws {
        var random = RandomPolicy(seed: seed)
        var policy = random.stating(random.policy(revision: 1))
        let router = try RolloutRouter(policy: policy)
        var handles: [RolloutID: RolloutHandle] = [:]
        var lastFirst: [RolloutID: VariantName] = [:]
        // Half of them are asked for while the policy lacks the rollout, and half of them again later.
        let fallback: Release = ["app": "default"]
        var withDefault: [RolloutID: RolloutHandle] = [:]
        for revision in 2...51 as ClosedRange<UInt32> {
            let oracle = ReferenceEvaluator(policy: policy)
            let snapshot = router.snapshot()
            for id in RandomPolicy.ids {
                if withDefault[id] == nil || revision.isMultiple(of: 7) {
                    withDefault[id] = router.rollout(id, default: fallback)
                }
                guard let rollout = policy.rollouts[id] else {
                    #expect(router.rollout(id) == nil)
                    #expect(snapshot.decision(for: "alice", in: id) == nil)
                    if let handle = handles[id], let first = lastFirst[id] {
                        checkAbsent(handle, first: first, revision: policy.revision)
                    }
                    if let handle = withDefault[id] {
                        checkAbsent(handle, first: .default, revision: policy.revision)
                        #expect(handle.decision(for: "alice").variant.release == fallback)
                    }
                    continue
                }
                let handle = try #require(router.rollout(id))
                handles[id] = handle
                lastFirst[id] = rollout.strategy.variants[0].name
                for _ in 0..<10 {
                    let request = random.request(for: id, of: rollout)
                    let expected = try #require(oracle.answer(request, in: id))
                    let other = try #require(withDefault[id])
                    let answers = decisions(request, handle, snapshot, id) + decisions(request, other, snapshot, id)
                    for (entry, decision) in answers {
                        let answer = ReferenceEvaluator.Answer(decision)
                        if answer == expected { continue }
                        Issue.record(
                            """
                            seed \(seed), revision \(policy.revision), \(id), asked by \(entry) for \(request)
                            expected \(expected)
                            found    \(answer)
                            \(policy.json)
                            """
                        )
                    }
                }
            }
            policy = random.stating(random.policy(revision: revision))
            // Without an updater, which would demand epochs: random policies go up to the last one there is.
            try router.update(to: policy)
        }
    }

    /// Every entry that takes the request.
    private func decisions(
        _ request: ReferenceEvaluator.Request,
        _ handle: RolloutHandle,
        _ snapshot: RolloutSnapshot,
        _ id: RolloutID
    ) -> [(String, Decision)] {
        let assignment = request.held?.assignment
        var decisions = [
            ("request", handle.decision(for: request.unit, host: request.host, holding: assignment))
        ]
        if let held = snapshot.decision(for: request.unit, in: id, host: request.host, holding: assignment) {
            decisions.append(("snapshot", held))
        }
        guard request.host == nil, assignment == nil else { return decisions }
        let unit = request.unit ?? ""
        decisions.append(("string", handle.decision(for: unit)))
        decisions.append(("bytes", handle.decision(for: Array(unit.utf8).span)))
        decisions.append(("hashed", handle.decision(for: HashedUnit(unit))))
        if let number = Int64(unit), String(number) == unit {
            decisions.append(("integer", handle.decision(for: number)))
            decisions.append(("Int", handle.decision(for: Int(number))))
        }
        if let number = UInt64(unit), String(number) == unit {
            decisions.append(("unsigned", handle.decision(for: number)))
        }
        return decisions
    }

    private func checkAbsent(_ handle: RolloutHandle, first: VariantName, revision: UInt32) {
        let assignment = Assignment(variant: first, of: "sms", bucket: 7, epoch: .max, revision: 0)
        for decision in [
            handle.decision(for: "alice"), handle.decision(for: 42), handle.decision(for: ""),
            handle.decision(for: nil, host: "canary.example", holding: assignment),
            handle.decision(for: "qa-1", host: "canary.example", holding: assignment),
        ] {
            #expect(decision.reason == .absent)
            #expect(decision.variant.name == first)
            #expect(decision.bucket == nil)
            #expect(decision.shadow == nil)
            #expect(decision.revision == revision)
        }
    }
}
