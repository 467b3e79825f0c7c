import Configuration
import Fleet
import Hummingbird
import Logging
import Rollout

/// Classifies text messages: `POST /predict` with `{"sms": "…"}`, from the app.
@main
struct Model {
    static func main() async { await runService("model", run) }

    private static func run(_ configuration: ConfigReader, _ logger: Logger) async throws {
        let router = RolloutRouter()
        let release: Release = [.app: "v1", .model: "v1"]
        let sms = router.rollout(.sms, default: release)
        let models = try await ReleaseResources(
            for: router.snapshot().policy,
            defaults: [.sms: release],
            load: { _, release in try NaiveBayes(version: release[.model] ?? "") },
            free: { model in logger.info("version \(model.version) is freed") }
        )
        let known = KnownReleases([.model: Set(try NaiveBayes.versions)], in: [.sms])
        let replica = try Replica(of: router, gates: [known, models], configuration: configuration, logger: logger)

        let routes = Router(context: ModelContext.self)
        replica.addEndpoints(to: routes, showing: .model)
        routes.group()
            .add(middleware: AdoptionMiddleware(rollout: sms, sessions: replica.sessions, outcomes: router.outcomes))
            .add(middleware: LogRequestsMiddleware(.info))
            .post("predict") { request, context in
                let adopted = try context.decision
                let message = try await Message(from: request, context: context)
                return models.withValue(for: adopted.decision.variant) { model, variant in
                    // Another variant's model stands in for one that was freed after the decision.
                    model.prediction(for: message, isTainted: adopted.isTainted || variant != adopted.decision.variant)
                }
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
