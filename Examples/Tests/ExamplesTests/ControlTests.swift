import AsyncHTTPClient
import Fleet
import Foundation
import GRDB
import Hummingbird
import JWTKit
import Logging
import NIOCore
import NIOHTTP1
import Rollout
import Subprocess
import SystemPackage
import Testing

@testable import Control
@testable import Demo

/// etcd, processes of Control, and services that follow the same store, on ports of the system.
struct ControlFleet: Sendable {
    static let issuer = "https://login.local"
    static let audience = "rollout-control"

    let folder: URL
    let etcd: EtcdServer
    let controls: [ServiceFleet.Service]
    let services: [ServiceFleet.Service]

    /// Calls the body once all processes run a policy that was seeded. No file that they write may have more kilobytes than said.
    /// Nobody is Prometheus, or a port.
    static func with(
        controls: Int = 1,
        services: [String] = [],
        policy: TestPolicy = TestPolicy(percent: 10),
        kilobytes: Int? = nil,
        prometheus: Int? = nil,
        _ body: @Sendable (ControlFleet) async throws -> Void
    ) async throws {
        try await EtcdServer.run { etcd in
            try await withFolder { folder in
                let fleet = try ControlFleet(folder, etcd, controls, services, kilobytes, prometheus)
                let result: Result<Void, any Error>
                do {
                    let output = try await fleet.seed(policy)
                    try #require(output.contains("holds revision \(policy.revision) of"), "\(output)")
                    // All at once: two of them make the audit trail.
                    for service in fleet.controls + fleet.services { try await service.process.start() }
                    for service in fleet.controls + fleet.services {
                        try await fleet.wait(for: service, policy.revision)
                    }
                    result = .success(try await body(fleet))
                } catch {
                    result = .failure(error)
                }
                for service in fleet.controls + fleet.services {
                    let output = await service.process.end()
                    if case .failure = result { print(output) }
                }
                try result.get()
            }
        }
    }

    private init(
        _ folder: URL,
        _ etcd: EtcdServer,
        _ controls: Int,
        _ services: [String],
        _ kilobytes: Int?,
        _ prometheus: Int?
    ) throws {
        let ports = try freePorts(controls + services.count)
        let addresses = ports.map { "http://127.0.0.1:\($0)" }
        let nobody = try freePorts(1)[0]
        _ = try TokenMaker.makeKey(in: folder.appending(path: "tokens").path)
        try writeKeys(in: folder)
        func service(_ name: String, _ place: Int) throws -> ServiceFleet.Service {
            let environment = [
                "HTTP_PORT": "\(ports[place])", "LOG_LEVEL": "warning",
                "POLICY_SOURCE": "etcd:\(etcd.address)",
                "POLICY_COPY": folder.appending(path: "copy-\(place).json").path,
                "TOKEN_KEYS": folder.appending(path: "tokens/jwks.json").path, "TOKEN_ISSUER": issuer,
                "TOKEN_AUDIENCE": audience, "AUDIT_DATABASE": folder.appending(path: "audit.sqlite").path,
                "APP_ADDRESSES": "http://127.0.0.1:\(nobody)",
                "PROMETHEUS_ADDRESS": "http://127.0.0.1:\(prometheus ?? nobody)",
                "REPLICAS": (addresses + ["http://127.0.0.1:\(nobody)"]).joined(separator: ","),
                "ROLLOUT_KEYS": folder.appending(path: "keys").path, "MODEL_ADDRESS": "http://127.0.0.1:\(nobody)",
            ]
            let program = try executable(name)
            let process =
                kilobytes.map { kilobytes in
                    // A write beyond that fails as on a full disk.
                    let command = "trap '' XFSZ; ulimit -f \(kilobytes); exec '\(program)'"
                    return ServiceProcess(.name("bash"), ["-c", command], environment)
                } ?? ServiceProcess(program, [], environment)
            return ServiceFleet.Service(process: process, address: addresses[place])
        }
        let (issuer, audience) = (Self.issuer, Self.audience)
        (self.folder, self.etcd) = (folder, etcd)
        self.controls = try (0..<controls).map { try service("Control", $0) }
        self.services = try services.enumerated().map { try service($1, controls + $0) }
    }

    // MARK: Programs

    /// Runs `Control seed` with a policy, and returns what it prints.
    func seed(_ policy: TestPolicy) async throws -> String {
        let file = folder.appending(path: "seed-\(UUID().uuidString).json")
        try policy.write(to: file)
        let program = ServiceProcess(
            try executable("Control"),
            ["seed", file.path],
            ["POLICY_SOURCE": "etcd:\(etcd.address)"]
        )
        try await program.start()
        return try await program.output()
    }

    /// Waits until a process runs a revision.
    func wait(for service: ServiceFleet.Service, _ revision: Int) async throws {
        struct Health: Decodable { let revision: Int }
        try await eventually("revision \(revision) at \(service.address)") {
            guard let reply = try? await HTTPClient.shared.get("\(service.address)/healthz"), reply.status == 200 else {
                return false
            }
            return try reply.decoded(Health.self).revision >= revision
        }
    }

    // MARK: Tokens

    static func claims(_ scope: String) -> Claims {
        Claims(
            iss: issuer,
            aud: Claims.Audience(audience),
            exp: Double(UnixTime.now.seconds + 600),
            sub: "ana",
            scope: scope
        )
    }

    /// A token with some scopes.
    func token(_ scopes: Scope...) async throws -> String {
        let claims = Self.claims(scopes.map(\.rawValue).joined(separator: " "))
        return try await TokenMaker.token(claims, keysIn: folder.appending(path: "tokens").path)
    }

    // MARK: Requests

    func ask(
        _ method: HTTPMethod = .GET,
        _ path: String,
        at place: Int = 0,
        by token: String?,
        on revision: Int? = nil,
        _ body: String = ""
    ) async throws -> Reply {
        var headers = HTTPHeaders()
        if let token { headers.add(name: "Authorization", value: "Bearer \(token)") }
        if let revision { headers.add(name: "If-Match", value: "\"\(revision)\"") }
        return try await ask(method, path, at: place, headers, body)
    }

    func ask(
        _ method: HTTPMethod,
        _ path: String,
        at place: Int = 0,
        _ headers: HTTPHeaders,
        _ body: String = ""
    ) async throws -> Reply {
        try await HTTPClient.shared.reply(to: request(method, path, at: place, headers, body))
    }

    fileprivate func request(
        _ method: HTTPMethod,
        _ path: String,
        at place: Int = 0,
        _ headers: HTTPHeaders,
        _ body: String = ""
    ) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: controls[place].address + path)
        request.method = method
        request.headers = headers
        if !body.isEmpty { request.body = .bytes(ByteBuffer(string: body)) }
        return request
    }

    /// The share of the canary in percent that a process of Control runs.
    func percent(at place: Int = 0) async throws -> Double {
        let reply = try await ask("/rollout/policy", at: place, by: token(.read))
        guard case .canary(let share, _, _)? = try RolloutPolicy(json: reply.text).share else { return 0 }
        return Double(share.buckets) / 10_000
    }

    func revision(at place: Int = 0) async throws -> Int {
        try await ask("/rollout/status", at: place, by: token(.read)).decoded(Answer.self).revision ?? 0
    }

    /// The audit trail, the newest entry first.
    fileprivate func history() async throws -> [History.Entry] {
        try await ask("/rollout/history?limit=200", by: token(.read)).decoded(History.self).entries
    }

    /// The file of the audit trail.
    fileprivate var trail: URL { folder.appending(path: "audit.sqlite") }

    /// The revisions of the changes that etcd's log has, oldest first.
    fileprivate func logged() async throws -> [Int] {
        try await etcd.withGateway { gateway in
            let (records, problems) = try await EtcdStore(gateway).records()
            #expect(problems.isEmpty)
            return records.compactMap { $0.revision.map(Int.init) }
        }
    }

    /// The file of the audit trail, and what SQLite keeps beside it.
    func trailBytes() throws -> Data {
        try ["", "-wal"].reduce(into: Data()) { bytes, suffix in
            bytes += try Data(contentsOf: folder.appending(path: "audit.sqlite\(suffix)"))
        }
    }
}

