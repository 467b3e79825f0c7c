import AsyncHTTPClient
import Configuration
import CoreMetrics
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Rollout
import Subprocess
import Synchronization
import Testing

@testable import App
@testable import Demo
@testable import Fleet
@testable import Model

/// The services as real processes behind nginx.
@Suite(.serialized) struct ServiceTests {
    @Test("A visitor with a cookie keeps their version, whichever process answers")
    func cookiePinsVersion() async throws {
        try await ServiceFleet.with(policy: TestPolicy(percent: 50)) { fleet in
            var seen: Set<String> = []
            for _ in 0..<20 {
                var visitor = Visitor()
                let first = try await fleet.classify("free prize, call now", by: &visitor).pair
                for service in fleet.apps {
                    let reply = try await fleet.classify("free prize, call now", by: &visitor, at: service.address)
                    #expect(try reply.pair == first)
                    #expect(reply.headers["Set-Cookie"].isEmpty)
                }
                seen.insert(first.app)
            }
            #expect(seen == ["v1", "v2"])
        }
    }

    @Test("Both versions answer, each with its own model and in its own form")
    func versions() async throws {
        try await ServiceFleet.with(apps: 1, models: 1, policy: TestPolicy(percent: 0), logLevel: "info") { fleet in
            var stable = Visitor(host: "stable.sms-app.local")
            var canary = Visitor(host: "canary.sms-app.local")
            let old = try await fleet.classify("URGENT! Claim your prize, call 08001234567", by: &stable)
            let new = try await fleet.classify("URGENT! Claim your prize, call 08001234567", by: &canary)
            #expect(try old.pair == Reply.Pair(app: "v1", model: "v1", isTainted: false))
            #expect(try new.pair == Reply.Pair(app: "v2", model: "v2", isTainted: false))
            #expect(old.text.contains(#""result":"spam""#) && !old.text.contains("because"))
            #expect(new.text.contains(#""result":"spam""#) && new.text.contains(#""because":"#))
            #expect(try await fleet.classify("sorry, home later", by: &stable).text.contains(#""result":"ham""#))

            let log = await fleet.apps[0].process.end()
            #expect(log.contains("rollout.reason=host") && log.contains("rollout.variant=canary"))
            #expect(log.contains("rollout.revision=1"))
        }
    }

    @Test("An answer that fails brings the cookie all the same, and is private")
    func failureKeepsCookie() async throws {
        try await ServiceFleet.with(apps: 1, models: 1, policy: TestPolicy(percent: 100)) { fleet in
            var visitor = Visitor()
            // The fault of version 2: no word speaks for spam.
            let reply = try await fleet.classify("xyzzy", by: &visitor)
            #expect(reply.status == 500)
            #expect(visitor.cookies.keys.contains("sms-app-version"))
            #expect(reply.headers["Cache-Control"] == ["private"])
            let page = try await fleet.client.get("\(fleet.apps[0].address)/metrics").text
            let failures = #"rollout_requests_total{rollout="sms",variant="canary",version="v2",outcome="failure"} 1"#
            #expect(page.contains(failures))
        }
    }

