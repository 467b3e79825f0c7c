import AsyncHTTPClient
import Configuration
import Fleet
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import Rollout
import Subprocess
import Synchronization
import SystemPackage
import Testing

@testable import Control
@testable import Demo

/// The driver with a real etcd, a real Prometheus and real processes of the app.
@Suite("The driver of the fleet", .serialized)
struct DriverTests {
    /// A plan of quick steps, for visitors of whom none waits for the end of a session.
    private static func policy(_ percent: Int, count: String = "units", steps: String = "[30, 60]") -> TestPolicy {
        let plan = """
            {"steps": \(steps), "count": "\(count)", "interval": 1, "settle": 2, "dwell": 2,
             "margin": {"relative": 100, "absolute": 6}}
            """
        return TestPolicy(percent: percent, pin: "bucket", plan: plan)
    }

    @Test("A canary that fails is taken back through etcd, with the evidence, and all processes follow")
    func harmful() async throws {
        try await DrivenFleet.with(Self.policy(30)) { fleet in
            let driver = try fleet.driver()
            try await fleet.drive([driver]) {
                try await fleet.load(failing: 50) {
                    try await eventually("a rollback") { driver.updater.router.snapshot().revision == 2 }
                }
                for service in fleet.services.apps { try await fleet.services.waitUntilReady(service, 2) }
            }
            let record = try #require(driver.updater.history.last { $0.outcome == .accepted })
            #expect(record.author == Progression.author)
            #expect(record.reason?.hasPrefix("30 %: failures, evidence ") == true, "\(record.reason ?? "")")
            let stored = try #require(try await EtcdStore(fleet.gateway).read())
            #expect(try RolloutPolicy(json: stored.bytes).rollouts[.sms]?.disabled == [.canary])
            var visitors = Set<String>()
            for _ in 0..<20 {
                var visitor = Visitor(host: "canary.sms-app.local")
                visitors.insert(try await fleet.services.classify("free prize", by: &visitor).pair.app)
            }
            #expect(visitors == ["v1"])
        }
    }

    @Test("A healthy canary goes on by the units of all processes, each counted once")
    func healthy() async throws {
        try await DrivenFleet.with(Self.policy(30)) { fleet in
            let driver = try fleet.driver()
            try await fleet.drive([driver]) {
                try await fleet.load(failing: 0) {
                    try await eventually("the next step") { driver.updater.router.snapshot().revision == 2 }
                }
                for service in fleet.services.apps { try await fleet.services.waitUntilReady(service, 2) }
            }
            let stored = try #require(try await EtcdStore(fleet.gateway).read())
            let policy = try RolloutPolicy(json: stored.bytes)
            guard case .canary(let share, _, _)? = policy.rollouts[.sms]?.strategy else { throw Timeout() }
            #expect(share == .percent(60))
        }
    }

    @Test("A visitor who meets all processes is one unit, and a process that starts again takes nothing back")
    func units() async throws {
        try await DrivenFleet.with(Self.policy(100, steps: "[50]")) { fleet in
            let source = try fleet.source()
            var stage = DrivenFleet.stage
            #expect(try await source.totals(in: stage).variants[.canary]?.units?.entered == 0)
            var ana = Visitor(user: "ana")
            for service in fleet.services.apps {
                #expect(try await fleet.services.classify("free prize", by: &ana, at: service.address).status == 200)
            }
            try await fleet.scraped()
            let totals = try await source.totals(in: stage).variants[.canary]
            #expect(totals?.units == .init(arrived: 1, entered: 1, enteredFailed: 0, failed: 0))
            #expect(totals?.requests == 3 && totals?.failures == 0)

            try await fleet.services.apps[0].process.crash()
            try await fleet.services.apps[0].process.start()
            try await fleet.services.waitUntilReady(fleet.services.apps[0], 1)
            try await fleet.scraped()
            stage.id = 2
            #expect(try await source.totals(in: stage).variants[.canary]?.units?.entered == 0)
            var ben = Visitor(user: "ben")
            let first = fleet.services.apps[0].address
            for visitor in ["ana", "ben"] {
                ben.user = visitor
                #expect(try await fleet.services.classify("xyzzy", by: &ben, at: first).status == 500)
            }
            try await fleet.scraped()
            let later = try await source.totals(in: stage).variants[.canary]
            #expect(later?.units == .init(arrived: 2, entered: 2, enteredFailed: 2, failed: 2))
            #expect(later?.requests == 5 && later?.failures == 2, "counted from 0 again, and added")
        }
    }

