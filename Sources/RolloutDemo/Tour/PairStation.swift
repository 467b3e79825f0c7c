import Rollout

extension Station {
    /// An app and a model service, one of which runs an older policy.
    static let pairs = Station(title: "App and model that belong together") { stage throws(Stop) in
        var policy = stage.policy
        let (app, model) = (try stage.router(policy), try stage.router(policy))
        let (appUpdater, modelUpdater) = (RolloutUpdater(app), RolloutUpdater(model))
        let (appSMS, modelSMS) = (try stage.rollout("sms", of: app), try stage.rollout("sms", of: model))
        let sessions = SessionRouter(keys: try freshKeys())
        let now: UnixTime = 1_800_000_000
        let calls = 1_000
        var table = Table("lrrr")
        table.head("", "calls", "mixed, unmarked", "marked")
        func row(_ name: String) {
            var (mixed, tainted) = (0, 0)
            for index in 0..<calls {
                let unit = "user-\(index)"
                let decision = appSMS.decision(for: unit)
                let header = sessions.header(for: decision, unit: unit, now: now)
                let adopted = sessions.adopt(header, for: unit, through: modelSMS, now: now)
                if adopted.isTainted { tainted += 1 }
                let isPair = decision.variant.release == adopted.decision.variant.release
                if !isPair, !adopted.isTainted { mixed += 1 }
            }
            table.add(
                "\(name)",
                "\(grouped(calls))",
                Table.Cell(grouped(mixed), mixed == 0 ? .green : .red),
                "\(grouped(tainted))"
            )
        }
        row("both at revision \(policy.revision)")
        policy.revision += 1
        policy.rollouts["sms"]?.strategy = .canary(
            .percent(50),
            stable: [.app: "v1", .model: "v1"],
            canary: [.app: "v2", .model: "v2"]
        )
        try await update(appUpdater, to: policy)
        row("the app is ahead by a ramp")
        policy.revision += 1
        policy.rollouts["sms"]?.epoch += 1
        policy.rollouts["sms"]?.strategy = .canary(
            .percent(50),
            stable: [.app: "v2", .model: "v2"],
            canary: [.app: "v3", .model: "v3"]
        )
        try await update(appUpdater, to: policy)
        row("the app is ahead by a release")
        try await update(modelUpdater, to: policy)
        row("the model service has caught up")
        stage.say("The app decides and sends its decision along. The model service adopts it, or marks the call.")
        stage.show(table)
    }
}