extension ControlFleet {
    fileprivate func ask(_ path: String, at place: Int = 0, by token: String?) async throws -> Reply {
        try await ask(.GET, path, at: place, by: token)
    }
}

/// What Control answers, as far as these tests read it.
private struct Answer: Decodable {
    struct Failure: Decodable {
        struct Problem: Decodable {
            let path: String
            let message: String
        }

        let code: String
        let message: String
        let problems: [Problem]?
    }

    let revision: Int?
    let digest: String?
    let error: Failure?
}

private struct History: Decodable {
    struct Entry: Decodable {
        struct Failure: Decodable { let code: String }

        let id: Int
        let outcome: String
        let action: String?
        let subject: String?
        let address: String?
        let reason: String?
        let revision: Int?
        let oldDigest: String?
        let newDigest: String?
        let error: Failure?
    }

    let entries: [Entry]
    let next: Int?
}

extension TestPolicy {
    /// A canary of v2 on v1.
    fileprivate static func canary(_ percent: Double, _ components: Release.Component...) -> RolloutStrategy {
        func release(_ version: String) -> Release {
            Release(Dictionary(uniqueKeysWithValues: components.map { ($0, version) }))
        }
        return .canary(.percent(percent), stable: release("v1"), canary: release("v2"))
    }
}

/// A file of SQLite as another process sees it.
private struct OtherProcess: Sendable {
    private let database: DatabaseQueue

    init(_ file: URL) throws {
        var configuration = GRDB.Configuration()
        configuration.allowsUnsafeTransactions = true
        database = try DatabaseQueue(path: file.path, configuration: configuration)
    }

    func texts(_ sql: String) async throws -> [String] { try await database.read { try String.fetchAll($0, sql: sql) } }

    /// How SQLite goes about a statement.
    func plan(_ sql: String) async throws -> String {
        try await database.read { database in
            try Row.fetchAll(database, sql: "EXPLAIN QUERY PLAN \(sql)").map { $0["detail"] }.joined(separator: "; ")
        }
    }

    func execute(_ sql: String) async throws { try await database.writeWithoutTransaction { try $0.execute(sql: sql) } }

    /// Keeps the file locked while the body runs.
    func whileLocked<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        try await execute("BEGIN IMMEDIATE")
        let result: Swift.Result<Result, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        try await execute("ROLLBACK")
        return try result.get()
    }
}