    @Test(
        "While Prometheus is down, stands still or has lost its data the driver holds and says why; no request is lost"
    )
    func prometheus() async throws {
        try await DrivenFleet.with(Self.policy(50, count: "requests", steps: "[50]")) { fleet in
            let (source, stage) = (try fleet.source(), DrivenFleet.stage)
            let driver = try fleet.driver()
            let before = try await source.totals(in: stage).variants
            #expect(before.values.map(\.requests) == [0, 0])
            var sent = 0
            func send() async throws {
                for number in 0..<30 {
                    var visitor = Visitor(user: "user-\(number)")
                    let answer = try await fleet.services.classify("free prize", by: &visitor)
                    #expect(answer.status == 200)
                    sent += 1
                }
            }
            func expectAll() async throws {
                try await fleet.scraped()
                let totals = try await source.totals(in: stage).variants
                #expect(totals.values.reduce(0) { $0 + $1.requests } == sent)
                #expect(try await fleet.drawnRequests() == totals.mapValues(\.requests))
                #expect(totals.values.allSatisfy { $0.failures == 0 && $0.units == nil })
                try await driver.reaches("a window") { $0.canary?.reason != .noData }
            }
            try await fleet.drive([driver]) {
                try await send()
                try await expectAll()

                await fleet.prometheus.end()
                try await driver.reaches("Prometheus is down") {
                    $0.canary?.reason == .noData && $0.canary?.detail?.contains(" cannot be asked: ") == true
                }
                #expect(
                    driver.progression?.detail?.contains("the source failed: Prometheus at http://127.0.0.1:") == true
                )
                try await send()
                try fleet.prometheus.wipe()
                // Nor can a process be asked when it comes back.
                let app = fleet.services.apps[0]
                try app.process.send(.suspend)
                try await fleet.prometheus.start()
                try await driver.reaches("a process stands still") {
                    $0.canary?.detail?.contains("\(app.address) cannot be asked for its units: ") == true
                }
                try app.process.send(.resume)
                try await expectAll()

                try fleet.prometheus.process.send(.suspend)
                try await driver.reaches("Prometheus stands still") {
                    $0.canary?.detail?.contains("cannot be asked: no answer within 0.8 seconds") == true
                }
                try await send()
                try fleet.prometheus.process.send(.resume)
                try await expectAll()
            }
            #expect(driver.updater.router.snapshot().revision == 1)
        }
    }

    @Test("A process that cannot be asked has the driver hold, unless the rest are enough")
    func missingProcess() async throws {
        try await DrivenFleet.with(Self.policy(50, steps: "[50]")) { fleet in
            let driver = try fleet.driver()
            try await fleet.drive([driver]) {
                try await driver.reaches("a window") { $0.canary != nil && $0.canary?.reason != .noData }
                let app = fleet.services.apps[0]
                try app.process.send(.suspend)
                try await driver.reaches("a process stands still") {
                    $0.canary?.detail?.contains("\(app.address) cannot be asked for its units: ") == true
                }
                let enough = try fleet.source(["DRIVER_PROCESSES_PERCENT": "60"])
                try app.process.send(.resume)
                try await driver.reaches("a window") { $0.canary?.reason != .noData }

                try await app.process.crash()
                try await driver.reaches("a process is gone") {
                    $0.canary?.detail?.contains("\(app.address) cannot be asked for its units: ") == true
                }
                _ = try await enough.totals(in: DrivenFleet.stage)
                try await app.process.start()
                try await driver.reaches("a window") { $0.canary?.reason != .noData }
            }
            #expect(driver.updater.router.snapshot().revision == 1)
        }
    }

    @Test(
        "A driver that was cut off with a decision in hand does not write it, and would if its term was not compared",
        arguments: [true, false]
    )
    func stale(isCompared: Bool) async throws {
        try await DrivenFleet.with(Self.policy(30)) { fleet in
            try await LosingProxy.run(to: fleet.server.address) { proxy in
                try await fleet.server.withGateway(at: proxy.address, answering: .milliseconds(300)) { lossy in
                    let gate = HeldGate()
                    let first = try fleet.driver(by: lossy, gates: [gate], isCompared: isCompared)
                    // It leads, and holds: there is no Prometheus where it asks.
                    let second = try fleet.driver(["PROMETHEUS_ADDRESS": "http://127.0.0.1:9"])
                    let store = EtcdStore(fleet.gateway)
                    try await fleet.drive([first]) {
                        try await fleet.load(failing: 0) {
                            try await eventually("a decision") { gate.isAsked }
                        }
                        proxy.cut()
                        let start = ContinuousClock.now
                        try await fleet.drive([second]) {
                            try await eventually("another leader") { second.driver.status.isRunning }
                            // Three leases.
                            try await Task.sleep(for: .seconds(9) - (ContinuousClock.now - start))
                            #expect(try await store.read()?.bytes == fleet.seeded)
                            proxy.mend()
                            gate.open()
                            try await eventually("the end of the first one's term") {
                                !first.driver.status.isRunning
                            }
                            #expect(second.driver.status.isRunning)
                            let stored = try RolloutPolicy(json: try #require(try await store.read()).bytes)
                            let last = first.updater.history.last
                            if isCompared {
                                #expect(stored.revision == 1)
                                #expect(last?.error?.code == .conditionFailed && last?.author == Progression.author)
                            } else {
                                #expect(stored.revision == 2, "what the successor did not decide")
                                #expect(last?.outcome == .accepted)
                            }
                        }
                    }
                }
            }
        }
    }

    @Test("The figures are whole numbers by version, and a sentence if there is no Prometheus")
    func figures() async throws {
        struct Figures: Decodable {
            struct Version: Decodable {
                let variant: String
                let version: String
                let requests: Int
                let failures: Int
                let p95: Double?
            }
            let seconds: Int
            let versions: [Version]
        }
        try await DrivenFleet.with(Self.policy(50), controls: 1) { fleet in
            let control = fleet.controls[0]
            let before = try await fleet.ask(control, "/rollout/figures", .read)
            #expect(before.text.contains(#""p95":null"#), "\(before.text)")
            for host in ["stable.sms-app.local", "canary.sms-app.local", "canary.sms-app.local"] {
                var visitor = Visitor(host: host)
                _ = try await fleet.services.classify("free prize", by: &visitor)
            }
            var visitor = Visitor(host: "canary.sms-app.local")
            #expect(try await fleet.services.classify("xyzzy", by: &visitor).status == 500)
            try await fleet.scraped()
            try await eventually("figures") {
                let answer = try await fleet.ask(control, "/rollout/figures", .read)
                #expect(answer.status == 200)
                let figures = try answer.decoded(Figures.self)
                #expect(figures.seconds == 300)
                #expect(figures.versions.map { "\($0.variant) \($0.version)" } == ["canary v2", "stable v1"])
                return figures.versions.map(\.requests) == [3, 1] && figures.versions.map(\.failures) == [1, 0]
                    && figures.versions.allSatisfy { $0.p95 ?? 0 > 0 }
            }
            #expect(try await fleet.ask(control, "/rollout/figures", .write).status == 403)
            #expect(try await fleet.ask(control, "/rollout/figures", nil).status == 401)
            await fleet.prometheus.end()
            let answer = try await fleet.ask(control, "/rollout/figures", .read)
            #expect(answer.status == 503)
            #expect(answer.text.contains(#""message":"There are no figures. Prometheus at "#), "\(answer.text)")
        }
    }

    @Test(
        "A process of Control that stands still for three leases with a decision on its way is replaced; etcd refuses it"
    )
    func stopped() async throws {
        try await DrivenFleet.with(Self.policy(30)) { fleet in
            try await LosingProxy.run(to: fleet.server.address) { proxy in
                let controls = try [proxy.address, fleet.server.address].map { try fleet.control(following: $0) }
                try await fleet.run(controls) {
                    let (leader, other) = (controls[0], controls[1])
                    try await leader.process.start()
                    try await eventually("a leader") { (try? await fleet.isLeader(leader)) == true }
                    try await other.process.start()
                    try await fleet.services.waitUntilReady(other, 1)
                    proxy.holdPolicy()
                    try await fleet.load(failing: 0) {
                        try await eventually("a decision") { proxy.hold == .held }
                        try leader.process.send(.suspend)
                    }
                    let start = ContinuousClock.now
                    try await eventually("another leader") { try await fleet.isLeader(other) }
                    #expect(ContinuousClock.now - start < promised(.seconds(6)))
                    try await Task.sleep(for: .seconds(9) - (ContinuousClock.now - start))
                    try leader.process.send(.resume)
                    try await eventually("the end of its term") { try await !fleet.isLeader(leader) }
                    // Without a visitor its successor has held, so the decision fits the policy still.
                    #expect(try await EtcdStore(fleet.gateway).read()?.bytes == fleet.seeded)
                    proxy.release()
                    try await eventually("an answer of etcd") { proxy.hold == .judged(false) }
                    #expect(try await EtcdStore(fleet.gateway).read()?.bytes == fleet.seeded)
                    #expect(try await fleet.isLeader(other))

                    // Its successor drives on.
                    try await fleet.load(failing: 0) {
                        try await fleet.services.waitUntilReady(other, 2)
                    }
                    for service in fleet.services.apps { try await fleet.services.waitUntilReady(service, 2) }
                    let accepted = try await fleet.records().compactMap(\.revision)
                    #expect(accepted == [1, 2])

                    let killed = ContinuousClock.now
                    try await other.process.crash()
                    try await eventually("a leader again") { try await fleet.isLeader(leader) }
                    #expect(ContinuousClock.now - killed < promised(.seconds(6)))
                }
            }
        }
    }

    struct Answers: Sendable, CustomTestStringConvertible {
        let up: String
        let counts: String
        let says: String
        var testDescription: String { says }

        static func series(_ instance: String, _ value: String) -> String {
            """
            {"metric": {"instance": "\(instance)", "variant": "canary", "version": "v2", "outcome": "success"},
             "values": [[1800000000, "1"], [1800000001, "\(value)"]]}
            """
        }

        static func of(_ series: String...) -> String {
            #"{"status": "success", "data": {"resultType": "matrix", "result": [\#(series.joined(separator: ","))]}}"#
        }
    }

    @Test(
        "What Prometheus does not know is no reading, and the sentence says what it lacks",
        arguments: [
            Answers(
                up: Answers.of(),
                counts: Answers.of(),
                says: "by Prometheus, 0 of 1 app processes were up in the last 10 s"
            ),
            Answers(
                up: Answers.of(Answers.series("APP", "0")),
                counts: Answers.of(Answers.series("APP", "7")),
                says: "by Prometheus, 0 of 1 app processes were up"
            ),
            Answers(
                up: Answers.of(Answers.series("127.0.0.1:1", "1")),
                counts: Answers.of(Answers.series("APP", "7")),
                says: "by Prometheus, 0 of 1 app processes were up"
            ),
            Answers(
                up: Answers.of(Answers.series("APP", "1")),
                counts: Answers.of(),
                says: "APP counts no requests of sms"
            ),
            Answers(
                up: Answers.of(Answers.series("APP", "1")),
                counts: Answers.of(Answers.series("APP", "NaN")),
                says: "APP has counted nan requests of canary, says Prometheus"
            ),
            Answers(
                up: #"{"status": "error", "errorType": "bad_data", "error": "out of order"}"#,
                counts: Answers.of(),
                says: " has no answer: out of order"
            ),
            Answers(up: "<html>", counts: Answers.of(), says: " cannot be asked: "),
        ]
    )
    func unknown(_ answers: Answers) async throws {
        let policy = Self.policy(50, steps: "[50]")
        try await ServiceFleet.with(apps: 1, models: 0, policy: policy) { services in
            let app = services.apps[0].address
            let instance = String(app.dropFirst("http://".count))
            try await withStub({ request, _ in
                // Whether a process is up is asked of the last ten seconds alone.
                let query = String(buffer: try await request.body.collect(upTo: 4_096))
                let isUp = query.hasPrefix("query=up%7B") && query.hasSuffix("%5B10s%5D")
                let text = (isUp ? answers.up : answers.counts).replacing("APP", with: instance)
                return Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
            }) { port in
                let source = try DrivenFleet.source(of: policy, [app], "http://127.0.0.1:\(port)")
                let error = await #expect(throws: SourceProblem.self) {
                    try await source.totals(in: DrivenFleet.stage)
                }
                let says = answers.says.replacing("APP", with: instance)
                #expect(error?.description.contains(says) == true, "\(error?.description ?? "")")
            }
        }
    }

    @Test("Another canary is counted anew: Prometheus is not asked for the time in which nobody has read")
    func nextCanary() async throws {
        let policy = Self.policy(50, steps: "[50]")
        try await ServiceFleet.with(apps: 1, models: 0, policy: policy) { services in
            let app = services.apps[0].address
            let instance = String(app.dropFirst("http://".count))
            let queries = Shared<[String]>([])
            try await withStub({ request, _ in
                let query = String(buffer: try await request.body.collect(upTo: 4_096))
                let isUp = query.hasPrefix("query=up%7B")
                if !isUp { queries.change { $0.append(query) } }
                let text = Answers.of(Answers.series(instance, isUp ? "1" : "7"))
                return Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
            }) { port in
                let source = try DrivenFleet.source(of: policy, [app], "http://127.0.0.1:\(port)")
                var stage = DrivenFleet.stage
                for _ in 0..<2 { _ = try? await source.totals(in: stage) }
                stage.epoch += 1
                _ = try? await source.totals(in: stage)
            }
            let seconds = queries.value.map { $0.hasSuffix("%5B10s%5D") }
            #expect(seconds == [true, false, true], "\(queries.value)")
        }
    }

    struct Units: Sendable, CustomTestStringConvertible {
        let status: HTTPResponse.Status
        var body = ""
        let says: String
        var testDescription: String { says }
    }

    @Test(
        "A process that gives no table is no reading, and the sentence names it",
        arguments: [
            Units(status: .noContent, says: "1 of 2 app processes do not run this canary yet"),
            Units(status: .notFound, says: "STUB answered 404 when asked for its units"),
            Units(
                status: .ok,
                body: "{}",
                says: "STUB cannot be asked for its units: a table of units has 2,000,028 bytes, and here are 2"
            ),
            Units(
                status: .ok,
                body: String(repeating: "x", count: UnitTable.byteCount + 1),
                says: "STUB cannot be asked for its units: "
            ),
        ]
    )
    func noTable(_ units: Units) async throws {
        let policy = Self.policy(50, steps: "[50]")
        try await ServiceFleet.with(apps: 1, models: 0, policy: policy) { services in
            try await withStub({ _, _ in
                Response(status: units.status, body: ResponseBody(byteBuffer: ByteBuffer(string: units.body)))
            }) { port in
                let stub = "http://127.0.0.1:\(port)"
                let source = try DrivenFleet.source(of: policy, [services.apps[0].address, stub], "http://127.0.0.1:9")
                let error = await #expect(throws: SourceProblem.self) {
                    try await source.totals(in: DrivenFleet.stage)
                }
                let says = units.says.replacing("STUB", with: stub)
                #expect(error?.description.hasPrefix(says) == true, "\(error?.description ?? "")")
            }
        }
    }

    @Test("A plan that compares latencies gets no reading, nor does a rollout without a canary")
    func noCanary() async throws {
        var policy = Self.policy(50, steps: "[50]")
        policy.plan = #"{"steps": [50], "latency": [95]}"#
        let source = try DrivenFleet.source(of: policy, ["http://127.0.0.1:9"], "http://127.0.0.1:9")
        let latency = await #expect(throws: SourceProblem.self) { try await source.totals(in: DrivenFleet.stage) }
        #expect(latency?.description == "this source knows no latencies: leave \"latency\" out of the plan")
        let empty = try FleetSource(of: RolloutRouter(), DrivenFleet.configuration(["http://127.0.0.1:9"], ""))
        let missing = await #expect(throws: SourceProblem.self) { try await empty.totals(in: DrivenFleet.stage) }
        #expect(missing?.description == "the policy has no rollout sms")
    }

    @Test("A process hands out buckets and nobody's id, to its own network alone, and refuses what is no stage")
    func table() async throws {
        try await ServiceFleet.with(apps: 1, models: 1, policy: Self.policy(50, steps: "[50]")) { services in
            let app = services.apps[0].address
            var ana = Visitor(user: "ana-of-the-secret-name")
            #expect(try await services.classify("free prize", by: &ana).status == 200)
            func ask(_ address: String, _ stage: OutcomeStage) async throws -> Reply {
                let body = try JSONEncoder().encode(stage)
                return try await services.client.post(
                    body,
                    to: "\(address)/rollout/units",
                    by: Visitor(),
                    ["Content-Type": "application/json"]
                )
            }
            let answer = try await ask(app, DrivenFleet.stage)
            #expect(answer.status == 200 && answer.headers["Content-Type"] == ["application/octet-stream"])
            let table = try UnitTable(bytes: [UInt8](answer.body))
            #expect(table.epoch == 0 && table.stage == DrivenFleet.stage.id)
            #expect((0..<1_000_000).count { table[$0] != nil } == 1)
            #expect(answer.body.range(of: Data("secret".utf8)) == nil)
            var later = DrivenFleet.stage
            later.epoch = 1
            #expect(try await ask(app, later).status == 204)
            #expect(try await ask(services.address, DrivenFleet.stage).status == 404)
            let json: HTTPHeaders = ["Content-Type": "application/json"]
            for body in ["", "{}", #"{"rollout": "no name", "epoch": 0, "releases": {}, "id": 1}"#] {
                let refusal = try await services.client.post(
                    Data(body.utf8),
                    to: "\(app)/rollout/units",
                    by: Visitor(),
                    json
                )
                #expect(refusal.status == 400, "\(refusal.text)")
            }
        }
    }

    // MARK: Operations

    @Test("promtool finds each alert in order, and has seen it fire and keep silent")
    func alerts() async throws {
        let operations = Operations.folder
        let rules = try String(contentsOf: operations.appending(path: "alerts.yml"), encoding: .utf8)
        let tests = try String(contentsOf: operations.appending(path: "alerts.test.yml"), encoding: .utf8)
        for arguments in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]] {
            let result = try await Subprocess.run(
                .name("promtool"),
                arguments: Arguments(arguments),
                workingDirectory: FilePath(operations.path),
                output: .string(limit: 1 << 16),
                error: .combinedWithOutput
            )
            #expect(result.terminationStatus.isSuccess, "\(result.standardOutput)")
        }
        let names = rules.matches(of: /alert: (\w+)/).map { String($0.1) }
        #expect(names.count == 9)
        for name in names {
            let cases = tests.components(separatedBy: "alertname: \(name)\n").dropFirst()
            let silent = cases.filter { $0.drop { $0 == " " }.hasPrefix("exp_alerts: []") }
            #expect(!silent.isEmpty && silent.count < cases.count, "\(name)")
        }
    }

    @Test("Every expression of the dashboards has data of a fleet that runs")
    func dashboards() async throws {
        struct Dashboards: Decodable {
            struct Dashboard: Decodable {
                let title: String
                let panels: [Panel]
            }
            struct Panel: Decodable {
                let title: String
                let targets: [Target]
            }
            struct Target: Decodable { let expr: String }
            let dashboards: [Dashboard]
        }
        let file = try Data(contentsOf: Operations.folder.appending(path: "grafana.json"))
        let dashboards = try JSONDecoder().decode(Dashboards.self, from: file).dashboards
        #expect(dashboards.map(\.title) == ["Rollout: requests by version", "Rollout: fleet and driver"])
        try await DrivenFleet.with(Self.policy(50, steps: "[50]"), controls: 2) { fleet in
            let server = Prometheus(address: fleet.prometheus.address, limit: .seconds(5))
            #expect(try await server.series("sum(up)").first?.samples.last?.value == 7)
            try await fleet.load(failing: 0) {
                for (dashboard, panel) in dashboards.flatMap({ board in board.panels.map { (board.title, $0) } }) {
                    for target in panel.targets {
                        try await eventually("data of \(dashboard), \(panel.title): \(target.expr)") {
                            let series = try await server.series(target.expr)
                            return series.contains { $0.samples.last?.value.isFinite == true }
                        }
                    }
                }
            }
        }
    }

    struct Mistake: Sendable, CustomTestStringConvertible {
        let variables: [String: String]
        let says: String
        var testDescription: String { says }
    }

    @Test(
        "A configuration that makes no sense is refused, with what is allowed",
        arguments: [
            Mistake(variables: ["APP_ADDRESSES": "127.0.0.1:8081"], says: "APP_ADDRESSES is \"127.0.0.1:8081\""),
            Mistake(
                variables: ["DRIVER_PROCESSES_PERCENT": "0"],
                says: "DRIVER_PROCESSES_PERCENT is 0; it has to be 1 ... 100"
            ),
            Mistake(
                variables: ["DRIVER_STALE_SECONDS": "1"],
                says: "DRIVER_STALE_SECONDS is 1; it has to be 2 ... 3600"
            ),
            Mistake(
                variables: ["DRIVER_LIMIT_MILLISECONDS": "0"],
                says: "DRIVER_LIMIT_MILLISECONDS is 0; it has to be 1 ... 60000"
            ),
        ]
    )
    func mistakes(_ mistake: Mistake) throws {
        let address = "http://127.0.0.1:9"
        let configuration = DrivenFleet.configuration([address], address, mistake.variables)
        let error = #expect(throws: ConfigurationMistake.self) {
            try FleetSource(of: RolloutRouter(), configuration)
        }
        #expect(error?.description.hasPrefix(mistake.says) == true, "\(error?.description ?? "")")
    }
}

