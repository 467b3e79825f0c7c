import Rollout

/// What `route` says at the end.
struct Summary {
    let policy: RolloutPolicy
    let tally: Tally
    /// How many lines were no request.
    let refused: Int

    var text: String {
        var lines = [
            "\(counted(tally.decided, "request")) decided by revision \(policy.revision), "
                + "\(counted(refused, "line")) refused"
        ]
        for (id, definition) in policy.rollouts.sorted(by: { $0.key < $1.key }) {
            let counts = tally.counts(of: id)
            guard counts.total > 0 else { continue }
            lines.append("")
            lines.append("\(id): \(definition.strategy.kind.rawValue), \(counted(counts.total, "request"))")
            lines += section(definition, counts)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func section(_ definition: RolloutDefinition, _ counts: Tally.Counts) -> [String] {
        let isRuled = counts.drawn < counts.total
        var table = Table("lrrrrl")
        table.add("variant", "requests", "share", isRuled ? "drawn" : "", "expected")
        let allocation = Allocation(definition)
        for (variant, share) in zip(allocation.variants, allocation.shares) {
            let count = counts.variants[variant.name.text, default: 0]
            let drawn = counts.drawnVariants[variant.name.text, default: 0]
            table.add(
                "\(variant.name)",
                "\(grouped(count))",
                "\(percent(count, of: counts.total))",
                isRuled ? "\(percent(drawn, of: counts.drawn))" : "",
                "\(share)",
                "\(variant.release)"
            )
        }
        var lines = table.lines()
        lines.append("  reasons: \(counts.reasonsText)")
        if isRuled {
            lines.append("  drawn: the share among the \(counted(counts.drawn, "request")) that no rule decided")
        }
        return lines
    }
}

/// A number of things: `1 line`, `2,000 lines`.
func counted(_ count: Int, _ noun: String) -> String { "\(grouped(count)) \(noun)\(count == 1 ? "" : "s")" }