    @Test("nginx takes a decision away that comes from outside, and shows nothing but /sms")
    func edge() async throws {
        try await withFolder { folder in
            try await withStub({ request, _ in
                let arrived = request.headers[.rolloutDecision] ?? "none"
                return Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(string: "decision: \(arrived)")))
            }) { port in
                let ports = try freePorts(2)
                let nginx = try Operations.nginx(in: folder, ports[0], ports[1], apps: [port], models: [port])
                try await nginx.start()
                let decision: HTTPHeaders = ["rollout-decision": #""sms";v="canary""#]
                let client = HTTPClient.shared
                let (front, middle) = ("http://127.0.0.1:\(ports[0])", "http://127.0.0.1:\(ports[1])")
                try await eventually("nginx") { (try? await client.get("\(front)/metrics").status) == 404 }
                let outside = try await client.post(Data(), to: "\(front)/sms", by: Visitor(), decision)
                #expect(outside.text == "decision: none")
                let inside = try await client.post(Data(), to: "\(middle)/predict", by: Visitor(), decision)
                #expect(inside.text == #"decision: "sms";v="canary""#)
                await nginx.end()
            }
        }
    }

    @Test("The model has the versions that the policy routes to, and refuses one that there is not")
    func versionsOfModel() async throws {
        try await ServiceFleet.with(apps: 0, models: 1, policy: TestPolicy(), logLevel: "info") { fleet in
            let model = fleet.models[0]
            try TestPolicy(revision: 2, epoch: 1, canary: "v3").write(to: fleet.policyFile)
            try await eventually("a refusal") {
                let page = try await fleet.client.get("\(model.address)/metrics").text
                return page.contains(#"rollout_policy_updates_total{outcome="refused"} 1"#)
            }
            #expect(try await fleet.client.get("\(model.address)/healthz").text.contains(#""revision":1"#))

            try await fleet.run(TestPolicy(revision: 3, epoch: 1, canary: "v1"))
            let log = await model.process.end()
            #expect(log.contains(#"model "v3" of sms canary"#))
            #expect(log.contains("version v2 is freed") && !log.contains("version v1 is freed"))
        }
    }

    @Test("The model counts a request without the app's decision as tainted, and answers that it is")
    func taint() async throws {
        try await ServiceFleet.with(apps: 0, models: 1, policy: TestPolicy()) { fleet in
            let model = fleet.models[0].address
            let reply = try await fleet.client.post(
                Data(#"{"sms": "free"}"#.utf8),
                to: "\(model)/predict",
                by: Visitor()
            )
            #expect(reply.text.contains(#""isTainted":true"#))
            let page = try await fleet.client.get("\(model)/metrics").text
            #expect(page.contains(#"rollout_adopted_total{taint="missing"} 1"#))
        }
    }

    @Test("Signed-in visitors' requests are copied for a shadow, and nobody sees what becomes of the copies")
    func shadow() async throws {
        try await ServiceFleet.with(apps: 1, models: 1, policy: TestPolicy()) { fleet in
            let policy = """
                {"schema": 1, "revision": 2, "rollouts": {"sms": {"epoch": 1, "strategy": {"type": "shadow", "percent": 100,
                    "primary": {"app": "v1", "model": "v1"}, "shadow": {"app": "v2", "model": "v2"}}}}}
                """
            try policy.write(to: fleet.policyFile, atomically: true, encoding: .utf8)
            for service in fleet.apps + fleet.models { try await fleet.waitUntilReady(service, 2) }
            // Version 2 of the app has no answer to the second one.
            for text in ["you have won a prize", "xyzzy"] {
                for user in 0..<10 {
                    var visitor = Visitor(user: "user-\(user)")
                    let reply = try await fleet.classify(text, by: &visitor)
                    #expect(
                        try reply.status == 200 && reply.pair == Reply.Pair(app: "v1", model: "v1", isTainted: false)
                    )
                }
            }
            func copies(_ service: ServiceFleet.Service, _ counter: String) async throws -> [String: Int] {
                let page = try await fleet.client.get("\(service.address)/metrics").text
                let series = page.split(separator: "\n").filter { $0.hasPrefix("rollout_shadow_\(counter)_total{") }
                return series.reduce(into: [:]) { counts, line in
                    let result = line.firstMatch(of: /result="(\w+)".*\} (\d+)/)
                    guard let result, line.contains(#"version="v2""#), let count = Int(result.2), count > 0 else {
                        return
                    }
                    counts[String(result.1), default: 0] += count
                }
            }
            // A copy that finds no room is dropped, so there may be fewer.
            for service in fleet.apps + fleet.models {
                try await eventually("every copy has ended") {
                    try await copies(service, "copies").values.reduce(0, +) == 20
                }
            }
            let ofApp = try await copies(fleet.apps[0], "copies")
            #expect(ofApp["success", default: 0] > 0 && ofApp["failure", default: 0] > 0 && ofApp["cancelled"] == nil)
            let ofModel = try await copies(fleet.models[0], "copies")
            #expect(ofModel["success", default: 0] > 0 && ofModel["failure"] == nil)
            let comparisons = try await copies(fleet.models[0], "comparisons")
            #expect(comparisons.values.reduce(0, +) == ofModel["success"])
        }
    }

    @Test("What Hummingbird counts by swift-metrics is on the page of each service")
    func serviceMetrics() async throws {
        try await ServiceFleet.with(apps: 1, models: 1, policy: TestPolicy()) { fleet in
            var visitor = Visitor()
            for _ in 0..<3 { _ = try await fleet.classify("you have won", by: &visitor) }
            for (service, route) in [(fleet.apps[0], "/sms"), (fleet.models[0], "/predict")] {
                let page = try await fleet.client.get("\(service.address)/metrics").text
                let labels = #"{http_request_method="POST",http_response_status_code="200",http_route="\#(route)"} "#
                #expect(page.contains("\nhb_requests_total\(labels)3\n"))
                #expect(page.contains("\nhttp_server_request_duration_count_total\(labels)3\n"))
                let time = try #require(
                    page.firstRange(of: "\nhttp_server_request_duration_nanoseconds_total\(labels)")
                )
                #expect(page[time.upperBound...].prefix { $0 != "\n" }.count > 4, "three answers took 10 us at least")
                #expect(page.contains(#"http_server_active_requests{http_request_method="POST"} 0.0"#))
            }
        }
    }

    struct BadInput: Sendable, CustomTestStringConvertible {
        let body: String
        let status: Int
        let text: String
        var testDescription: String { text }
    }

    @Test(
        "What is no message is refused with a text that says why",
        arguments: [
            BadInput(body: "{", status: 400, text: "not valid"),
            BadInput(body: "", status: 400, text: "not valid"),
            BadInput(body: "{}", status: 400, text: "`sms` not found"),
            BadInput(body: #"{"sms": 1}"#, status: 400, text: "`sms` key, expected `String`"),
            BadInput(body: #"{"sms": "  "}"#, status: 400, text: "not blank"),
        ]
    )
    func badInput(_ input: BadInput) async throws {
        try await ServiceFleet.with(apps: 1, models: 1, policy: TestPolicy()) { fleet in
            for address in [fleet.address, fleet.apps[0].address] {
                let reply = try await fleet.client.post(Data(input.body.utf8), to: "\(address)/sms", by: Visitor())
                #expect(reply.status == input.status)
                #expect(reply.text.contains(input.text), "\(reply.text)")
            }
        }
    }

    /// By curl, which reads an answer that comes before it has sent everything.
    @Test("A body of 20 MiB is refused before it is read, by nginx and by the app")
    func largeBody() async throws {
        try await ServiceFleet.with(apps: 1, models: 1, policy: TestPolicy()) { fleet in
            let file = fleet.folder.appending(path: "body").path
            try Data(repeating: 0x78, count: 20 << 20).write(to: URL(filePath: file))
            for address in [fleet.address, fleet.apps[0].address] {
                let result = try await run(
                    .name("curl"),
                    arguments: ["-s", "-w", " %{http_code}", "--data-binary", "@\(file)", "\(address)/sms"],
                    output: .string(limit: 4_096)
                )
                #expect(result.standardOutput == #"{"error":{"message":"A message has at most 65536 bytes."}} 413"#)
            }
        }
    }

    @Test("Under a ramp no untainted pair is mixed, and a visitor with a cookie keeps their version")
    func ramp() async throws {
        let requests = isLong ? 100_000 : 10_000
        try await ServiceFleet.with(policy: TestPolicy(percent: 10)) { fleet in
            let ramp = try await fleet.load(requests) {
                for (revision, percent) in [(2, 25), (3, 50)] {
                    try await fleet.run(TestPolicy(revision: revision, percent: percent))
                }
            }
            #expect(ramp.problems == [])
            #expect(ramp.switches == 0)
            #expect(ramp.pairs.keys.sorted() == ["v1 v1", "v2 v2"])

            // Both versions become v2, and stable goes back to v1: the processes take each epoch at different moments.
            let epochs = try await fleet.load(requests / 10) {
                for (revision, stable) in [(4, "v2"), (5, "v1"), (6, "v2"), (7, "v1")] {
                    try await fleet.run(TestPolicy(revision: revision, epoch: revision, stable: stable))
                }
            }
            #expect(epochs.problems == [])
            #expect(epochs.pairs.keys.filter { !$0.hasSuffix("tainted") }.sorted() == ["v1 v1", "v2 v2"])
        }
    }
}

/// What becomes of requests if something fails, with real processes.
@Suite(.serialized) struct ServiceFaultTests {
    @Test("kill -9 of an app or model process fails no request and changes nobody's version")
    func killedProcess() async throws {
        try await ServiceFleet.with(policy: TestPolicy(percent: 50)) { fleet in
            let tally = try await fleet.load(1_000) {
                for service in [fleet.apps[0], fleet.models[0], fleet.apps[1]] {
                    try await service.process.crash()
                    try await Task.sleep(for: .milliseconds(500))
                    try await service.process.start()
                    try await fleet.waitUntilReady(service, 1)
                }
            }
            #expect(tally.problems == [])
            #expect(tally.switches == 0)
            #expect(tally.pairs.keys.sorted() == ["v1 v1", "v2 v2"])
        }
    }

    @Test("While a process of the model is stopped, the other one answers")
    func stoppedModel() async throws {
        try await ServiceFleet.with(apps: 1, policy: TestPolicy(percent: 0)) { fleet in
            try fleet.models[0].process.send(.suspend)
            var visitor = Visitor()
            for _ in 0..<4 { #expect(try await fleet.classify("free prize", by: &visitor).status == 200) }
            try fleet.models[0].process.send(.resume)
        }
    }

    struct Model: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let status: Int
        let text: String
        let answer: @Sendable (Request, BasicRequestContext) async throws -> Response
    }

    @Test(
        "The app answers in its time limit whatever the model does, and the version is charged with it",
        arguments: [
            Model(testDescription: "silent", status: 504, text: "did not answer within 0.3 seconds") { _, _ in
                try await Task.sleep(for: .seconds(60))
                return Response(status: .ok)
            },
            Model(testDescription: "a head at once, and a byte from time to time", status: 504, text: "0.3 seconds") {
                _,
                _ in
                let body = ResponseBody { writer in
                    for _ in 0..<600 {
                        try await writer.write(ByteBuffer(string: " "))
                        try await Task.sleep(for: .milliseconds(100))
                    }
                    try await writer.finish(nil)
                }
                return Response(status: .ok, body: body)
            },
            Model(testDescription: "fails", status: 502, text: "answered 500") { _, _ in
                Response(status: .internalServerError)
            },
            Model(testDescription: "babbles", status: 502, text: "no prediction") { _, _ in
                Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(string: "{}")))
            },
            Model(testDescription: "never stops", status: 502, text: "no prediction") { _, _ in
                Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(repeating: 0x20, count: 1 << 20)))
            },
        ]
    )
    func badModel(_ model: Model) async throws {
        try await withStub(model.answer) { port in
            try await ServiceFleet.with(
                apps: 1,
                models: 0,
                policy: TestPolicy(percent: 100),
                modelAddress: "http://127.0.0.1:\(port)"
            ) { fleet in
                var visitor = Visitor()
                let start = ContinuousClock.now
                let reply = try await fleet.classify("free prize", by: &visitor)
                #expect(ContinuousClock.now - start < .seconds(10))
                #expect(reply.status == model.status)
                #expect(reply.text.contains(model.text), "\(reply.text)")
                #expect(visitor.cookies.keys.contains("sms-app-version"))
                #expect(reply.headers["Cache-Control"] == ["private"])
                let page = try await fleet.client.get("\(fleet.apps[0].address)/metrics").text
                let failures =
                    #"rollout_requests_total{rollout="sms",variant="canary",version="v2",outcome="failure"} 1"#
                #expect(page.contains(failures))
            }
        }
    }

    @Test("Without a model there is an answer, too")
    func noModel() async throws {
        try await ServiceFleet.with(apps: 1, models: 0, policy: TestPolicy()) { fleet in
            var visitor = Visitor()
            let reply = try await fleet.classify("free prize", by: &visitor)
            #expect(reply.status == 502)
            #expect(reply.text.contains("The model service answered 502"))
        }
    }

    @Test(
        "Without a source the saved copy runs, and /healthz says so; without a copy the process ends with both problems"
    )
    func noSource() async throws {
        try await ServiceFleet.with(apps: 1, models: 0, policy: TestPolicy()) { fleet in
            let app = fleet.apps[0]
            try await eventually("a saved copy") { try !fleet.copies.isEmpty }
            try await app.process.crash()
            try FileManager.default.removeItem(at: fleet.policyFile)
            try await app.process.start()
            try await fleet.waitUntilReady(app, 1)
            #expect(try await fleet.client.get("\(app.address)/healthz").text.contains(#""policyFrom":"saved copy"#))

            try await app.process.crash()
            for copy in try fleet.copies { try FileManager.default.removeItem(at: copy) }
            try await app.process.start()
            let output = try await app.process.output()
            #expect(output.contains("There is no policy to start with."))
            #expect(output.contains("policy.json") && output.contains("copy-"))
        }
    }
}

