extension RolloutUpdater {
    /// What the updater has on a metrics page: the attempts to change the policy, by how they ended.
    public var metrics: Metrics {
        let totals = changes.history.totals
        return Metrics([
            MetricFamily(
                "rollout_policy_updates_total",
                .counter,
                "Attempts to change the policy in this process, by how they ended.",
                UpdateRecord.Outcome.all.map { outcome in
                    MetricSample(
                        .count(totals[outcome, default: 0]),
                        labels: [MetricLabel("outcome", outcome.description)]
                    )
                }
            )
        ])
    }
}
