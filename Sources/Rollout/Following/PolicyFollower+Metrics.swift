extension PolicyFollower {
    /// What the follower has on a metrics page: whether its source can be asked, and whether the source has something else than
    /// what was taken in.
    public var metrics: Metrics {
        let labels = [MetricLabel("source", source.name)]
        return Metrics([
            MetricFamily(
                "rollout_source_up",
                .gauge,
                "Whether the source of policies answered when it was last asked: 1 if it did.",
                [MetricSample(.count(isUp ? 1 : 0), labels: labels)]
            ),
            MetricFamily(
                "rollout_source_differs",
                .gauge,
                "Whether the source last had something that is not taken in, or nothing: 1 if so.",
                [MetricSample(.count(differs ? 1 : 0), labels: labels)]
            ),
        ])
    }
}
