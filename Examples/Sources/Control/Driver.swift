import AsyncHTTPClient
import Configuration
import Fleet
import Foundation
import Hummingbird
import Logging
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import Rollout
import ServiceLifecycle
import Synchronization

/// Drives the canary of the fleet by its plan, in one process at a time: whoever holds the leader's key of etcd.
///
/// | Variable | |
/// | --- | --- |
/// | `APP_ADDRESSES` | the app's processes, with commas between: `http://127.0.0.1:8081,http://127.0.0.1:8082` |
/// | `PROMETHEUS_ADDRESS` | where Prometheus answers, without a slash at the end |
/// | `DRIVER_PROCESSES_PERCENT` | how many of the app's processes have to answer, 1 ... 100; 100 if it is missing |
/// | `DRIVER_STALE_SECONDS` | how old the last scrape of a process may be; 10 if it is missing |
/// | `DRIVER_LIMIT_MILLISECONDS` | how long a process or Prometheus may take to answer; 800 if it is missing |
struct Driver: Service {
    private let progression: Progression
    private let leadership: Leadership
    private let source: FleetSource

    /// A driver. It does nothing before ``run()``.
    ///
    /// - Parameters:
    ///   - updater: Makes the changes. Its store compares the term of the leader with each.
    ///   - etcd: Where the leader's key is.
    ///   - configuration: See the table above.
    ///   - logger: Is told who leads, and what becomes of the canary.
    /// - Throws: `ConfigurationMistake` for a value that cannot be used, and the reader's own error for one that is missing.
    init(updater: RolloutUpdater, etcd: EtcdGateway, configuration: ConfigReader, logger: Logger) throws {
        let source = try FleetSource(of: updater.router, configuration)
        let last = Shared("")
        progression = Progression(of: .sms, updating: updater, reading: source) { status in
            let verdict = status.canary.map {
                "\($0.share) \($0.verdict) \($0.reason?.rawValue ?? "") \($0.detail ?? "")"
            }
            let isNews = last.exchange(status.waiting ?? verdict ?? "")
            logger.log(level: isNews ? .notice : .debug, "\(status)")
        }
        let process = ProcessInfo.processInfo
        leadership = Leadership(etcd, as: "\(process.hostName), process \(process.processIdentifier)") { isLeading in
            logger.notice(isLeading ? "this process drives" : "this process drives no longer")
        }
        self.source = source
    }

    /// Drives whenever this process leads, until the service shuts down.
    func run() async throws {
        try await cancelWhenGracefulShutdown { [leadership, progression] in
            try await leadership.run { term in try await progression.run(requiring: term) }
        }
    }

    /// How far the canary is, as far as this process has driven it.
    var status: ProgressionStatus { progression.status }

    /// What this process has to show about its driving, for its metrics page.
    var metrics: Metrics { progression.metrics }

    /// Adds `GET /rollout/figures`: what became of requests in the last five minutes, by version.
    ///
    /// It answers 503 with a sentence if Prometheus cannot be asked.
    func addEndpoints(to routes: some RouterMethods<some RequestContext>) {
        routes.get("rollout/figures") { [source] request, context -> Response in
            let figures: FleetSource.Figures
            do throws(SourceProblem) { figures = try await source.figures() } catch {
                let problem = APIError(.serviceUnavailable, "noFigures", "There are no figures. \(error)")
                return try problem.response(from: request, context: context)
            }
            return try figures.response(from: request, context: context)
        }
    }

    /// The last text, to tell news from what was said before.
    private final class Shared: Sendable {
        private let text: Mutex<String>

        init(_ text: String) { self.text = Mutex(text) }

        /// Whether the text is another one than the last.
        func exchange(_ next: String) -> Bool {
            text.withLock { text in
                defer { text = next }
                return text != next
            }
        }
    }
}

/// Why there is no reading, in a sentence that begins with whose part it is.
struct SourceProblem: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

// MARK: The source