/// What becomes of the policy if something fails, with all processes of a fleet.
@Suite("Faults of a fleet on etcd", .serialized)
struct FleetFaultTests {
    @Test("Processes that stood still while policies and etcd changed have the newest policy a second after they go on")
    func standstill() async throws {
        try await DrivenFleet.with(TestPolicy(percent: 10), controls: 1) { fleet in
            let stopped = [fleet.services.apps[0], fleet.services.models[0], fleet.controls[0]]
            for service in stopped { try service.process.send(.suspend) }
            let updater = try fleet.updater()
            for percent in [20.0, 30, 40] {
                try await updater.update { try $0.setShare(of: .sms, to: .percent(percent)) }
            }
            try await fleet.server.compact(keeping: 1)
            for service in fleet.services.apps.dropFirst() { try await fleet.services.waitUntilReady(service, 4) }
            // A watch is given up after ten seconds without a word.
            if isLong { try await Task.sleep(for: .seconds(15)) }
            for service in stopped { try service.process.send(.resume) }
            let start = ContinuousClock.now
            for service in stopped { try await fleet.services.waitUntilReady(service, 4) }
            #expect(ContinuousClock.now - start < promised(.seconds(1)))
        }
    }

    @Test(
        "A policy that is garbage, older or deleted, or went with etcd's data, leaves the last good one, and is told once"
    )
    func lostPolicy() async throws {
        try await DrivenFleet.with(TestPolicy(percent: 10), controls: 1) { fleet in
            try await fleet.updater().update { try $0.setShare(of: .sms, to: .percent(20)) }
            for service in fleet.processes { try await fleet.services.waitUntilReady(service, 2) }
            let good = try #require(try await EtcdStore(fleet.gateway).read()).bytes
            for bytes in [Array("{\"schema\": 1".utf8), fleet.seeded, nil] {
                try await fleet.hold(bytes)
                for service in fleet.processes { try await fleet.waits(for: service, toDiffer: true, running: 2) }
                try await fleet.hold(good)
                for service in fleet.processes { try await fleet.waits(for: service, toDiffer: false, running: 2) }
            }

            await fleet.server.kill()
            try fleet.server.wipe()
            try await fleet.server.start()
            for service in fleet.processes { try await fleet.waits(for: service, toDiffer: true, running: 2) }
            let file = fleet.services.folder.appending(path: "good.json")
            try Data(good).write(to: file)
            let outputs = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 1...2 {
                    group.addTask {
                        let source = ["POLICY_SOURCE": "etcd:\(fleet.server.address)"]
                        let seed = ServiceProcess(try executable("Control"), ["seed", file.path], source)
                        try await seed.start()
                        return try await seed.output()
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outputs.filter { $0.contains("holds revision 2 of") }.count == 1, "\(outputs)")
            #expect(outputs.filter { $0.contains("held a policy already") }.count == 1, "\(outputs)")
            for service in fleet.processes { try await fleet.waits(for: service, toDiffer: false, running: 2) }
            try await fleet.updater().update { try $0.setShare(of: .sms, to: .percent(30)) }
            for service in fleet.processes { try await fleet.services.waitUntilReady(service, 3) }

            for service in fleet.processes {
                let page = try await fleet.services.client.get("\(service.address)/metrics").text
                #expect(page.contains(#"rollout_policy_updates_total{outcome="ignored"} 1"#), "\(service.address)")
                let log = await service.process.end()
                // It was deleted, and it went with the data.
                for (sentence, count) in [
                    ("policy: refused, the last good policy runs on: ", 1), ("holds no policy", 2),
                ] {
                    #expect(log.components(separatedBy: sentence).count - 1 == count, "\(sentence)\n\(log)")
                }
            }
        }
    }

    @Test(
        "While etcd is killed and comes back no visitor notices, edits are refused in time, and none that was made is lost"
    )
    func killedStore() async throws {
        try await DrivenFleet.with(TestPolicy(percent: 50), controls: 1) { fleet in
            let operations = Operator()
            let tally = try await fleet.services.load(1_000) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await operations.run(in: fleet) }
                    try await eventually("edits") { operations.made.count > 5 }
                    await fleet.server.kill()
                    try await eventually("refusals") { operations.refused > 5 }
                    try await fleet.server.start()
                    let before = operations.made.count
                    try await eventually("edits again") { operations.made.count > before + 5 }
                    group.cancelAll()
                }
            }
            #expect(tally.problems == [] && tally.switches == 0)
            #expect(tally.pairs.keys.sorted() == ["v1 v1", "v2 v2"])
            #expect(operations.problems == [])
            #expect(operations.slowest < promised(.seconds(3)))
            let records = try await fleet.records()
            let stored = Dictionary(uniqueKeysWithValues: records.map { ($0.revision, $0.newDigest) })
            for (revision, digest) in operations.made { #expect(stored[UInt32(revision)] == digest) }
            let last = try #require(records.compactMap(\.revision).max())
            for service in fleet.processes { try await fleet.services.waitUntilReady(service, Int(last)) }
        }
    }

    /// Moves the slider again and again.
    private final class Operator: Sendable {
        private struct State {
            var made: [Int: String] = [:]
            var refused = 0
            var slowest = Duration.zero
            var problems: [String] = []
        }

        private let state = Mutex(State())

        /// The digests of the edits that were acknowledged, by revision.
        var made: [Int: String] { state.withLock(\.made) }
        var refused: Int { state.withLock(\.refused) }
        var slowest: Duration { state.withLock(\.slowest) }
        var problems: [String] { state.withLock(\.problems) }

        func run(in fleet: DrivenFleet) async throws {
            struct Answer: Decodable {
                let revision: Int
                let digest: String
            }
            var (revision, percent) = (1, 50)
            while !Task.isCancelled {
                percent = percent % 60 + 1
                let start = ContinuousClock.now
                let body = #"{"canary_percentage": \#(percent)}"#
                let reply = try await fleet.ask(fleet.controls[0], "/rollout/update", .write, on: revision, body)
                let time = ContinuousClock.now - start
                state.withLock { $0.slowest = max($0.slowest, time) }
                switch reply.status {
                case 200:
                    let answer = try reply.decoded(Answer.self)
                    revision = answer.revision
                    state.withLock { $0.made[answer.revision] = answer.digest }
                // One that was stored without an answer.
                case 409: revision = try reply.decoded(Answer.self).revision
                case 503: state.withLock { $0.refused += 1 }
                default: state.withLock { $0.problems.append("\(reply.status): \(reply.text)") }
                }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    @Test(
        "A policy that one process alone refuses runs in the others; that one keeps the last good one, and tells it once"
    )
    func refusedByOne() async throws {
        try await DrivenFleet.with(TestPolicy(percent: 10, canary: "v1"), controls: 1) { fleet in
            let odd = try fleet.modelWithoutWords(of: "v2")
            try await fleet.run([odd]) {
                try await odd.process.start()
                try await fleet.services.waitUntilReady(odd, 1)
                let next = try RolloutPolicy(json: TestPolicy(revision: 2, percent: 10, epoch: 1).json)
                try await fleet.updater().update(to: next, expecting: 1)
                for service in fleet.processes {
                    try await fleet.services.waitUntilReady(service, 2)
                    try await fleet.waits(for: service, toDiffer: false, running: 2)
                }
                // It is asked again after one second, and after two more.
                try await Task.sleep(for: .seconds(4))
                try await fleet.waits(for: odd, toDiffer: true, running: 1)
                let page = try await fleet.services.client.get("\(odd.address)/metrics").text
                #expect(page.contains(#"rollout_policy_updates_total{outcome="refused"} 1"#))

                let good = try RolloutPolicy(json: TestPolicy(revision: 3, percent: 10, epoch: 2, canary: "v1").json)
                try await fleet.updater().update(to: good, expecting: 2)
                for service in fleet.processes + [odd] { try await fleet.services.waitUntilReady(service, 3) }
                let log = await odd.process.end()
                #expect(log.components(separatedBy: #"model "v2" of sms canary"#).count == 2, "\(log)")
            }
        }
    }
}

@Suite("One driver at a time")
struct LeadershipTests {
    /// A candidate that only says which term it leads in.
    private func candidate(_ name: String, _ gateway: EtcdGateway, _ term: Shared<StoreCondition?>) -> Task<
        Void, any Error
    > {
        Task {
            try await Leadership(gateway, as: name).run { condition in
                term.change { $0 = condition }
                defer { term.change { $0 = nil } }
                try await Task.sleep(for: .seconds(3_600))
            }
        }
    }

    @Test(
        "Two candidates lead one after the other, at once if the first one resigns and within two leases if it is cut off"
    )
    func takeover() async throws {
        try await EtcdServer.run { server in
            try await server.withGateway { gateway in
                try await LosingProxy.run(to: server.address) { proxy in
                    try await server.withGateway(at: proxy.address, answering: .milliseconds(300)) { lossy in
                        let (ana, ben) = (Shared<StoreCondition?>(nil), Shared<StoreCondition?>(nil))
                        let first = candidate("ana", lossy, ana)
                        defer { first.cancel() }
                        try await eventually { ana.value != nil }
                        let second = candidate("ben", gateway, ben)
                        defer { second.cancel() }
                        try await Task.sleep(for: .seconds(4))
                        #expect(ana.value != nil && ben.value == nil, "a lease lasts as long as its holder asks for it")
                        let term = ana.value
                        proxy.cut()
                        let start = ContinuousClock.now
                        try await eventually { ben.value != nil }
                        #expect(ContinuousClock.now - start < promised(.seconds(6)))
                        #expect(ana.value == nil, "it leads no longer before another one does")
                        #expect(ben.value?.key == term?.key && ben.value?.version != term?.version)
                        second.cancel()
                        let third = candidate("eve", gateway, ana)
                        defer { third.cancel() }
                        try await eventually(within: promised(.seconds(2))) { ana.value != nil }
                    }
                }
            }
        }
    }

    @Test("A leader that has done its work leads no more, and gives its key back at once", arguments: [false, true])
    func returning(isFailure: Bool) async throws {
        struct Failure: Error {}
        try await EtcdServer.run { server in
            try await server.withGateway { gateway in
                let times = Shared(0)
                var hasFailed = false
                do {
                    try await Leadership(gateway, as: "ana").run { _ in
                        times.change { $0 += 1 }
                        if isFailure { throw Failure() }
                    }
                } catch is Failure {
                    hasFailed = true
                }
                #expect(hasFailed == isFailure && times.value == 1)
                #expect(try await gateway.range(EtcdRange("rollout/leader")).entries.isEmpty)
            }
        }
    }

    @Test(
        "A leader that was stopped and replaced cannot write what it had decided, and could if its term was not compared",
        arguments: [true, false]
    )
    func stale(isCompared: Bool) async throws {
        try await EtcdServer.run { server in
            try await server.withGateway { gateway in
                let updater = RolloutUpdater(try RolloutRouter(policy: .canary(10)), store: EtcdStore(gateway))
                try await updater.seed()
                // A leader that stands still asks for its lease no more, and does not notice.
                let lease = try await gateway.grant(seconds: 3)
                let key = "rollout/leader"
                let answer = try await gateway.transact(
                    EtcdTransaction(if: [.init(key, created: 0)], then: [.put(key, [], lease: lease)])
                )
                let term = StoreCondition(key, at: String(answer.revision))
                try await updater.update(requiring: term) { try $0.setShare(of: "sms", to: .percent(20)) }
                let successor = Shared<StoreCondition?>(nil)
                let task = candidate("ben", gateway, successor)
                defer { task.cancel() }
                try await eventually { successor.value != nil }
                try await Task.sleep(for: .seconds(3))
                // The successor has held, so the policy is what it was when the step was decided.
                let step = isCompared ? term : nil
                if isCompared {
                    let error = await #expect(throws: UpdateError.self) {
                        try await updater.update(requiring: step) { try $0.setShare(of: "sms", to: .percent(50)) }
                    }
                    #expect(error?.code == .conditionFailed && error?.isConflict == true)
                    #expect(updater.router.snapshot().revision == 2)
                    #expect(
                        try await updater.update(requiring: successor.value) {
                            try $0.setShare(of: "sms", to: .percent(30))
                        } == 3
                    )
                } else {
                    #expect(
                        try await updater.update(requiring: step) { try $0.setShare(of: "sms", to: .percent(50)) } == 3
                    )
                }
            }
        }
    }
}

