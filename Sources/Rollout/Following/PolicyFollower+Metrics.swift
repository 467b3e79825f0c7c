extension PolicyFollower {
    /// What the follower has on a metrics page: whether its source can be asked.
    public var metrics: Metrics {
        Metrics([
            MetricFamily(
                "rollout_source_up",
                .gauge,
                "Whether the source of policies answered when it was last asked: 1 if it did.",
                [MetricSample(.count(isUp ? 1 : 0), labels: [MetricLabel("source", source.name)])]
            )
        ])
    }
}
