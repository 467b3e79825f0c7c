import AsyncHTTPClient
import Fleet
import Foundation
import Hummingbird
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import Rollout
import Subprocess
import Synchronization
import Testing

@testable import Demo

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
