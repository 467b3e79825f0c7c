import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Subprocess
import Synchronization
import SystemPackage
import UnixSignals

/// Starts the fleet as real processes, and shows how a canary that goes wrong is taken back.
///
///     Demo           shows that, and lets the fleet run until Ctrl-C
///     Demo --exit    shows that, and ends
@main
struct Demo {
    static func main() async {
        let words = Array(CommandLine.arguments.dropFirst())
        guard words.isEmpty || words == ["--exit"] else {
            say("usage: Demo [--exit]")
            exit(2)
        }
        // Whoever reads along may go; the processes have to be ended all the same.
        signal(SIGPIPE, SIG_IGN)
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
        let story = Task { try await run(waits: words.isEmpty) }
        let watch = Task {
            var first: UnixSignal?
            for await signal in signals {
                first = first ?? signal
                story.cancel()
            }
            return first
        }
        let result = await story.result
        watch.cancel()
        switch (result, await watch.value) {
        case (.success, _):
            say("All processes have ended, and their files are removed.")
        case (.failure, let signal?):
            say("Ended by \(signal). All processes have ended, and their files are removed.")
            exit(128 + signal.rawValue)
        case (.failure(let error), nil):
            say("Demo: \(error)")
            exit(1)
        }
    }

    private static func run(waits: Bool) async throws {
        try Program.requireAll()
        try await withFolder { folder in
            try await HTTPClient.withHTTPClient { client in
                try await DemoFleet.with(folder, client) { fleet in
                    let load = Load()
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for _ in 0..<8 { group.addTask { await load.run(client, fleet.nginx.address) } }
                        defer { group.cancelAll() }
                        try await show(fleet, load)
                        guard waits else { return }
                        try await invite(fleet)
                        while !Task.isCancelled { try? await Task.sleep(for: .seconds(60)) }
                    }
                }
            }
        }
    }

    // MARK: The story

    private static func show(_ fleet: DemoFleet, _ load: Load) async throws {
        try await load.wait(for: 100)
        fleet.tell("Visitors come, about a hundred a second. \(load.takeTally())")

        try await fleet.startCanary()
        fleet.tell("A release starts: 10 % of the visitors get v2 from now on, in all three app processes.")
        for (revision, share, next) in [(3, 10, 25), (4, 25, 50)] {
            let reason = try await fleet.reason(of: revision, within: .seconds(60))
            try require(
                reason.hasPrefix("\(share) %: "),
                "revision \(revision) was to follow \(share) %, and is: \(reason)"
            )
            fleet.tell("\(load.takeTally()) The driver goes on to \(next) %, because of")
            fleet.tell("    \(reason)")
        }

        try await load.wait(for: 100)
        load.fail(percent: 5)
        fleet.tell("\(load.takeTally()) Now v2 fails 5 % of its requests: it cannot answer \"xyzzy\", and v1 can.")
        let injection = ContinuousClock.now
        let reason = try await fleet.reason(of: 5, within: .seconds(30))
        try require(reason.hasPrefix("50 %: failures, evidence "), "revision 5 was to take v2 back, and is: \(reason)")
        load.fail(percent: 0)
        fleet.tell("\(load.takeTally()) The driver takes v2 back after \(injection.secondsToNow) s, because of")
        fleet.tell("    \(reason)")

        try await fleet.waitUntilAllRun(5)
        _ = load.takeTally()
        try await load.wait(for: 100)
        fleet.tell("All seven processes run that policy. \(load.takeTally())")
        for line in try await fleet.figures() { fleet.tell("    \(line)") }
    }

    private static func invite(_ fleet: DemoFleet) async throws {
        let control = fleet.controls[0].address
        say(
            """

            The fleet goes on, and visitors still come. Look at it:

              Prometheus           \(fleet.prometheus.address)/alerts
              Control, its page    \(control)/
              Control, its API     \(control)/rollout/status
              visitors             \(fleet.nginx.address)/sms

              TOKEN=\(fleet.token)
              curl -H "Authorization: Bearer $TOKEN" \(control)/rollout/status
              curl -H "Authorization: Bearer $TOKEN" \(control)/rollout/history
              curl --json '{"sms": "free prize, call now"}' \(fleet.nginx.address)/sms

            The token counts for eight hours. Ctrl-C ends all processes and removes \(fleet.folder.path).
            """
        )
    }

    fileprivate static func require(_ condition: Bool, _ text: String) throws {
        if !condition { throw SetupError(description: text) }
    }

    /// Writes a line at once, whether a terminal or a file reads it.
    fileprivate static func say(_ text: String) {
        try? FileHandle.standardOutput.write(contentsOf: Data("\(text)\n".utf8))
    }
}

