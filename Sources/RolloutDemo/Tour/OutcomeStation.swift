import Rollout

extension Station {
    /// What decisions led to: a window by version, and a shadow that disagrees with its primary.
    static let outcomes = Station(title: "What became of it: outcomes by version, and a shadow that disagrees") {
        stage throws(Stop) in
        let router = try stage.router(stage.policy)
        let sms = try stage.rollout("sms", of: router)
        let earlier = router.outcomes.counts
        for request in stage.requests {
            let decision = sms.decision(for: request.unit, host: request.host)
            router.outcomes.measure(decision, as: { $0 ? .success : .failure }) {
                classify(request.unit ?? "", by: decision.variant)
            }
        }
        var table = Table("llrrrr")
        table.head("variant", "version", "requests", "failed", "rate", "not drawn")
        for row in router.outcomes.counts.since(earlier)?.rows ?? [] {
            table.add(
                "\(row.variant?.text ?? "")",
                "\(row.release?[.model] ?? "")",
                "\(grouped(row.requests))",
                "\(grouped(row.failures))",
                "\(percent(row.failures, of: row.requests))",
                "\(grouped(row.undrawn.requests))"
            )
        }
        stage.show(table)
        stage.say("")
        stage.say(
            "That is the difference of two readings. Requests that no draw chose, such as those of a forced unit,"
        )
        stage.say("are counted apart, because they say nothing about a share.")
        try await showShadow(&stage, router)
    }
}

/// A model whose version 2 fails more often. By the bytes of the text alone, so that every run tells the same.
private func classify(_ text: String, by variant: Decision.Variant) -> Bool {
    let number = text.utf8.reduce(7) { ($0 &* 31 &+ Int($1)) % 1_009 }
    return number % 100 >= (variant.release[.model] == "v2" ? 8 : 1)
}

/// Copies the requests of the ranker to its shadow, and shows how often the two agree.
private func showShadow(_ stage: inout Stage, _ router: RolloutRouter) async throws(Stop) {
    let ranker = try stage.rollout("ranker", of: router)
    // Room for all, so that none of the tour's requests is dropped: they come as fast as the loop runs.
    let shadows = ShadowRunner(of: router, limit: stage.units.count)
    let running = Task { try await shadows.run() }
    await untilRunning(shadows, copying: stage.units.lazy.map { ranker.decision(for: $0) }.first { $0.shadow != nil })
    for unit in stage.units {
        let decision = ranker.decision(for: unit)
        let answer = rank(unit, by: decision.variant)
        if let shadow = decision.shadow, let permit = shadows.permit(for: decision) {
            permit.run(.readOnly, against: answer, difference: { "\(unit): \($0) became \($1)" }) {
                rank(unit, by: shadow)
            }
        }
    }
    running.cancel()
    do { try await running.value } catch { throw .unusable("the shadow did not run: \(error)") }
    let copies = shadows.counts.total
    stage.say("")
    stage.say(
        "Of \(counted(stage.units.count, "unit")), \(grouped(copies.admitted)) are copied to the shadow r2 of the ranker,"
    )
    stage.say(
        "after the primary has answered. Its ranking agrees with the primary's in \(grouped(copies.comparisons.agreed)) cases"
    )
    stage.say("and differs in \(grouped(copies.comparisons.differed)). The last two that differ:")
    stage.say("")
    for difference in shadows.differences.suffix(2) { stage.say("  \(difference.text)", .dim) }
}

/// The three best of ten items for a unit. Version 2 puts the later of two equal items first.
private func rank(_ unit: String, by variant: Decision.Variant) -> [Int] {
    let seed = unit.utf8.reduce(7) { ($0 &* 31 &+ Int($1)) % 1_009 }
    let prefersLater = variant.release[.model] == "r2"
    let items = (1...10).map { (item: $0, score: seed * $0 % 7) }
    let ranked = items.sorted { left, right in
        if left.score != right.score { return left.score > right.score }
        return prefersLater ? left.item > right.item : left.item < right.item
    }
    return ranked.prefix(3).map(\.item)
}

/// Returns once the runner takes copies. A permit that is not used counts as nothing.
private func untilRunning(_ shadows: ShadowRunner, copying decision: Decision?) async {
    guard let decision else { return }
    while true {
        if let permit = shadows.permit(for: decision) { return _ = consume permit }
        await Task.yield()
    }
}