/// What the two middlewares promise to whoever copies them.
struct MiddlewareTests {
    private static let release: Release = [.app: "v1", .model: "v1"]

    /// A router with a canary of 100 % that is kept by cookie.
    private static func canary() throws -> RolloutRouter {
        try RolloutRouter(
            policy: RolloutPolicy(
                json: """
                    {"schema": 1, "revision": 1, "rollouts": {"sms": {
                        "strategy": {"type": "canary", "percent": 100, "stable": {"app": "v1", "model": "v1"},
                                     "canary": {"app": "v2", "model": "v2"}},
                        "sticky": {"cookie": "v", "maxAge": 3600, "secure": false}, "missingUnit": "assign",
                        "forced": {"qa": "stable"}}}}
                    """
            )
        )
    }

    private static func sessions() throws -> SessionRouter {
        SessionRouter(keys: try SigningKeys(text: "1 \(Data(repeating: 7, count: 32).base64EncodedString())"))
    }

    /// Sends one request through the app's middleware to a handler.
    private static func respond(
        by router: RolloutRouter,
        to headers: HTTPFields = [:],
        _ handler: @escaping @Sendable (Request, AppContext) async throws -> Response
    ) async throws -> TestResponse {
        let middleware = RolloutMiddleware(
            rollout: router.rollout(.sms, default: release),
            sessions: try sessions(),
            outcomes: router.outcomes
        )
        let routes = Router(context: AppContext.self)
        routes.group().add(middleware: middleware).get("/", use: handler)
        return try await Application(responder: routes.buildResponder()).test(.router) { client in
            try await client.execute(uri: "/", method: .get, headers: headers)
        }
    }