extension ContinuousClock.Instant {
    fileprivate var secondsToNow: Int64 { (ContinuousClock.now - self).components.seconds }
}

// MARK: The fleet

/// All processes, each at an address of its own.
private struct DemoFleet: Sendable {
    /// A process, and where it listens.
    struct Part: Sendable {
        let name: String
        let process: ServiceProcess
        let address: String
        /// What it answers below 500 once it is ready.
        let ready: String
    }

    let folder: URL
    let client: HTTPClient
    let etcd: Part
    let prometheus: Part
    let nginx: Part
    let controls: [Part]
    let models: [Part]
    let apps: [Part]
    /// What signs an operator in.
    let token: String
    private let start: ContinuousClock.Instant

    private static let login = ["TOKEN_ISSUER": "https://login.local", "TOKEN_AUDIENCE": "rollout-control"]

    /// Everybody gets v1. Sessions move along with a share, so that no step waits for their end.
    private static let policy = """
        {"schema": 1, "revision": 1, "rollouts": {"sms": {
          "strategy": {"type": "fixed", "release": {"app": "v1", "model": "v1"}},
          "sticky": {"cookie": "sms-app-version", "maxAge": 3600, "pin": "bucket", "secure": false},
          "missingUnit": "assign",
          "hosts": {"stable.sms-app.local": "stable", "canary.sms-app.local": "canary"},
          "progression": {"steps": [10, 25, 50], "interval": 1, "settle": 2, "dwell": 5, "confirm": "promotion",
                          "margin": {"relative": 100, "absolute": 6}}}}}
        """

    /// Calls the body once the fleet is ready, and ends all of it when the body has returned or thrown.
    static func with(_ folder: URL, _ client: HTTPClient, _ body: (DemoFleet) async throws -> Void) async throws {
        let (start, ports) = (ContinuousClock.now, try freePorts(12))
        let etcd = Part(
            name: "etcd",
            process: try Operations.etcd(in: folder, ports[0], ports[1], isAlone: true),
            address: "http://127.0.0.1:\(ports[0])",
            ready: "/health"
        )
        var parts = [etcd]
        let result: Result<Void, any Error>
        do {
            try await etcd.process.start()
            try await wait(for: etcd, by: client)
            let token = try await prepare(folder, etcd.address)
            let fleet = try DemoFleet(folder, client, start, etcd, token, Array(ports[2...]))
            parts += fleet.followers
            fleet.tell("etcd holds the policy: everybody gets v1. All files are in \(folder.path).")
            for part in fleet.followers { try await part.process.start() }
            for part in fleet.followers { try await wait(for: part, by: client) }
            fleet.tell(
                "nginx, App (3 processes), Model (2), Control (2) and Prometheus run, and listen at 127.0.0.1 alone."
            )
            result = .success(try await body(fleet))
        } catch {
            result = .failure(error)
        }
        // A cancelled task ends them, too.
        let hasFailed = !Task.isCancelled && (try? result.get()) == nil
        await withTaskGroup(of: Void.self) { group in
            for part in parts {
                group.addTask {
                    let output = await part.process.end()
                    if hasFailed, !output.isEmpty { Demo.say("\(part.name) said:\n\(output.suffix(2_000))") }
                }
            }
        }
        try result.get()
    }

