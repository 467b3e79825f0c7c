import Rollout

extension Station {
    /// A canary that grows: whoever is in stays in.
    static let ramp = Station(title: "A ramp in which nobody leaves the canary") { stage throws(Stop) in
        let units = (0..<50_000).map { "user-\($0)" }
        var policy = stage.policy
        let router = try stage.router(policy)
        let handle = try stage.rollout("sms", of: router)
        var members = [Bool](repeating: false, count: units.count)
        var table = Table("rrrrrl")
        table.head("canary", "units in it", "share", "joined", "left")
        for percent in [10.0, 25, 50, 100] {
            let share = Share.percent(percent)
            policy.revision += 1
            policy.rollouts["sms"]?.strategy = .canary(
                share,
                stable: [.app: "v1", .model: "v1"],
                canary: [.app: "v2", .model: "v2"]
            )
            try update(router, to: policy)
            var (inside, joined, left) = (0, 0, 0)
            for (index, unit) in units.enumerated() {
                let isMember = handle.decision(for: unit).variant.name == "canary"
                inside += isMember ? 1 : 0
                if isMember, !members[index] { joined += 1 }
                if !isMember, members[index] { left += 1 }
                members[index] = isMember
            }
            table.add(
                "\(share)",
                "\(grouped(inside))",
                "\(RolloutDemo.percent(inside, of: units.count))",
                "\(grouped(joined))",
                Table.Cell(grouped(left), left == 0 ? .green : .red),
                Table.Cell(bar(inside, of: units.count), .green)
            )
        }
        stage.say("sms over \(grouped(units.count)) units, published step by step; joined and left are counted against")
        stage.say("the step before.")
        stage.show(table)
    }
}

/// Publishes a policy of the tour.
func update(_ router: RolloutRouter, to policy: RolloutPolicy) throws(Stop) {
    do throws(UpdateError) {
        try router.update(to: policy, now: Platform.unixTime)
    } catch {
        throw .unusable("the update did not happen: \(error)")
    }
}