    struct Failure: Error {}

    struct Handler: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let status: HTTPResponse.Status
        let outcome: RequestOutcome
        let respond: @Sendable (Request, AppContext) async throws -> Response
    }

    static let handlers = [
        Handler(testDescription: "answers", status: .ok, outcome: .success) { _, _ in Response(status: .ok) },
        Handler(testDescription: "answers 404", status: .notFound, outcome: .success) { _, _ in
            Response(status: .notFound)
        },
        Handler(testDescription: "answers 503", status: .serviceUnavailable, outcome: .failure) { _, _ in
            Response(status: .serviceUnavailable)
        },
        Handler(testDescription: "throws 400", status: .badRequest, outcome: .success) { _, _ in
            throw HTTPError(.badRequest, message: "no")
        },
        Handler(testDescription: "throws 502", status: .badGateway, outcome: .failure) { _, _ in
            throw HTTPError(.badGateway)
        },
        Handler(testDescription: "throws", status: .internalServerError, outcome: .failure) { _, _ in throw Failure() },
    ]

    @Test("Every answer brings the cookie, is private, and is counted for the version", arguments: handlers)
    func everyAnswer(_ handler: Handler) async throws {
        let router = try Self.canary()
        let response = try await Self.respond(by: router, handler.respond)
        #expect(response.status == handler.status)
        #expect(response.headers[.setCookie]?.hasPrefix("v=") == true)
        #expect(response.headers[.cacheControl] == "private")
        let rows = router.outcomes.counts.rows.filter { $0.requests > 0 }
        #expect(rows.map(\.variant) == [.canary])
        #expect(rows.first?.drawn[handler.outcome].count == 1)
    }

    @Test("The handler's own cookies stay, and no-store too")
    func handlersHeaders() async throws {
        let response = try await Self.respond(by: Self.canary()) { _, _ in
            var response = Response(status: .ok, headers: [.cacheControl: "No-Store"])
            response.setCookie(Cookie(name: "basket", value: "7"))
            return response
        }
        #expect(response.headers[values: .setCookie].map { $0.prefix { $0 != "=" } } == ["basket", "v"])
        #expect(response.headers[.cacheControl] == "No-Store")
    }

    @Test("The handler gets the decision that the middleware made, and a visitor who is cancelled is no failure")
    func decision() async throws {
        let router = try Self.canary()
        let response = try await Self.respond(by: router, to: [.userID: "qa"]) { _, context in
            let decision = try context.decision
            #expect(context.logger[metadataKey: "rollout.reason"]?.description == "forced")
            return Response(status: .ok, headers: [.server: decision.variant.name.text])
        }
        #expect(response.headers[.server] == "stable")
        #expect(response.headers[.setCookie] == nil)

        _ = try await Self.respond(by: router) { _, _ in throw CancellationError() }
        #expect(router.outcomes.counts.rows.map(\.drawn.cancelled.count).reduce(0, +) == 1)
    }

    @Test("Before its first policy a process serves nobody, and is not ready")
    func noPolicy() async throws {
        let response = try await Self.respond(by: RolloutRouter()) { _, _ in Response(status: .ok) }
        #expect(response.status == .serviceUnavailable)
        #expect(response.headers[.setCookie] == nil)

        try await withFolder { folder in
            try writeKeys(in: folder)
            let values: [AbsoluteConfigKey: ConfigValue] = [
                "rollout.keys": ConfigValue(stringLiteral: folder.appending(path: "keys").path),
                "policy.source": "file:/nowhere/policy.json",
            ]
            let replica = try Replica(
                of: RolloutRouter(),
                gates: [],
                configuration: ConfigReader(provider: InMemoryProvider(values: values)),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            let routes = Router(context: AppContext.self)
            replica.addEndpoints(to: routes, showing: .app)
            try await Application(responder: routes.buildResponder()).test(.router) { client in
                let health = try await client.execute(uri: "/healthz", method: .get)
                #expect(health.status == .serviceUnavailable)
                #expect(String(buffer: health.body).contains(#""policyFrom":"nowhere yet""#))
                let status = try await client.execute(uri: "/rollout/status", method: .get)
                #expect(String(buffer: status.body).contains(#""keys":[1]"#))
                let page = try await client.execute(uri: "/metrics", method: .get)
                #expect(String(buffer: page.body).contains("rollout_policy_revision 0"))
            }
        }
    }

    @Test("Series of swift-metrics get names that Prometheus takes, and there are no more than a thousand of a kind")
    func seriesOfLibraries() {
        let service = ServiceMetrics()
        for count in [3, 4] as [Int64] {
            service.makeCounter(label: "1.a-b", dimensions: [("x.y", "/")]).increment(by: count)
        }
        let meter = service.makeMeter(label: "open", dimensions: [])
        meter.increment(by: 5)
        meter.decrement(by: 2)
        service.makeRecorder(label: "size", dimensions: [], aggregate: true).record(2.5)
        for time in [7, 8] as [Int64] { service.makeTimer(label: "t", dimensions: []).recordNanoseconds(time) }
        for number in 0..<2_000 {
            service.makeCounter(label: "many", dimensions: [("number", "\(number)")]).increment(by: 1)
        }
        let page = MetricsPage(of: RolloutRouter(), with: service.metrics).text
        for series in [
            #"_1_a_b_total{x_y="/"} 7"#, "open 3.0", "size 2.5", "t_count_total 2", "t_nanoseconds_total 15",
        ] {
            #expect(page.contains("\n\(series)\n"))
        }
        #expect(page.matches(of: /\nmany_total\{/).count == ServiceMetrics.limit - 1)
    }

    @Test("The model adopts what the app decided; a request that it cannot adopt is counted, and compared with none")
    func adoption() async throws {
        let router = try Self.canary()
        let rollout = router.rollout(.sms, default: Self.release)
        let sessions = try Self.sessions()
        let middleware = AdoptionMiddleware(rollout: rollout, sessions: sessions, outcomes: router.outcomes)
        let routes = Router(context: ModelContext.self)
        routes.group().add(middleware: middleware).get("/") { _, context in
            let adopted = try context.decision
            return "\(adopted.decision.variant.name) \(adopted.isTainted)"
        }
        let application = Application(responder: routes.buildResponder())
        // The app's policy has another share: its decision counts.
        let decision = rollout.decision(for: "qa")
        let header = try #require(sessions.header(for: decision, unit: "qa"))
        try await application.test(.router) { client in
            let adopted = try await client.execute(
                uri: "/",
                method: .get,
                headers: [.rolloutDecision: header, .userID: "qa"]
            )
            #expect(String(buffer: adopted.body) == "stable false")
            let tainted = try await client.execute(uri: "/", method: .get, headers: [.userID: "alice"])
            #expect(String(buffer: tainted.body) == "canary true")
        }
        #expect(sessions.counts.tainted(.missing) == 1)
        let canary = try #require(router.outcomes.counts.rows.first { $0.variant == .canary })
        #expect(canary.requests == 1 && canary.drawn.requests == 0)
    }

    @Test(
        "The article shows the middlewares as they are",
        arguments: ["App/RolloutMiddleware.swift", "Model/AdoptionMiddleware.swift"]
    )
    func article(_ name: String) throws {
        let examples = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
        let articles = examples.appending(path: "../Sources/Rollout/Rollout.docc")
        let file = try String(contentsOf: examples.appending(path: "Sources/\(name)"), encoding: .utf8)
        let middleware = try #require(file.range(of: "\n}\n\n")).upperBound
        let page = try String(contentsOf: articles.appending(path: "serving-with-hummingbird.md"), encoding: .utf8)
        #expect(page.contains(file[middleware...]))
    }
}

