extension SessionRouter {
    /// What the session router has on a metrics page: lost tokens, cookies, and decisions of other services.
    public var metrics: Metrics {
        let counts = counts
        return Metrics([
            MetricFamily(
                "rollout_session_tokens_lost_total",
                .counter,
                "Tokens of requests that were not honoured, by cause.",
                TokenLoss.allCases.map { Self.sample(counts.lost($0), "cause", "\($0)") }
            ),
            MetricFamily(
                "rollout_session_cookies_written_total",
                .counter,
                "Set-Cookie headers that were written, without invitations.",
                [MetricSample(.count(counts.written))]
            ),
            MetricFamily(
                "rollout_adopted_total",
                .counter,
                "Decisions of other services, by why they were not adopted; none for those that were.",
                [Self.sample(counts.adopted, "taint", "none")]
                    + DecisionTaint.allCases.map { Self.sample(counts.tainted($0), "taint", "\($0)") }
            ),
        ])
    }

    /// A count of a cause, which is a word with underscores in a label.
    private static func sample(_ count: Int, _ label: String, _ cause: String) -> MetricSample {
        MetricSample(.count(count), labels: [MetricLabel(label, String(cause.map { $0 == " " ? "_" : $0 }))])
    }
}
