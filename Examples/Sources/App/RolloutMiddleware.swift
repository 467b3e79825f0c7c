import Fleet
import HTTPTypes
import Hummingbird
import Logging
import NIOHTTP1
import Rollout

/// A request, and what was decided for it.
struct AppContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Nil outside of the routes that have a ``RolloutMiddleware``.
    var session: SessionDecision?

    init(source: Source) { coreContext = CoreRequestContextStorage(source: source) }

    var maxUploadSize: Int { Message.limit }

    /// The decision for the request.
    var decision: Decision {
        get throws {
            guard let session else { throw HTTPError(.internalServerError, message: "This route decides nothing.") }
            return session.decision
        }
    }
}

/// Decides once for each request, keeps the visitor in their version, and counts what became of the request.
struct RolloutMiddleware: RouterMiddleware {
    let rollout: RolloutHandle
    let sessions: SessionRouter
    let outcomes: Outcomes

    func handle(
        _ request: Request,
        context: AppContext,
        next: (Request, AppContext) async throws -> Response
    ) async throws -> Response {
        let visit = SessionRequest(
            unit: request.headers[.userID],
            host: request.head.authority,
            cookies: request.headers[values: .cookie]
        )
        let session = sessions.route(visit, through: rollout)
        let decision = session.decision
        // Before its first policy this process has only defaults, which may be another version than the visitor's. The proxy
        // asks another process.
        guard decision.revision > 0 else { throw HTTPError(.serviceUnavailable, message: "No policy runs here yet.") }

        // Changed as a variable: each change through the context would copy all of the metadata.
        var logger = context.logger
        logger[metadataKey: "rollout.variant"] = .stringConvertible(decision.variant.name)
        logger[metadataKey: "rollout.reason"] = .stringConvertible(decision.reason)
        logger[metadataKey: "rollout.revision"] = .stringConvertible(decision.revision)
        var context = context
        context.logger = logger
        context.session = session

        var response = try await outcomes.measure(decision, as: Self.outcome(of:)) { () async throws -> Response in
            do {
                return try await next(request, context)
            } catch {
                return try answer(to: request, context, error)
            }
        }
        if let cookie = session.setCookie { response.headers.append(HTTPField(name: .setCookie, value: cookie)) }
        if response.headers[.cacheControl]?.lowercased().contains("no-store") != true {
            response.headers[.cacheControl] = "private"
        }
        return response
    }

    /// What a response means for the version that gave it: a request that is the caller's mistake is no failure.
    private static func outcome(of response: Response) -> RequestOutcome {
        response.status.code < 500 ? .success : .failure
    }

    /// The response to a request whose handler threw. It gets its cookie like any other: without it the visitor would be drawn
    /// anew, and a version that fails would lose the visitors it fails.
    private func answer(to request: Request, _ context: AppContext, _ error: any Error) throws -> Response {
        switch error {
        case let error as any HTTPResponseError: return try error.response(from: request, context: context)
        case is CancellationError, is HTTPParserError: throw error  // Nobody is left to answer.
        default:
            context.logger.error("\(error)")
            return Response(status: .internalServerError)
        }
    }
}
