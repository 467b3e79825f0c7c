import Configuration
import CoreMetrics
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Rollout
import ServiceLifecycle

extension RolloutID {
    /// The one rollout of these services.
    package static let sms: RolloutID = "sms"
}

/// What every process has that serves requests: a router that follows the policy of the fleet, the keys of sessions and
/// pairs, copies for a shadow, and the endpoints that show them.
///
/// | Variable | |
/// | --- | --- |
/// | `POLICY_SOURCE` | where the policy of the fleet is (`policySource`) |
/// | `POLICY_COPY` | a file of this process alone that keeps the last policy, for a start without the source |
/// | `POLICY_INTERVAL_MILLISECONDS` | how long to rest after a look at the source that was no news |
/// | `ROLLOUT_KEYS` | the key file |
package final class Replica: Service {
    package let router: RolloutRouter
    package let updater: RolloutUpdater
    package let sessions: SessionRouter
    package let shadows: ShadowRunner
    private let home: PolicyHome
    private let policies: PolicyFollower
    private let keys: KeyFollower

    /// A replica. It asks nobody for a policy before ``run()``.
    package init(
        of router: RolloutRouter,
        gates: [any PolicyGate],
        configuration: ConfigReader,
        logger: Logger
    ) throws {
        let keyFile = try configuration.requiredString(forKey: "rollout.keys")
        self.router = router
        updater = RolloutUpdater(router, gates: gates)
        sessions = SessionRouter(keys: try SigningKeys(contentsOf: keyFile))
        shadows = ShadowRunner(of: router)
        keys = KeyFollower(of: keyFile, updating: sessions) { event in
            logger.log(level: event.error == nil ? .info : .error, "keys: \(event)")
        }
        // Last: whatever has a connection to etcd has to be run, which closes it.
        home = try PolicyHome(configuration)
        policies = home.follower(updating: updater, configuration) { event in
            logger.log(level: event.error == nil ? .info : .error, "policy: \(event)")
        }
    }

    /// Brings in the first policy, then follows policies and keys, and runs copies, until the service shuts down.
    ///
    /// - Throws: `StartError` if neither the source has a policy within five seconds nor the saved copy has one.
    package func run() async throws {
        try await home.whileOpen {
            try await cancelWhenGracefulShutdown { [policies, keys, shadows] in
                guard try await policies.startUnlessCancelled() else { return }
                async let following: Void = policies.run()
                async let renewing: Void = keys.run()
                async let copying: Void = shadows.run()
                _ = try await (following, renewing, copying)
            }
        }
    }

    // MARK: Endpoints

    /// Adds `/healthz`, `/rollout/status` and `/metrics`, for the network of the services alone.
    ///
    /// - Parameters:
    ///   - routes: The router of the service.
    ///   - component: What of a release this service is, for the label `version` of its metrics.
    package func addEndpoints(to routes: Router<some RequestContext>, showing component: Release.Component) {
        routes.get("healthz") { [self] _, _ in
            Health(of: updater).response
        }
        routes.get("rollout/status") { [router] _, _ in
            Status(policy: router.status, keys: self.sessions.keyIDs)
        }
        routes.get("metrics") { [self] request, _ in
            let page = MetricsPage(
                of: router,
                with: updater.metrics,
                sessions.metrics,
                policies.metrics,
                shadows.metrics,
                ServiceMetrics.shared.metrics,
                accepting: request.headers[.accept],
                version: component
            )
            return page.response
        }
    }

    private struct Status: ResponseEncodable {
        let policy: RolloutStatus
        /// A rotation of keys goes on when every process shows its first step.
        let keys: [UInt8]
    }
}

/// Which policy a process runs, and where it came from.
package struct Health: ResponseCodable {
    package let revision: UInt32
    package let digest: String
    /// The source of the policy, or the saved copy, or who made the last change in this process.
    package let policyFrom: String

    package init(of updater: RolloutUpdater) {
        let status = updater.router.status
        (revision, digest) = (status.revision, status.digest)
        policyFrom = updater.history.last { $0.outcome == .accepted }?.author ?? "nowhere yet"
    }

    /// 503 until a policy runs.
    package var response: EditedResponse<Health> {
        EditedResponse(status: revision > 0 ? .ok : .serviceUnavailable, response: self)
    }
}

