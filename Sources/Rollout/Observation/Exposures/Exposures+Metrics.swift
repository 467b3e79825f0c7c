extension Exposures {
    /// What exposures have on a metrics page: what was told by variant, what was dropped, and the evidence that variants do not
    /// get the units that are due to them.
    public var metrics: Metrics {
        let (counts, shared) = reading
        return Metrics([
            MetricFamily(
                "rollout_exposures_total",
                .counter,
                "Exposures that were handed over to be delivered.",
                counts.rows.map { MetricSample(.count($0.told), $0.metric) },
                byComponent: shared.counts.reduce(into: [:]) { samples, element in
                    let (version, count) = element
                    samples[version.component, default: []] += [
                        MetricSample(.count(count), MetricVariant(version.rollout, version.variant, version.release)),
                        MetricSample(.count(-count), .remainder(of: version.rollout)),
                    ]
                }
            ),
            MetricFamily(
                "rollout_exposures_dropped_total",
                .counter,
                "Exposures that were dropped because the queue was full, to be told at the unit's next request.",
                [MetricSample(.count(counts.dropped))]
            ),
            MetricFamily(
                "rollout_sample_ratio_log_evidence",
                .gauge,
                "The natural logarithm of the evidence that variants do not get their units; wrong from ln(1000) = 6.9 on.",
                sampleRatios.sorted { $0.key < $1.key }.map { id, ratio in
                    MetricSample(.number(ratio.logEvidence), labels: [MetricLabel("rollout", id.text)])
                }
            ),
        ])
    }
}

extension ExposureCounts.Row {
    fileprivate var metric: MetricVariant {
        guard let variant else { return .remainder(of: rollout) }
        return MetricVariant(rollout, variant.name, variant.release)
    }
}
