import Rollout

extension Station {
    /// Updates that something stands against: a gate, older assignments, another writer. Nothing changes.
    static let refusedUpdate = Station(title: "Updates that are refused, and why") { stage throws(Stop) in
        let router = try stage.router(stage.policy)
        let sms = try stage.rollout("sms", of: router)
        let before = stage.units.map { sms.decision(for: $0) }
        let (policy, models) = (stage.policy, try await Models.resources(for: stage.policy))
        let updater = RolloutUpdater(router, gates: [models])

        stage.say("A gate that loads models before a policy may route to them. The canary shall serve model v9:")
        let refusedByGate = await answer { () async throws(UpdateError) in
            try await updater.update(by: "ana") { policy in
                try policy.setRelease(of: "canary", in: "sms", to: [.app: "v9", .model: "v9"])
            }
        }
        stage.show(refusedByGate)

        stage.say("The same by hand, by somebody who forgets the cookies of the canary before:")
        let refusedForEpoch = await answer { () async throws(UpdateError) in
            var policy = policy
            policy.revision += 1
            let stable: Release = [.app: "v1", .model: "v1"]
            policy.rollouts["sms"]?.strategy =
                .canary(.percent(10), stable: stable, canary: [.app: "v9", .model: "v9"])
            return try await updater.update(to: policy, by: "ben")
        }
        stage.show(refusedForEpoch)

        stage.say("A change that is based on a revision that no longer runs:")
        let conflict = await answer { () async throws(UpdateError) in
            try await updater.update(to: policy, expecting: 6, by: "eve")
        }
        stage.show(conflict)

        let after = stage.units.map { sms.decision(for: $0) }
        let changed = zip(before, after).count { $0 != $1 }
        stage.say("Still running: revision \(router.status.revision). The history has who tried what:")
        stage.say("")
        var table = Table("llll")
        for record in updater.history { table.add(record.row) }
        stage.show(table)
        stage.say("")
        stage.say(
            "Decisions of \(counted(stage.units.count, "unit")) that changed meanwhile: \(changed)",
            changed == 0 ? .green : .red
        )
    }
}

private enum Models {
    struct NoSuchFile: Error, CustomStringConvertible {
        let description: String
    }

    /// Stands for models in files, of which version 9 is missing.
    static func resources(for policy: RolloutPolicy) async throws(Stop) -> ReleaseResources<String> {
        do {
            return try await ReleaseResources(for: policy, in: ["sms"]) { _, release in
                let file = "\(release[.model] ?? "default").bin"
                if file == "v9.bin" { throw NoSuchFile(description: "\(file): no such file") }
                return file
            }
        } catch {
            throw .unusable("the models cannot be loaded: \(error)")
        }
    }
}

/// What an update that should be refused was told.
private func answer(_ update: () async throws(UpdateError) -> UInt32) async -> Answer {
    do throws(UpdateError) {
        return Answer(lines: ["revision \(try await update()) runs"], isRefusal: false)
    } catch {
        return Answer(lines: "\(error)".split(separator: "\n").map(String.init), isRefusal: true)
    }
}

private struct Answer {
    let lines: [String]
    let isRefusal: Bool
}

extension Stage {
    fileprivate mutating func show(_ answer: Answer) {
        for line in answer.lines { say("  " + line, answer.isRefusal ? .yellow : .red) }
        say("")
    }
}

extension UpdateRecord {
    /// The record as a row: number, who, revision, and what became of it in one word.
    var row: [Table.Cell] {
        let revision = revision.map { "revision \($0)" } ?? ""
        let result: Table.Cell =
            switch outcome {
            case .accepted: Table.Cell("accepted", .green)
            case .ignored: Table.Cell("ignored", .dim)
            default: Table.Cell("\(outcome)", .yellow)
            }
        return [Table.Cell("\(number)"), Table.Cell(author ?? "start"), Table.Cell(revision), result]
    }
}
