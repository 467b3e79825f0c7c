import Configuration
import Fleet
import HTTPTypes
import Hummingbird
import Logging
import Rollout

/// Gives the same small answer in three ways, so that their costs can be compared (`Examples/load`):
///
///     /bare       the handler alone
///     /idle       the handler behind a middleware that decides nothing
///     /rollout    the handler behind the app's own middleware
@main
struct Load {
    static func main() async { await runService("load", run) }

    private static func run(_ configuration: ConfigReader, _ logger: Logger) async throws {
        let policy = try RolloutPolicy(
            json: """
                {"schema": 1, "revision": 1, "rollouts": {"sms": {
                    "strategy": {"type": "canary", "percent": 10, "stable": {"app": "v1", "model": "v1"},
                                 "canary": {"app": "v2", "model": "v2"}},
                    "sticky": {"cookie": "sms-app-version", "maxAge": 3600, "secure": false}, "missingUnit": "assign"}}}
                """
        )
        let router = try RolloutRouter(policy: policy)
        let rollout = router.rollout(.sms, default: [.app: "v1", .model: "v1"])
        let keyFile = try configuration.requiredString(forKey: "rollout.keys")
        let sessions = SessionRouter(keys: try SigningKeys(contentsOf: keyFile))

        let routes = Router(context: AppContext.self)
        routes.get("bare", use: answer)
        routes.group().add(middleware: IdleMiddleware(decision: rollout.decision(for: "somebody"))).get(
            "idle",
            use: answer
        )
        routes.group()
            .add(middleware: RolloutMiddleware(rollout: rollout, sessions: sessions, outcomes: router.outcomes))
            .get("rollout", use: answer)
        let application = Application(
            router: routes,
            configuration: ApplicationConfiguration(reader: configuration.scoped(to: "http")),
            logger: logger
        )
        try await application.runService()
    }

    @Sendable private static func answer(to request: Request, _ context: AppContext) -> Response {
        let text = #"{"app":"v1","model":"v1","isTainted":false,"result":"ham"}"#
        return Response(
            status: .ok,
            headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }
}

/// Does what `RolloutMiddleware` does beside deciding and counting: it reads the same headers, leaves the same metadata and sets the
/// same headers.
private struct IdleMiddleware: RouterMiddleware {
    let decision: Decision

    func handle(
        _ request: Request,
        context: AppContext,
        next: (Request, AppContext) async throws -> Response
    ) async throws -> Response {
        let cookies = request.headers[values: .cookie]
        _ = SessionRequest(unit: request.headers[.userID], host: request.head.authority, cookies: cookies)
        var logger = context.logger
        logger[metadataKey: "rollout.variant"] = .stringConvertible(decision.variant.name)
        logger[metadataKey: "rollout.reason"] = .stringConvertible(decision.reason)
        logger[metadataKey: "rollout.revision"] = .stringConvertible(decision.revision)
        var context = context
        context.logger = logger

        var response: Response
        do {
            response = try await next(request, context)
        } catch let error as any HTTPResponseError {
            response = try error.response(from: request, context: context)
        }
        if cookies.isEmpty {
            // About as long as the cookie of a session.
            let cookie =
                "sms-app-version=\(String(repeating: "x", count: 64)); Max-Age=3600; Path=/; HttpOnly; SameSite=Lax"
            response.headers.append(HTTPField(name: .setCookie, value: cookie))
        }
        if response.headers[.cacheControl]?.lowercased().contains("no-store") != true {
            response.headers[.cacheControl] = "private"
        }
        return response
    }
}
