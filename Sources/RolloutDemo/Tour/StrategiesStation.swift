import Rollout

extension Station {
    /// Each rollout over the recorded log: the shares that came out, next to those that the policy asks for.
    static let strategies = Station(title: "Every strategy, on the recorded log") { stage throws(Stop) in
        let router = try stage.router(stage.policy)
        stage.say(
            "Units: each of the log's \(grouped(stage.units.count)), drawn once without a host. Sigma: how far the count"
        )
        stage.say("is from the expected one, in standard deviations. More than 3 would be suspicious.")
        for rollout in router.status.rollouts {
            let handle = try stage.rollout(rollout.id, of: router)
            var (draws, requests) = (Tally(), Tally())
            for unit in stage.units { draws.count(handle.decision(for: unit)) }
            for request in stage.requests { requests.count(handle.decision(for: request.unit, host: request.host)) }
            stage.say("")
            stage.say("\(rollout.id): \(rollout.strategy.rawValue)", .blue)
            stage.show(shares(rollout.variants, draws.counts(of: rollout.id)))
            let reasons = requests.counts(of: rollout.id).reasonsText
            stage.say("  all requests, with their hosts: \(reasons)", .dim)
        }
    }
}

private func shares(_ variants: [RolloutStatus.Variant], _ counts: Tally.Counts) -> Table {
    var table = Table("llrrrrl")
    table.head("variant", "release", "units", "share", "expected", "sigma")
    for variant in variants {
        let count = counts.drawnVariants[variant.name, default: 0]
        table.add(
            Table.Cell(variant.name.text, .green),
            "\(variant.release)",
            "\(grouped(count))",
            "\(percent(count, of: counts.drawn))",
            "\(variant.share)",
            "\(sigmas(count, of: counts.drawn, expected: variant.share))",
            Table.Cell(bar(count, of: counts.drawn), .green)
        )
    }
    return table
}

/// The distance between a count and the expected one, in standard deviations of a binomial distribution.
private func sigmas(_ count: Int, of total: Int, expected: Share) -> String {
    let probability = Double(expected.buckets) / 1_000_000
    let deviation = (Double(total) * probability * (1 - probability)).squareRoot()
    guard deviation > 0 else { return "exact" }
    let distance = (Double(count) - Double(total) * probability) / deviation
    let tenths = Int(distance * 10 + (distance < 0 ? -0.5 : 0.5))
    return (tenths < 0 ? "" : "+") + fixed(tenths, decimals: 1)
}
