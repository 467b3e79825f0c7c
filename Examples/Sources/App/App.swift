import AsyncHTTPClient
import Configuration
import Fleet
import Hummingbird
import Logging
import Rollout

/// Says whether a text message is spam: `POST /sms` with `{"sms": "…"}`.
@main
struct App {
    /// The versions that this binary has.
    enum Version: String, CaseIterable { case v1, v2 }

    static func main() async { await runService("app", run) }

    private static func run(_ configuration: ConfigReader, _ logger: Logger) async throws {
        let router = RolloutRouter()
        let sms = router.rollout(.sms, default: [.app: "v1", .model: "v1"])
        let known = KnownReleases([.app: Set(Version.allCases.map(\.rawValue))], in: [.sms])
        let address = try configuration.requiredString(forKey: "model.address")
        let replica = try Replica(of: router, gates: [known], configuration: configuration, logger: logger)

        // A version of the model that hangs must not use up the connections that the other one needs.
        var connections = HTTPClient.Configuration()
        connections.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1_000
        try await HTTPClient.withHTTPClient(configuration: connections) { client in
            let model = ModelClient(
                client: client,
                address: address,
                limit: .milliseconds(configuration.int(forKey: "model.limit.milliseconds", default: 2_000)),
                sessions: replica.sessions
            )
            let routes = Router(context: AppContext.self)
            routes.add(middleware: MetricsMiddleware())
            replica.addEndpoints(to: routes, showing: .app)
            addUnits(of: router, to: routes)
            routes.group()
                .add(middleware: RolloutMiddleware(rollout: sms, sessions: replica.sessions, outcomes: router.outcomes))
                .add(middleware: LogRequestsMiddleware(.info))
                .post("sms") { request, context in
                    try await verdict(on: request, context, model, replica.shadows)
                }
            let application = Application(
                router: routes,
                configuration: ApplicationConfiguration(reader: configuration.scoped(to: "http")),
                services: [replica],
                logger: logger
            )
            try await application.runService()
        }
    }

    /// Adds `POST /rollout/units`: what this process knows of a canary's units, for the driver, which unites what all know.
    ///
    /// The body is an `OutcomeStage`. To ask for a stage begins it, so nobody else may. A table has buckets, and nobody's id. It is
    /// 204 without one if no units are counted: the plan wants none, or another policy runs here.
    private static func addUnits(of router: RolloutRouter, to routes: Router<AppContext>) {
        routes.post("rollout/units") { request, context in
            let stage = try await request.decode(as: OutcomeStage.self, context: context)
            guard let table = router.outcomes.unitTable(in: stage) else { return Response(status: .noContent) }
            return Response(
                status: .ok,
                headers: [.contentType: "application/octet-stream"],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: table.bytes))
            )
        }
    }

    private static func verdict(
        on request: Request,
        _ context: AppContext,
        _ model: ModelClient,
        _ shadows: ShadowRunner
    ) async throws -> Response {
        let decision = try context.decision
        let message = try await Message(from: request, context: context)
        let prediction = try await model.prediction(for: message, by: decision, user: request.headers[.userID])
        let response = try verdict(of: decision.variant, on: prediction).response(from: request, context: context)
        if let shadow = decision.shadow, let permit = shadows.permit(for: decision) {
            // Whether the other version has an answer at all. The model makes a copy of its own part.
            permit.run(.readOnly) { _ = try verdict(of: shadow, on: prediction) }
        }
        return response
    }

    private static func verdict(
        of variant: Decision.Variant,
        on prediction: Prediction
    ) throws -> any ResponseEncodable {
        switch variant.release[.app].flatMap(Version.init) {
        case .v2: try Verdict2(prediction)
        default: Verdict1(prediction)
        }
    }
}

/// What version 1 answers: spam or not.
struct Verdict1: ResponseEncodable {
    let app = App.Version.v1.rawValue
    let model: String
    let isTainted: Bool
    let result: Prediction.Result

    init(_ prediction: Prediction) {
        model = prediction.version
        isTainted = prediction.isTainted
        result = prediction.result
    }
}

/// What version 2 answers: how sure it is, and why.
///
/// It has a fault, so that there is something to roll back: it cannot answer if no word speaks for spam.
struct Verdict2: ResponseEncodable {
    let app = App.Version.v2.rawValue
    let model: String
    let isTainted: Bool
    let result: Prediction.Result
    let certainty: Double
    let because: String

    init(_ prediction: Prediction) throws {
        guard let strongest = prediction.words.first else { throw NothingToSay() }
        model = prediction.version
        isTainted = prediction.isTainted
        result = prediction.result
        certainty = max(prediction.probability, 1 - prediction.probability)
        because = strongest
    }

    struct NothingToSay: Error {}
}
