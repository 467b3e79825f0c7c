import Foundation
import Testing

@testable import Rollout

@Suite("Metrics page")
struct MetricsPageTests {
    private let router: RolloutRouter
    private let sms: RolloutHandle

    init() throws {
        router = try RolloutRouter(policy: EditedPolicy.canary(10))
        sms = router.rollout("sms", default: EditedPolicy.v1)
    }

    private func page(_ others: Metrics..., accepting header: String? = nil) -> ExpositionPage {
        ExpositionPage(MetricsPage(of: router, with: others.first ?? Metrics([]), accepting: header, version: .model))
    }

    private func labels(
        _ variant: String,
        _ version: String,
        rollout: String = "sms",
        _ others: [String: String] = [:]
    ) -> [String: String] {
        ["rollout": rollout, "variant": variant, "version": version].merging(others) { $1 }
    }

    static let openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    static let prometheus = "text/plain; version=0.0.4; charset=utf-8"

    @Test(
        "the scraper's preference decides the format",
        arguments: [
            (nil, prometheus), ("", prometheus), ("text/plain", prometheus), ("*/*", prometheus),
            ("application/openmetrics-text", openMetrics), ("application/openmetrics-text;version=1.0.0", openMetrics),
            ("application/openmetrics-text; version=0.0.1", prometheus),
            ("Application/OpenMetrics-Text ; version=1.0.0 ; charset=utf-8, text/plain;q=0.5", openMetrics),
            ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain", prometheus),
            ("application/openmetrics-text;q=0.0005", prometheus), ("application/openmetrics-text;q=x", prometheus),
            ("application/openmetrics-text;q=0,*/*;q=0.1", prometheus), (";;,,q=1,=", prometheus),
            ("application/openmetrics-text;q=0.75,text/plain;q=0.75", openMetrics),
            (
                // Prometheus 2.42
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                    + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", openMetrics
            ),
        ] as [(String?, String)]
    )
    func formats(accept: String?, contentType: String) {
        let page = MetricsPage(of: router, accepting: accept)
        #expect(page.contentType == contentType)
        #expect(page.text.hasSuffix("\n# EOF\n") == (contentType == Self.openMetrics))
    }

    /// What `promtool` 2.42 lets pass.
    static let faultyPages: [(String, String)] = [
        ("# HELP x X.\n# TYPE x gauge\nx 1\n", ""), ("", "an empty page"),
        ("# HELP x X.\n# TYPE x gauge\nx 1", "the last line has no line feed"),
        ("# HELP x X.\n# TYPE x gauge\nx{a=\"1\"} 1\nx{a=\"1\"} 2\n", "twice: x{a="),
        (
            "# HELP x X.\n# TYPE x gauge\nx 1\n# HELP y Y.\n# TYPE y gauge\ny 1\n# HELP x X.\n# TYPE x gauge\nx 2\n",
            "twice: x"
        ),
        ("# HELP x X.\n# TYPE x gauge\nx 1\ny 1\n", "y 1 in the family x"),
        ("# TYPE x gauge\nx 1\n", "no line of a page"), ("x 1\n", "no line of a page"),
        ("# HELP x X.\n# TYPE x gauge\nx{a=1} 1\n", "no line of a page"),
        (
            "# HELP x X.\n# TYPE x histogram\nx_bucket{le=\"1.0\"} 3\nx_bucket{le=\"+Inf\"} 2\nx_sum 1\nx_count 2\n",
            "falling buckets"
        ),
        ("# HELP x X.\n# TYPE x histogram\nx_bucket{le=\"+Inf\"} 2\nx_sum 1\nx_count 3\n", "+Inf is not the count"),
        ("# HELP x X.\n# TYPE x histogram\nx_bucket{le=\"+Inf\"} 2\nx_count 2\n", "no sum"),
    ]

    @Test("the reader that these tests read pages with finds what promtool lets pass", arguments: faultyPages)
    func reader(page: String, problem: String) {
        let problems = ExpositionPage(page, isOpenMetrics: false).problems
        #expect(problem.isEmpty ? problems == [] : problems.contains { $0.contains(problem) }, "\(problems)")
    }