/// What the app's processes count, all together.
///
/// Units come from the processes themselves, each with a table of its buckets, and are united: added up they would count a visitor
/// once for each process. No table has anybody's id. Requests come from Prometheus.
///
/// It gives no reading unless enough processes are up and have answered, so that the driver holds. A process that dies has failed
/// nobody's check.
actor FleetSource: OutcomeSource {
    /// A process of the app: where it answers, and what Prometheus calls it.
    private struct Process: Sendable {
        let address: String
        var instance: String { String(address.drop { $0 != "/" }.dropFirst(2)) }
    }

    private let router: RolloutRouter
    private let processes: [Process]
    /// How many of them have to answer.
    private let needed: Int
    private let limit: Duration
    private let prometheus: Prometheus
    /// Seconds.
    private let stale: Int

    private var units = UnitUnion()
    private var requests = RequestTally()
    private var lastReading: ContinuousClock.Instant?
    /// The canary that is counted.
    private var counted: OutcomeStage?

    init(of router: RolloutRouter, _ configuration: ConfigReader) throws {
        let addresses = try configuration.requiredStringArray(forKey: "app.addresses")
        guard !addresses.isEmpty, addresses.allSatisfy({ $0.wholeMatch(of: /https?:\/\/[^\/]+/) != nil }) else {
            throw ConfigurationMistake(
                description: "APP_ADDRESSES is \"\(addresses.joined(separator: ","))\"; "
                    + "it has to be addresses such as http://127.0.0.1:8081, with commas between"
            )
        }
        func number(_ key: ConfigKey, _ name: String, default value: Int, in range: ClosedRange<Int>) throws -> Int {
            let number = configuration.int(forKey: key, default: value)
            guard range.contains(number) else {
                throw ConfigurationMistake(
                    description: "\(name) is \(number); it has to be \(range.lowerBound) ... \(range.upperBound)"
                )
            }
            return number
        }
        let percent = try number("driver.processes.percent", "DRIVER_PROCESSES_PERCENT", default: 100, in: 1...100)
        stale = try number("driver.stale.seconds", "DRIVER_STALE_SECONDS", default: 10, in: 2...3_600)
        let milliseconds = try number(
            "driver.limit.milliseconds",
            "DRIVER_LIMIT_MILLISECONDS",
            default: 800,
            in: 1...60_000
        )
        self.router = router
        limit = .milliseconds(milliseconds)
        processes = addresses.map(Process.init)
        needed = (addresses.count * percent + 99) / 100
        prometheus = Prometheus(
            address: try configuration.requiredString(forKey: "prometheus.address"),
            limit: limit
        )
    }

    /// What all processes have counted until now.
    ///
    /// Units are read before requests. But Prometheus hears of a request only at the next scrape, so its counts are raised to those
    /// of the units: each of them has sent a request.
    func totals(in stage: OutcomeStage) async throws -> OutcomeTotals {
        guard let definition = router.snapshot().policy.rollouts[stage.rollout] else {
            throw SourceProblem("the policy has no rollout \(stage.rollout)")
        }
        if definition.progression?.latency.isEmpty == false {
            throw SourceProblem("this source knows no latencies: leave \"latency\" out of the plan")
        }
        let countsUnits = try await readUnits(in: stage)
        let keys = stage.releases.map { name, release in
            (name, RequestTally.Key(variant: name.text, version: release[.app] ?? "\(release)"))
        }
        begin(stage, Set(keys.map(\.1)))
        try await readRequests(of: stage.rollout)
        var variants: [VariantName: VariantOutcomes] = [:]
        for (name, key) in keys {
            let units = countsUnits ? units.units(of: name) : nil
            variants[name] = requests.outcomes(of: key, units)
        }
        return OutcomeTotals(variants)
    }

    // MARK: Units

    /// Unites what the processes know of a stage.
    ///
    /// - Returns: Whether they count units.
    private func readUnits(in stage: OutcomeStage) async throws -> Bool {
        let answers = await withTaskGroup(of: Result<UnitTable?, SourceProblem>.self) { group in
            for process in processes {
                group.addTask { [limit] in await Self.table(of: stage, from: process.address, within: limit) }
            }
            var answers: [Result<UnitTable?, SourceProblem>] = []
            for await answer in group { answers.append(answer) }
            return answers
        }
        // An earlier call that was given up must not take the union back to its stage.
        try Task.checkCancellation()
        guard case .canary(let share, _, _)? = router.snapshot().policy.rollouts[stage.rollout]?.strategy else {
            throw SourceProblem("\(stage.rollout) has no canary any more")
        }
        var (tables, problems): ([UnitTable], [String]) = ([], [])
        var without = 0
        for answer in answers {
            switch answer {
            case .success(let table?): tables.append(table)
            case .success(nil): without += 1
            case .failure(let problem): problems.append(problem.description)
            }
        }
        // What was told is kept, also if others did not answer: whoever told it may not be there the next time.
        units.begin(stage)
        for table in tables { units.formUnion(with: table, canary: share) }
        guard tables.count + without >= needed else { throw SourceProblem(problems.sorted().joined(separator: "; ")) }
        if !tables.isEmpty, without > 0 {
            throw SourceProblem("\(without) of \(processes.count) app processes do not run this canary yet")
        }
        return !tables.isEmpty
    }

    /// The table of a process, or nil if it counts no units of the stage.
    private static func table(
        of stage: OutcomeStage,
        from address: String,
        within limit: Duration
    ) async -> Result<UnitTable?, SourceProblem> {
        do {
            var request = HTTPClientRequest(url: "\(address)/rollout/units")
            request.method = .POST
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(data: try JSONEncoder().encode(stage)))
            let (status, body) = try await request.answer(upTo: UnitTable.byteCount, within: limit)
            switch status {
            case .ok: return .success(try UnitTable(bytes: Array(buffer: body)))
            case .noContent: return .success(nil)
            default: return .failure(SourceProblem("\(address) answered \(status.code) when asked for its units"))
            }
        } catch {
            return .failure(SourceProblem("\(address) cannot be asked for its units: \(error)"))
        }
    }

    // MARK: Requests

    /// Counts the requests of another canary anew. Nobody reads between two canaries, and what was scraped meanwhile may be more than
    /// can be asked for in time.
    private func begin(_ stage: OutcomeStage, _ served: Set<RequestTally.Key>) {
        defer { counted = stage }
        if let counted, counted.rollout == stage.rollout, counted.epoch == stage.epoch,
            counted.releases == stage.releases
        {
            return
        }
        requests = RequestTally(serving: served)
        lastReading = nil
    }

    /// Counts what Prometheus has scraped since the last time.
    private func readRequests(of rollout: RolloutID) async throws {
        let started = ContinuousClock.now
        let scraped = try await prometheus.series("up{job=\"app\"}", seconds: stale)
        let up = processes.map(\.instance).filter { instance in
            scraped.contains { $0.labels["instance"] == instance && $0.samples.last?.value == 1 }
        }
        guard up.count >= needed else {
            let down = processes.map(\.instance).filter { !up.contains($0) }
            throw SourceProblem(
                "by Prometheus, \(up.count) of \(processes.count) app processes were up in the last \(stale) s, and "
                    + "\(needed) have to be; \(down.joined(separator: ", ")) not"
            )
        }
        // Whatever was scraped since the last reading, so that no restart in between is overlooked. But after a long time without
        // one, no more than can be had at once: then a restart may be overlooked, and too little is counted.
        let gap = lastReading.map { Int(($0.duration(to: started) / .seconds(1)).rounded(.up)) } ?? 0
        let counted = try await prometheus.series(
            "rollout_drawn_requests_total{job=\"app\",rollout=\"\(rollout)\",outcome!=\"cancelled\"}",
            seconds: stale + min(gap, 600)
        )
        let silent = up.filter { instance in !counted.contains { $0.labels["instance"] == instance } }
        guard silent.isEmpty else {
            throw SourceProblem("\(silent.joined(separator: ", ")) counts no requests of \(rollout)")
        }
        let scrapes = try RequestTally.Scrape.all(in: counted)
        try Task.checkCancellation()
        for scrape in scrapes { requests.count(scrape) }
        lastReading = started
    }

    // MARK: Figures

    /// What became of requests, for people.
    struct Figures: ResponseEncodable {
        /// How far they go back.
        let seconds: Int
        let versions: [Version]

        struct Version: Encodable {
            let variant: String
            let version: String
            let requests: Int
            let failures: Int
            /// In seconds, or null if there were no requests.
            @Nullable var p95: Double?
        }
    }

    /// The figures of the last five minutes, of all requests, whether or not chance chose their variant.
    nonisolated func figures() async throws(SourceProblem) -> Figures {
        let seconds = 300
        let counted = try await prometheus.series(
            "rollout_requests_total{job=\"app\",rollout=\"\(RolloutID.sms)\",outcome!=\"cancelled\"}",
            seconds: seconds
        )
        guard !counted.isEmpty else { throw SourceProblem("Prometheus has no requests of the app's processes") }
        var tally = RequestTally()
        for scrape in try RequestTally.Scrape.all(in: counted) { tally.count(scrape) }
        // The name that Ops/prometheus.yml.template gives to `rollout_request_duration_seconds`.
        let slow = try await prometheus.series(
            "histogram_quantile(0.95,sum by(variant,version,le)"
                + "(rate(sms_request_latency_seconds_bucket{job=\"app\"}[\(seconds)s])))"
        )
        let versions = tally.keys.map { key in
            let p95 = slow.first { $0.labels["variant"] == key.variant && $0.labels["version"] == key.version }
            let outcomes = tally.outcomes(of: key)
            return Figures.Version(
                variant: key.variant,
                version: key.version,
                requests: outcomes.requests,
                failures: outcomes.failures,
                p95: p95?.samples.last.map(\.value).flatMap { $0.isFinite ? $0 : nil }
            )
        }
        let sorted = versions.sorted { ($0.variant, $0.version) < ($1.variant, $1.version) }
        return Figures(seconds: seconds, versions: sorted)
    }
}

