import Configuration
import Fleet
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import Rollout
import Testing

@testable import App
@testable import Model

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
            try ServiceFleet.writeKeys(in: folder)
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