extension MetricsPage {
    /// The page as an answer.
    package var response: Response {
        Response(
            status: .ok,
            headers: [.contentType: contentType],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }
}

extension PolicyFollower {
    /// Brings in the first policy, and returns whether there is something to go on with: not if the service shuts down.
    ///
    /// - Throws: `StartError` if neither the source has a policy within five seconds nor the saved copy has one.
    package func startUnlessCancelled() async throws -> Bool {
        do {
            try await start(waiting: .seconds(5))
        } catch {
            if Task.isCancelled { return false }
            throw error
        }
        return true
    }
}

/// Where the policy of the fleet is, by `POLICY_SOURCE`.
package enum PolicyHome: Sendable {
    /// `file:` and the path of a file that somebody else replaces, such as a mounted ConfigMap.
    case file(PolicyFile)
    /// `etcd:` and the address of etcd.
    case etcd(EtcdGateway, EtcdStore)

    package init(_ configuration: ConfigReader) throws {
        let address = try configuration.requiredString(forKey: "policy.source")
        if address.hasPrefix("file:") {
            self = .file(PolicyFile(String(address.dropFirst(5))))
        } else if address.hasPrefix("etcd:http://") || address.hasPrefix("etcd:https://") {
            let gateway = EtcdGateway(String(address.dropFirst(5)))
            self = .etcd(gateway, EtcdStore(gateway))
        } else {
            throw ConfigurationMistake(
                description:
                    "POLICY_SOURCE is \"\(address)\"; it has to be \"file:\" and a path, or \"etcd:\" and an address "
                    + "such as \"http://127.0.0.1:2379\""
            )
        }
    }

    /// What brings the policies from here to an updater.
    package func follower(
        updating updater: RolloutUpdater,
        _ configuration: ConfigReader,
        report: @escaping @Sendable (PolicyFollower.Event) -> Void
    ) -> PolicyFollower {
        let (source, interval): (any PolicySource, Int) =
            switch self {
            case .file(let file): (file, 1_000)
            // etcd tells of changes.
            case .etcd(_, let store): (store, 100)
            }
        return PolicyFollower(
            of: source,
            savedCopy: configuration.string(forKey: "policy.copy"),
            updating: updater,
            every: .milliseconds(configuration.int(forKey: "policy.interval.milliseconds", default: interval)),
            report: report
        )
    }

    /// Calls the body, and closes the connections to etcd when it has returned or thrown.
    package func whileOpen(_ body: () async throws -> Void) async throws {
        let result: Result<Void, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        if case .etcd(let gateway, _) = self { try await gateway.shutdown() }
        try result.get()
    }
}

/// Runs a service, with its configuration from the environment (`LOG_LEVEL`, and what the service says). If it cannot run, its
/// last line says why, and the process has the status 1.
package func runService(_ label: String, _ body: (ConfigReader, Logger) async throws -> Void) async {
    let configuration = ConfigReader(provider: EnvironmentVariablesProvider())
    var logger = Logger(label: label)
    logger.logLevel = configuration.string(forKey: "log.level", as: Logger.Level.self, default: .info)
    MetricsSystem.bootstrap(ServiceMetrics.shared)
    do {
        try await body(configuration, logger)
    } catch {
        logger.critical("\(error)")
        exit(1)
    }
}

/// A value of the configuration that cannot be used, in a sentence.
package struct ConfigurationMistake: Error, CustomStringConvertible {
    package let description: String

    package init(description: String) { self.description = description }
}

// MARK: What the app and the model say to each other

/// A text message to be classified: the body of a request to the app, and of the app's to the model.
package struct Message: Codable, Sendable {
    package let sms: String

    /// The largest body, in bytes.
    package static let limit = 65_536

    /// The message in the body of a request.
    ///
    /// - Throws: `HTTPError`: 413 for a body above the limit, 400 for one that is no message.
    package init(from request: Request, context: some RequestContext) async throws {
        do {
            self = try await request.decode(as: Message.self, context: context)
        } catch is NIOTooManyBytesError {
            throw HTTPError(.contentTooLarge, message: "A message has at most \(Self.limit) bytes.")
        }
        guard sms.contains(where: { !$0.isWhitespace }) else {
            throw HTTPError(.badRequest, message: "`sms` has to be a text that is not blank.")
        }
    }
}

/// What the model makes of a message.
package struct Prediction: Codable, Sendable, ResponseEncodable {
    package let result: Result
    /// How probable it is that the message is spam, 0 ... 1.
    package let probability: Double
    /// The words that spoke for spam, the strongest first.
    package let words: [String]
    /// The version of the model.
    package let version: String
    /// Whether the version may not be the one that belongs to the caller's.
    package let isTainted: Bool

    package enum Result: String, Codable, Sendable { case spam, ham }

    package init(probability: Double, words: [String], version: String, isTainted: Bool) {
        self.result = probability > 0.5 ? .spam : .ham
        self.probability = probability
        self.words = words
        self.version = version
        self.isTainted = isTainted
    }
}

extension HTTPField.Name {
    /// Who the visitor is. Whatever signs visitors in sets it, and takes away what comes from outside.
    package static let userID = name("X-User-ID")
    /// The decision of the service that calls.
    package static let rolloutDecision = name("Rollout-Decision")

    private static func name(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("\(text) is no name of a header") }
        return name
    }
}
