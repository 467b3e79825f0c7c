import Configuration
import Fleet
import HTTPTypes
import Hummingbird
import Logging
import Rollout

/// What `Examples/load` measures: one handler behind three kinds of middleware, and what each request costs.
@main
struct Load {
    static func main() async { await runService("load", run) }

    private static func run(_ configuration: ConfigReader, _ logger: Logger) async throws {
        let router = RolloutRouter()
        let sms = router.rollout(.sms, default: [.app: "v1", .model: "v1"])
        let replica = try Replica(of: router, gates: [], configuration: configuration, logger: logger)
        let routes = Router(context: AppContext.self)
        replica.addEndpoints(to: routes, showing: .app)
        routes.get("bare") { _, _ in "hello" }
        routes.group()
            .add(middleware: UndecidedMiddleware())
            .get("undecided") { _, _ in "hello" }
        routes.group()
            .add(middleware: RolloutMiddleware(rollout: sms, sessions: replica.sessions, outcomes: router.outcomes))
            .get("decided") { _, _ in "hello" }
        let application = Application(
            router: routes,
            configuration: ApplicationConfiguration(reader: configuration.scoped(to: "http")),
            services: [replica],
            logger: logger
        )
        try await application.runService()
    }
}

/// Does what ``RolloutMiddleware`` does, but for deciding and counting.
struct UndecidedMiddleware: RouterMiddleware {
    func handle(
        _ request: Request,
        context: AppContext,
        next: (Request, AppContext) async throws -> Response
    ) async throws -> Response {
        _ = SessionRequest(
            unit: request.headers[.userID],
            host: request.head.authority,
            cookies: request.headers[values: .cookie]
        )
        var logger = context.logger
        logger[metadataKey: "rollout.variant"] = "stable"
        logger[metadataKey: "rollout.reason"] = "sticky"
        logger[metadataKey: "rollout.revision"] = "1"
        var context = context
        context.logger = logger
        var response = try await next(request, context)
        response.headers[.cacheControl] = "private"
        return response
    }
}