/// Numbers that Prometheus might give.
@Suite("Counting scrapes")
struct RequestTallyTests {
    private static let key = RequestTally.Key(variant: "canary", version: "v2")

    private static func series(_ value: String, at time: Double = 1, of name: String = "canary v2 success") throws
        -> [Prometheus.Series]
    {
        let words = name.split(separator: " ")
        let json = """
            [{"metric": {"instance": "a", "variant": "\(words[0])", "version": "\(words[1])", "outcome": "\(words[2])"},
              "values": [[\(time), "\(value)"]]}]
            """
        return try JSONDecoder().decode([Prometheus.Series].self, from: Data(json.utf8))
    }

    @Test("A count is a whole number, or there is no reading", arguments: ["NaN", "+Inf", "64.988", "-1", "1e300"])
    func nonsense(_ value: String) throws {
        let series = try Self.series(value)
        let error = #expect(throws: SourceProblem.self) { try RequestTally.Scrape.all(in: series) }
        #expect(error?.description.hasPrefix("a has counted ") == true)
    }

    @Test("The first scrape is a baseline, a lower count a new start, and an older scrape no news")
    func resets() throws {
        var tally = RequestTally()
        var counts: [Int] = []
        for (time, value) in [(1.0, "100"), (2, "107"), (2, "107"), (1, "100"), (4, "3"), (9, "5")] {
            for scrape in try RequestTally.Scrape.all(in: Self.series(value, at: time)) { tally.count(scrape) }
            counts.append(tally.outcomes(of: Self.key).requests)
        }
        #expect(counts == [0, 7, 7, 7, 10, 12])
    }

