import Rollout

extension Option {
    fileprivate static let rollout = Option(name: "--rollout", value: "ID", summary: "this one alone (default: all)")
    fileprivate static let json = Option(name: "--json", summary: "the numbers as one line of JSON")
}

extension Command {
    /// Shows who would move where.
    static let plan = Command(
        name: "plan",
        operands: [Operand(name: "OLD", isRequired: true), Operand(name: "NEW", isRequired: true)],
        options: [.rollout, .json],
        summary: "shows what an update would move: buckets by old and new variant, beside the theoretical minimum"
    ) { arguments throws(Stop) in
        let paths = [arguments.operand(0) ?? "-", arguments.operand(1) ?? "-"]
        if paths == ["-", "-"] { throw .unusable("plan: only one of the two policies can be standard input") }
        var problems = Output.error
        var policies: [RolloutPolicy] = []
        for path in paths {
            switch try PolicyFile.contents(of: path) {
            case .valid(let policy): policies.append(policy)
            case .invalid(let lines): for line in lines { problems.append(line: line) }
            }
        }
        try problems.flush()
        guard policies.count == 2 else { return .problems }

        let plan = try Plan(from: policies[0], to: policies[1], only: arguments[.rollout])
        var output = Output.standard
        if arguments.has(.json) {
            output.append(line: plan.movement.json)
        } else {
            for line in await plan.lines { output.append(line: line) }
        }
        try output.flush()
        return .success
    }
}
