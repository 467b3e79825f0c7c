import Rollout

extension Option {
    fileprivate static let by = Option(name: "--by", value: "WHO", summary: "who edits, for the record")
    fileprivate static let because = Option(name: "--because", value: "WHY", summary: "why, for the record")
    fileprivate static let record = Option(
        name: "--record",
        value: "LOG",
        summary: "appends what became of the edit to a file of JSON Lines"
    )
    fileprivate static let quiet = Option(name: "--quiet", summary: "the edited policy alone, not who moves")
}

extension Command {
    /// Prints an edited policy, and who would move.
    static let edit = Command(
        name: "edit",
        operands: [
            Operand(name: "FILE", isRequired: true), Operand(name: "OPERATION", isRequired: true),
            Operand(name: "ARGUMENT…", isRepeated: true),
        ],
        options: [.by, .because, .record, .now, .quiet],
        summary: "prints the edited policy, its revision raised; on standard error, who would move where",
        details: ["operations:"] + EditOperation.all.flatMap { ["  \($0.usage)", "      \($0.summary)"] }
    ) { arguments throws(Stop) in
        let edit = try EditOperation.edit(arguments.operands(from: 1))
        var errors = Output.error
        let policy: RolloutPolicy
        switch try PolicyFile.contents(of: arguments.operand(0) ?? "-") {
        case .valid(let valid): policy = valid
        case .invalid(let problems):
            for problem in problems { errors.append(line: problem) }
            try errors.flush()
            return .problems
        }

        let edited: RolloutPolicy
        switch try await arguments.edited(policy, edit) {
        case .success(let policy): edited = policy
        case .failure(let error):
            if error.code == .editFailed, let thrown = error.underlying { throw .unusable("edit: \(thrown)") }
            errors.append(line: "\(error)")
            try errors.flush()
            return .problems
        }
        if !arguments.has(.quiet) {
            for line in try await Plan(from: policy, to: edited).lines { errors.append(line: line) }
            try errors.flush()
        }
        var output = Output.standard
        output.append(line: try indented(policy: edited))
        try output.flush()
        return .success
    }
}

extension Arguments {
    /// Has a router edit the policy, as a service would, and records what became of it.
    fileprivate func edited(
        _ policy: RolloutPolicy,
        _ edit: EditOperation.Edit
    ) async throws(Stop) -> Result<RolloutPolicy, UpdateError> {
        let now = try time(.now) ?? .now
        do {
            let recorder = try self[.record].map { log in try JSONLinesRecorder(log) }
            let router = try RolloutRouter(policy: policy, now: now)
            let updater = RolloutUpdater(router)
            let result: Result<RolloutPolicy, UpdateError>
            do throws(UpdateError) {
                try await updater.update(by: self[.by], because: self[.because], now: now) { try edit(&$0) }
                result = .success(router.snapshot().policy)
            } catch {
                result = .failure(error)
            }
            // Not the record before it, of the policy that this process started with: nobody has changed that.
            if let record = updater.history.last { try recorder?.append(record) }
            return result
        } catch {
            throw .unusable("edit: \(error)")
        }
    }
}

/// A policy over several lines.
private func indented(policy: RolloutPolicy) throws(Stop) -> String {
    do throws(JSONError) {
        return indented(try JSONDocument(parsing: Array(policy.json.utf8)).root, depth: 4)
    } catch {
        throw .unusable("the policy is no JSON: \(error)")
    }
}