    @Test("A unit that Prometheus has not heard of yet has sent a request, which counts once, and no count ever falls")
    func units() throws {
        var tally = RequestTally()
        var counts: [Int] = []
        for (time, value, arrived) in [(1.0, "100", 0), (2, "107", 9), (3, "109", 9), (4, "110", 9), (5, "111", 15)] {
            for scrape in try RequestTally.Scrape.all(in: Self.series(value, at: time)) { tally.count(scrape) }
            let units = VariantOutcomes.Units(arrived: arrived, entered: 2, enteredFailed: 1, failed: 4)
            let outcomes = tally.outcomes(of: Self.key, units)
            #expect(outcomes.failures == 4)
            counts.append(outcomes.requests)
        }
        #expect(counts == [4, 9, 9, 10, 15])
        #expect(tally.outcomes(of: Self.key).requests == 15)
    }

    struct Pages: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let before: [String: Int]
        let after: [String: Int]
        /// The canary's requests and failures between the two.
        let counts: [Int]
    }

    @Test(
        "A process that has started anew counts whole, whichever of its counts shows that",
        arguments: [
            Pages(
                testDescription: "one count is lower, and another one higher than before",
                before: ["canary v2 success": 10, "canary v2 failure": 3],
                after: ["canary v2 success": 12, "canary v2 failure": 1],
                counts: [13, 1]
            ),
            Pages(
                testDescription: "the lower count is that of the other variant",
                before: ["canary v2 success": 1, "canary v2 failure": 0, "stable v1 success": 100],
                after: ["canary v2 success": 2, "canary v2 failure": 1, "stable v1 success": 90],
                counts: [3, 1]
            ),
            Pages(
                testDescription: "a count of a variant that is served is missing",
                before: ["canary v2 success": 1, "canary v2 failure": 0, "stable v1 success": 1],
                after: ["canary v2 success": 7, "canary v2 failure": 4],
                counts: [11, 4]
            ),
            Pages(
                testDescription: "what has counted nothing may be missing",
                before: ["canary v2 success": 1, "canary v2 failure": 0, "stable v1 success": 0],
                after: ["canary v2 success": 7],
                counts: [6, 0]
            ),
            Pages(
                testDescription: "a version that retired long ago may be missing",
                before: ["canary v2 success": 1, "stable v0 success": 1_000],
                after: ["canary v2 success": 7, "canary v2 failure": 1],
                counts: [7, 1]
            ),
        ]
    )
    func newProcess(_ pages: Pages) throws {
        var tally = RequestTally(serving: [Self.key, RequestTally.Key(variant: "stable", version: "v1")])
        for (time, page) in [(1.0, pages.before), (2, pages.after)] {
            let series = try page.flatMap { name, count in try Self.series("\(count)", at: time, of: name) }
            let scrapes = try RequestTally.Scrape.all(in: series)
            #expect(scrapes.count == 1, "one page is one scrape")
            for scrape in scrapes { tally.count(scrape) }
        }
        let outcomes = tally.outcomes(of: Self.key)
        #expect([outcomes.requests, outcomes.failures] == pages.counts)
    }
}

