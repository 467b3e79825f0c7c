extension ShadowRunner {
    /// What the runner has on a metrics page: copies and comparisons, by their results and by the shadow variant, with zeros for
    /// shadows of the running policy that had none yet.
    public var metrics: Metrics {
        let counts = counts
        let idle = idle(counts.variants).map { ($0, ShadowCounts.Copies()) }
        let variants = counts.variants.merging(idle) { copies, _ in copies }
            .sorted { $0.key.number.rawValue < $1.key.number.rawValue }
            .map { (MetricVariant($0.rollout, $0.name, $0.release), $1) }
        let others = counts.others == ShadowCounts.Copies() ? [] : [(MetricVariant.other, counts.others)]
        let copies = variants + others
        return Metrics([
            MetricFamily(
                "rollout_shadow_copies_total",
                .counter,
                "Copies of requests to a shadow, by how they ended or why there were none.",
                copies.flatMap { variant, copies in
                    [
                        ("success", copies.succeeded), ("failure", copies.failed), ("cancelled", copies.cancelled),
                        ("no_room", copies.noRoom), ("not_running", copies.notRunning), ("nested", copies.nested),
                    ].map { MetricSample(.count($1), variant, labels: [MetricLabel("result", $0)]) }
                }
            ),
            MetricFamily(
                "rollout_shadow_comparisons_total",
                .counter,
                "Answers of copies held against the primary's, and second answers of the primary held against its first.",
                copies.flatMap { variant, copies in
                    Self.samples(of: copies.comparisons, "primary", variant)
                        + Self.samples(of: copies.baselines, "baseline", variant)
                }
            ),
            MetricFamily(
                "rollout_shadow_copies_stuck",
                .gauge,
                "Copies that were asked to end and have not returned.",
                copies.map { MetricSample(.count($1.stuck), $0) }
            ),
        ])
    }

    /// The shadows of the running policy that are shown though there was no copy to them; none if there is no room for one more
    /// variant with counts of its own.
    private func idle(_ counted: [Decision.Variant: ShadowCounts.Copies]) -> [Decision.Variant] {
        guard counted.count < ShadowTallies.most else { return [] }
        let (running, busy) = (state.router.state.compiled, Set(counted.keys.map(\.rollout)))
        let shown = running.policy.rollouts.shown(
            variants: { $0.value.strategy.variants.count },
            isCounted: { busy.contains($0.key) }
        )
        return shown.filter { $0.value.strategy.kind == .shadow }.compactMap { running.ordinal(of: $0.key) }
            .compactMap { running.roster[$0].variants.first { $0.name == .shadow } }
            .map { Decision.Variant(number: $0.number) }
    }

    private static func samples(
        of comparisons: ShadowCounts.Comparisons,
        _ against: String,
        _ variant: MetricVariant
    ) -> [MetricSample] {
        [("agreed", comparisons.agreed), ("differed", comparisons.differed), ("failed", comparisons.failed)].map {
            MetricSample(.count($1), variant, labels: [MetricLabel("against", against), MetricLabel("result", $0)])
        }
    }
}