/// The demonstration as its own program, with a temporary directory of the test.
@Suite struct DemoTests {
    private static func demo(_ folder: URL, _ environment: [String: String] = [:]) throws -> ServiceProcess {
        let all = ["TMPDIR": folder.path].merging(environment) { $1 }
        return ServiceProcess(try executable("Demo"), [], all)
    }

    @Test("Ended by SIGTERM in the middle, it leaves no process, no port and no file")
    func terminated() async throws {
        try await withFolder { folder in
            let demo = try Self.demo(folder)
            try await demo.start()
            let output: String
            do {
                // A service saves its first policy, so all of them run.
                try await eventually("a fleet", within: .seconds(60)) {
                    #expect(!demo.hasEnded)
                    return try Self.files(in: folder).filter { $0.contains("/copy-") }.count == 7
                }
                let files = try Self.files(in: folder)
                let configuration = try #require(files.first { $0.hasSuffix("/nginx.conf") })
                let text = try String(contentsOfFile: "\(folder.path)/\(configuration)", encoding: .utf8)
                let lines = text.split(separator: "\n").filter { !$0.contains("#") }.joined(separator: "\n")
                let ports = Set(lines.matches(of: /127\.0\.0\.1:(\d+)/).compactMap { Int($0.1) })
                #expect(ports.count == 7, "two of nginx, and those of five services")
                #expect(try Self.processes(of: folder).count >= 10)

                try demo.send(.terminate)
                output = try await demo.output()
                #expect(try Self.files(in: folder) == [])
                #expect(try Self.processes(of: folder) == [])
                for port in ports {
                    let client = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    await #expect(throws: NIOConnectionError.self) {
                        try await client.connect(host: "127.0.0.1", port: port).get()
                    }
                }
            } catch {
                // It ends what it started, which takes longer than a test's process may.
                try demo.send(.terminate)
                print(try await demo.output())
                throw error
            }
            #expect(output.contains("Ended by SIGTERM. All processes have ended, and their files are removed."))
        }
    }

    @Test("A program that is missing is named, with its package")
    func missing() async throws {
        try await withFolder { folder in
            let demo = try Self.demo(folder, ["PATH": folder.path])
            try await demo.start()
            let output = try await demo.output()
            for (program, package) in [("etcd", "etcd-server"), ("prometheus", "prometheus")] {
                #expect(output.contains("there is no \(program): Debian has it in the package \(package)"), "\(output)")
            }
            #expect(try Self.files(in: folder) == [])
        }
    }

    private static func files(in folder: URL) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: folder.path)
    }

    /// The processes that were started with this temporary directory, or with a file in it.
    private static func processes(of folder: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { id in
            guard Int(id) != nil else { return false }
            return ["environ", "cmdline"].contains { name in
                let bytes = FileManager.default.contents(atPath: "/proc/\(id)/\(name)") ?? Data()
                return bytes.range(of: Data(folder.path.utf8)) != nil
            }
        }
    }
}
