#if canImport(Glibc)
    import Foundation
    import Testing

    @testable import Rollout

    /// A page as the real server reads it.
    @Suite("Real Prometheus", .enabled(if: Prometheus.isThere, "Debian's package prometheus is not installed"))
    struct PrometheusTests {
        private let exporter: Exporter

        init() throws { exporter = try Exporter() }

        @Test("promtool has nothing to say about a page with every family")
        func promtool() throws {
            #expect(try Prometheus.check(exporter.page(accepting: nil).text) == "")
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
                    let latency = row.all.latency
                    for (le, count) in [
                        ("0.1", latency.counts(upTo: [.milliseconds(100)])[0]),
                        ("5.0", latency.counts(upTo: [.seconds(5)])[0]),
                        ("+Inf", latency.count),
                    ] {
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

        var router: RolloutRouter { running.withLock(\.self) }

        init() throws {
            let router = try Self.router()
            running = Lock(router)
            updater = RolloutUpdater(router)
            follower = PolicyFollower(of: ScriptedSource(), updating: updater)
            sessions = SessionRouter(keys: try SigningKeys(text: "1 \(String(repeating: "A", count: 43))="))
            let labels = ["result": "spam"]
            let spam = router.outcomes.counter("sms_messages_classified_total", help: "Messages.", labels: labels)
            let sms = router.rollout("sms", default: [.model: "v1"])
            for user in 0..<500 {
                let decision = sms.decision(for: "user-\(user)")
                router.outcomes.record(decision, RequestOutcome.allCases[user % 3], latency: .milliseconds(user * 30))
                spam.add(for: decision)
            }
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
            let others = (updater.metrics, follower.metrics, sessions.metrics)
            return MetricsPage(of: router, with: others.0, others.1, others.2, accepting: header, version: .model)
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
            return try RolloutRouter(policy: EditedPolicy.policy(strategy))
        }
    }
#endif
