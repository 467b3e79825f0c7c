import Rollout

extension Option {
    fileprivate static let strict = Option(name: "--strict", summary: "counts a warning as a problem: exit status 1")
}

extension Command {
    /// Validates a policy document, and says what it comes to.
    static let check = Command(
        name: "check",
        operands: [Operand(name: "FILE", isRequired: true)],
        options: [.strict],
        summary: "validates a policy (- is standard input): every problem and warning, and what the policy comes to",
        details: [
            "The exit status is 1 if there is a problem. A warning is about what is allowed and probably not meant.",
            "What a policy comes to: each variant with its share of all units, by draw alone, and what it serves.",
        ]
    ) { arguments throws(Stop) in
        var output = Output.standard
        let text = try PolicyText(arguments.operand(0) ?? "-")
        switch text.document {
        case .invalid(let problems):
            for problem in problems { output.append(line: problem) }
            try output.flush()
            return .problems
        case .valid(let policy):
            let rollouts = counted(policy.rollouts.count, "rollout")
            output.append(line: "valid: revision \(policy.revision), \(rollouts), sha256 \(policy.digest)")
            let warnings = text.warnings(of: policy)
            for warning in warnings { output.append(line: "warning: \(warning)") }
            for rollout in try RouteTargets(policy).router.status.rollouts {
                output.append(line: "")
                for line in rollout.lines { output.append(line: line) }
                if output.isFull { try output.flush() }
            }
            try output.flush()
            return arguments.has(.strict) && !warnings.isEmpty ? .problems : .success
        }
    }
}

extension RolloutStatus.Rollout {
    /// The variants, each with its share of all units and its release.
    fileprivate var lines: [String] {
        var table = Table("lrll")
        for variant in variants {
            let isCopied = strategy == .shadow && variant.name == .shadow
            let state = variant.isDisabled ? "disabled" : variant.isDraining ? "draining" : isCopied ? "copies" : ""
            table.add("\(variant.name)", "\(variant.share)", "\(variant.release)", "\(state)")
        }
        return ["\(id): \(strategy.rawValue)"] + table.lines()
    }
}
