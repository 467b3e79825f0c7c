extension RolloutRouter {
    /// What the router has on a page that shows a component's version: its requests and the service's own counters by variant,
    /// and the policy that runs.
    func metrics(by component: Release.Component?) -> Metrics {
        let status = status
        let reading = outcomes.reading
        let busy = Set(reading.counts.rows.compactMap(\.rollout))
        let shown = status.rollouts.shown(variants: { $0.variants.count }, isCounted: { busy.contains($0.id) })
        let rows = Self.rows(of: reading, shown, by: component)
        let revision = MetricFamily(
            "rollout_policy_revision",
            .gauge,
            "The revision of the running policy.",
            [MetricSample(.count(Int(status.revision)))]
        )
        return Metrics(
            Self.families(of: rows) + Self.families(of: shown) + [revision]
                + Self.families(of: reading.counters, rows)
        )
    }

    /// The rows that were counted, and one for each variant of the running policy that is shown without.
    ///
    /// Releases with the same version of the component are one row, and what was folded of them is in it
    /// (``SharedVersions``). Their latencies are added up range by range, so that the sum of all latencies is the same number
    /// after one of them was folded.
    private static func rows(
        of reading: OutcomeReading,
        _ shown: [RolloutStatus.Rollout],
        by component: Release.Component?
    ) -> [OutcomeRow] {
        var counted = reading.counts.rows
        let shared = component.flatMap { reading.shared[$0] } ?? []
        let remainders = shared.isEmpty ? [] : counted.indices.filter { counted[$0].variant == nil }
        for place in remainders {
            for part in shared where part.rollout == counted[place].rollout {
                counted[place] = counted[place].since(part) ?? counted[place]
            }
        }
        let idle = shown.flatMap { rollout in
            rollout.variants.map {
                OutcomeRow(
                    subject: OutcomeRow.Subject(rollout: rollout.id, variant: $0.name, release: $0.release)
                )
            }
        }
        let rows = (counted + shared + idle).map { row in
            var row = row
            if let component, let version = row.release?[component] {
                row.subject.release = Release([component: version])
            }
            return row
        }
        return rows.united
    }

    private static func families(of rows: [OutcomeRow]) -> [MetricFamily] {
        let bounds = MetricsWriter.bounds.map(\.1)
        return [
            MetricFamily(
                "rollout_requests_total",
                .counter,
                "Requests that ended, by how they ended.",
                rows.flatMap { row in
                    let tally = row.all
                    return RequestOutcome.allCases.map { outcome in
                        MetricSample(
                            .count(tally[outcome].count),
                            row.metric,
                            labels: [MetricLabel("outcome", outcome.rawValue)]
                        )
                    }
                }
            ),
            MetricFamily(
                "rollout_drawn_requests_total",
                .counter,
                "Those of them whose variant chance chose, and which may be compared for that.",
                rows.flatMap { row in
                    RequestOutcome.allCases.map { outcome in
                        MetricSample(
                            .count(row.drawn[outcome].count),
                            row.metric,
                            labels: [MetricLabel("outcome", outcome.rawValue)]
                        )
                    }
                }
            ),
            MetricFamily(
                "rollout_request_duration_seconds",
                .histogram,
                "How long requests took, however they ended.",
                rows.map { row in
                    let latency = row.all.latency
                    let counts = latency.counts(upTo: bounds)
                    return MetricSample(.histogram(upTo: counts, sum: latency.sum, count: latency.count), row.metric)
                }
            ),
            MetricFamily(
                "rollout_requests_in_flight",
                .gauge,
                "Requests that are being served.",
                rows.map { MetricSample(.count($0.inFlight), $0.metric) }
            ),
        ]
    }

    private static func families(of rollouts: [RolloutStatus.Rollout]) -> [MetricFamily] {
        let variants = rollouts.flatMap { rollout in
            rollout.variants.map { variant in
                (MetricVariant(rollout.id, variant.name, variant.release), variant)
            }
        }
        return [
            MetricFamily(
                "rollout_variant_info",
                .gauge,
                "The versions of a variant of the running policy, one for each component.",
                variants.flatMap { subject, variant in
                    variant.release.versions.sorted { $0.key < $1.key }.map { component, version in
                        MetricSample(
                            .count(1),
                            labels: [
                                MetricLabel("rollout", subject.rollout), MetricLabel("variant", subject.variant),
                                MetricLabel("component", component.text), MetricLabel("version", version),
                            ]
                        )
                    }
                }
            ),
            MetricFamily(
                "rollout_variant_share_ratio",
                .gauge,
                "The share of all units that the running policy draws into a variant, or copies to a shadow.",
                variants.map { MetricSample(.number(Double($1.share.buckets) / 1_000_000), $0) }
            ),
        ]
    }

    private static func families(of counters: [OutcomeCounter.Description], _ rows: [OutcomeRow]) -> [MetricFamily] {
        counters.map { counter in
            MetricFamily(
                counter.name,
                .counter,
                counter.help,
                rows.map { row in
                    let labels = counter.labels.sorted { $0.key < $1.key }.map { MetricLabel($0.key, $0.value) }
                    return MetricSample(.count(row.counters[counter.series] ?? 0), row.metric, labels: labels)
                }
            )
        }
    }
}

extension OutcomeRow {
    /// Whose series these are. What has no rollout, and what has no variant any more, has a name that no rollout can have.
    fileprivate var metric: MetricVariant {
        guard let rollout else { return .other }
        guard let variant else { return .remainder(of: rollout) }
        return MetricVariant(rollout: rollout.text, variant: variant.text, release: release)
    }
}

extension MetricVariant {
    /// What has no counts of its own, because there are too many variants.
    static let other = MetricVariant(rollout: "(other)", variant: "(other)", release: nil)

    /// What variants of a rollout had that retired long ago.
    static func remainder(of rollout: RolloutID) -> MetricVariant {
        MetricVariant(rollout: rollout.text, variant: "(retired)", release: nil)
    }

    init(_ rollout: RolloutID, _ variant: VariantName, _ release: Release) {
        self.init(rollout: rollout.text, variant: variant.text, release: release)
    }
}
