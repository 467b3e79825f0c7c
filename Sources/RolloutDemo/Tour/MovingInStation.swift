import Rollout

extension Station {
    /// The old service's `user_id % 100`: stated, replayed, and converted when its owner likes.
    static let movingIn = Station(title: "Moving in: the old service's user_id % 100, replayed, then converted") {
        stage throws(Stop) in
        let ids = (0..<20_000).map { 1_000_003 + 37 * $0 }
        let old = ids.map { $0 % 100 < 10 ? VariantName.canary : .stable }
        var policy = stage.policy
        policy.rollouts["sms"] = RolloutDefinition(
            .canary(.percent(10), stable: [.app: "v1", .model: "v1"], canary: [.app: "v2", .model: "v2"]),
            bucketing: Bucketing(.integer, buckets: 100)
        )
        var table = Table("lrrr")
        table.head("sms draws by", "in the canary", "as in the old service", "moved")
        func add(_ step: String, _ policy: RolloutPolicy) throws(Stop) {
            let handle = try stage.rollout("sms", of: stage.router(policy))
            let now = ids.map { handle.decision(for: $0).variant.name }
            let moved = zip(old, now).count { $0 != $1 }
            table.add(
                "\(step)",
                "\(grouped(now.count { $0 == .canary }))",
                "\(percent(ids.count - moved, of: ids.count))",
                "\(grouped(moved))"
            )
        }
        try add("\"integer\", 100 buckets", policy)
        let before = policy
        do throws(EditError) { try policy.convert("sms") } catch { throw .unusable("the conversion failed: \(error)") }
        try add("its own hash, converted", policy)
        stage.say("\(grouped(ids.count)) integer ids, whom the old service divided by id % 100 < 10:")
        stage.show(table)
        stage.say("")
        stage.say(
            "With the bucketing stated nobody moves. The owner converts when a move does no harm, and plan says before:"
        )
        for case .kept(let movement) in try Plan(from: before, to: policy, only: "sms").movement.rollouts.values {
            stage.say("  \(movement)")
        }
    }
}
