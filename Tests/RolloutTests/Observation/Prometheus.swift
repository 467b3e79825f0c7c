#if canImport(Glibc)
    import Foundation
    import FoundationNetworking
    import Glibc

    /// A Prometheus server with storage of its own, and `promtool`.
    final class Prometheus: Sendable {
        struct Failure: Error {
            let message: String
        }

        struct Sample: Sendable {
            let labels: [String: String]
            let value: Double
        }

        static let isThere = ["prometheus", "promtool"].allSatisfy {
            FileManager.default.isExecutableFile(atPath: "/usr/bin/\($0)")
        }

        private let port: UInt16
        private let folder: URL
        private let process: Process

        /// Starts a server that scrapes these paths of a port each second, each as a job, with the renaming of the article.
        init(scraping target: UInt16, paths: [String], renaming rollout: String) throws {
            folder = FileManager.default.temporaryDirectory.appending(path: "rollout-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let renaming = try Self.renaming
            let jobs = paths.map { path in
                """
                - job_name: \(path)
                  metrics_path: /\(path)
                  static_configs: [{targets: ['127.0.0.1:\(target)']}]
                \(renaming)
                """
            }
            let configuration = "global: {scrape_interval: 1s}\nscrape_configs:\n" + jobs.joined(separator: "\n")
            try configuration.write(to: folder.appending(path: "prometheus.yml"), atomically: true, encoding: .utf8)
            // A port that was free a moment ago.
            let probe = try LoopbackServer { _ in "" }
            probe.stop()
            port = probe.port
            process = Process()
            process.executableURL = URL(filePath: "/usr/bin/prometheus")
            process.arguments = [
                "--config.file=\(folder.path)/prometheus.yml", "--storage.tsdb.path=\(folder.path)/data",
                "--web.listen-address=127.0.0.1:\(port)", "--log.level=error",
            ]
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
        }

        /// Ends the server.
        func stop() {
            process.terminate()
            process.waitUntilExit()
            try? FileManager.default.removeItem(at: folder)
        }

        /// The `metric_relabel_configs` of the article on exporting metrics.
        private static var renaming: String {
            get throws {
                let project = URL(filePath: #filePath).pathComponents.dropLast(4).joined(separator: "/").dropFirst()
                let article = "\(project)/Sources/Rollout/Rollout.docc/exporting-metrics.md"
                let text = try String(contentsOfFile: article, encoding: .utf8)
                guard let start = text.range(of: "```yaml\n"),
                    let end = text.range(of: "\n```", range: start.upperBound..<text.endIndex)
                else { throw Failure(message: "\(article) has no yaml") }
                let lines = text[start.upperBound..<end.lowerBound].split(separator: "\n")
                return lines.map { "  \($0)" }.joined(separator: "\n")
            }
        }

        /// Asks until the answer is yes, for a minute at most.
        func wait(until isTrue: () async throws -> Bool) async throws {
            for _ in 0..<300 {
                // The server does not answer before it is ready.
                if (try? await isTrue()) == true { return }
                try await Task.sleep(for: .milliseconds(200))
            }
            throw Failure(message: "Prometheus did not get there within a minute")
        }

        /// What a query gives now.
        func query(_ query: String) async throws -> [Sample] {
            var components = URLComponents()
            (components.scheme, components.host, components.port) = ("http", "127.0.0.1", Int(port))
            components.path = "/api/v1/query"
            components.queryItems = [URLQueryItem(name: "query", value: query)]
            // A plus sign means a space to the server.
            components.percentEncodedQuery = components.percentEncodedQuery?.replacing("+", with: "%2B")
            guard let url = components.url else { throw Failure(message: query) }
            let (data, _) = try await URLSession.shared.data(from: url)
            let answer = try JSONDecoder().decode(Answer.self, from: data)
            return try answer.data.result.map { result in
                guard let value = result.value.last?.number else { throw Failure(message: "no number") }
                return Sample(labels: result.metric, value: value)
            }
        }

        private struct Answer: Decodable {
            struct Data: Decodable { let result: [Result] }
            struct Result: Decodable {
                let metric: [String: String]
                let value: [Value]
            }
            struct Value: Decodable {
                let number: Double?

                init(from decoder: any Decoder) throws {
                    let container = try decoder.singleValueContainer()
                    number = try (try? container.decode(Double.self)) ?? Double(container.decode(String.self))
                }
            }
            let data: Data
        }

        /// What `promtool check metrics` says about a page.
        static func check(_ page: String) throws -> String {
            let tool = Process()
            tool.executableURL = URL(filePath: "/usr/bin/promtool")
            tool.arguments = ["check", "metrics"]
            let (input, output) = (Pipe(), Pipe())
            tool.standardInput = input
            tool.standardOutput = output
            tool.standardError = output
            try tool.run()
            try input.fileHandleForWriting.write(contentsOf: Data(page.utf8))
            try input.fileHandleForWriting.close()
            let said = try output.fileHandleForReading.readToEnd() ?? Data()
            tool.waitUntilExit()
            let text = String(decoding: said, as: UTF8.self)
            return tool.terminationStatus == 0 ? text : "exit \(tool.terminationStatus): \(text)"
        }
    }
#endif