// MARK: A fleet with a driver

/// The services behind nginx, a Prometheus that scrapes them, and etcd with their policy.
private struct DrivenFleet: Sendable {
    let services: ServiceFleet
    let controls: [ServiceFleet.Service]
    let prometheus: PrometheusProcess
    let server: EtcdServer
    let gateway: EtcdGateway
    /// The policy that etcd holds at first.
    let seeded: [UInt8]

    static func with(
        _ policy: TestPolicy,
        controls: Int = 0,
        _ body: @Sendable (DrivenFleet) async throws -> Void
    ) async throws {
        let seeded = try RolloutPolicy(json: policy.json)
        try await EtcdServer.run { server in
            try await server.withGateway { gateway in
                let updater = RolloutUpdater(try RolloutRouter(policy: seeded), store: EtcdStore(gateway))
                try await updater.seed()
                try await ServiceFleet.with(policy: policy, source: "etcd:\(server.address)") { services in
                    let ports = try freePorts(controls + 1)
                    let prometheus = try PrometheusProcess(
                        scraping: services,
                        Array(ports.dropLast()),
                        at: ports[controls]
                    )
                    let fleet = DrivenFleet(
                        services: services,
                        controls: try ports.dropLast().map { port in
                            try control(at: port, services, prometheus.address, server.address)
                        },
                        prometheus: prometheus,
                        server: server,
                        gateway: gateway,
                        seeded: Array(seeded.json.utf8)
                    )
                    let result: Result<Void, any Error>
                    do {
                        try await prometheus.start()
                        for control in fleet.controls {
                            try await control.process.start()
                            try await services.waitUntilReady(control, policy.revision)
                        }
                        try await fleet.scraped()
                        result = .success(try await body(fleet))
                    } catch {
                        result = .failure(error)
                    }
                    for control in fleet.controls {
                        let output = await control.process.end()
                        if case .failure = result { print(output) }
                    }
                    await prometheus.end()
                    try result.get()
                }
            }
        }
    }

