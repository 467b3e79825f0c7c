import AsyncHTTPClient
import Configuration
import Fleet
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOFoundationCompat
import Rollout
import ServiceLifecycle

/// The operators' service: it changes the policy of the fleet, and says what the fleet runs. Never at the public port.
///
///     Control                                              serves the API
///     Control seed FILE                                    writes a policy where the store holds none
///     Control keys FOLDER                                  makes a key for tokens, for a demonstration
///     Control token FOLDER SUBJECT SCOPE… [--minutes N]    signs a token with it
@main
struct Control {
    private static let usage = "usage: Control [seed FILE | keys FOLDER | token FOLDER SUBJECT SCOPE… [--minutes N]]"

    static func main() async { await runService("control", run) }

    private static func run(_ configuration: ConfigReader, _ logger: Logger) async throws {
        let words = Array(CommandLine.arguments.dropFirst())
        switch (words.first, words.dropFirst().first) {
        case (nil, _): try await serve(configuration, logger)
        case ("seed", let file?) where words.count == 2: try await seed(file, configuration)
        case ("keys", let folder?) where words.count == 2: print("made the key \(try TokenMaker.makeKey(in: folder))")
        case ("token", let folder?): try await token(folder, Array(words.dropFirst(2)), configuration)
        default: throw ConfigurationMistake(description: usage)
        }
    }

    // MARK: The service

    private static func serve(_ configuration: ConfigReader, _ logger: Logger) async throws {
        let authority = try await TokenAuthority(configuration, logger)
        let file = try configuration.requiredString(forKey: "audit.database")
        let replicas = configuration.string(forKey: "replicas", default: "").split(separator: ",").map(String.init)
        let home = try PolicyHome(configuration)
        try await home.whileOpen {
            let (etcd, store) = try home.requireStore()
            let trail = try AuditTrail(file, of: store, logger)
            let router = RolloutRouter()
            let updater = RolloutUpdater(
                router,
                recorders: [trail],
                store: store,
                remembering: try await trail.remembered()
            )
            let reach = StoreReach()
            let policies = home.follower(updating: updater, configuration) { event in
                reach.note(event)
                logger.log(level: event.error == nil ? .info : .error, "policy: \(event)")
            }

            let driver = try Driver(updater: updater, etcd: etcd, configuration: configuration, logger: logger)

            let client = HTTPClient(connecting: .seconds(1), reading: .seconds(1))
            let routes = Router(context: AdminContext.self)
            routes.add(middleware: MetricsMiddleware())
            routes.add(middleware: LogRequestsMiddleware(.info))
            routes.get("healthz") { _, _ in Health(of: updater).response }
            routes.get("metrics") { request, _ in
                MetricsPage(
                    of: router,
                    with: updater.metrics,
                    policies.metrics,
                    trail.metrics,
                    driver.metrics,
                    ServiceMetrics.shared.metrics,
                    accepting: request.headers[.accept]
                ).response
            }
            let api = AdminAPI(
                updater: updater,
                store: store,
                reach: reach,
                trail: trail,
                driver: driver,
                authority: authority,
                client: client,
                replicas: replicas
            )
            api.addRoutes(to: routes)
            try routes.addPage()
            driver.addEndpoints(to: api.group(in: routes, for: [.read]))
            let application = Application(
                router: routes,
                configuration: ApplicationConfiguration(reader: configuration.scoped(to: "http")),
                services: [Following(policies: policies), trail, authority, driver],
                logger: logger
            )
            let result: Result<Void, any Error>
            do { result = .success(try await application.runService()) } catch { result = .failure(error) }
            await trail.finish()
            try await client.shutdown()
            try result.get()
        }
    }

    /// Follows the store as a service of a service group.
    private struct Following: Service {
        let policies: PolicyFollower

        func run() async throws {
            try await cancelWhenGracefulShutdown {
                guard try await policies.startUnlessCancelled() else { return }
                try await policies.run()
            }
        }
    }

