#if canImport(Glibc)
    import Foundation
    import Testing

    @testable import Rollout

    /// A page as the real server reads it.
    @Suite("Real Prometheus", .enabled(if: Prometheus.isThere, "Debian's package prometheus is not installed"))
    struct PrometheusTests {
        private let exporter: Exporter

        init() throws { exporter = try Exporter() }

        static let families: Set = [
            "rollout_requests_total", "rollout_drawn_requests_total", "rollout_request_duration_seconds",
            "rollout_requests_in_flight",
            "rollout_variant_info", "rollout_variant_share_ratio", "rollout_policy_revision",
            "rollout_policy_updates_total", "rollout_exposures_total", "rollout_exposures_dropped_total",
            "rollout_sample_ratio_log_evidence", "rollout_shadow_copies_total", "rollout_shadow_comparisons_total",
            "rollout_shadow_copies_stuck", "rollout_session_tokens_lost_total", "rollout_session_cookies_written_total",
            "rollout_adopted_total", "rollout_source_up", "rollout_source_differs", "sms_messages_classified_total",
        ]

        @Test("promtool has nothing to say about a page with every family")
        func promtool() throws {
            let page = exporter.page(accepting: nil)
            #expect(try Prometheus.check(page.text) == "")
            let families = ExpositionPage(page)
            #expect(families.problems == [])
            #expect(Set(families.families.map(\.name)) == Self.families)
        }

        @Test("what the server has scraped in both formats is what was counted; a restart is a reset")
        func scrape() async throws {
            try await exporter.change(times: 3)
            // Each format has its own path, because the server always asks for OpenMetrics first.
            let exporter = exporter
            let server = try LoopbackServer { request in
                let accept = request.target == "/openmetrics" ? "application/openmetrics-text" : nil
                return exporter.answer(accepting: accept)
            }
            defer { server.stop() }
            let prometheus = try Prometheus(scraping: server.port, paths: ["text", "openmetrics"], renaming: "sms")
            defer { prometheus.stop() }
            for job in ["text", "openmetrics"] {
                try await prometheus.wait { try await prometheus.query("up{job=\"\(job)\"}").first?.value == 1 }
                for row in exporter.router.outcomes.counts.rows {
                    let version = try #require(row.release?[.model])
                    let selector = "job=\"\(job)\",version=\"\(version.escapedForMetrics)\""
                    for outcome in RequestOutcome.allCases {
                        let query = "rollout_requests_total{\(selector),outcome=\"\(outcome.rawValue)\"}"
                        #expect(try await prometheus.query(query).map(\.value) == [Double(row.all[outcome].count)])
                    }
                    let inFlight = try await prometheus.query("rollout_requests_in_flight{\(selector)}")
                    #expect(inFlight.map(\.value) == [Double(row.inFlight)])
                    let spam = try await prometheus.query("sms_messages_classified_total{\(selector),result=\"spam\"}")
                    #expect(spam.map(\.value) == row.counters.values.map(Double.init))
                    let latency = row.all.latency
                    let counts = latency.counts(upTo: MetricsWriter.bounds.map(\.1))
                    #expect(Set(counts).count > 9, "the buckets differ")
                    for (le, count) in zip(MetricsWriter.bounds.map(\.text) + ["+Inf"], counts + [latency.count]) {
                        // Under the name that the old dashboards know.
                        let query = "sms_request_latency_seconds_bucket{\(selector),le=\"\(le)\"}"
                        let counts = try await prometheus.query(query).map(\.value)
                        #expect(counts == [Double(count)], "\(query)")
                    }
                    let sum = try await prometheus.query("sms_request_latency_seconds_sum{\(selector)}").map(\.value)
                    #expect(sum == [latency.sum])
                    let info = try await prometheus.query("model_version_info{\(selector)}")
                    #expect(info.map(\.value) == [1])
                }
                let switches = try await prometheus.query("model_switches_total{job=\"\(job)\"}")
                #expect(switches.map(\.value) == [3])
                #expect(try await prometheus.query("{__name__=~\".*_created\"}").isEmpty)
            }
            try exporter.restart()
            let resets = "sum(resets(rollout_requests_total{outcome=\"success\"}[5m]))"
            try await prometheus.wait { try await prometheus.query(resets).first.map { $0.value > 0 } ?? false }
        }
    }

    /// A service with every family, whose versions are hard to write.
    private final class Exporter: Sendable {
        private let running: Lock<RolloutRouter>
        private let updater: RolloutUpdater
        private let follower: PolicyFollower
        private let sessions: SessionRouter
        private let exposures: Exposures
        private let shadows: ShadowRunner

        var router: RolloutRouter { running.withLock(\.self) }

        init() throws {
            let router = try Self.router()
            running = Lock(router)
            updater = RolloutUpdater(router)
            follower = PolicyFollower(of: ScriptedSource(), updating: updater)
            sessions = SessionRouter(keys: try SigningKeys(text: "1 \(String(repeating: "A", count: 43))="))
            exposures = Exposures(of: router) { _ in }
            shadows = ShadowRunner(of: router)
            let labels = ["result": "spam"]
            let spam = router.outcomes.counter("sms_messages_classified_total", help: "Messages.", labels: labels)
            let sms = router.rollout("sms", default: [.model: "v1"])
            for user in 0..<500 {
                let decision = sms.decision(for: "user-\(user)")
                router.outcomes.record(
                    decision,
                    RequestOutcome.allCases[user % 3],
                    latency: .microseconds(user * user * 60)
                )
                spam.add(for: decision)
                exposures.record(decision, unit: "user-\(user)")
            }
            // No worker runs, so that the copy is dropped.
            _ = shadows.permit(for: router.rollout("ranker", default: [.model: "r1"]).decision(for: "alice"))
        }

        /// Changes the policy so many times.
        func change(times: Int) async throws {
            for percent in 1...times {
                try await updater.update { try $0.setShare(of: "sms", to: .percent(Double(percent))) }
            }
        }

        /// Begins anew, as a process that starts again does.
        func restart() throws {
            let fresh = try Self.router()
            running.withLock { $0 = fresh }
        }

        func page(accepting header: String?) -> MetricsPage {
            MetricsPage(
                of: router,
                with: updater.metrics,
                follower.metrics,
                sessions.metrics,
                exposures.metrics,
                shadows.metrics,
                accepting: header,
                version: .model
            )
        }

        func answer(accepting header: String?) -> String {
            let page = page(accepting: header)
            return "HTTP/1.1 200 OK\r\nContent-Type: \(page.contentType)\r\nContent-Length: \(page.text.utf8.count)\r\n"
                + "Connection: close\r\n\r\n\(page.text)"
        }

        private static func router() throws -> RolloutRouter {
            let strategy = RolloutStrategy.canary(
                .percent(50),
                stable: [.model: #"v"1"\{}"#],
                canary: [.model: "v2, 3=\\"]
            )
            var policy = EditedPolicy.policy(strategy)
            policy.rollouts["ranker"] = RolloutDefinition(
                .shadow(.percent(100), primary: [.model: "r1"], shadow: [.model: "r2"])
            )
            return try RolloutRouter(policy: policy)
        }
    }
#endif
