extension ShadowRunner {
    /// What the runner has on a metrics page: copies and comparisons, by their results and by the shadow variant.
    public var metrics: Metrics {
        let counts = counts
        let variants = counts.variants.sorted { $0.key.number.rawValue < $1.key.number.rawValue }
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
