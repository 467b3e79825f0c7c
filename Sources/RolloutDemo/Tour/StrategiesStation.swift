import Rollout

extension Station {
    /// Each rollout over the recorded log: the shares that came out beside those the policy asks for.
    static let strategies = Station(title: "Every strategy, on the recorded log") { stage throws(Stop) in
        let router = try stage.router(stage.policy)
        stage.say(
            "Units: each of the log's \(grouped(stage.units.count)) once, drawn without host. Sigma: how far the count"
        )
        stage.say("is from the expected one, in standard deviations; beyond 3 it would be suspicious.")
        for (id, definition) in stage.policy.rollouts.sorted(by: { $0.key < $1.key }) {
            let handle = try stage.rollout(id, of: router)
            var (draws, requests) = (Tally(), Tally())
            for unit in stage.units { draws.count(handle.decision(for: unit)) }
            for request in stage.requests { requests.count(handle.decision(for: request.unit, host: request.host)) }
            stage.say("")
            stage.say("\(id): \(definition.strategy.kind.rawValue)", .blue)
            stage.show(shares(definition, draws.counts(of: id)))
            let reasons = requests.counts(of: id).reasonsText
            stage.say("  all requests, with their hosts: \(reasons)", .dim)
        }
    }
}

private func shares(_ definition: RolloutDefinition, _ counts: Tally.Counts) -> Table {
    var table = Table("llrrrrl")
    table.head("variant", "release", "units", "share", "expected", "sigma")
    let allocation = Allocation(definition)
    for (variant, share) in zip(allocation.variants, allocation.shares) {
        let count = counts.drawnVariants[variant.name.text, default: 0]
        table.add(
            Table.Cell(variant.name.text, .green),
            "\(variant.release)",
            "\(grouped(count))",
            "\(percent(count, of: counts.drawn))",
            "\(share)",
            "\(sigmas(count, of: counts.drawn, expected: share))",
            Table.Cell(bar(count, of: counts.drawn), .green)
        )
    }
    return table
}

/// How many standard deviations of a binomial count lie between a count and the expected one.
private func sigmas(_ count: Int, of total: Int, expected: Share) -> String {
    let probability = Double(expected.buckets) / 1_000_000
    let deviation = (Double(total) * probability * (1 - probability)).squareRoot()
    guard deviation > 0 else { return "exact" }
    let distance = (Double(count) - Double(total) * probability) / deviation
    let tenths = Int(distance * 10 + (distance < 0 ? -0.5 : 0.5))
    return (tenths < 0 ? "" : "+") + fixed(tenths, decimals: 1)
}
