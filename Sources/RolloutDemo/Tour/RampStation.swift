import Rollout

extension Station {
    /// A canary that grows. The plan says beforehand who will move, and nobody leaves the canary.
    static let ramp = Station(title: "A ramp in which nobody leaves the canary") { stage throws(Stop) in
        let units = (0..<50_000).map { "user-\($0)" }
        let router = try stage.router(stage.policy)
        let updater = RolloutUpdater(router)
        let handle = try stage.rollout("sms", of: router)
        var members = units.map { handle.decision(for: $0).variant.name == "canary" }
        var table = Table("rrrrrl")
        table.head("canary", "units in it", "share", "joined", "left")
        add(Step(members, before: members.map { _ in false }), of: .percent(10), to: &table)
        for share in [Share.percent(25), .percent(50), .all] {
            let running = router.snapshot().policy
            try await edit(updater, because: "healthy") { policy throws(EditError) in
                try policy.setShare(of: "sms", to: share)
            }
            if share == .percent(25) {
                try show(Plan(from: running, to: router.snapshot().policy, only: "sms"), on: &stage)
            }
            let before = members
            members = units.map { handle.decision(for: $0).variant.name == "canary" }
            add(Step(members, before: before), of: share, to: &table)
        }
        stage.say("sms over \(grouped(units.count)) units, edited step by step. Joined and left are counted against")
        stage.say("the step before.")
        stage.show(table)
    }
}

/// What a step of the ramp did.
private struct Step {
    let inside: Int
    let joined: Int
    let left: Int
    let all: Int

    init(_ members: [Bool], before: [Bool]) {
        inside = members.count { $0 }
        joined = zip(before, members).count { !$0 && $1 }
        left = zip(before, members).count { $0 && !$1 }
        all = members.count
    }
}

private func add(_ step: Step, of share: Share, to table: inout Table) {
    table.add(
        "\(share)",
        "\(grouped(step.inside))",
        "\(percent(step.inside, of: step.all))",
        "\(grouped(step.joined))",
        Table.Cell(grouped(step.left), step.left == 0 ? .green : .red),
        Table.Cell(bar(step.inside, of: step.all), .green)
    )
}

private func show(_ plan: Plan, on stage: inout Stage) throws(Stop) {
    stage.say("What plan says about the step from 10 to 25 %, in buckets:")
    for case .kept(let movement) in plan.movement.rollouts.values {
        stage.show(movement.table)
        let isLeast = movement.moved == movement.minimum
        stage.say(
            "  \(grouped(movement.moved)) move, and no allocation could move fewer than \(grouped(movement.minimum)).",
            isLeast ? .green : .red
        )
    }
    stage.say("")
}

/// Publishes a policy of the tour.
func update(_ updater: RolloutUpdater, to policy: RolloutPolicy) async throws(Stop) {
    do throws(UpdateError) {
        try await updater.update(to: policy)
    } catch {
        throw .unusable("the update did not happen: \(error)")
    }
}

/// Edits a policy of the tour.
func edit(
    _ updater: RolloutUpdater,
    because reason: String,
    _ edit: (inout RolloutPolicy) throws(EditError) -> Void
) async throws(Stop) {
    do throws(UpdateError) {
        try await updater.update(by: "tour", because: reason) { try edit(&$0) }
    } catch {
        throw .unusable("the update did not happen: \(error)")
    }
}