// MARK: Counting

/// Requests of several processes, added up from scrape to scrape: whole numbers, and nothing that nobody has counted.
///
/// Each process has a baseline of its own, which outlives Prometheus and its data. The first scrape of a process is what the next one
/// is compared with. If any count of a scrape is lower than before, or one is missing that a page never leaves out, the process has
/// started anew, and all of the scrape counts: the other counts may have come beyond their earlier values already.
///
/// All samples of one scrape have its time, and Prometheus shows a scrape whole or not at all. So a series without a sample of that time
/// was not on the page. No page leaves out what it has counted of a variant that may be served: the 64 that retired last stay, too.
struct RequestTally {
    struct Key: Hashable {
        let variant: String
        let version: String
    }

    /// What a process had counted at one moment.
    struct Scrape {
        fileprivate struct Series: Hashable {
            let key: Key
            let isFailure: Bool
        }

        fileprivate let instance: String
        fileprivate let time: Double
        fileprivate var counts: [Series: Int]

        /// All scrapes that the samples are of, the oldest first.
        static func all(in series: [Prometheus.Series]) throws(SourceProblem) -> [Scrape] {
            var scrapes: [Double: [String: Scrape]] = [:]
            for part in series {
                guard let instance = part.labels["instance"], let variant = part.labels["variant"],
                    let version = part.labels["version"], let outcome = part.labels["outcome"]
                else { continue }
                let series = Series(key: Key(variant: variant, version: version), isFailure: outcome == "failure")
                for sample in part.samples {
                    guard let count = Int(exactly: sample.value), count >= 0 else {
                        throw SourceProblem(
                            "\(instance) has counted \(sample.value) requests of \(variant), says Prometheus"
                        )
                    }
                    scrapes[sample.time, default: [:]][
                        instance,
                        default: Scrape(instance: instance, time: sample.time, counts: [:])
                    ].counts[series] = count
                }
            }
            return scrapes.sorted { $0.key < $1.key }.flatMap(\.value.values)
        }
    }

