import Rollout

extension Command {
    /// Validates a policy document.
    static let check = Command(
        name: "check",
        operands: [Operand(name: "FILE", isRequired: true)],
        summary: "validates a policy (- is standard input) and prints every problem; exit status 1 if there is one"
    ) { arguments throws(Stop) in
        var output = Output.standard
        switch try PolicyDocument(arguments.operand(0) ?? "-") {
        case .invalid(let problems):
            for problem in problems { output.append(line: problem) }
            try output.flush()
            return .problems
        case .valid(let policy):
            let rollouts = counted(policy.rollouts.count, "rollout")
            output.append(line: "valid: revision \(policy.revision), \(rollouts), sha256 \(policy.digest)")
            try output.flush()
            return .success
        }
    }
}