    // MARK: Commands

    private static func seed(_ file: String, _ configuration: ConfigReader) async throws {
        let policy = try RolloutPolicy(json: String(contentsOfFile: file, encoding: .utf8))
        let home = try PolicyHome(configuration)
        try await home.whileOpen {
            let (_, store) = try home.requireStore()
            let updater = RolloutUpdater(try RolloutRouter(policy: policy), store: store)
            try await updater.seed(by: "seed", because: "the store held no policy", within: .seconds(5))
            let held = try await store.read()
            let record = held?.record.flatMap { try? UpdateRecord(json: $0) }
            let own = updater.history.first?.process
            let revision = updater.router.snapshot().revision
            if record?.process == own {
                print("\(store.name) holds revision \(revision) of \(file) now")
            } else {
                print("\(store.name) held a policy already, and was left alone: revision \(revision)")
            }
        }
    }

    private static func token(_ folder: String, _ words: [String], _ configuration: ConfigReader) async throws {
        var (words, minutes) = (words, 60.0)
        if let place = words.firstIndex(of: "--minutes") {
            guard words.indices.contains(place + 1), let number = Double(words[place + 1]), number.isFinite else {
                throw ConfigurationMistake(description: "--minutes needs a number")
            }
            minutes = number
            words.removeSubrange(place...(place + 1))
        }
        guard let subject = words.first, words.count > 1 else { throw ConfigurationMistake(description: usage) }
        let scopes = words.dropFirst()
        if let unknown = scopes.first(where: { Scope(rawValue: $0) == nil }) {
            let known = Scope.allCases.map(\.rawValue).joined(separator: ", ")
            throw ConfigurationMistake(description: "there is no scope \"\(unknown)\"; there are \(known)")
        }
        let claims = Claims(
            iss: try configuration.requiredString(forKey: "token.issuer"),
            aud: Claims.Audience(try configuration.requiredString(forKey: "token.audience")),
            exp: Double(UnixTime.now.seconds) + minutes * 60,
            sub: subject,
            scope: scopes.joined(separator: " ")
        )
        print(try await TokenMaker.token(claims, keysIn: folder))
    }
}

extension PolicyHome {
    /// The store, for a process that changes the policy.
    fileprivate func requireStore() throws -> (EtcdGateway, EtcdStore) {
        if case .etcd(let gateway, let store) = self { return (gateway, store) }
        throw ConfigurationMistake(
            description:
                "Control needs a store to change the policy in: POLICY_SOURCE has to be \"etcd:\" and an address"
        )
    }
}

extension Router<AdminContext> {
    /// Adds the operators' page: the files of `Page`, which are read once.
    ///
    /// They hold no secret, and need no token. What the page shows comes from the API, with the token that an operator gives it. It runs
    /// no script but its own, sends no form anywhere, and stands in no frame of another page.
    fileprivate func addPage() throws {
        let folder = Bundle.module.bundleURL.appending(path: "Page")
        let files = [
            ("", "index.html", "text/html"), ("page.css", "page.css", "text/css"),
            ("page.js", "page.js", "text/javascript"),
        ]
        for (path, file, type) in files {
            let bytes = ByteBuffer(data: try Data(contentsOf: folder.appending(path: file)))
            let headers: HTTPFields = [
                .contentType: "\(type); charset=utf-8",
                .contentSecurityPolicy:
                    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
                .xContentTypeOptions: "nosniff",
                .referrerPolicy: "no-referrer",
                .cacheControl: "no-store",
            ]
            get(RouterPath(path)) { _, _ in
                Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: bytes))
            }
        }
    }
}

extension HTTPField.Name {
    fileprivate static let referrerPolicy: HTTPField.Name = {
        guard let name = HTTPField.Name("Referrer-Policy") else { preconditionFailure("this is a name") }
        return name
    }()
}
