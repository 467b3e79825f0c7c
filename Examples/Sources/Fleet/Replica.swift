import Configuration
import Foundation
import Hummingbird
import Logging
import Rollout
import ServiceLifecycle

extension RolloutID {
    /// The one rollout of these services.
    package static let sms: RolloutID = "sms"
}

/// What every process has that serves requests: a router that follows the policy of the fleet, the keys of sessions and
/// pairs, and the endpoints that show them.
///
/// | Variable | |
/// | --- | --- |
/// | `POLICY_SOURCE` | where the policy of the fleet is (`policySource`) |
/// | `POLICY_COPY` | a file of this process alone that keeps the last policy, for a start without the source |
/// | `POLICY_INTERVAL_MILLISECONDS` | how long to rest between two looks at the source, if not 1,000 |
/// | `ROLLOUT_KEYS` | the key file |
package final class Replica: Service {
    package let router: RolloutRouter
    package let updater: RolloutUpdater
    package let sessions: SessionRouter
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
        let interval = configuration.int(forKey: "policy.interval.milliseconds", default: 1_000)
        self.router = router
        updater = RolloutUpdater(router, gates: gates)
        sessions = SessionRouter(keys: try SigningKeys(contentsOf: keyFile))
        keys = KeyFollower(of: keyFile, updating: sessions) { event in
            logger.log(level: event.error == nil ? .info : .error, "keys: \(event)")
        }
        policies = PolicyFollower(
            of: try policySource(configuration),
            savedCopy: configuration.string(forKey: "policy.copy"),
            updating: updater,
            every: .milliseconds(interval)
        ) { event in
            logger.log(level: event.error == nil ? .info : .error, "policy: \(event)")
        }
    }

    /// Brings in the first policy, then follows policies and keys until the service shuts down.
    ///
    /// - Throws: `StartError` if neither the source has a policy within five seconds nor the saved copy has one.
    package func run() async throws {
        try await cancelWhenGracefulShutdown { [policies, keys] in
            do {
                try await policies.start(waiting: .seconds(5))
            } catch {
                if Task.isCancelled { return }
                throw error
            }
            async let following: Void = policies.run()
            async let renewing: Void = keys.run()
            _ = try await (following, renewing)
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
            EditedResponse(status: router.snapshot().revision > 0 ? .ok : .serviceUnavailable, response: health)
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
                accepting: request.headers[.accept],
                version: component
            )
            return Response(
                status: .ok,
                headers: [.contentType: page.contentType],
                body: ResponseBody(byteBuffer: ByteBuffer(string: page.text))
            )
        }
    }

    private var health: Health {
        let origin = updater.history.last { $0.outcome == .accepted }?.author
        return Health(revision: router.snapshot().revision, policyFrom: origin ?? "nowhere yet")
    }

    private struct Health: ResponseEncodable {
        let revision: UInt32
        /// The source of the policy, or the saved copy.
        let policyFrom: String
    }

    private struct Status: ResponseEncodable {
        let policy: RolloutStatus
        /// A rotation of keys goes on when every process shows its first step.
        let keys: [UInt8]
    }
}

/// Where the policy of the fleet is, by `POLICY_SOURCE`: `file:` and the path of a file that somebody else replaces, such as a
/// mounted ConfigMap.
private func policySource(_ configuration: ConfigReader) throws -> any PolicySource {
    let address = try configuration.requiredString(forKey: "policy.source")
    if address.hasPrefix("file:") { return PolicyFile(String(address.dropFirst(5))) }
    throw ConfigurationMistake(description: "POLICY_SOURCE is \"\(address)\"; it has to be \"file:\" and a path")
}

/// Runs a service, with its configuration from the environment (`LOG_LEVEL`, and what the service says). If it cannot run, its
/// last line says why, and the process has the status 1.
package func runService(_ label: String, _ body: (ConfigReader, Logger) async throws -> Void) async {
    let configuration = ConfigReader(provider: EnvironmentVariablesProvider())
    var logger = Logger(label: label)
    logger.logLevel = configuration.string(forKey: "log.level", as: Logger.Level.self, default: .info)
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