    /// The versions that the processes serve, and which no page leaves out once they have counts.
    private let served: Set<Key>
    private var last: [String: Scrape] = [:]
    private var sums: [Key: (successes: Int, failures: Int)] = [:]
    /// The highest numbers that were handed out.
    private var told: [Key: (requests: Int, failures: Int)] = [:]

    /// A tally of nothing yet.
    init(serving served: Set<Key> = []) { self.served = served }

    /// What was counted so far.
    var keys: [Key] { Array(sums.keys) }

    /// Counts what is new in a scrape, if it is later than the one before.
    mutating func count(_ scrape: Scrape) {
        let before = last[scrape.instance]
        if let before, before.time >= scrape.time { return }
        let isNewProcess = before.map { hasStartedAnew(scrape, since: $0) } ?? false
        for (series, count) in scrape.counts {
            let earlier = isNewProcess ? 0 : before.map { $0.counts[series] ?? 0 } ?? count
            sums[series.key, default: (0, 0)].successes += series.isFailure ? 0 : count - earlier
            sums[series.key]?.failures += series.isFailure ? count - earlier : 0
        }
        last[scrape.instance] = scrape
    }

    private func hasStartedAnew(_ scrape: Scrape, since before: Scrape) -> Bool {
        before.counts.contains { series, earlier in
            guard let count = scrape.counts[series] else { return earlier > 0 && served.contains(series.key) }
            return count < earlier
        }
    }

