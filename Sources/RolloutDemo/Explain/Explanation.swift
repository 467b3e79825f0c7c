package import Rollout

/// How one request is decided, told rule by rule.
///
/// It follows the documented precedence by itself, from the definition alone, and does not ask the engine: where the two
/// differ, one of them is wrong, and a test looks for that.
package struct Explanation {
    /// What the rules come to.
    package struct Outcome: Hashable {
        package var variant: VariantName
        package var reason: Decision.Reason
        package var bucket: Int?
        package var isCopied = false
    }

    /// What the last of the rules that were asked has named.
    package let outcome: Outcome
    private let steps: [Step]

    private struct Step {
        let name: String
        let lines: [String]
        /// Whether this rule named the variant.
        let decides: Bool
    }

    /// Explains a request; an empty unit is none.
    package init(
        of id: RolloutID,
        _ definition: RolloutDefinition,
        unit: String?,
        host: String?,
        _ session: ExplainedSession = .none
    ) {
        let unit = unit?.isEmpty == true ? nil : unit
        let rules = ExplainedRules(id: id, definition: definition, unit: unit, host: host, session: session)
        var steps: [Step] = []
        var decided: Outcome?
        for (name, rule) in rules.inOrder {
            guard decided == nil else {
                steps.append(Step(name: name, lines: ["not asked"], decides: false))
                continue
            }
            var (lines, outcome) = rule()
            decided = outcome
            if let outcome { lines.append("so: \(outcome.variant) (\(rules.release(of: outcome))), \(outcome.reason)") }
            steps.append(Step(name: name, lines: lines, decides: outcome != nil))
        }
        var outcome = decided ?? rules.last
        if let (lines, isCopied) = rules.copy() {
            outcome.isCopied = isCopied
            steps.append(Step(name: "copy", lines: lines, decides: false))
        }
        self.outcome = outcome
        self.steps = steps
    }

    /// The steps as aligned text, an arrow before the one that decided.
    package var lines: [String] {
        let width = steps.map(\.name.utf8.count).max() ?? 0
        return steps.enumerated().flatMap { index, step in
            let gap = String(repeating: " ", count: width - step.name.utf8.count)
            let head = "\(step.decides ? "->" : "  ") \(index + 1). \(step.name)\(gap)   "
            let indent = String(repeating: " ", count: head.utf8.count)
            return step.lines.enumerated().map { ($0 == 0 ? head : indent) + $1 }
        }
    }
}
