import Fleet
import HTTPTypes
import Hummingbird
import Logging
import Rollout

/// A request, and the decision that the calling service sent along.
struct ModelContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Nil outside of the routes that have an ``AdoptionMiddleware``.
    var adopted: AdoptedDecision?

    init(source: Source) { coreContext = CoreRequestContextStorage(source: source) }

    var maxUploadSize: Int { Message.limit }

    /// The decision for the request, and whether it is the caller's.
    var decision: AdoptedDecision {
        get throws {
            guard let adopted else { throw HTTPError(.internalServerError, message: "This route adopts nothing.") }
            return adopted
        }
    }
}

/// Adopts the decision of the calling service, and counts what became of the request.
///
/// A request whose decision cannot be adopted is served by a fresh one, and is tainted: it counts, but not among the requests
/// that compare versions.
struct AdoptionMiddleware: RouterMiddleware {
    let rollout: RolloutHandle
    let sessions: SessionRouter
    let outcomes: Outcomes

    func handle(
        _ request: Request,
        context: ModelContext,
        next: (Request, ModelContext) async throws -> Response
    ) async throws -> Response {
        let adopted = sessions.adopt(request.headers[.rolloutDecision], for: request.headers[.userID], through: rollout)
        // The proxy asks another process.
        guard adopted.decision.revision > 0 else {
            throw HTTPError(.serviceUnavailable, message: "No policy runs here yet.")
        }
        var logger = context.logger
        logger[metadataKey: "rollout.variant"] = .stringConvertible(adopted.decision.variant.name)
        logger[metadataKey: "rollout.revision"] = .stringConvertible(adopted.decision.revision)
        if let taint = adopted.taint { logger[metadataKey: "rollout.taint"] = .stringConvertible(taint) }
        var context = context
        context.logger = logger
        context.adopted = adopted
        return try await outcomes.measure(adopted, as: Self.outcome(of:)) { () async throws -> Response in
            do {
                return try await next(request, context)
            } catch let error as any HTTPResponseError {
                return try error.response(from: request, context: context)
            }
        }
    }

    /// What a response means for the version that gave it: a request that is the caller's mistake is no failure.
    private static func outcome(of response: Response) -> RequestOutcome {
        response.status.code < 500 ? .success : .failure
    }
}
