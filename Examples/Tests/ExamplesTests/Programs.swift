import AsyncHTTPClient
import Fleet
import Foundation
import Hummingbird
import Logging
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import Rollout
import Subprocess
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

// MARK: etcd

/// A server of etcd with data of its own.
final class EtcdServer: Sendable {
    let address: String
    private let folder: URL
    private let process: ServiceProcess

    /// Runs etcd while the body runs.
    static func run<Result>(_ body: (EtcdServer) async throws -> Result) async throws -> Result {
        try await withFolder { folder in
            let server = try EtcdServer(folder, freePorts(2))
            do {
                try await server.start()
                let result = try await body(server)
                await server.kill()
                return result
            } catch {
                await server.kill()
                throw error
            }
        }
    }

    private init(_ folder: URL, _ ports: [Int]) throws {
        self.folder = folder
        address = "http://127.0.0.1:\(ports[0])"
        process = try Operations.etcd(in: folder, ports[0], ports[1])
    }

    /// Starts etcd, with the data that it had if there are any, and returns when it answers.
    func start() async throws {
        try await process.start()
        try await withGateway { gateway in
            try await eventually { (try? await gateway.range(EtcdRange("x"))) != nil }
        }
    }

    /// Ends etcd as a crash does.
    func kill() async { try? await process.crash() }

    /// Has etcd stand still, or go on.
    func send(_ signal: Signal) throws { try process.send(signal) }

    /// Forgets the revisions before the last ones.
    func compact(keeping count: Int64) async throws {
        try await withGateway { gateway in
            let revision = try await gateway.transact(EtcdTransaction(then: [.range(EtcdRange("x"))])).revision
            var request = HTTPClientRequest(url: "\(address)/v3/kv/compaction")
            request.method = .POST
            request.body = .bytes(try JSONEncoder().encode(["revision": String(revision - count + 1)]))
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(5))
            #expect(response.status == .ok)
        }
    }

    /// Removes the data of a server that was killed.
    func wipe() throws { try FileManager.default.removeItem(at: folder.appending(path: "etcd")) }

    /// Calls the body with a client of this server, or of another address.
    func withGateway<Result>(
        at address: String? = nil,
        answering limit: Duration = .milliseconds(1_200),
        silence: Duration = .seconds(10),
        _ body: (EtcdGateway) async throws -> Result
    ) async throws -> Result {
        let gateway = EtcdGateway(address ?? self.address, answering: limit, silence: silence)
        do {
            let result = try await body(gateway)
            try await gateway.shutdown()
            return result
        } catch {
            try await gateway.shutdown()
            throw error
        }
    }
}

/// Stands between a process and etcd, loses answers, and holds a policy back.
final class LosingProxy: Sendable {
    /// A policy on its way to etcd.
    enum Hold: Equatable {
        case none, wanted, held, released
        /// Whether etcd has stored one.
        case judged(Bool)
    }

    let address: String
    private let left = Mutex(0)
    private let isCut = Mutex(false)
    private let holding = Mutex(Hold.none)

    private init(_ port: Int) { address = "http://127.0.0.1:\(port)" }

    /// Loses the answers to the next transactions that put something. etcd has them all the same.
    func lose(_ count: Int) { left.withLock { $0 = count } }

    /// Lets nothing through from now on.
    func cut() { isCut.withLock { $0 = true } }

    /// Lets everything through again.
    func mend() { isCut.withLock { $0 = false } }

    /// Keeps policies from etcd until they are released.
    func holdPolicy() { holding.withLock { $0 = .wanted } }

    /// Sends on what was held.
    func release() { holding.withLock { $0 = .released } }

    /// What became of a policy that was to be held.
    var hold: Hold { holding.withLock { $0 } }

    /// Whether a call is to be held.
    private func holds(_ call: ByteBuffer) -> Bool {
        struct Transaction: Decodable {
            struct Operation: Decodable {
                struct Put: Decodable { let key: Data }
                let requestPut: Put?
            }
            let success: [Operation]
        }
        let operations = (try? JSONDecoder().decode(Transaction.self, from: Data(buffer: call)))?.success ?? []
        guard operations.contains(where: { $0.requestPut?.key == Data("rollout/policy".utf8) }) else { return false }
        return holding.withLock { hold in
            defer { if hold == .wanted { hold = .held } }
            return hold == .wanted || hold == .held
        }
    }

    static func run<Result>(to etcd: String, _ body: (LosingProxy) async throws -> Result) async throws -> Result {
        let port = try freePorts(1)[0]
        let proxy = LosingProxy(port)
        let router = Router()
        router.post("v3/**") { request, context -> Response in
            if proxy.isCut.withLock(\.self) { throw HTTPError(.serviceUnavailable) }
            var forward = HTTPClientRequest(url: etcd + request.uri.path)
            forward.method = .POST
            let body = try await request.body.collect(upTo: 16 << 20)
            forward.body = .bytes(body)
            let isWrite = String(buffer: body).contains("requestPut")
            let isHeld = proxy.holds(body)
            while isHeld, proxy.hold == .held { try await Task.sleep(for: .milliseconds(10)) }
            let answer = try await HTTPClient.shared.execute(forward, timeout: .seconds(5))
            let bytes = try await answer.body.collect(upTo: 16 << 20)
            if isHeld {
                let isStored = String(buffer: bytes).contains(#""succeeded":true"#)
                proxy.holding.withLock { $0 = .judged(isStored || $0 == .judged(true)) }
            }
            let isLost =
                isWrite
                && proxy.left.withLock { left in
                    defer { left = max(0, left - 1) }
                    return left > 0
                }
            if isLost { try await Task.sleep(for: .seconds(2)) }
            return Response(status: .init(code: Int(answer.status.code)), body: .init(byteBuffer: bytes))
        }
        let application = Application(
            router: router,
            configuration: .init(address: .hostname("127.0.0.1", port: port))
        )
        let server = Task { try await application.run() }
        defer { server.cancel() }
        try await eventually { (try? await HTTPClient.shared.get(url: proxy.address).get()) != nil }
        return try await body(proxy)
    }
}

struct Timeout: Error {}

/// Whether the slow forms run, and time limits hold as they are promised: `EXAMPLES_STRESS=long`.
let isLong = ProcessInfo.processInfo.environment["EXAMPLES_STRESS"] == "long"

/// A limit that is promised. Without `EXAMPLES_STRESS=long` it is ten times as long, because the machines of CI may be busy.
func promised(_ limit: Duration) -> Duration { isLong ? limit : limit * 10 }

/// Returns once the condition holds, and throws if it does not within the time.
func eventually(within limit: Duration = .seconds(20), _ condition: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + limit
    while try await !condition() {
        if ContinuousClock.now > end { throw Timeout() }
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// What others write to while a test looks at it.
final class Shared<Value: Sendable>: Sendable {
    private let storage: Mutex<Value>

    init(_ value: Value) { storage = Mutex(value) }

    var value: Value { storage.withLock { $0 } }

    func change<Result: Sendable>(_ body: (inout sending Value) -> sending Result) -> Result { storage.withLock(body) }
}

extension RolloutPolicy {
    /// One canary at a share in percent.
    static func canary(_ percent: Double, revision: UInt32 = 1) throws -> RolloutPolicy {
        try RolloutPolicy(
            json: """
                {"schema": 1, "revision": \(revision), "rollouts": {"sms": {"strategy": {"type": "canary",
                "percent": \(percent), "stable": {"app": "v1"}, "canary": {"app": "v2"}}}}}
                """
        )
    }

    var share: RolloutStrategy? { rollouts["sms"]?.strategy }
}