    @Test("the first scrape has every variant of the policy, with zeros", arguments: [nil, openMetrics])
    func zeros(accept: String?) {
        let page = page(accepting: accept)
        #expect(page.problems == [])
        for (variant, version, share) in [("stable", "v1", 0.9), ("canary", "v2", 0.1)] {
            for outcome in ["success", "failure", "cancelled"] {
                #expect(page["rollout_requests_total", labels(variant, version, ["outcome": outcome])] == 0)
            }
            #expect(page["rollout_request_duration_seconds_count", labels(variant, version)] == 0)
            #expect(page["rollout_requests_in_flight", labels(variant, version)] == 0)
            #expect(page["rollout_variant_share_ratio", labels(variant, version)] == share)
            for component in ["app", "model"] {
                let labels = labels(variant, version, ["component": component])
                #expect(page["rollout_variant_info", labels] == 1)
            }
        }
        #expect(page["rollout_policy_revision", [:]] == 1)
    }

    @Test("a page tells what the counts tell", arguments: [nil, openMetrics])
    func counts(accept: String?) throws {
        let hits = router.outcomes.counter(
            "cache_hits_total",
            help: "Hits\nby \"tier\" \\.",
            labels: ["tier": "a\"\\\n"]
        )
        let other = router.outcomes.counter("cache_hits_total", help: "Hits\nby \"tier\" \\.", labels: ["tier": "b"])
        for user in 0..<200 {
            let decision = sms.decision(for: "user-\(user)")
            let outcome = RequestOutcome.allCases[user % 3]
            // Some came by a rule, and not by chance.
            let counted = user % 4 == 0 ? decision.undrawn : decision
            router.outcomes.record(counted, outcome, latency: .milliseconds(user * 100))
            if user % 2 == 0 { hits.add(for: decision) }
            if user % 5 == 0 { other.add(3, for: decision) }
        }
        let page = page(accepting: accept)
        #expect(page.problems == [])
        for row in router.outcomes.counts.rows {
            let variant = try #require(row.variant).text
            let version = try #require(row.release?[.model])
            for outcome in RequestOutcome.allCases {
                let series = labels(variant, version, ["outcome": outcome.rawValue])
                #expect(page["rollout_requests_total", series] == Double(row.all[outcome].count))
                let drawn = page["rollout_drawn_requests_total", series]
                #expect(drawn == Double(row.drawn[outcome].count))
            }
            #expect(0 < row.drawn.requests && row.drawn.requests < row.requests)
            let latency = row.all.latency
            for (le, bound) in [("0.1", Duration.milliseconds(100)), ("1.0", .seconds(1)), ("5.0", .seconds(5))] {
                let count = page["rollout_request_duration_seconds_bucket", labels(variant, version, ["le": le])]
                #expect(count == Double(latency.count - latency.count(above: bound)))
            }
            #expect(page["rollout_request_duration_seconds_sum", labels(variant, version)] == latency.sum)
            for (tier, series) in [("a\"\\\n", #"{tier="a\"\\\n"}"#), ("b", #"{tier="b"}"#)] {
                let count = page["cache_hits_total", labels(variant, version, ["tier": tier])]
                #expect(count == row.counters["cache_hits_total" + series].map(Double.init))
            }
        }
    }

    @Test("versions with quotes, backslashes and braces, and components named like labels, are values")
    func escaping() throws {
        let release: Release = [.model: #"v"2"\{,}="#, "le": "x", "instance": "y", "a.b-c": "z"]
        try router.update { policy in
            policy.sms.strategy = .canary(.percent(10), stable: EditedPolicy.v1, canary: release)
            policy.sms.epoch += 1
        }
        let page = page()
        #expect(page.problems == [])
        #expect(page["rollout_variant_share_ratio", labels("canary", #"v"2"\{,}="#)] == 0.1)
        let info = ["rollout": "sms", "variant": "canary", "component": "le", "version": "x"]
        #expect(page["rollout_variant_info", info] == 1)
    }

    @Test("releases of one version count together; without the component the version is the whole release")
    func versions() throws {
        router.outcomes.record(sms.decision(for: nil), .success, latency: .zero)
        try router.update { policy in
            policy.sms.strategy = .fixed([.app: "v9", .model: "v1"])
            policy.sms.epoch += 1
        }
        router.outcomes.record(sms.decision(for: nil), .success, latency: .zero)
        let united = page()
        #expect(united.problems == [])
        #expect(united["rollout_requests_total", labels("stable", "v1", ["outcome": "success"])] == 2)
        let apart = ExpositionPage(MetricsPage(of: router))
        #expect(apart["rollout_requests_total", labels("stable", "app v9, model v1", ["outcome": "success"])] == 1)
        #expect(apart["rollout_requests_total", labels("stable", "app v1, model v1", ["outcome": "success"])] == 1)
    }

    @Test("of a policy with more than 1,000 variants, only rollouts with traffic are shown")
    func large() throws {
        let ids = (0..<600).map { RolloutID("r\($0)") ?? "r" }
        let definition = RolloutDefinition(.canary(.percent(1), stable: EditedPolicy.v1, canary: EditedPolicy.v2))
        let policy = RolloutPolicy(
            revision: 1,
            rollouts: Dictionary(uniqueKeysWithValues: ids.map { ($0, definition) })
        )
        let router = try RolloutRouter(policy: policy)
        let decision = try #require(router.snapshot().decision(for: nil, in: "r7"))
        router.outcomes.record(decision, .failure, latency: .zero)
        let page = ExpositionPage(MetricsPage(of: router, version: .app))
        #expect(page.problems == [])
        let requests = page.values.filter { $0.key.name == "rollout_requests_total" }
        #expect(requests.count == 6 && requests.keys.allSatisfy { $0.labels["rollout"] == "r7" })
        // Each variant has two components, and one share.
        let series = Dictionary(grouping: page.values.keys, by: \.name)
        #expect(series["rollout_variant_info"]?.count == 4 && series["rollout_variant_share_ratio"]?.count == 2)
        #expect(page.values.keys.allSatisfy { ["r7", nil].contains($0.labels["rollout"]) })
    }

    @Test("a retired variant's counts move to the remainder's series")
    func retired() throws {
        for release in 1...70 {
            try router.update { policy in
                policy.sms.strategy = .fixed([.app: "v1", .model: "m\(release)"])
                policy.sms.epoch += 1
            }
            router.outcomes.record(sms.decision(for: nil), .success, latency: .zero)
        }
        let page = page()
        #expect(page.problems == [])
        #expect(page["rollout_requests_total", labels("(retired)", "(retired)", ["outcome": "success"])] == 5)
    }

    @Test("no series of a version that goes on falls when one of its releases is folded")
    func sharedVersions() throws {
        let hits = router.outcomes.counter("hits_total", help: "Hits.")
        func serve(_ release: Release) throws {
            try router.update { policy in
                policy.sms.strategy = .fixed(release)
                policy.sms.epoch += 1
            }
            let decision = sms.decision(for: nil)
            for step in 1...3 { router.outcomes.record(decision, .failure, latency: .microseconds(step * 7_777)) }
            hits.add(for: decision)
        }
        let failures = labels("stable", "v1", ["outcome": "failure"])
        let retired = labels("(retired)", "(retired)", ["outcome": "failure"])
        for release in 1...65 { try serve([.app: "a\(release)", .model: "v1"]) }
        var last = page()
        for release in 66...70 {
            try serve([.app: "a\(release)", .model: "v1"])
            let page = page()
            #expect(page.problems == [])
            for (series, value) in last.values where !series.name.hasPrefix("rollout_variant_") {
                #expect(page.values[series].map { $0 >= value } ?? false, "\(series)")
            }
            #expect(page["rollout_requests_total", failures] == Double(3 * release))
            #expect(page["hits_total", labels("stable", "v1")] == Double(release))
            #expect(page["rollout_requests_total", retired] == 0)
            last = page
        }
        // By the whole release each is a series of its own.
        let whole = ExpositionPage(MetricsPage(of: router))
        #expect(whole["rollout_requests_total", retired] == 15)
        // Each new version folds one more of the old ones, until the last of them takes along all that was folded before.
        for release in 1...64 { try serve([.app: "a", .model: "m\(release)"]) }
        let nearlyOver = page()
        #expect(nearlyOver["rollout_requests_total", failures] == 210)
        #expect(nearlyOver["rollout_requests_total", retired] == 0)
        try serve([.app: "a", .model: "m65"])
        let over = page()
        #expect(over["rollout_requests_total", failures] == nil)
        #expect(over["rollout_requests_total", retired] == 210)
        // A version that comes back begins anew.
        try serve([.app: "a1", .model: "v1"])
        #expect(page()["rollout_requests_total", failures] == 3)
    }

    @Test("updates, sources and sessions have their families")
    func others() async throws {
        let updater = RolloutUpdater(router)
        try await updater.update { try $0.setShare(of: "sms", to: .percent(20)) }
        await #expect(throws: UpdateError.self) { try await updater.update(to: EditedPolicy.canary(5), expecting: 7) }
        let source = ScriptedSource()
        let follower = PolicyFollower(of: source, updating: updater)
        let sessions = SessionRouter(keys: try SigningKeys(text: "1 \(String(repeating: "A", count: 43))="))
        _ = sessions.adopt(nil, for: "a", through: sms)
        let text = MetricsPage(of: router, with: updater.metrics, follower.metrics, sessions.metrics)
        let page = ExpositionPage(text)
        #expect(page.problems == [])
        #expect(page["rollout_policy_updates_total", ["outcome": "accepted"]] == 1)
        #expect(page["rollout_policy_updates_total", ["outcome": "refused"]] == 1)
        #expect(page["rollout_policy_updates_total", ["outcome": "ignored"]] == 0)
        #expect(page["rollout_source_up", ["source": source.name]] == 0)
        #expect(page["rollout_source_differs", ["source": source.name]] == 0)
        #expect(page["rollout_adopted_total", ["taint": "missing"]] == 1)
        #expect(page["rollout_adopted_total", ["taint": "none"]] == 0)
        #expect(page["rollout_session_tokens_lost_total", ["cause": "bad_tag"]] == 0)
        #expect(page["rollout_session_cookies_written_total", [:]] == 0)
    }

    @Test("copies that were dropped, and exposures, are on the page by variant")
    func shadowsAndExposures() throws {
        let router = try RolloutRouter(policy: EditedPolicy.shadow(100))
        let decision = router.rollout("sms", default: EditedPolicy.v1).decision(for: "alice")
        let shadows = ShadowRunner(of: router)
        _ = shadows.permit(for: decision)
        let exposures = Exposures(of: router) { _ in }
        exposures.record(decision, unit: "alice")
        exposures.record(decision, unit: "alice")
        let page = ExpositionPage(MetricsPage(of: router, with: shadows.metrics, exposures.metrics, version: .model))
        #expect(page.problems == [])
        #expect(page["rollout_shadow_copies_total", labels("shadow", "v2", ["result": "not_running"])] == 1)
        #expect(page["rollout_shadow_copies_total", labels("shadow", "v2", ["result": "success"])] == 0)
        for against in ["primary", "baseline"] {
            let labels = labels("shadow", "v2", ["against": against, "result": "agreed"])
            #expect(page["rollout_shadow_comparisons_total", labels] == 0)
        }
        #expect(page["rollout_shadow_copies_stuck", labels("shadow", "v2")] == 0)
        #expect(page["rollout_exposures_total", labels("primary", "v1")] == 1)
        #expect(page["rollout_exposures_total", labels("shadow", "v2")] == 0)
        #expect(page["rollout_exposures_dropped_total", [:]] == 0)
    }

    @Test("the first scrape has every shadow of the policy, with zeros")
    func shadowZeros() throws {
        var policy = EditedPolicy.shadow(10)
        policy.rollouts["fixed"] = RolloutDefinition(.fixed(EditedPolicy.v1))
        let router = try RolloutRouter(policy: policy)
        let shadows = ShadowRunner(of: router)
        func page() -> ExpositionPage {
            ExpositionPage(MetricsPage(of: router, with: shadows.metrics, version: .model))
        }
        let first = page()
        #expect(first.problems == [])
        for result in ["success", "failure", "cancelled", "no_room", "not_running", "nested"] {
            #expect(first["rollout_shadow_copies_total", labels("shadow", "v2", ["result": result])] == 0)
        }
        #expect(first["rollout_shadow_copies_stuck", labels("shadow", "v2")] == 0)
        #expect(first.values.keys.count { $0.name == "rollout_shadow_copies_stuck" } == 1)
        #expect(shadows.counts.variants.isEmpty)
    }

    @Test(
        "of a policy with more than 1,000 variants, only shadows with copies are shown, and none without counts of its own"
    )
    func manyShadows() throws {
        let ids = (0..<1_000).map { RolloutID("r\($0)") ?? "r" }
        let definition = RolloutDefinition(.shadow(.percent(100), primary: EditedPolicy.v1, shadow: EditedPolicy.v2))
        let router = try RolloutRouter(
            policy: RolloutPolicy(
                revision: 1,
                rollouts: Dictionary(uniqueKeysWithValues: ids.map { ($0, definition) })
            )
        )
        let shadows = ShadowRunner(of: router)
        func shown() -> Set<String?> {
            let stuck = shadows.metrics.families.filter { $0.name == "rollout_shadow_copies_stuck" }
            return Set(stuck.flatMap(\.samples).map { $0.variant?.rollout })
        }
        #expect(shown() == [])
        let snapshot = router.snapshot()
        for id in ids {
            _ = shadows.permit(for: try #require(snapshot.decision(for: "alice", in: id)))
            if id == "r0" { #expect(shown() == ["r0"]) }
        }
        #expect(shown() == Set(ids.map(\.text)))
        // Copies to one more shadow are counted with those of all others.
        try router.update { $0.rollouts = ["late": definition] }
        #expect(!shown().contains("late"))
        _ = shadows.permit(for: try #require(router.snapshot().decision(for: "alice", in: "late")))
        #expect(shown() == Set(ids.map(\.text)).union(["(other)"]))
    }

    @Test("no series of exposures falls when one of the releases of its version is folded")
    func sharedExposures() throws {
        let told = try ToldExposures(EditedPolicy.fixed())
        func serve(_ release: Release) throws {
            try told.router.update { policy in
                policy.sms.strategy = .fixed(release)
                policy.sms.epoch += 1
            }
            for unit in ["alice", "bob"] { try told.visit(unit) }
        }
        func page(by component: Release.Component? = .model) -> ExpositionPage {
            ExpositionPage(MetricsPage(of: told.router, with: told.exposures.metrics, version: component))
        }
        func exposures(_ page: ExpositionPage, _ variant: String, _ version: String) -> Double? {
            page["rollout_exposures_total", labels(variant, version)]
        }
        for release in 1...70 {
            try serve([.app: "a\(release)", .model: "v1"])
            let page = page()
            #expect(page.problems == [])
            #expect(exposures(page, "stable", "v1") == Double(2 * release))
            #expect(exposures(page, "(retired)", "(retired)") ?? 0 == 0)
        }
        // By the whole release, and by what all releases differ in, each is a series of its own.
        #expect(exposures(page(by: nil), "(retired)", "(retired)") == 10)
        #expect(exposures(page(by: .app), "(retired)", "(retired)") == 10)
        // Until the last of them is folded.
        for release in 1...64 { try serve([.app: "a", .model: "m\(release)"]) }
        #expect(exposures(page(), "stable", "v1") == 140)
        #expect(exposures(page(), "(retired)", "(retired)") == 0)
        try serve([.app: "a", .model: "m65"])
        #expect(exposures(page(), "stable", "v1") == nil)
        #expect(exposures(page(), "(retired)", "(retired)") == 140)
        // Also if none but the release that runs has the version still.
        try serve([.app: "before", .model: "v1"])
        for release in 101...164 { try serve([.app: "a", .model: "m\(release)"]) }
        try serve([.app: "after", .model: "v1"])
        #expect(exposures(page(), "stable", "v1") == 4)
        #expect(exposures(page(by: .app), "stable", "before") == nil)
    }

    @Test("what a service counts itself is on the page, in the order of its labels")
    func ownFamilies() throws {
        let page = MetricsPage(
            of: RolloutRouter(),
            with: .counter(
                "sms_tokens_total",
                help: "Tokens.",
                [["cause": "old", "by": "b"]: 2, ["cause": "new", "by": "a"]: 1]
            ),
            .gauge("sms_up", help: "Whether.", [[:]: 0.5])
        )
        #expect(
            page.text.hasSuffix(
                """
                # HELP sms_tokens_total Tokens.
                # TYPE sms_tokens_total counter
                sms_tokens_total{by="a",cause="new"} 1
                sms_tokens_total{by="b",cause="old"} 2
                # HELP sms_up Whether.
                # TYPE sms_up gauge
                sms_up 0.5

                """
            )
        )
    }

    @Test("parts that are joined show what each of them shows, a family that two of them have once")
    func joined() {
        func tokens(_ cause: String) -> Metrics { .counter("t_total", help: "T.", [["cause": cause]: 1]) }
        let parts = [tokens("new"), .gauge("up", help: "Up.", [[:]: 1]), tokens("old")]
        let page = MetricsPage(of: RolloutRouter(), with: Metrics(joining: parts)).text
        #expect(
            page.hasSuffix(
                "t_total{cause=\"new\"} 1\nt_total{cause=\"old\"} 1\n# HELP up Up.\n# TYPE up gauge\nup 1.0\n"
            )
        )
    }

    @Test("a name of which Prometheus makes nothing is a mistake in the program")
    func badNames() async {
        await #expect(processExitsWith: .failure) { _ = Metrics.counter("tokens", help: "", [:]) }
        await #expect(processExitsWith: .failure) { _ = Metrics.gauge("1st", help: "", [:]) }
        await #expect(processExitsWith: .failure) { _ = Metrics.gauge("up", help: "", [["a-b": ""]: 1]) }
    }

    @Test("a family that two parts have is on the page once, and equal series add up")
    func united() {
        let part = Metrics([MetricFamily("x_total", .counter, "X.", [MetricSample(.count(2))])])
        let page = ExpositionPage(MetricsPage(of: router, with: part, part))
        #expect(page.problems == [])
        #expect(page["x_total", [:]] == 4)
    }
}