    /// What a version's requests came to, at least as many as its units. No number ever falls, also when Prometheus hears of requests
    /// whose units were known before.
    mutating func outcomes(of key: Key, _ units: VariantOutcomes.Units? = nil) -> VariantOutcomes {
        let sum = sums[key] ?? (0, 0)
        let before = told[key] ?? (0, 0)
        let failures = max(before.failures, sum.failures, units?.failed ?? 0, units?.enteredFailed ?? 0)
        let counted = max(sum.successes + sum.failures, units?.arrived ?? 0, units?.entered ?? 0)
        let requests = max(before.requests, counted, failures)
        told[key] = (requests, failures)
        return VariantOutcomes(requests: requests, failures: failures, units: units)
    }
}

// MARK: Prometheus

/// Prometheus, asked for samples as it has scraped them.
///
/// `increase` and `rate` would not do: they guess what was counted outside of the samples, such as 64.988 requests, and go on for a
/// window after a process has died.
struct Prometheus: Sendable {
    /// Where it answers, without a slash at the end.
    let address: String
    /// How long it may take.
    let limit: Duration

    /// A series, with the samples that were asked for, the oldest first.
    struct Series: Decodable, Sendable {
        let labels: [String: String]
        let samples: [Sample]

        private enum CodingKeys: CodingKey { case metric, value, values }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            labels = try container.decode([String: String].self, forKey: .metric)
            samples =
                try container.decodeIfPresent([Sample].self, forKey: .values)
                ?? [container.decode(Sample.self, forKey: .value)]
        }
    }

    /// A number, and when it was scraped: `[1800000000.123, "42"]`.
    struct Sample: Decodable, Sendable {
        let time: Double
        let value: Double

        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            time = try container.decode(Double.self)
            let text = try container.decode(String.self)
            guard let value = Double(text) else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "\(text) is no number")
            }
            self.value = value
        }
    }

    private struct Answer: Decodable {
        struct Result: Decodable { let result: [Series] }
        let data: Result?
        let error: String?
    }

    /// The samples of the last seconds, as they were scraped.
    func series(_ selector: String, seconds: Int) async throws(SourceProblem) -> [Series] {
        try await series("\(selector)[\(seconds)s]")
    }

    /// What a query gives now.
    func series(_ query: String) async throws(SourceProblem) -> [Series] {
        let answer: Answer
        do {
            var request = HTTPClientRequest(url: "\(address)/api/v1/query")
            request.method = .POST
            request.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
            let unreserved = CharacterSet.alphanumerics
            let text = query.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
            request.body = .bytes(ByteBuffer(string: "query=\(text)"))
            let (_, body) = try await request.answer(upTo: 64 << 20, within: limit)
            answer = try JSONDecoder().decode(Answer.self, from: body)
        } catch {
            throw SourceProblem("Prometheus at \(address) cannot be asked: \(error)")
        }
        guard let data = answer.data else {
            throw SourceProblem("Prometheus at \(address) has no answer: \(answer.error ?? "it does not say why")")
        }
        return data.result
    }
}

extension HTTPClientRequest {
    /// Sends the request, and gives the whole answer.
    ///
    /// The client's own deadline ends with the head of a response, so a body could go on for ever.
    fileprivate func answer(
        upTo bytes: Int,
        within limit: Duration
    ) async throws -> (HTTPResponseStatus, ByteBuffer) {
        try await withThrowingTaskGroup(of: (HTTPResponseStatus, ByteBuffer).self) { group in
            group.addTask {
                let response = try await HTTPClient.shared.execute(self, deadline: .distantFuture)
                return (response.status, try await response.body.collect(upTo: bytes))
            }
            group.addTask {
                try await Task.sleep(for: limit)
                throw SourceProblem("no answer within \(limit)")
            }
            defer { group.cancelAll() }
            guard let answer = try await group.next() else { throw CancellationError() }
            return answer
        }
    }
}
