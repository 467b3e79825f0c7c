import AsyncHTTPClient
import Foundation
import Hummingbird
import Logging
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import Synchronization
import Testing

@testable import Demo

/// The services behind nginx, on ports of the system, in a temporary folder.
///
/// ``with(apps:models:policy:_:)`` ends all of it when its body returns or throws.
struct ServiceFleet: Sendable {
    let folder: URL
    let client: HTTPClient
    let apps: [Service]
    let models: [Service]
    private let proxy: ServiceProcess
    /// nginx, for visitors.
    let address: String

    /// A process of a service, and its own address.
    struct Service: Sendable {
        let process: ServiceProcess
        let address: String
    }

    /// Calls the body with a fleet that runs a policy. They have it from a file, unless they are given
    /// another source. Somebody at `modelAddress` may stand for the processes of the model.
    static func with(
        apps: Int = 3,
        models: Int = 2,
        policy: TestPolicy,
        source: String? = nil,
        modelAddress: String? = nil,
        logLevel: String = "warning",
        _ body: @Sendable (ServiceFleet) async throws -> Void
    ) async throws {
        try await withFolder { folder in
            try await HTTPClient.withHTTPClient(configuration: .manyConnections) { client in
                let fleet = try ServiceFleet(folder, client, apps, models, source, modelAddress, logLevel)
                let result: Result<Void, any Error>
                do {
                    try policy.write(to: fleet.policyFile)
                    for process in fleet.processes { try await process.start() }
                    for service in fleet.apps + fleet.models {
                        try await fleet.waitUntilReady(service, policy.revision)
                    }
                    result = .success(try await body(fleet))
                } catch {
                    result = .failure(error)
                }
                for process in fleet.processes {
                    let output = await process.end()
                    if case .failure = result { print(output) }
                }
                try result.get()
            }
        }
    }

    private init(
        _ folder: URL,
        _ client: HTTPClient,
        _ appCount: Int,
        _ modelCount: Int,
        _ source: String?,
        _ modelAddress: String?,
        _ logLevel: String
    ) throws {
        let ports = try freePorts(appCount + modelCount + 2)
        let (front, middle) = (ports[0], ports[1])
        let (appPorts, modelPorts) = (ports[2..<(2 + appCount)], ports[(2 + appCount)...])
        try writeKeys(in: folder)
        func service(_ name: String, _ port: Int) throws -> Service {
            let environment = [
                "HTTP_PORT": "\(port)", "LOG_LEVEL": logLevel, "ROLLOUT_KEYS": folder.appending(path: "keys").path,
                "POLICY_SOURCE": source ?? "file:\(folder.appending(path: "policy.json").path)",
                "POLICY_COPY": folder.appending(path: "copy-\(port).json").path, "POLICY_INTERVAL_MILLISECONDS": "100",
                "MODEL_LIMIT_MILLISECONDS": modelAddress == nil ? "2000" : "300",
                "MODEL_ADDRESS": modelAddress ?? "http://127.0.0.1:\(middle)",
            ]
            return Service(
                process: ServiceProcess(try executable(name), [], environment),
                address: "http://127.0.0.1:\(port)"
            )
        }
        self.folder = folder
        self.client = client
        apps = try appPorts.map { try service("App", $0) }
        models = try modelPorts.map { try service("Model", $0) }
        address = "http://127.0.0.1:\(front)"
        proxy = try Operations.nginx(in: folder, front, middle, apps: Array(appPorts), models: Array(modelPorts))
    }

    private var processes: [ServiceProcess] { (apps + models).map(\.process) + [proxy] }

    /// The copies that the processes have saved.
    var copies: [URL] {
        get throws {
            try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil).filter {
                $0.lastPathComponent.hasPrefix("copy-")
            }
        }
    }

    var policyFile: URL { folder.appending(path: "policy.json") }

    // MARK: Asking

    /// Has the fleet run a policy.
    func run(_ policy: TestPolicy) async throws {
        try policy.write(to: policyFile)
        for service in apps + models { try await waitUntilReady(service, policy.revision) }
    }

    /// Waits until a process runs a revision.
    func waitUntilReady(_ service: Service, _ revision: Int) async throws {
        struct Health: Decodable { let revision: Int }
        try await eventually("revision \(revision) at \(service.address)") {
            guard let reply = try? await client.get("\(service.address)/healthz"), reply.status == 200 else {
                return false
            }
            return try reply.decoded(Health.self).revision == revision
        }
    }

    /// Has a message classified, through nginx or by one process.
    func classify(_ text: String, by visitor: inout Visitor, at address: String? = nil) async throws -> Reply {
        try await client.classify(text, by: &visitor, at: address ?? self.address)
    }
}

// MARK: Load

/// What became of many requests.
struct Tally: Sendable {
    /// How often each pair of versions answered.
    var pairs: [String: Int] = [:]
    /// How many visitors got another version than before.
    var switches = 0
    /// What was no answer with versions.
    var problems: Set<String> = []
}

/// Load under way, shared by the tasks that make it.
private final class Load: Sendable {
    let tally = Mutex(Tally())
    let sent = Atomic(0)
    let isEnough = Atomic(false)
}