    /// Ends these processes when the body has returned or thrown.
    func run(_ services: [ServiceFleet.Service], _ body: () async throws -> Void) async throws {
        let result: Result<Void, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        for service in services {
            // One that stands still could not end.
            try? service.process.send(.resume)
            let output = await service.process.end()
            if case .failure = result { print(output) }
        }
        try result.get()
    }

    /// All processes that follow etcd.
    var processes: [ServiceFleet.Service] { services.apps + services.models + controls }

    /// A process of Control beside those of the fleet, which has etcd at an address.
    func control(following etcd: String) throws -> ServiceFleet.Service {
        try Self.control(at: freePorts(1)[0], services, prometheus.address, etcd)
    }

    /// A process of the model that lacks a version.
    func modelWithoutWords(of version: String) throws -> ServiceFleet.Service {
        let program = URL(filePath: try executable("Model").description)
        let folder = services.folder.appending(path: "odd")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        for name in ["Model", "examples_Model.resources"] {
            let original = program.deletingLastPathComponent().appending(path: name)
            try FileManager.default.copyItem(at: original, to: folder.appending(path: name))
        }
        try FileManager.default.removeItem(at: folder.appending(path: "examples_Model.resources/Words/\(version)"))
        let port = try freePorts(1)[0]
        let environment = [
            "HTTP_PORT": "\(port)", "LOG_LEVEL": "warning", "POLICY_SOURCE": "etcd:\(server.address)",
            "ROLLOUT_KEYS": services.folder.appending(path: "keys").path,
        ]
        let model = ServiceProcess(.path(FilePath(folder.appending(path: "Model").path)), [], environment)
        return ServiceFleet.Service(process: model, address: "http://127.0.0.1:\(port)")
    }

    // MARK: etcd

    /// Makes changes as another process would.
    func updater() throws -> RolloutUpdater {
        RolloutUpdater(try RolloutRouter(policy: RolloutPolicy(json: seeded)), store: EtcdStore(gateway))
    }

    /// Has etcd hold these bytes or nothing, as if somebody had put them by hand.
    func hold(_ bytes: [UInt8]?) async throws {
        let key = "rollout/policy"
        let operation = bytes.map { EtcdTransaction.Operation.put(key, $0) } ?? .delete(key)
        _ = try await gateway.transact(EtcdTransaction(then: [operation]))
    }

    /// The records of all changes, the oldest first.
    func records() async throws -> [UpdateRecord] {
        try await EtcdStore(gateway).records { _, _ in false }.records
    }

    /// Waits until a process shows that etcd has something else than it runs, or not, and expects that it runs a revision.
    func waits(for service: ServiceFleet.Service, toDiffer differs: Bool, running revision: Int) async throws {
        let sample = "rollout_source_differs{source=\"etcd \(server.address)/rollout\"} \(differs ? 1 : 0)\n"
        var page = ""
        try await eventually("\(sample) at \(service.address)") {
            page = try await services.client.get("\(service.address)/metrics").text
            return page.contains(sample)
        }
        #expect(page.contains("rollout_policy_revision \(revision)\n"), "\(service.address)")
    }

    // MARK: Control

    private static let issuer = "https://login.local"

    /// A process of Control, with keys for tokens and an audit trail in the folder of the services.
    private static func control(
        at port: Int,
        _ services: ServiceFleet,
        _ prometheus: String,
        _ etcd: String
    ) throws -> ServiceFleet.Service {
        let tokens = services.folder.appending(path: "tokens")
        if !FileManager.default.fileExists(atPath: tokens.path) { _ = try TokenMaker.makeKey(in: tokens.path) }
        let environment = [
            "HTTP_PORT": "\(port)", "LOG_LEVEL": "notice", "POLICY_SOURCE": "etcd:\(etcd)",
            "TOKEN_KEYS": tokens.appending(path: "jwks.json").path, "TOKEN_ISSUER": issuer, "TOKEN_AUDIENCE": "control",
            "AUDIT_DATABASE": services.folder.appending(path: "audit.sqlite").path,
            "APP_ADDRESSES": services.apps.map(\.address).joined(separator: ","), "PROMETHEUS_ADDRESS": prometheus,
        ]
        return ServiceFleet.Service(
            process: ServiceProcess(try executable("Control"), [], environment),
            address: "http://127.0.0.1:\(port)"
        )
    }

    /// Asks a process of Control, with a token of this scope. With a revision, it is a change of that.
    func ask(
        _ control: ServiceFleet.Service,
        _ path: String,
        _ scope: Scope?,
        on revision: Int? = nil,
        _ body: String = ""
    ) async throws -> Reply {
        var request = HTTPClientRequest(url: control.address + path)
        if let revision {
            request.method = .POST
            request.headers.add(name: "If-Match", value: "\"\(revision)\"")
            request.body = .bytes(ByteBuffer(string: body))
        }
        if let scope {
            let claims = Claims(
                iss: Self.issuer,
                aud: Claims.Audience("control"),
                exp: Double(UnixTime.now.seconds + 600),
                sub: "ana",
                scope: scope.rawValue
            )
            let token = try await TokenMaker.token(claims, keysIn: services.folder.appending(path: "tokens").path)
            request.headers.add(name: "Authorization", value: "Bearer \(token)")
        }
        return try await services.client.reply(to: request)
    }

