extension Progression {
    /// What the driver has on a metrics page: the share of the canary, the evidence for and against it, the last verdict, the
    /// readings of which there was no use, and whether this process drives.
    ///
    /// Share and evidence are there while a canary is driven, the verdict once there was one.
    public var metrics: Metrics {
        let status = status
        let rollout = MetricLabel("rollout", status.rollout.description)
        let canary = status.waiting == nil ? status.canary : nil
        var evidence: [MetricSample] = []
        if let shown = canary?.evidence {
            let tests = [("harm", shown.harm), ("advance", shown.gate), ("mismatch", shown.mismatch)]
            evidence = tests.map { test, value in
                MetricSample(.number(value), labels: [rollout, MetricLabel("test", test)])
            }
        }
        let verdicts = status.canary.map { judgement in
            CanaryVerdict.allCases.map { verdict in
                MetricSample(
                    .count(verdict == judgement.verdict ? 1 : 0),
                    labels: [rollout, MetricLabel("verdict", verdict.rawValue)]
                )
            }
        }
        return Metrics([
            MetricFamily(
                "rollout_progression_share_ratio",
                .gauge,
                "The share of the canary when it was judged last, from 0 to 1.",
                canary.map { [MetricSample(.number($0.share.fraction), labels: [rollout])] } ?? []
            ),
            MetricFamily(
                "rollout_progression_evidence",
                .gauge,
                "The evidence that the canary does harm, that it is within its margin, and that units are amiss.",
                evidence
            ),
            MetricFamily(
                "rollout_progression_verdict",
                .gauge,
                "The last verdict on a canary: 1 for the one that it was, 0 for the others.",
                verdicts ?? []
            ),
            MetricFamily(
                "rollout_progression_readings_lost_total",
                .counter,
                "Readings of the source of which there was no use, by cause.",
                [
                    ("failed", status.readings.failed), ("unusable", status.readings.unusable),
                    ("restart", status.readings.restarts),
                ].map { cause, count in
                    MetricSample(.count(count), labels: [rollout, MetricLabel("cause", cause)])
                }
            ),
            MetricFamily(
                "rollout_progression_leader",
                .gauge,
                "Whether this process drives the progression: 1 if it does.",
                [MetricSample(.count(status.isRunning ? 1 : 0), labels: [rollout])]
            ),
        ])
    }
}