extension ServiceFleet {
    /// Sends requests of visitors with ten each through nginx until there were enough and the body has returned.
    func load(_ requests: Int, while body: @Sendable () async throws -> Void) async throws -> Tally {
        let load = Load()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<32 {
                group.addTask {
                    while load.sent.load(ordering: .relaxed) < requests || !load.isEnough.load(ordering: .relaxed) {
                        try await visit(load)
                        load.sent.add(10, ordering: .relaxed)
                    }
                }
            }
            try await body()
            load.isEnough.store(true, ordering: .relaxed)
            try await group.waitForAll()
        }
        return load.tally.withLock { $0 }
    }

    private func visit(_ load: Load) async throws {
        var visitor = Visitor()
        var version: String?
        for _ in 0..<10 {
            let reply = try await classify("free prize, claim now", by: &visitor)
            guard let pair = try? reply.pair else {
                load.tally.withLock { _ = $0.problems.insert("\(reply.status): \(reply.text)") }
                continue
            }
            load.tally.withLock {
                $0.pairs["\(pair.app) \(pair.model)\(pair.isTainted ? " tainted" : "")", default: 0] += 1
                if let version, version != pair.app { $0.switches += 1 }
            }
            version = pair.app
        }
    }
}

/// A browser: it keeps the cookies that it is sent.
struct Visitor: Sendable {
    var host = "sms-app.local"
    var user: String?
    var cookies: [String: String] = [:]
}

/// What somebody answered.
struct Reply: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let body: Data

    var text: String { String(decoding: body, as: UTF8.self) }

    func decoded<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try JSONDecoder().decode(type, from: body)
    }

    /// The versions that answered.
    var pair: Pair { get throws { try decoded(Pair.self) } }

    struct Pair: Decodable, Hashable {
        let app: String
        let model: String
        let isTainted: Bool
    }
}

extension HTTPClient {
    func get(_ address: String) async throws -> Reply { try await reply(to: HTTPClientRequest(url: address)) }

    func classify(_ text: String, by visitor: inout Visitor, at address: String) async throws -> Reply {
        let reply = try await post(JSONEncoder().encode(["sms": text]), to: "\(address)/sms", by: visitor)
        for cookie in reply.headers["Set-Cookie"] {
            let pair = cookie.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1)
            visitor.cookies[String(pair[0])] = String(pair[1])
        }
        return reply
    }

    func post(_ body: Data, to address: String, by visitor: Visitor, _ headers: HTTPHeaders = [:]) async throws -> Reply
    {
        var request = HTTPClientRequest(url: address)
        request.method = .POST
        request.headers = headers
        request.headers.add(name: "Host", value: visitor.host)
        if let user = visitor.user { request.headers.add(name: "X-User-ID", value: user) }
        for (name, value) in visitor.cookies { request.headers.add(name: "Cookie", value: "\(name)=\(value)") }
        request.body = .bytes(ByteBuffer(data: body))
        return try await reply(to: request)
    }

    func reply(to request: HTTPClientRequest) async throws -> Reply {
        let response = try await execute(request, timeout: .seconds(20))
        let body = try await response.body.collect(upTo: 1 << 24)
        return Reply(status: Int(response.status.code), headers: response.headers, body: Data(buffer: body))
    }
}

extension HTTPClient.Configuration {
    static var manyConnections: HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        return configuration
    }
}

/// The policies of these tests: a canary of both versions, kept by cookie.
struct TestPolicy: Sendable {
    var revision = 1
    var percent = 50
    var epoch = 0
    /// The version of both components that stable serves, and that the canary does.
    var stable = "v1"
    var canary = "v2"
    var pin = "variant"
    /// The plan of the canary, as JSON.
    var plan: String?

    func write(to file: URL) throws { try json.write(to: file, atomically: true, encoding: .utf8) }

    var json: String {
        """
        {"schema": 1, "revision": \(revision), "rollouts": {"sms": {"epoch": \(epoch),
            \(plan.map { #""progression": \#($0),"# } ?? "")
            "strategy": {"type": "canary", "percent": \(percent),
                         "stable": {"app": "\(stable)", "model": "\(stable)"},
                         "canary": {"app": "\(canary)", "model": "\(canary)"}},
            "sticky": {"cookie": "sms-app-version", "maxAge": 3600, "pin": "\(pin)", "secure": false},
            "missingUnit": "assign",
            "hosts": {"stable.sms-app.local": "stable", "canary.sms-app.local": "canary"}}}}
        """
    }
}

// MARK: Stubs

/// Calls the body with the port of a server that answers everything in one way.
func withStub(
    _ answer: @escaping @Sendable (Request, BasicRequestContext) async throws -> Response,
    _ body: @escaping @Sendable (Int) async throws -> Void
) async throws {
    let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
    let server = Application(
        responder: CallbackResponder(callback: answer),
        configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
        onServerRunning: { continuation.yield($0.localAddress?.port ?? 0) },
        logger: Logger(label: "stub") { _ in SwiftLogNoOpLogHandler() }
    )
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await server.run() }
        group.addTask {
            for await port in ports { return try await body(port) }
        }
        defer { group.cancelAll() }
        try await group.next()
    }
}