/// Sends requests at once, each on a connection of its own, and returns the answers and how long each took.
private func atOnce(_ requests: [HTTPClientRequest]) async throws -> [(reply: Reply, time: Duration)] {
    var configuration = HTTPClient.Configuration()
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = requests.count
    let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    let result: Result<[(reply: Reply, time: Duration)], any Error>
    do {
        result = .success(
            try await withThrowingTaskGroup(of: (reply: Reply, time: Duration).self) { group in
                for request in requests {
                    group.addTask {
                        let start = ContinuousClock.now
                        return (try await client.reply(to: request), ContinuousClock.now - start)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        )
    } catch {
        result = .failure(error)
    }
    try await client.shutdown()
    return try result.get()
}

@Suite("The operators' service", .serialized)
struct ControlTests {
    // MARK: The fleet

    @Test("A change runs in every process within a second, and each one's revision is shown, or in words why it is not")
    func fleet() async throws {
        try await ControlFleet.with(controls: 2, services: ["App", "Model"]) { fleet in
            let token = try await fleet.token(.read, .write)
            let start = ContinuousClock.now
            let reply = try await fleet.ask(.POST, "/rollout/update", by: token, on: 1, #"{"canary_percentage": 25}"#)
            #expect(reply.status == 200 && reply.headers["ETag"] == ["\"2\""], "\(reply.text)")
            for service in fleet.controls + fleet.services { try await fleet.wait(for: service, 2) }
            #expect(ContinuousClock.now - start < promised(.seconds(1)))
            #expect(try await fleet.percent(at: 1) == 25)

            struct Fleet: Decodable {
                struct Process: Decodable {
                    let address: String
                    let revision: Int?
                    let digest: String?
                    let problem: String?
                }
                let processes: [Process]
            }
            let shown = try await fleet.ask("/rollout/fleet", by: token).decoded(Fleet.self).processes
            let processes = fleet.controls + fleet.services
            #expect(shown.dropLast().map(\.address) == processes.map(\.address))
            #expect(shown.dropLast().allSatisfy { $0.revision == 2 && $0.problem == nil })
            #expect(Set(shown.dropLast().map(\.digest)).count == 1)
            #expect(shown.last?.revision == nil && shown.last?.problem == "Nobody listens there.")

            // One of the two drives, and each says whether it does.
            struct Driving: Decodable {
                struct Progression: Decodable { let running: Bool }
                let leads: Bool
                let progression: Progression
            }
            try await eventually {
                var leaders = 0
                for place in 0..<2 {
                    let driving = try await fleet.ask("/rollout/status", at: place, by: token).decoded(Driving.self)
                    #expect(driving.leads == driving.progression.running)
                    leaders += driving.leads ? 1 : 0
                }
                return leaders == 1
            }
        }
    }

    @Test("A service whose source is etcd ends with a sentence if there is neither etcd nor a saved copy")
    func noSource() async throws {
        let environment = [
            "HTTP_PORT": "\(try freePorts(1)[0])", "POLICY_SOURCE": "etcd:http://127.0.0.1:\(try freePorts(1)[0])",
        ]
        try await withFolder { folder in
            try writeKeys(in: folder)
            let keys = [
                "ROLLOUT_KEYS": folder.appending(path: "keys").path,
                "POLICY_COPY": folder.appending(path: "copy.json").path,
            ]
            let model = ServiceProcess(try executable("Model"), [], environment.merging(keys) { $1 })
            try await model.start()
            let output = try await model.output()
            #expect(output.contains("There is no policy to start with."))
            #expect(output.contains("no connection to") && output.contains("copy.json"), "\(output)")
        }
        let odd = ServiceProcess(try executable("Control"), ["seed", "x"], ["POLICY_SOURCE": "http://127.0.0.1"])
        try await odd.start()
        #expect(try await odd.output().contains("x"))
    }

    // MARK: Tokens

    private struct Attempt: Sendable {
        let name: String
        let headers: HTTPHeaders
        let code: String

        init(_ name: String, _ token: String, _ code: String) {
            (self.name, headers, self.code) = (name, ["Authorization": "Bearer \(token)"], code)
        }

        init(_ name: String, headers: HTTPHeaders, _ code: String) {
            (self.name, self.headers, self.code) = (name, headers, code)
        }
    }

    /// Every way to send no token, or one that does not count.
    private func attempts(_ fleet: ControlFleet) async throws -> [Attempt] {
        let all = Scope.allCases.map(\.rawValue).joined(separator: " ")
        let folder = fleet.folder.appending(path: "tokens").path
        let claims = ControlFleet.claims(all)
        func signed(_ change: (inout Claims) -> Void) async throws -> String {
            var changed = claims
            change(&changed)
            return try await TokenMaker.token(changed, keysIn: folder)
        }
        let good = try await signed { _ in }
        let parts = good.split(separator: ".").map(String.init)
        let other = try await signed { $0.sub = "eve" }.split(separator: ".").map(String.init)
        let keys = try JSONDecoder().decode(
            JWKS.self,
            from: Data(contentsOf: fleet.folder.appending(path: "tokens/jwks.json"))
        )
        let kid = try #require(keys.keys.first?.keyIdentifier)
        let pem = try String(contentsOfFile: "\(folder)/signing.pem", encoding: .utf8)
        let own = try ES256PrivateKey(pem: pem)
        let forger = await JWTKeyCollection().add(ecdsa: ES256PrivateKey(), kid: kid)
        let secret = HMACKey(from: own.publicKey.pemRepresentation)
        let hmac = await JWTKeyCollection().add(hmac: secret, digestAlgorithm: .sha256, kid: kid)
        let nameless = await JWTKeyCollection().add(ecdsa: own)
        let unknown = await JWTKeyCollection().add(ecdsa: own, kid: "unknown")
        func header(_ text: String) -> String {
            Data(text.utf8).base64EncodedString().replacing("=", with: "").replacing("+", with: "-")
        }
        let now = Double(UnixTime.now.seconds)
        return [
            Attempt("none", headers: [:], "missing"),
            Attempt("a cookie", headers: ["Cookie": "token=\(good); Authorization=Bearer \(good)"], "missing"),
            Attempt("another scheme", headers: ["Authorization": "Basic YTpi"], "noBearer"),
            Attempt("no JWT", "abc", "malformed"),
            Attempt("64 KB", String(repeating: "a", count: 65_536), "tooLong"),
            Attempt("alg none", header(#"{"alg":"none","kid":"\#(kid.string)"}"#) + ".\(parts[1]).", "wrongAlgorithm"),
            Attempt(
                "alg none, signed",
                header(#"{"alg":"none","kid":"\#(kid.string)"}"#) + ".\(parts[1]).\(parts[2])",
                "wrongAlgorithm"
            ),
            Attempt("HMAC with the public key", try await hmac.sign(claims, kid: kid), "wrongAlgorithm"),
            Attempt("no kid", try await nameless.sign(claims), "unknownKey"),
            Attempt("unknown kid", try await unknown.sign(claims, kid: "unknown"), "unknownKey"),
            Attempt("forged", try await forger.sign(claims, kid: kid), "badSignature"),
            Attempt("changed", "\(parts[0]).\(other[1]).\(parts[2])", "badSignature"),
            Attempt("expired", try await signed { $0.exp = now }, "expired"),
            Attempt("without an end", try await signed { $0.exp = nil }, "expired"),
            Attempt("not yet", try await signed { $0.nbf = now + 60 }, "tooEarly"),
            Attempt("another issuer", try await signed { $0.iss = "https://other.local" }, "otherIssuer"),
            Attempt("another audience", try await signed { $0.aud = .init("other") }, "otherAudience"),
            Attempt("without an audience", try await signed { $0.aud = nil }, "otherAudience"),
            Attempt("nobody's", try await signed { $0.sub = nil }, "noSubject"),
            Attempt("of somebody with two lines", try await signed { $0.sub = "ana\nben" }, "noSubject"),
        ]
    }

    @Test("A request without a token that counts is refused, counted and written down without the token")
    func authentication() async throws {
        try await ControlFleet.with { fleet in
            let attempts = try await attempts(fleet)
            let reading = try await fleet.token(.read)
            for attempt in attempts {
                var headers = attempt.headers
                headers.add(name: "If-Match", value: "\"1\"")
                let reply = try await fleet.ask(.POST, "/rollout/promote", headers)
                #expect(reply.status == 401, "\(attempt.name): \(reply.text)")
                #expect(try reply.decoded(Answer.self).error?.code == attempt.code, "\(attempt.name)")
                #expect(reply.headers["WWW-Authenticate"].first?.hasPrefix("Bearer") == true)
            }
            let entries = try await fleet.history()
            #expect(entries.prefix(attempts.count).reversed().map(\.error?.code) == attempts.map(\.code))
            let strange = entries.prefix(attempts.count)
            #expect(strange.allSatisfy { $0.outcome == "unauthenticated" && $0.subject == nil })
            #expect(strange.allSatisfy { $0.address == "127.0.0.1" && $0.action == "POST /rollout/promote" })
            let page = try await HTTPClient.shared.get("\(fleet.controls[0].address)/metrics").text
            #expect(page.contains(#"rollout_admin_refusals_total{kind="unauthenticated"} \#(attempts.count)"#))

            // Above 20 a minute, they are only counted. A token that is good passes all the same.
            #expect(attempts.count == RefusalLimit.refusals)
            let late = try await fleet.ask("/rollout/status", by: "abc")
            #expect(late.status == 429 && late.headers["Retry-After"].first.flatMap { Int($0) } != nil)
            #expect(try await fleet.history().count == entries.count)
            #expect(try await fleet.revision() == 1)

            // Scopes.
            for (path, scope) in [
                ("/rollout/promote", "rollout.write"), ("/rollout/start", "rollout.write or rollout.deploy"),
                ("/switch", "rollout.deploy"), ("/refresh-model", "rollout.deploy"),
            ] {
                let reply = try await fleet.ask(.POST, path, by: reading, on: 1)
                #expect(reply.status == 403 && reply.text.contains(scope), "\(reply.text)")
                #expect(reply.headers["WWW-Authenticate"].first?.contains("insufficient_scope") == true)
            }
            let blind = try await fleet.ask("/rollout/history", by: fleet.token(.write))
            #expect(blind.status == 403 && blind.text.contains("rollout.read"))
            #expect(try await fleet.revision() == 1)

            let bytes = try fleet.trailBytes()
            for attempt in attempts {
                guard let token = attempt.headers.first(name: "Authorization")?.split(separator: " ").last,
                    token.utf8.count > 3
                else { continue }
                #expect(bytes.range(of: Data(token.utf8)) == nil, "\(attempt.name)")
                for part in token.split(separator: ".") where part.utf8.count > 8 {
                    #expect(bytes.range(of: Data(part.utf8)) == nil, "\(attempt.name)")
                }
            }
        }
    }

    @Test("Keys are rotated by replacing their file, and a file that is no good leaves the last keys in place")
    func rotation() async throws {
        try await ControlFleet.with { fleet in
            let file = fleet.folder.appending(path: "tokens/jwks.json")
            let old = try await fleet.token(.read)
            let first = try JSONDecoder().decode(JWKS.self, from: Data(contentsOf: file))
            _ = try TokenMaker.makeKey(in: fleet.folder.appending(path: "tokens").path)
            let new = try await fleet.token(.read)
            try await eventually { try await fleet.ask("/rollout/status", by: new).status == 200 }
            #expect(try await fleet.ask("/rollout/status", by: old).status == 200)

            let both = try JSONDecoder().decode(JWKS.self, from: Data(contentsOf: file))
            for text in ["", "{}", #"{"keys": [{"kty": "oct", "k": "AAAA", "kid": "a", "alg": "HS256"}]}"#] {
                try text.write(to: file, atomically: true, encoding: .utf8)
            }
            var named = both
            named.keys[0].algorithm = nil
            try JSONEncoder().encode(named).write(to: file, options: .atomic)
            try await Task.sleep(for: .milliseconds(1_500))
            #expect(try await fleet.ask("/rollout/status", by: new).status == 200)

            try JSONEncoder().encode(JWKS(keys: Array(both.keys.dropFirst(first.keys.count)))).write(
                to: file,
                options: .atomic
            )
            // The address has sent many refused tokens by then.
            try await eventually { try await [401, 429].contains(fleet.ask("/rollout/status", by: old).status) }
            #expect(try await fleet.ask("/rollout/status", by: new).status == 200)
            let log = await fleet.controls[0].process.end()
            #expect(log.contains("which is not for ES256"))
        }
    }

    // MARK: Edits

    @Test(
        "Two operators who move the slider a hundred times lose nothing: each 200 is one revision, each 409 says what runs"
    )
    func twoOperators() async throws {
        try await ControlFleet.with(controls: 2) { fleet in
            let token = try await fleet.token(.read, .write)
            let outcomes = try await withThrowingTaskGroup(of: [Int].self) { group in
                for place in 0..<2 {
                    group.addTask {
                        var (revision, made): (Int, [Int]) = (1, [])
                        for step in 0..<50 {
                            // Each goes on from what it was told.
                            let body =
                                #"{"canary_percentage": \#(step + 1 + 50 * place), "reason": "\#(place) \#(step)"}"#
                            let reply = try await fleet.ask(
                                .POST,
                                "/rollout/update",
                                at: place,
                                by: token,
                                on: revision,
                                body
                            )
                            let answer = try reply.decoded(Answer.self)
                            #expect([200, 409].contains(reply.status), "\(reply.text)")
                            revision = try #require(answer.revision)
                            #expect(reply.headers["ETag"] == ["\"\(revision)\""])
                            if reply.status == 200 { made.append(revision) }
                        }
                        return made
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(Set(outcomes).count == outcomes.count)
            #expect(outcomes.sorted() == Array(2..<(2 + outcomes.count)))
            #expect(outcomes.count >= 50)
            try await eventually { try await fleet.revision(at: 1) == outcomes.count + 1 }
            let entries = try await fleet.history().filter { $0.outcome == "accepted" }
            #expect(entries.compactMap(\.revision).sorted() == Array(1...(outcomes.count + 1)))
            let digests = Dictionary(uniqueKeysWithValues: entries.map { ($0.newDigest, $0.revision) })
            #expect(entries.allSatisfy { $0.revision == 1 || digests[$0.oldDigest] == $0.revision.map { $0 - 1 } })
        }
    }

    @Test(
        "A document that two put at once, or one puts again, is stored once; another one of its revision is a conflict"
    )
    func sameDocument() async throws {
        try await ControlFleet.with(controls: 2) { fleet in
            let token = try await fleet.token(.read, .write)
            let document = TestPolicy(revision: 2, percent: 30).json
            @Sendable func put(_ document: String, at place: Int) async throws -> Reply {
                try await fleet.ask(.PUT, "/rollout/policy?reason=\(place)", at: place, by: token, on: 1, document)
            }
            async let one = put(document, at: 0)
            async let two = put(document, at: 1)
            let replies = try await [one, two]
            // 409 if the other one's came in between.
            #expect(replies.allSatisfy { [200, 409].contains($0.status) } && replies.contains { $0.status == 200 })
            for place in 0..<2 {
                try await fleet.wait(for: fleet.controls[place], 2)
                let again = try await put(document, at: place)
                #expect(again.status == 200 && again.headers["ETag"] == ["\"2\""], "\(again.text)")
                let other = try await put(TestPolicy(revision: 2, percent: 40).json, at: place)
                #expect(try other.status == 409 && other.decoded(Answer.self).revision == 2, "\(other.text)")
                #expect(try await fleet.percent(at: place) == 30)
            }
            #expect(try await fleet.logged() == [1, 2])
            try await eventually {
                try await fleet.history().filter { $0.outcome == "accepted" }.map(\.revision) == [2, 1]
            }
        }
    }

    @Test("A rollback of one rollout leaves the others alone, and so does its plan; one of all restores all")
    func oneOfTwo() async throws {
        try await ControlFleet.with { fleet in
            let token = try await fleet.token(.read, .write)
            for (revision, percent) in [(2, 20), (3, 30)] {
                let other = """
                    "ui": {"strategy": {"type": "canary", "percent": \(percent), "stable": {"app": "v1"}, "canary": {"app": "v2"}}}
                    """
                let document = TestPolicy(revision: revision, percent: percent).json.replacing(
                    #""rollouts": {"#,
                    with: #""rollouts": {\#(other), "#
                )
                let reply = try await fleet.ask(.PUT, "/rollout/policy", by: token, on: revision - 1, document)
                #expect(reply.status == 200, "\(reply.text)")
            }
            let one = #"{"rollout": "sms", "revision": 2}"#
            let plan = try await fleet.ask(.POST, "/rollout/plan/rollback", by: token, one)
            #expect(
                plan.text.contains("sms: 100,000 buckets") && plan.text.contains(#""ui":{"changes":[]"#),
                "\(plan.text)"
            )
            for (revision, body, others) in [(3, one, 30.0), (4, #"{"revision": 2}"#, 20)] {
                let reply = try await fleet.ask(.POST, "/rollout/rollback", by: token, on: revision, body)
                #expect(reply.status == 200, "\(reply.text)")
                let policy = try RolloutPolicy(json: await fleet.ask("/rollout/policy", by: token).text)
                #expect(policy.rollouts["sms"]?.strategy == TestPolicy.canary(20, "app", "model"))
                #expect(policy.rollouts["ui"]?.strategy == TestPolicy.canary(others, "app"))
            }
        }
    }

    @Test("The log of the store goes back 1,000 revisions, and the audit trail has what is before them")
    func longJumps() async throws {
        try await ControlFleet.with { fleet in
            let token = try await fleet.token(.read, .write)
            let revisions = [1, 100] + (2...12).map { $0 * 100 }
            for (running, next) in zip(revisions, revisions.dropFirst()) {
                let document = TestPolicy(revision: next, percent: 10 + next / 100).json
                let reply = try await fleet.ask(.PUT, "/rollout/policy", by: token, on: running, document)
                #expect(reply.status == 200, "\(reply.text)")
            }
            #expect(try await fleet.logged() == (2...12).map { $0 * 100 })
            let entries = try await fleet.history().filter { $0.outcome == "accepted" }
            #expect(entries.compactMap(\.revision).reversed() == revisions)
        }
    }

    private struct Refused: Sendable {
        var method = HTTPMethod.POST
        let path: String
        var on: Int? = 1
        let body: String
        let status: Int
        let texts: [String]
    }

    private static let refusals: [Refused] = [
        Refused(
            path: "/rollout/update",
            on: nil,
            body: #"{"canary_percentage": 25}"#,
            status: 428,
            texts: [#"If-Match: \"1\""#]
        ),
        Refused(
            path: "/rollout/update",
            on: 7,
            body: #"{"canary_percentage": 25}"#,
            status: 409,
            texts: ["Revision 1 runs"]
        ),
        Refused(path: "/rollout/abort", on: 7, body: "", status: 409, texts: ["Revision 1 runs"]),
        Refused(path: "/rollout/update", body: #"{"canary_percentage": nan}"#, status: 400, texts: ["not JSON"]),
        Refused(path: "/rollout/update", body: "[]", status: 422, texts: ["an object"]),
        Refused(path: "/rollout/update", body: "", status: 422, texts: ["canary_percentage"]),
        Refused(
            path: "/rollout/update",
            body: #"{"canary_percentage": "nan", "strategy": "blue", "colour": 1, "reason": 7, "rollout": ""}"#,
            status: 422,
            texts: [
                "multiple of 0.0001 in 0 … 100, found \\\"nan\\\"",
                "\\\"fixed\\\", \\\"canary\\\", \\\"shadow\\\", found \\\"blue\\\"",
                #""path":"colour""#, #""path":"reason""#, #""path":"rollout""#,
            ]
        ),
        Refused(
            path: "/rollout/update",
            body: #"{"canary_percentage": 33.33333}"#,
            status: 422,
            texts: ["found 33.33333"]
        ),
        Refused(path: "/rollout/update", body: #"{"canary_percentage": 101}"#, status: 422, texts: ["found 101"]),
        Refused(path: "/rollout/update", body: #"{"canary_percentage": -1}"#, status: 422, texts: ["found -1"]),
        Refused(
            path: "/rollout/update",
            body: #"{"strategy": "fixed", "canary_percentage": 1}"#,
            status: 422,
            texts: ["no canary"]
        ),
        Refused(
            path: "/rollout/update",
            body: #"{"strategy": "shadow", "canary_version": "v2"}"#,
            status: 409,
            texts: ["under way"]
        ),
        Refused(path: "/rollout/update?dry=1", body: #"{"canary_percentage": 1}"#, status: 400, texts: ["dry"]),
        Refused(
            path: "/rollout/update",
            body: #"{"rollout": "ui", "canary_percentage": 1}"#,
            status: 404,
            texts: ["it has sms"]
        ),
        Refused(
            path: "/rollout/update",
            body: #"{"model_version": {"app": "", "model": "v1"}}"#,
            status: 422,
            texts: ["app"]
        ),
        Refused(path: "/rollout/start", body: #"{"version": "v3", "percent": 5}"#, status: 409, texts: ["under way"]),
        Refused(path: "/rollout/start", body: "{}", status: 422, texts: [#""path":"version""#, #""path":"percent""#]),
        Refused(path: "/rollout/rollback", body: "{}", status: 422, texts: [#""path":"revision""#]),
        Refused(path: "/rollout/rollback", body: #"{"revision": 9}"#, status: 404, texts: ["has revision 9"]),
        Refused(path: "/switch", body: #"{"version": "v3"}"#, status: 409, texts: ["under way"]),
        Refused(path: "/refresh-model", body: #"{"version": "v3"}"#, status: 409, texts: ["under way"]),
        Refused(
            method: .PUT,
            path: "/rollout/policy",
            body: #"{"schema": 1, "revision": 4294967295, "rollouts": {}}"#,
            status: 422,
            texts: ["one to a hundred more than 1", "4294967295"]
        ),
        Refused(path: "/refresh-model", body: #"{"version": ""}"#, status: 422, texts: ["1 … 128"]),
        Refused(method: .PUT, path: "/rollout/policy", body: "{", status: 400, texts: [#""line":1"#]),
        Refused(
            method: .PUT,
            path: "/rollout/policy",
            body: #"{"schema": 1, "revision": 2, "rollouts": {"sms": {"strategy": {"type": "blue"}, "colour": 1}}}"#,
            status: 422,
            texts: [#""path":"rollouts.sms.strategy.type""#, #""path":"rollouts.sms.colour""#]
        ),
        Refused(
            method: .PUT,
            path: "/rollout/policy",
            body: #"{"schema": 1, "revision": 1, "rollouts": {}}"#,
            status: 422,
            texts: ["more than 1"]
        ),
        Refused(
            method: .PUT,
            path: "/rollout/policy",
            body:
                #"{"schema": 1, "revision": 2, "rollouts": {"sms": {"strategy": {"type": "fixed", "release": {"app": "v9"}}}}}"#,
            status: 422,
            texts: ["needsEpoch", "epochDemands"]
        ),
        Refused(
            method: .PUT,
            path: "/rollout/policy",
            body: String(repeating: " ", count: 1_600_000),
            status: 413,
            texts: ["1572864"]
        ),
        Refused(path: "/rollout/promote", body: String(repeating: " ", count: 70_000), status: 413, texts: ["65536"]),
    ]

    @Test("What cannot be done is refused with everything that is wrong, and written down")
    func badInput() async throws {
        try await ControlFleet.with { fleet in
            let token = try await fleet.token(.read, .write, .deploy)
            for refusal in Self.refusals {
                let reply = try await fleet.ask(refusal.method, refusal.path, by: token, on: refusal.on, refusal.body)
                #expect(reply.status == refusal.status, "\(refusal.path) \(refusal.body.prefix(80)): \(reply.text)")
                for text in refusal.texts { #expect(reply.text.contains(text), "\(text): \(reply.text)") }
            }
            for header in ["8", "W/\"1\"", "*", "\"1\", \"2\"", "\"-1\""] {
                let headers: HTTPHeaders = ["Authorization": "Bearer \(token)", "If-Match": header]
                let reply = try await fleet.ask(.POST, "/rollout/promote", headers)
                #expect(reply.status == 400 && reply.text.contains("badPrecondition"), "\(header)")
            }
            #expect(try await fleet.revision() == 1)
            let refused = try await fleet.history().filter { $0.outcome == "refused" }
            #expect(refused.count == Self.refusals.count + 5)
            #expect(refused.allSatisfy { $0.subject == "ana" && $0.address == "127.0.0.1" && $0.oldDigest != nil })
            let plan = try await fleet.ask(.POST, "/rollout/plan/promote", by: token, on: 7)
            #expect(plan.status == 409 && plan.headers["ETag"] == ["\"1\""], "\(plan.text)")
            for path in ["/rollout/history?limit=0", "/rollout/history?before=x", "/rollout/history?limit=1&limit=2"] {
                #expect(try await fleet.ask(path, by: token).status == 400, "\(path)")
            }
            #expect(try await fleet.ask("/rollout/history/9", by: token).status == 404)
            #expect(try await fleet.ask("/rollout/nothing", by: token).status == 404)

            // By curl, which reads an answer that comes before it has sent everything.
            let file = fleet.folder.appending(path: "body").path
            try Data(repeating: 0x78, count: 20 << 20).write(to: URL(filePath: file))
            let result = try await run(
                .name("curl"),
                arguments: [
                    "-s", "-w", " %{http_code}", "-X", "PUT", "-H", "Authorization: Bearer \(token)", "-H",
                    "If-Match: \"1\"", "--data-binary", "@\(file)", "\(fleet.controls[0].address)/rollout/policy",
                ],
                output: .string(limit: 4_096)
            )
            #expect(result.standardOutput.hasSuffix("413"))
        }
    }

    @Test("Every change of the replaced system can be planned, and made")
    func changes() async throws {
        try await ControlFleet.with(policy: TestPolicy(percent: 0, canary: "v1")) { fleet in
            let token = try await fleet.token(.read, .write, .deploy)
            struct Plan: Decodable {
                struct Next: Decodable {
                    let revision: Int
                    let digest: String?
                }
                let next: Next
                let text: String
            }
            var revision = 1
            /// Plans a change, makes it, and finds what was planned.
            func make(_ path: String, _ body: String) async throws -> RolloutDefinition {
                let action = path.split(separator: "/").last ?? ""
                let plan = try await fleet.ask(.POST, "/rollout/plan/\(action)", by: token, body)
                #expect(plan.status == 200, "\(path) \(body): \(plan.text)")
                #expect(try await fleet.revision() == revision)
                let reply = try await fleet.ask(.POST, path, by: token, on: revision, body)
                let answer = try reply.decoded(Answer.self)
                #expect(reply.status == 200, "\(path) \(body): \(reply.text)")
                #expect(answer.revision == revision + 1)
                let next = try plan.decoded(Plan.self).next
                #expect(next.revision == answer.revision && next.digest == nil)
                #expect(
                    answer.digest == (try await fleet.ask("/rollout/status", by: token).decoded(Answer.self).digest)
                )
                revision += 1
                let policy = try RolloutPolicy(json: try await fleet.ask("/rollout/policy", by: token).text)
                return try #require(policy.rollouts["sms"])
            }
            func release(_ app: String, _ model: String) -> Release { [.app: app, .model: model] }
            let (v1, v2, v3) = (release("v1", "v1"), release("v2", "v2"), release("v3", "v3"))

            #expect(
                try await make("/rollout/start", #"{"version": "v2", "percent": 5}"#).strategy
                    == .canary(.percent(5), stable: v1, canary: v2)
            )
            let plan = try await fleet.ask(
                .POST,
                "/rollout/plan/update",
                by: token,
                #"{"canary_percentage": "33.3333"}"#
            )
            #expect(try plan.decoded(Plan.self).text == "sms: 283,333 buckets (28.3333 %) move, the minimum is 283,333")
            #expect(
                try await make("/rollout/update", #"{"canary_percentage": "33.3333"}"#).strategy
                    == .canary(.percent(33.3333), stable: v1, canary: v2)
            )
            #expect(
                try await make("/rollout/update", #"{"canary_version": {"app": "v2", "model": "v3"}}"#).strategy
                    == .canary(.percent(33.3333), stable: v1, canary: release("v2", "v3"))
            )
            #expect(try await make("/rollout/promote", "").strategy == .fixed(release("v2", "v3")))
            #expect(try await make("/switch", #"{"version": "v1"}"#).strategy == .fixed(v1))
            #expect(try await make("/refresh-model", #"{"version": "v2"}"#).strategy == .fixed(release("v1", "v2")))
            #expect(try await make("/rollout/update", #"{"model_version": "v3"}"#).strategy == .fixed(v3))
            #expect(
                try await make(
                    "/rollout/update",
                    #"{"strategy": "shadow", "canary_version": "v2", "canary_percentage": 10, "model_version": "v1"}"#
                )
                .strategy == .shadow(.percent(10), primary: v1, shadow: v2)
            )
            #expect(try await make("/rollout/update", #"{"strategy": "fixed"}"#).strategy == .fixed(v1))
            #expect(
                try await make("/rollout/update", #"{"strategy": "canary", "canary_version": "v2"}"#).strategy
                    == .canary(.zero, stable: v1, canary: v2)
            )
            #expect(try await make("/rollout/abort", #"{"reason": "night"}"#).disabled == [.canary])
            #expect(
                try await make("/rollout/rollback", #"{"revision": 2}"#).strategy
                    == .canary(.percent(5), stable: v1, canary: v2)
            )

            // An abort needs no precondition, and a rollback of one rollout no revision.
            let abort = try await fleet.ask(.POST, "/rollout/abort", by: token, #"{"reason": "<script>"}"#)
            #expect(abort.status == 200)
            let back = try await fleet.ask(
                .POST,
                "/rollout/rollback",
                by: token,
                on: revision + 1,
                #"{"rollout": "sms"}"#
            )
            #expect(try back.decoded(Answer.self).revision == revision + 2)
            #expect(try await fleet.percent() == 5)

            let entries = try await fleet.history().filter { $0.outcome == "accepted" }
            #expect(entries.map(\.revision) == (1...(revision + 2)).reversed())
            #expect(entries[1].reason == "<script>" && entries[1].subject == "ana" && entries[1].address == "127.0.0.1")
            let page = try await fleet.ask("/rollout/history?limit=2", by: token).decoded(History.self)
            let rest = try await fleet.ask("/rollout/history?limit=200&before=\(page.next ?? 0)", by: token).decoded(
                History.self
            )
            #expect((page.entries + rest.entries).map(\.id) == entries.map(\.id) && rest.next == nil)

            let document = try await fleet.ask("/rollout/history/2", by: token).text
            #expect(try RolloutPolicy(json: document).revision == 2)
            let put = document.replacing(#""revision":2"#, with: #""revision":99"#).replacing(
                #""epoch":1"#,
                with: #""epoch":99"#
            )
            let reply = try await fleet.ask(.PUT, "/rollout/policy?reason=by%20hand", by: token, on: revision + 2, put)
            #expect(try reply.decoded(Answer.self).revision == 99, "\(reply.text)")
            #expect(try await fleet.history().first?.reason == "by hand")
        }
    }

    @Test("A release starts a canary by its script and a deploy token, and not beside another one")
    func release() async throws {
        try await ControlFleet.with(policy: TestPolicy(percent: 0)) { fleet in
            let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Ops/release")
            let environment = [
                "CONTROL": fleet.controls[0].address, "TOKEN": try await fleet.token(.read, .deploy),
            ]
            let release = ServiceProcess(.path(FilePath(script.standardizedFileURL.path)), ["v2", "5"], environment)
            try await release.start()
            #expect(try await release.output().contains(#""revision":2"#))
            #expect(try await fleet.percent() == 5)
            #expect(try await fleet.history().first?.reason == "release v2")
            try await release.start()
            let output = try await release.output()
            #expect(output.contains("underWay") && output.contains("409"), "\(output)")
            #expect(try await fleet.revision() == 2)
        }
    }

    // MARK: The audit trail

    @Test("After a restart of everything, and a compaction, every revision of the audit trail can be restored")
    func restartOfAll() async throws {
        try await ControlFleet.with { fleet in
            let token = try await fleet.token(.read, .write)
            // More than an updater remembers.
            for revision in 1...40 {
                let body = #"{"canary_percentage": \#(revision + 10)}"#
                #expect(try await fleet.ask(.POST, "/rollout/update", by: token, on: revision, body).status == 200)
            }
            try await fleet.etcd.compact(keeping: 1)
            try await fleet.controls[0].process.crash()
            await fleet.etcd.kill()
            try await fleet.etcd.start()
            try await fleet.controls[0].process.start()
            try await fleet.wait(for: fleet.controls[0], 41)
            for (revision, percent, running) in [(39, 48.0, 41), (2, 11.0, 42)] {
                let reply = try await fleet.ask(
                    .POST,
                    "/rollout/rollback",
                    by: token,
                    on: running,
                    #"{"revision": \#(revision)}"#
                )
                #expect(reply.status == 200, "\(reply.text)")
                #expect(try await fleet.percent() == percent)
            }
            let entries = try await fleet.history().filter { $0.outcome == "accepted" }
            #expect(entries.map(\.revision) == (1...43).reversed())
            #expect(entries.prefix(2).map(\.reason) == ["rollback to revision 2", "rollback to revision 39"])

            // What was rolled back to is nothing to go back from: what came before it, only the audit trail knows.
            let again = try await fleet.ask(.POST, "/rollout/rollback", by: token, on: 43, #"{"rollout": "sms"}"#)
            #expect(again.status == 404 && again.text.contains("GET /rollout/history"), "\(again.text)")
            #expect(try await fleet.percent() == 11)
            let first = try await fleet.ask(
                .POST,
                "/rollout/rollback",
                by: token,
                on: 43,
                #"{"rollout": "sms", "revision": 1, "reason": "the first"}"#
            )
            #expect(first.status == 200, "\(first.text)")
            #expect(try await fleet.percent() == 10)
            let restored = try await OtherProcess(fleet.trail).texts(
                "SELECT record ->> '$.restored' FROM entry WHERE outcome = 'accepted' ORDER BY id DESC LIMIT 3"
            )
            #expect(
                restored == [
                    #"{"revision":1,"rollout":"sms"}"#, #"{"revision":2,"rollout":null}"#,
                    #"{"revision":39,"rollout":null}"#,
                ]
            )
        }
    }

    @Test(
        "Whenever Control is killed, a change is whole or absent, and the audit trail has what the store has, each once"
    )
    func killed() async throws {
        try await ControlFleet.with { fleet in
            let token = try await fleet.token(.read, .write)
            let control = fleet.controls[0]
            var acknowledged: [Int] = []
            for round in 0..<8 {
                let revision = try await fleet.revision()
                let edit = Task {
                    try? await fleet.ask(
                        .POST,
                        "/rollout/update",
                        by: token,
                        on: revision,
                        #"{"canary_percentage": \#(20 + round)}"#
                    )
                }
                if round.isMultiple(of: 2) {
                    try await Task.sleep(for: .milliseconds(2 * round))
                } else {
                    // As soon as the store has it.
                    try await fleet.etcd.withGateway { gateway in
                        let store = EtcdStore(gateway)
                        for _ in 0..<500
                        where try await store.read().map({ try RolloutPolicy(json: $0.bytes).revision })
                            == UInt32(revision)
                        {}
                    }
                }
                try await control.process.crash()
                if let reply = await edit.value, reply.status == 200 { acknowledged.append(revision + 1) }
                try await control.process.start()
                try await fleet.wait(for: control, revision)
            }
            try await fleet.etcd.withGateway { gateway in
                let (records, problems) = try await EtcdStore(gateway).records()
                #expect(problems.isEmpty)
                let stored = records.compactMap { $0.revision.map(Int.init) }
                #expect(stored == Array(1...stored.count) && stored.count > 1)
                #expect(Set(acknowledged).isSubset(of: stored))
                try await eventually {
                    try await fleet.history().filter { $0.outcome == "accepted" }.compactMap(\.revision)
                        == stored.reversed()
                }
            }
        }
    }

    @Test("If the audit trail is locked, no change is made, and what only reads goes on")
    func lockedTrail() async throws {
        try await ControlFleet.with { fleet in
            let token = try await fleet.token(.read, .write)
            let body = #"{"canary_percentage": 25}"#
            // More than could wait in turn within the limit.
            let headers: HTTPHeaders = ["Authorization": "Bearer \(token)", "If-Match": "\"1\""]
            let edits = Array(repeating: fleet.request(.POST, "/rollout/update", headers, body), count: 100)
            let other = try OtherProcess(fleet.trail)
            try await other.whileLocked {
                let replies = try await atOnce(edits)
                for (reply, time) in replies {
                    #expect(reply.status == 503 && reply.text.contains("auditTrail"), "\(reply.text)")
                    #expect(time < promised(.seconds(3)))
                }
                // Together in a transaction, each hears what is wrong with the file. In turn, most would give up before.
                #expect(replies.count { $0.reply.text.contains("database is locked") } > 50)
                #expect(try await fleet.ask(.POST, "/rollout/abort", by: token).status == 503)
                #expect(try await fleet.ask("/rollout/status", by: nil).status == 401)
                #expect(try await fleet.ask("/rollout/history", by: token).status == 200)
            }
            #expect(try await fleet.logged() == [1])
            #expect(try await fleet.ask(.POST, "/rollout/update", by: token, on: 1, body).status == 200)
            let page = try await HTTPClient.shared.get("\(fleet.controls[0].address)/metrics").text
            #expect(!page.contains(#"rollout_admin_refusals_total{kind="unwritten"} 0"#))
        }
    }

    @Test("A change that is stored is a 200 in its time although the audit trail is locked, which has it later")
    func lockedAfterwards() async throws {
        try await ControlFleet.with { fleet in
            let token = try await fleet.token(.read, .write)
            let headers: HTTPHeaders = ["Authorization": "Bearer \(token)"]
            let aborts = Array(repeating: fleet.request(.POST, "/rollout/abort", headers), count: 20)
            let other = try OtherProcess(fleet.trail)
            // The store has not answered when all are written down.
            try fleet.etcd.send(.suspend)
            let answers = Task { try await atOnce(aborts) }
            try await eventually {
                try await other.texts("SELECT count(*) FROM entry WHERE outcome = 'asked'") == ["20"]
            }
            let replies = try await other.whileLocked {
                try fleet.etcd.send(.resume)
                return try await answers.value
            }
            for (reply, time) in replies {
                #expect([200, 409, 503].contains(reply.status), "\(reply.text)")
                #expect(time < promised(.seconds(3)))
            }
            #expect(replies.contains { $0.reply.status == 200 })
            let stored = try await fleet.logged()
            #expect(stored.count > replies.count { $0.reply.status == 200 })
            try await eventually {
                try await fleet.history().filter { $0.outcome == "accepted" }.compactMap(\.revision)
                    == stored.reversed()
            }
        }
    }

    @Test("On a full disk no change is made, and what only reads goes on")
    func fullDisk() async throws {
        try await ControlFleet.with(kilobytes: 160) { fleet in
            let token = try await fleet.token(.read, .write)
            var revision = 1
            var reply: Reply
            repeat {
                reply = try await fleet.ask(
                    .POST,
                    "/rollout/update",
                    by: token,
                    on: revision,
                    #"{"canary_percentage": 25}"#
                )
                if reply.status == 200 { revision += 1 }
            } while reply.status == 200 && revision < 100
            #expect(reply.status == 503 && reply.text.contains("auditTrail"), "\(reply.text)")
            #expect(revision > 2)
            #expect(try await fleet.revision() == revision)
            #expect(try await fleet.ask("/rollout/history", by: token).status == 200)
            try await fleet.etcd.withGateway { gateway in
                let held = try #require(try await EtcdStore(gateway).read())
                #expect(try RolloutPolicy(json: held.bytes).revision == UInt32(revision))
            }
        }
    }

    // MARK: The store

    @Test("While etcd is down, edits are refused within three seconds and decisions go on; afterwards nothing is lost")
    func storeDown() async throws {
        try await ControlFleet.with { fleet in
            let token = try await fleet.token(.read, .write)
            let body = #"{"canary_percentage": 25}"#
            #expect(try await fleet.ask(.POST, "/rollout/update", by: token, on: 1, body).status == 200)
            // What it starts with when there is no etcd.
            let copy = fleet.folder.appending(path: "copy-0.json").path
            try await eventually {
                try RolloutPolicy(json: String(contentsOfFile: copy, encoding: .utf8)).revision == 2
            }
            let headers: HTTPHeaders = ["Authorization": "Bearer \(token)", "If-Match": "\"2\""]
            let edits = Array(repeating: fleet.request(.POST, "/rollout/update", headers, body), count: 100)
            for signal in [Signal.suspend, .kill] {
                try fleet.etcd.send(signal)
                let replies = try await atOnce(edits)
                for (reply, time) in replies {
                    #expect(reply.status == 503, "\(reply.text)")
                    #expect(time < promised(.seconds(3)))
                }
                #expect(replies.contains { $0.reply.text.contains("unreached") })
                try fleet.etcd.send(.resume)
            }
            try await eventually {
                try await fleet.ask("/rollout/status", by: token).text.contains(#""problem":"The"#)
            }
            await fleet.etcd.kill()

            // Started without etcd, it runs its saved copy, and knows from the audit trail what there was before.
            try await fleet.controls[0].process.crash()
            try await fleet.controls[0].process.start()
            try await fleet.wait(for: fleet.controls[0], 2)
            let health = try await HTTPClient.shared.get("\(fleet.controls[0].address)/healthz").text
            #expect(health.contains(#""policyFrom":"saved copy"#), "\(health)")
            #expect(try await fleet.ask(.POST, "/rollout/abort", by: token).status == 503)

            try await fleet.etcd.start()
            try await eventually {
                try await fleet.ask("/rollout/status", by: token).text.contains(#""problem":null"#)
            }
            let rollback = try await fleet.ask(.POST, "/rollout/rollback", by: token, on: 2, #"{"rollout": "sms"}"#)
            #expect(try rollback.decoded(Answer.self).revision == 3, "\(rollback.text)")
            #expect(try await fleet.percent() == 10)
        }
    }

    @Test("Of two seeds at once one wins, and the other leaves the store alone")
    func seeds() async throws {
        try await ControlFleet.with { fleet in
            try await fleet.controls[0].process.crash()
            await fleet.etcd.kill()
            try fleet.etcd.wipe()
            try await fleet.etcd.start()
            let outputs = try await withThrowingTaskGroup(of: (Int, String).self) { group in
                for percent in [30, 60] {
                    group.addTask { (percent, try await fleet.seed(TestPolicy(revision: 5, percent: percent))) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let winners = outputs.filter { $0.1.contains("holds revision 5 of") }
            #expect(winners.count == 1, "\(outputs)")
            try await fleet.controls[0].process.start()
            try await fleet.wait(for: fleet.controls[0], 5)
            #expect(try await fleet.percent() == winners.first.map { Double($0.0) })
            let entries = try await fleet.history().filter { $0.outcome == "accepted" }
            #expect(entries.map(\.revision) == [5, 1])
            #expect(
                try await fleet.seed(TestPolicy(revision: 5, percent: winners[0].0)).contains("held a policy already")
            )
        }
    }
}

/// The audit trail by itself.
@Suite("The audit trail", .serialized)
struct AuditTrailTests {
    private func withTrail(_ body: (AuditTrail, OtherProcess) async throws -> Void) async throws {
        // Nobody answers there.
        let gateway = EtcdGateway("http://127.0.0.1:\(try freePorts(1)[0])")
        try await withFolder { folder in
            let file = folder.appending(path: "audit.sqlite")
            let logger = Logger(label: "trail") { _ in SwiftLogNoOpLogHandler() }
            let result: Result<Void, any Error>
            do {
                let trail = try AuditTrail(file.path, of: EtcdStore(gateway), logger)
                result = .success(try await body(trail, OtherProcess(file)))
            } catch {
                result = .failure(error)
            }
            try await gateway.shutdown()
            try result.get()
        }
    }

    /// How many entries could not be written.
    private func unwritten(_ trail: AuditTrail) throws -> Int {
        let page = MetricsPage(of: RolloutRouter(), with: trail.metrics, accepting: nil).text
        let line = try #require(page.split(separator: "\n").first { $0.contains(#"kind="unwritten""#) })
        return try #require(line.split(separator: " ").last.flatMap { Int($0) })
    }

    @Test(
        "Refusals wait for no locked file; they are written in order, and none is lost silently"
    )
    func refusals() async throws {
        try await withTrail { trail, other in
            let updater = RolloutUpdater(try RolloutRouter(policy: .canary(10)), recorders: [trail])
            let author = Origin(subject: "ana", address: "127.0.0.1").description
            // What a follower brings is nobody's attempt.
            for author in ["store etcd", Progression.author] {
                await #expect(throws: UpdateError.self) { try await updater.update(expecting: 99, by: author) { _ in } }
            }
            await trail.settle()
            #expect(try await other.texts("SELECT subject FROM entry") == [Progression.author])
            let (start, count) = (ContinuousClock.now, 300)
            try await other.whileLocked {
                for number in 0..<count {
                    await #expect(throws: UpdateError.self) {
                        try await updater.update(expecting: 99, by: author, because: "\(number)") { _ in }
                    }
                    try #require(ContinuousClock.now - start < promised(.seconds(1)))
                }
            }
            await trail.finish()
            let written = try await other.texts("SELECT reason FROM entry WHERE address IS NOT NULL ORDER BY id")
            let lost = try unwritten(trail)
            #expect(written.count + lost == count)
            #expect(written.compactMap { Int($0) } == written.compactMap { Int($0) }.sorted())
        }
    }

    @Test("A record that comes twice is written once, and is no failure; beyond a thousand that wait, each is one")
    func twice() async throws {
        try await withTrail { trail, other in
            let updater = RolloutUpdater(try RolloutRouter(policy: .canary(10)))
            await #expect(throws: UpdateError.self) {
                try await updater.update(expecting: 99, by: Progression.author) { _ in }
            }
            let record = try #require(updater.history.last)
            for _ in 0..<2 { trail.record(record) }
            await trail.finish()
            #expect(try await other.texts("SELECT id FROM entry") == ["1"])
            #expect(try unwritten(trail) == 0)
            try await other.whileLocked { for _ in 0..<3_000 { trail.record(record) } }
            await trail.finish()
            #expect(try unwritten(trail) > 900)
        }
    }

    @Test("Whoever waits for the store's news waits a while, and not until they are there", .timeLimit(.minutes(1)))
    func news() async throws {
        try await withTrail { trail, _ in
            // Nobody looks at the store.
            await trail.catchUp()
        }
    }

    @Test("Looking back finds accepted changes, and pages, by an index, however much was asked for and refused")
    func indexes() async throws {
        try await withTrail { trail, other in
            try await other.execute(
                """
                INSERT INTO entry (time, outcome, process, number, revision, record, policy)
                VALUES (1, 'accepted', 'a', 1, 7, '{}', '{"revision": 7}');
                WITH RECURSIVE place(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM place WHERE n < 200000)
                INSERT INTO entry (time, outcome) SELECT n, iif(n % 2, 'asked', 'unauthenticated') FROM place
                """
            )
            for (sql, index) in [
                (AuditTrail.latestNames, "entryAccepted"), (AuditTrail.latest, "entryAccepted"),
                (AuditTrail.page, "entryShown"), (AuditTrail.documents, "entryByRevision"),
            ] {
                let plan = try await other.plan(sql.replacing("?", with: "50"))
                #expect(plan.contains("INDEX \(index)") && !plan.contains("TEMP"), "\(plan)")
            }
            #expect(try await trail.entries(3, before: nil).map(\.id) == [200_001, 199_999, 199_997])
            #expect(try await trail.entries(3, before: 4).map(\.id) == [3, 1])
            #expect(try await trail.document(of: 7) == #"{"revision": 7}"#)
        }
    }

    @Test("A store that says that its revision is the last there is crashes nobody", .timeLimit(.minutes(1)))
    func lastRevision() async throws {
        let answer = #"{"header": {"revision": "9223372036854775807"}, "succeeded": true, "responses": []}"#
        try await withStub { _, _ in
            Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(string: answer)))
        } _: { port in
            let gateway = EtcdGateway("http://127.0.0.1:\(port)")
            let store = EtcdStore(gateway)
            await #expect(throws: UpdateError.self) { try await store.next() }
            let waiting = Task { try await store.next() }
            try await Task.sleep(for: .milliseconds(300))
            waiting.cancel()
            await #expect(throws: (any Error).self) { try await waiting.value }
            try await gateway.shutdown()
        }
    }
}