    /// Whether a process of Control drives, by its metrics.
    func isLeader(_ control: ServiceFleet.Service) async throws -> Bool {
        try await services.client.get("\(control.address)/metrics").text.contains(
            #"rollout_progression_leader{rollout="sms"} 1"#
        )
    }

    /// A driver, and what it changes.
    struct Driving: Sendable {
        let driver: Driver
        let updater: RolloutUpdater

        var progression: CanaryJudgement? { driver.status.canary }

        func reaches(_ what: String, _ condition: (ProgressionStatus) -> Bool) async throws {
            do {
                try await eventually(what) { condition(driver.status) }
            } catch {
                throw SetupError(description: "not within 30 s: \(what); \(driver.status)")
            }
        }
    }

    private func configuration(_ variables: [String: String]) -> ConfigReader {
        Self.configuration(services.apps.map(\.address), prometheus.address, variables)
    }

    static func configuration(
        _ apps: [String],
        _ prometheus: String,
        _ variables: [String: String] = [:]
    ) -> ConfigReader {
        let usual = ["APP_ADDRESSES": apps.joined(separator: ","), "PROMETHEUS_ADDRESS": prometheus]
        let all = usual.merging(variables) { $1 }
        return ConfigReader(provider: EnvironmentVariablesProvider(environmentVariables: all))
    }

    /// A source without a fleet of its own.
    static func source(of policy: TestPolicy, _ apps: [String], _ prometheus: String) throws -> FleetSource {
        let router = try RolloutRouter(policy: RolloutPolicy(json: policy.json))
        return try FleetSource(of: router, configuration(apps, prometheus))
    }

    func driver(
        _ variables: [String: String] = [:],
        by gateway: EtcdGateway? = nil,
        gates: [any PolicyGate] = [],
        isCompared: Bool = true
    ) throws -> Driving {
        let etcd = gateway ?? self.gateway
        let store: any PolicyStore = isCompared ? EtcdStore(etcd) : Careless(store: EtcdStore(etcd))
        let updater = RolloutUpdater(
            try RolloutRouter(policy: RolloutPolicy(json: seeded)),
            gates: gates,
            store: store
        )
        let driver = try Driver(
            updater: updater,
            etcd: etcd,
            configuration: configuration(variables),
            logger: Logger(label: "driver") { _ in SwiftLogNoOpLogHandler() }
        )
        return Driving(driver: driver, updater: updater)
    }

    func source(_ variables: [String: String] = [:]) throws -> FleetSource {
        try FleetSource(of: RolloutRouter(policy: RolloutPolicy(json: seeded)), configuration(variables))
    }

    /// What the driver asks about the policies of these tests.
    static let stage = OutcomeStage(
        of: .sms,
        epoch: 0,
        releases: [.stable: [.app: "v1", .model: "v1"], .canary: [.app: "v2", .model: "v2"]],
        id: 1
    )

    /// Runs drivers while the body runs.
    func drive(_ drivers: [Driving], _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for driving in drivers { group.addTask { try await driving.driver.run() } }
            do {
                try await body()
                group.cancelAll()
            } catch {
                group.cancelAll()
                throw error
            }
            while let result = await group.nextResult() {
                if case .failure(let error) = result, !(error is CancellationError) { throw error }
            }
        }
    }

    /// The requests whose variant chance chose, as the app's processes have counted them themselves.
    func drawnRequests() async throws -> [VariantName: Int] {
        var counts: [VariantName: Int] = [:]
        for app in services.apps {
            let page = try await services.client.get("\(app.address)/metrics").text
            for line in page.matches(of: /rollout_drawn_requests_total\{[^}]*variant="(\w+)"[^}]*\} (\d+)/) {
                guard let variant = VariantName(String(line.1)), let count = Int(line.2) else { continue }
                counts[variant, default: 0] += count
            }
        }
        return counts
    }

    /// Waits until Prometheus has scraped all processes after this was called.
    func scraped() async throws {
        let start = Date.now.timeIntervalSince1970
        let server = Prometheus(address: prometheus.address, limit: .seconds(5))
        try await eventually("a scrape") {
            guard let series = try? await server.series("up", seconds: 10) else { return false }
            let recent = series.filter { $0.samples.last.map { $0.time > start && $0.value == 1 } ?? false }
            return recent.count == services.apps.count + services.models.count + controls.count
        }
    }

    /// Sends a message of another visitor again and again while the body runs. Of so many in a hundred no word speaks for spam,
    /// which is what version 2 cannot answer.
    func load(failing percent: Int, while body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    while !Task.isCancelled {
                        var visitor = Visitor()
                        let text = Int.random(in: 0..<100) < percent ? "xyzzy" : "free prize"
                        _ = try? await services.classify(text, by: &visitor)
                    }
                }
            }
            defer { group.cancelAll() }
            try await body()
        }
    }
}

/// A store that forgets what a change requires.
private struct Careless: PolicyStore {
    let store: EtcdStore

    var name: String { store.name }
    func read() async throws -> StoredPolicy? { try await store.read() }
    func next() async throws -> [UInt8]? { try await store.next() }
    func swap(
        _ policy: [UInt8],
        record: [UInt8],
        expecting version: String?,
        requiring condition: StoreCondition?
    ) async -> StoreAnswer {
        await store.swap(policy, record: record, expecting: version, requiring: nil)
    }
}

/// Lets a change wait until it is opened.
private final class HeldGate: PolicyGate {
    let name = "held"
    private let state = Mutex((isAsked: false, isOpen: false))

    var isAsked: Bool { state.withLock(\.isAsked) }
    func open() { state.withLock { $0.isOpen = true } }

    func prepare(from running: RolloutPolicy, to next: RolloutPolicy) async throws {
        state.withLock { $0.isAsked = true }
        while !state.withLock(\.isOpen) { try await Task.sleep(for: .milliseconds(20)) }
    }
}

/// Prometheus, which scrapes the services.
private final class PrometheusProcess: Sendable {
    let address: String
    let process: ServiceProcess
    private let data: URL
    private let client = HTTPClient.shared

    init(scraping services: ServiceFleet, _ controls: [Int], at port: Int) throws {
        data = services.folder.appending(path: "prometheus")
        address = "http://127.0.0.1:\(port)"
        process = try Operations.prometheus(
            in: services.folder,
            port,
            apps: services.apps.map(\.address),
            models: services.models.map(\.address),
            controls: controls.map { "http://127.0.0.1:\($0)" }
        )
    }

    /// Starts it, with the data that it had, and returns when it answers.
    func start() async throws {
        try await process.start()
        try await eventually("Prometheus") { (try? await client.get("\(address)/-/ready").status) == 200 }
    }

    func end() async { await process.end() }

    /// Removes the data of a server that has ended.
    func wipe() throws { try FileManager.default.removeItem(at: data) }
}