    private init(
        _ folder: URL,
        _ client: HTTPClient,
        _ start: ContinuousClock.Instant,
        _ etcd: Part,
        _ token: String,
        _ ports: [Int]
    ) throws {
        let addresses = ports.map { "http://127.0.0.1:\($0)" }
        let (appPlaces, modelPlaces, controlPlaces) = (3..<6, 6..<8, 8..<10)
        let shared = [
            "LOG_LEVEL": "notice", "POLICY_SOURCE": "etcd:\(etcd.address)",
            "ROLLOUT_KEYS": folder.appending(path: "keys").path, "MODEL_ADDRESS": addresses[1],
            "TOKEN_KEYS": folder.appending(path: "tokens/jwks.json").path,
            "AUDIT_DATABASE": folder.appending(path: "audit.sqlite").path,
            "APP_ADDRESSES": addresses[appPlaces].joined(separator: ","), "PROMETHEUS_ADDRESS": addresses[2],
            "REPLICAS": addresses[3...].joined(separator: ","),
        ].merging(Self.login) { $1 }
        func service(_ name: String, _ place: Int) throws -> Part {
            let own = [
                "HTTP_PORT": "\(ports[place])",
                "POLICY_COPY": folder.appending(path: "copy-\(name)-\(ports[place]).json").path,
            ]
            return Part(
                name: "\(name) at \(addresses[place])",
                process: ServiceProcess(try executable(name), [], shared.merging(own) { $1 }, isAlone: true),
                address: addresses[place],
                ready: "/healthz"
            )
        }
        (self.folder, self.client, self.start, self.etcd, self.token) = (folder, client, start, etcd, token)
        apps = try appPlaces.map { try service("App", $0) }
        models = try modelPlaces.map { try service("Model", $0) }
        controls = try controlPlaces.map { try service("Control", $0) }
        nginx = Part(
            name: "nginx",
            process: try Operations.nginx(
                in: folder,
                ports[0],
                ports[1],
                apps: Array(ports[appPlaces]),
                models: Array(ports[modelPlaces]),
                isAlone: true
            ),
            address: addresses[0],
            ready: "/"
        )
        prometheus = Part(
            name: "Prometheus",
            process: try Operations.prometheus(
                in: folder,
                ports[2],
                apps: Array(addresses[appPlaces]),
                models: Array(addresses[modelPlaces]),
                controls: Array(addresses[controlPlaces]),
                isAlone: true
            ),
            address: addresses[2],
            ready: "/-/ready"
        )
    }

    /// Everything that follows what etcd holds.
    private var followers: [Part] { [prometheus, nginx] + controls + models + apps }

