import Rollout

extension Station {
    /// A canary that is promoted, found wanting, and taken back: in one call, to exactly who was in it before.
    static let rollback = Station(title: "A rollback: one call, and all are back") { stage throws(Stop) in
        let router = try stage.router(stage.policy)
        let updater = RolloutUpdater(router)
        let sms = try stage.rollout("sms", of: router)
        func releases() -> [Release] { stage.units.map { sms.decision(for: $0).variant.release } }
        let first = releases()
        var table = Table("lrrrr")
        table.head("step", "revision", "epoch", "units on app v2", "as at first")
        func add(_ step: String) {
            let now = releases()
            let policy = router.snapshot().policy
            table.add(
                "\(step)",
                "\(policy.revision)",
                "\(policy.rollouts["sms"]?.epoch ?? 0)",
                "\(grouped(now.count { $0[.app] == "v2" }))",
                "\(percent(zip(first, now).count { $0 == $1 }, of: now.count))"
            )
        }
        add("canary of 10 %")
        try await edit(updater, because: "healthy for a day") { policy throws(EditError) in try policy.promote("sms") }
        add("promoted")
        do throws(UpdateError) {
            try await updater.rollback(of: "sms", by: "tour", because: "v2 loses orders")
        } catch {
            throw .unusable("the rollback did not happen: \(error)")
        }
        add("rolled back")
        try await edit(updater, because: "v2 is withdrawn") { policy throws(EditError) in try policy.abort("sms") }
        add("aborted")
        stage.show(table)
        stage.say("")
        stage.say("Each is a new revision with a higher epoch, so that no cookie of the time before counts any more:")
        stage.say("")
        for record in updater.history { stage.say("  \(record)", .dim) }
    }
}
