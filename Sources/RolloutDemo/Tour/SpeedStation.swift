import Rollout

extension Station {
    /// What a decision costs on this machine.
    static let speed = Station(title: "The cost of a decision, on this machine") { stage throws(Stop) in
        let router = try stage.router(stage.policy)
        let sms = try stage.rollout("sms", of: router)
        let recommender = try stage.rollout("recommender", of: router)
        let users = (0..<1_024).map { "user-\(1_000_000 + $0)" }
        let sessions = users.map { "\($0)-4f7c-9a1e-0242ac120002-abcd" }
        let hashed = users.map { HashedUnit($0) }
        var table = Table("lrl")
        table.head("what", "ns")
        var costs: [(String, Double)] = []
        costs.append(("canary, integer unit", cost { sms.decision(for: 1_000_000 + $0) }))
        costs.append(("canary, unit of 12 bytes", cost { sms.decision(for: users[$0]) }))
        costs.append(("canary, unit of 41 bytes", cost { sms.decision(for: sessions[$0]) }))
        costs.append(("canary, unit hashed before", cost { sms.decision(for: hashed[$0]) }))
        costs.append(("ab_test of 3, unit of 12 bytes", cost { recommender.decision(for: users[$0]) }))
        costs.append(("host rule", cost { sms.decision(for: users[$0], host: "stable.sms-app.local") }))
        let highest = costs.map(\.1).max() ?? 0
        for (name, nanoseconds) in costs {
            let tenths = Int(nanoseconds * 10 + 0.5)
            table.add(
                "\(name)",
                "\(fixed(tenths, decimals: 1))",
                Table.Cell(bar(tenths, of: Int(highest * 10 + 0.5)), .green)
            )
        }
        stage.say("One thread, sms and recommender of the policy above. The fastest of \(rounds) rounds of")
        stage.say("\(grouped(decisionsPerRound)) decisions, loop included.")
        stage.show(table)
        #if DEBUG
            stage.say("")
            stage.say(
                "This is a debug build, which is many times slower. Try: swift run -c release \(Program.name)",
                .yellow
            )
        #endif
    }
}

private let rounds = 15
#if DEBUG
    private let decisionsPerRound = 4_096
#else
    private let decisionsPerRound = 131_072
#endif

/// Nanoseconds per call. The closure gets an index below 1,024.
@inline(__always)
private func cost(of decide: (Int) -> Decision) -> Double {
    var best = Double.infinity
    // The result depends on every decision through this sum, so the compiler cannot leave any out.
    var sum = 0
    for _ in 0..<rounds {
        let start = ContinuousClock.now
        for index in 0..<decisionsPerRound { sum &+= decide(index & 1_023).bucket ?? 1 }
        best = min(best, (ContinuousClock.now - start) / .nanoseconds(1) / Double(decisionsPerRound))
    }
    return sum == 0 ? .infinity : best
}