    /// Makes keys and a token, and has etcd hold the policy.
    private static func prepare(_ folder: URL, _ etcd: String) async throws -> String {
        let (tokens, file) = (folder.appending(path: "tokens").path, folder.appending(path: "policy.json"))
        try writeKeys(in: folder)
        try policy.write(to: file, atomically: true, encoding: .utf8)
        func control(_ words: String...) async throws -> String {
            let environment = login.merging(["POLICY_SOURCE": "etcd:\(etcd)"]) { $1 }
            let process = ServiceProcess(try executable("Control"), words, environment, isAlone: true)
            return try await withTaskCancellationHandler {
                try await process.start()
                return try await process.output()
            } onCancel: {
                Task { await process.end() }
            }
        }
        _ = try await control("keys", tokens)
        let seeded = try await control("seed", file.path)
        try Demo.require(seeded.contains("holds revision 1"), "the policy could not be stored: \(seeded)")
        let scopes = ["rollout.read", "rollout.write", "rollout.deploy"]
        let token = try await control("token", tokens, "operator", scopes[0], scopes[1], scopes[2], "--minutes", "480")
        return token.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static func wait(for part: Part, by client: HTTPClient) async throws {
        try await eventually("\(part.name) is ready") {
            try Demo.require(!part.process.hasEnded, "\(part.name) has ended by itself")
            let request = HTTPClientRequest(url: part.address + part.ready)
            guard let response = try? await client.execute(request, timeout: .seconds(2)) else { return false }
            return response.status.code < 500
        }
    }

    /// Writes a line with the seconds since the fleet began to start.
    func tell(_ text: String) {
        let seconds = String(start.secondsToNow)
        Demo.say("[\(String(repeating: " ", count: max(0, 3 - seconds.count)))\(seconds) s] \(text)")
    }

    // MARK: The operators' API

    private func ask<Answer: Decodable>(_ path: String, as type: Answer.Type) async throws -> Answer {
        try await send(HTTPClientRequest(url: controls[0].address + path), as: type)
    }

    private func send<Answer: Decodable>(_ request: HTTPClientRequest, as type: Answer.Type) async throws -> Answer {
        var request = request
        request.headers.add(name: "Authorization", value: "Bearer \(token)")
        let response = try await client.execute(request, timeout: .seconds(10))
        let body = Data(try await response.body.collect(upTo: 1 << 20).readableBytesView)
        let text = String(decoding: body, as: UTF8.self)
        try Demo.require(response.status == .ok, "\(request.url) answered \(response.status.code): \(text)")
        return try JSONDecoder().decode(type, from: body)
    }

    func startCanary() async throws {
        struct Change: Decodable { let revision: Int }
        var request = HTTPClientRequest(url: controls[0].address + "/rollout/start")
        request.method = .POST
        request.headers.add(name: "If-Match", value: "\"1\"")
        request.body = .bytes(ByteBuffer(string: #"{"version": "v2", "percent": 10, "reason": "v2 is built"}"#))
        let change = try await send(request, as: Change.self)
        try await waitUntilAllRun(change.revision)
    }

    /// Why the driver made a revision. Waits until there is one.
    func reason(of revision: Int, within limit: Duration) async throws -> String {
        struct History: Decodable {
            struct Entry: Decodable {
                let revision: Int?
                let outcome: String
                let subject: String?
                let reason: String?
            }
            let entries: [Entry]
        }
        var reason: String?
        try await eventually("revision \(revision) by the driver", within: limit, asking: .milliseconds(200)) {
            let entries = try await ask("/rollout/history?limit=20", as: History.self).entries
            let entry = entries.first {
                $0.revision == revision && $0.outcome == "accepted" && $0.subject == "progression"
            }
            if let entry { reason = entry.reason ?? "" }
            return entry != nil
        }
        return reason ?? ""
    }

    func waitUntilAllRun(_ revision: Int) async throws {
        struct Running: Decodable {
            struct Process: Decodable { let revision: Int? }
            let processes: [Process]
        }
        try await eventually("all processes run revision \(revision)", asking: .milliseconds(100)) {
            try await ask("/rollout/fleet", as: Running.self).processes.allSatisfy { $0.revision == revision }
        }
    }

    /// What Prometheus counted, a line for each version.
    func figures() async throws -> [String] {
        struct Figures: Decodable {
            struct Version: Decodable {
                let version: String
                let requests: Int
                let failures: Int
                let p95: Double?
            }
            let versions: [Version]
        }
        return try await ask("/rollout/figures", as: Figures.self).versions.map { figures in
            let time = figures.p95.map { ", 95 % within \(Int(($0 * 1_000).rounded(.up))) ms" } ?? ""
            return "\(figures.version): \(figures.requests) requests, \(figures.failures) failed\(time)"
        }
    }
}

// MARK: Load

/// Visitors who come to nginx, each for the first time.
private final class Load: Sendable {
    private struct Tally {
        var first = 0
        var second = 0
        var failed = 0
        var lost = 0
        var all: Int { first + second + failed + lost }
    }

    private let tally = Mutex(Tally())
    private let failing = Atomic(0)

    /// Has version 2 fail so much of its requests.
    func fail(percent: Int) { failing.store(percent, ordering: .relaxed) }

    func run(_ client: HTTPClient, _ address: String) async {
        struct Answer: Decodable { let app: String }
        while !Task.isCancelled {
            // No word of this speaks for spam, which is what version 2 cannot answer.
            let isFault = Int.random(in: 0..<100) < failing.load(ordering: .relaxed)
            var request = HTTPClientRequest(url: "\(address)/sms")
            request.method = .POST
            request.body = .bytes(ByteBuffer(string: #"{"sms": "\#(isFault ? "xyzzy" : "free prize, call now")"}"#))
            let response = try? await client.execute(request, timeout: .seconds(10))
            let body = try? await response?.body.collect(upTo: 65_536)
            let answer = body.flatMap { try? JSONDecoder().decode(Answer.self, from: Data($0.readableBytesView)) }
            tally.withLock { tally in
                switch (response?.status, answer?.app) {
                case (.ok, "v1"): tally.first += 1
                case (.ok, "v2"): tally.second += 1
                case (.internalServerError, _): tally.failed += 1
                default: tally.lost += 1
                }
            }
            try? await Task.sleep(for: .milliseconds(60))
        }
    }

    /// Waits until so many visitors have come since the last tally.
    func wait(for count: Int) async throws {
        try await eventually("\(count) visitors") { tally.withLock(\.all) >= count }
    }

    /// What became of the visitors since the last tally, as a sentence.
    func takeTally() -> String {
        let taken = tally.withLock { tally in
            defer { tally = Tally() }
            return tally
        }
        return "\(taken.second + taken.failed) of \(taken.all) visitors got v2"
            + (taken.failed > 0 ? ", which failed \(taken.failed) of them" : "")
            + (taken.lost > 0 ? "; \(taken.lost) got no answer" : "") + "."
    }
}

// MARK: Processes

/// A process of the fleet that is started, ended, killed and started again.
final class ServiceProcess: Sendable {
    private struct Run {
        var id: ProcessIdentifier?
        let output: Task<String, any Error>
        var hasEnded = false
    }

    private let configuration: Subprocess.Configuration
    private let run = Mutex<Run?>(nil)

    /// A process that runs after ``start()``. One that `isAlone` has a process group of its own, which keeps the terminal's Ctrl-C
    /// from it: whoever starts it has to end it, whatever happens.
    init(
        _ executable: Executable,
        _ arguments: [String] = [],
        _ environment: [String: String] = [:],
        isAlone: Bool = false
    ) {
        var options = PlatformOptions()
        if isAlone { options.processGroupID = 0 }
        options.teardownSequence = [
            .gracefulShutDown(toProcessGroup: isAlone, allowedDurationToNextStep: .seconds(2))
        ]
        configuration = Subprocess.Configuration(
            executable: executable,
            arguments: Arguments(arguments),
            environment: .inherit.updating(
                Dictionary(uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0), $1) })
            ),
            platformOptions: options
        )
    }

    func start() async throws {
        let (ids, continuation) = AsyncStream.makeStream(of: ProcessIdentifier.self)
        let output = Task { [self] in
            defer {
                run.withLock { $0?.hasEnded = true }
                continuation.finish()
            }
            let result = try await Subprocess.run(
                configuration,
                input: .none,
                output: .string(limit: 1 << 24),
                error: .combinedWithOutput
            ) { execution in
                continuation.yield(execution.processIdentifier)
            }
            return result.standardOutput
        }
        run.withLock { $0 = Run(output: output) }
        for await id in ids {
            run.withLock { $0?.id = id }
            return
        }
        if Task.isCancelled {
            // Nobody waits for the process any more.
            await end()
            throw CancellationError()
        }
        _ = try await output.value
    }

    /// Whether the process ended after its start.
    var hasEnded: Bool { run.withLock { $0?.hasEnded ?? false } }

    /// Sends a signal, by the process's id, unless the process has ended.
    func send(_ signal: Signal) throws {
        guard let id = run.withLock({ $0?.id }), !hasEnded else { return }
        guard kill(id.value, signal.rawValue) == 0 || errno == ESRCH else {
            throw SetupError(description: "process \(id) cannot be sent \(signal)")
        }
    }

    /// What the process wrote until it ended by itself.
    func output() async throws -> String { try await run.withLock { $0?.output }?.value ?? "" }

    /// Kills the process as `kill -9` does.
    func crash() async throws {
        try send(.kill)
        _ = try await output()
        run.withLock { $0 = nil }
    }

    /// Ends the process if it runs: politely at first.
    @discardableResult
    func end() async -> String {
        guard let output = run.withLock({ $0?.output }) else { return "" }
        output.cancel()
        return (try? await output.value) ?? ""
    }
}

/// The programs beside the services, with the configuration that `Examples/Ops` has for them.
enum Operations {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Ops")
        .standardizedFileURL

    /// etcd, with the data that are in the folder if there are any.
    static func etcd(in folder: URL, _ port: Int, _ peer: Int, isAlone: Bool = false) throws -> ServiceProcess {
        let data = folder.appending(path: "etcd")
        try FileManager.default.createDirectory(
            at: data,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        let (clients, peers) = ("http://127.0.0.1:\(port)", "http://127.0.0.1:\(peer)")
        let arguments = [
            "--data-dir", data.path,
            "--listen-client-urls", clients, "--advertise-client-urls", clients,
            "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers,
            "--initial-cluster", "default=\(peers)",
            "--cors", "http://127.0.0.1:1", "--host-whitelist", "127.0.0.1",
            "--auto-compaction-mode", "revision", "--auto-compaction-retention", "1000",
        ]
        return ServiceProcess(try Program.etcd.executable, arguments, isAlone: isAlone)
    }

    /// nginx at a public port, and at one where the app asks the model.
    static func nginx(
        in folder: URL,
        _ front: Int,
        _ middle: Int,
        apps: [Int],
        models: [Int],
        isAlone: Bool = false
    ) throws -> ServiceProcess {
        func list(_ ports: [Int]) -> String {
            // nginx wants a server in each list.
            let ports = ports.isEmpty ? [9] : ports
            return ports.map { "server 127.0.0.1:\($0) max_fails=1 fail_timeout=1s;" }.joined(separator: " ")
        }
        let values = [
            "FOLDER": folder.path, "PUBLIC_PORT": "\(front)", "MODEL_PORT": "\(middle)", "APPS": list(apps),
            "MODELS": list(models),
        ]
        let file = try fill("nginx.conf", values, in: folder)
        // Before it reads its configuration, it would write to the log of the system.
        let log = folder.appending(path: "nginx.log").path
        return ServiceProcess(
            try Program.nginx.executable,
            ["-c", file, "-e", log, "-g", "daemon off;"],
            isAlone: isAlone
        )
    }

    /// Prometheus, which scrapes the processes at these addresses.
    static func prometheus(
        in folder: URL,
        _ port: Int,
        apps: [String],
        models: [String],
        controls: [String],
        isAlone: Bool = false
    ) throws -> ServiceProcess {
        func list(_ addresses: [String]) -> String {
            addresses.map { "'\($0.dropFirst("http://".count))'" }.joined(separator: ", ")
        }
        let values = [
            "APPS": list(apps), "MODELS": list(models), "CONTROLS": list(controls),
            "RULES": self.folder.appending(path: "alerts.yml").path,
        ]
        let arguments = [
            "--config.file=\(try fill("prometheus.yml", values, in: folder))",
            "--storage.tsdb.path=\(folder.appending(path: "prometheus").path)",
            "--web.listen-address=127.0.0.1:\(port)", "--log.level=error",
        ]
        return ServiceProcess(try Program.prometheus.executable, arguments, isAlone: isAlone)
    }

    /// Writes a template of `Examples/Ops` with its values, and returns where.
    private static func fill(_ name: String, _ values: [String: String], in folder: URL) throws -> String {
        let template = self.folder.appending(path: "\(name).template")
        var text = try String(contentsOf: template, encoding: .utf8)
        for (name, value) in values { text = text.replacing("${\(name)}", with: value) }
        let file = folder.appending(path: name)
        try text.write(to: file, atomically: true, encoding: .utf8)
        return file.path
    }
}

/// A program of the system.
enum Program: String, CaseIterable {
    case etcd, nginx, prometheus

    /// The package of Debian that has it.
    private var package: String { self == .etcd ? "etcd-server" : rawValue }

    private var path: String? {
        // Debian's nginx is where only root looks.
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let places = (path + ":/usr/sbin").split(separator: ":")
        return places.map { "\($0)/\(rawValue)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    var executable: Executable {
        get throws {
            guard let path else { throw SetupError(description: sentence) }
            return .path(FilePath(path))
        }
    }

    private var sentence: String { "there is no \(rawValue): Debian has it in the package \(package)" }

    /// - Throws: `SetupError` that names every program that is missing.
    static func requireAll() throws {
        let missing = allCases.filter { $0.path == nil }.map(\.sentence)
        if !missing.isEmpty {
            throw SetupError(description: (missing + ["Examples/install installs them"]).joined(separator: "; "))
        }
    }
}

/// A built executable of this package. It lies beside the one that runs, or the tests.
func executable(_ name: String) throws -> Executable {
    let places = CommandLine.arguments.filter { $0.contains(".xctest") } + [Bundle.main.executablePath ?? ""]
    for place in places {
        var folder = URL(filePath: place).standardizedFileURL
        while folder.path != "/" {
            folder.deleteLastPathComponent()
            let candidate = folder.appending(path: name)
            let attributes = try? FileManager.default.attributesOfItem(atPath: candidate.path)
            if attributes?[.type] as? FileAttributeType == .typeRegular { return .path(FilePath(candidate.path)) }
        }
    }
    throw SetupError(description: "there is no executable \(name) beside \(places.joined(separator: " or "))")
}

/// Ports that nobody uses at this moment.
func freePorts(_ count: Int) throws -> [Int] {
    let sockets = (0..<count).map { _ in socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }
    defer { for socket in sockets { close(socket) } }
    return try sockets.map { socket in
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(socket, pointer, length) == 0 && getsockname(socket, pointer, &length) == 0
            }
        }
        guard bound else { throw SetupError(description: "the system gives no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

/// Writes the keys of sessions and pairs.
func writeKeys(in folder: URL) throws {
    let file = folder.appending(path: "keys")
    let secret = Data((0..<32).map { _ in UInt8.random(in: 0...255) }).base64EncodedString()
    try "1 \(secret)\n".write(to: file, atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file.path)
}

/// Calls the body with a folder for its owner alone that is removed afterwards.
func withFolder<Result>(_ body: (URL) async throws -> Result) async throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "rollout-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
        at: folder,
        withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700]
    )
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder)
}

/// Waits until something holds.
func eventually(
    _ what: String,
    within limit: Duration = .seconds(30),
    asking pause: Duration = .milliseconds(20),
    _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while try await !condition() {
        if ContinuousClock.now > end { throw SetupError(description: "not within \(limit): \(what)") }
        try await Task.sleep(for: pause)
    }
}

/// What is wrong, in a sentence.
struct SetupError: Error, CustomStringConvertible { let description: String }
