import AsyncHTTPClient
import Foundation
import Hummingbird
import Logging
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import Rollout
import Subprocess
import Testing

@testable import Control
@testable import Demo

/// The operators' page in a real browser, with a real Control and a real etcd behind it.
@Suite("The operators' page", .serialized)
struct PageTests {
    @Test(
        "An operator signs in, sees what would move, applies it, settles a conflict, rolls back, aborts, starts and promotes"
    )
    func operating() async throws {
        try await ControlFleet.with { fleet in
            try await Browser.with(in: fleet.folder) { browser in
                let token = try await fleet.token(.read, .write)
                try await browser.open("\(fleet.controls[0].address)/")
                #expect(try await !browser.isShown("#operations"))
                try await browser.signIn("no-token")
                try await browser.wait(for: "#sign-in-problem", "The token is")
                try await browser.signIn(token)
                try await browser.wait(for: "#revision", "1, since")
                try await browser.wait(for: "#serves", "canary 10 % (app v2, model v2)")
                try await browser.wait(for: "#driver", "This process drives sms: waits")
                try await browser.wait(for: "#fleet tbody", "Nobody listens there.")
                try await browser.wait(for: "#fleet tbody", "\(fleet.controls[0].address) 1")
                try await browser.wait(for: "#figures .problem", "There are no figures. Prometheus at http://127.0.0.1")

                // The token outlives a reload, and is in no cookie.
                try await browser.reload()
                try await browser.wait(for: "#revision", "1, since")
                #expect(try await browser.run("return document.cookie") == "")

                // The slider shows what would move, and moves nothing.
                try await browser.press(.right, 15, in: "#slider")
                try await browser.wait(for: "#plan", "150,000 buckets (15 %) move")
                try await browser.wait(for: "#plan", "15 % of all units go from stable to canary.")
                #expect(try await fleet.revision() == 1)
                try await browser.click("#apply")
                try await browser.wait(for: "#said", "Revision 2 is stored: canary at 25 %")
                try await browser.wait(for: "#revision", "2, since")
                #expect(try await fleet.percent() == 25)

                // Another operator is faster: both values are shown, and nothing is lost.
                try await browser.press(.right, 5, in: "#slider")
                try await browser.wait(for: "#plan", "50,000 buckets (5 %) move")
                let body = #"{"canary_percentage": 40}"#
                #expect(try await fleet.ask(.POST, "/rollout/update", by: token, on: 2, body).status == 200)
                _ = try await browser.run("document.getElementById('apply').click(); return ''")
                try await browser.wait(for: "#seen", "revision 2: stable 75 % (app v1, model v1); canary 25 %")
                try await browser.wait(for: "#runs", "revision 3: stable 60 % (app v1, model v1); canary 40 %")
                try await browser.wait(for: "#wants", "canary at 30 %")
                #expect(try await !browser.isShown("#apply"))
                #expect(try await fleet.revision() == 3)
                try await browser.click("#rebase")
                try await browser.wait(for: "#plan", "10 % of all units go from canary to stable.")
                try await browser.click("#apply")
                try await browser.wait(for: "#revision", "4, since")
                #expect(try await fleet.percent() == 30)

                // The same, seen without a click: the look of every two seconds shows it, and the other one's change stays.
                try await browser.press(.left, 1, in: "#slider")
                try await browser.wait(for: "#plan", "10,000 buckets (1 %) move")
                #expect(try await fleet.ask(.POST, "/rollout/update", by: token, on: 4, body).status == 200)
                try await browser.wait(for: "#discard", "Keep revision 5")
                try await browser.press(.left, 1, in: "#slider")
                try await browser.wait(for: "#wants", "canary at 28 %")
                #expect(try await browser.isShown("#conflict"), "it was begun on revision 4")
                try await browser.click("#discard")
                #expect(try await browser.run("return document.getElementById('slider').value") == "40")
                #expect(try await !browser.isShown("#proposal"))

                // A reason is text, whatever it looks like.
                let reason = "<script>alert(1)</script><img src=x onerror=alert(2)>"
                try await browser.type(reason, into: "#reason")
                try await browser.type("1", into: "#back-to")
                try await browser.click("#rollback button")
                try await browser.wait(for: "#plan", "30 % of all units go from canary to stable.")
                try await browser.click("#apply")
                try await browser.wait(for: "#history ol", "accepted · revision 6 · ana from 127.0.0.1")
                try await browser.wait(for: "#history ol", reason)
                #expect(
                    try await browser.run("return document.querySelector('#history ol :not(li)')?.outerHTML ?? ''")
                        == ""
                )
                #expect(try await fleet.percent() == 10)

                // An abort asks nothing. A canary starts, and is promoted.
                try await browser.click("#abort")
                try await browser.wait(for: "#serves", "revision 7")
                try await browser.wait(for: "#serves", "disabled")
                try await browser.type("v2", into: "#version")
                try await browser.type("5", into: "#start-percent")
                try await browser.click("#start button")
                try await browser.wait(for: "#plan", "5 % of all units go from stable to canary.")
                try await browser.click("#apply")
                try await browser.wait(for: "#serves", "canary 5 % (app v2, model v2)")
                try await browser.click("#promote")
                try await browser.wait(for: "#apply", "Apply to revision 8")
                try await browser.click("#apply")
                try await browser.wait(for: "#serves", "(app v2, model v2)")
                try await browser.wait(for: "#revision", "9, since")

                // What is wrong is said in the API's words.
                try await browser.type("99", into: "#back-to")
                try await browser.click("#rollback button")
                try await browser.wait(for: "#plan", "has revision 99.")

                try await browser.click("#sign-out")
                #expect(try await !browser.isShown("#operations"))
                #expect(try await browser.run("return String(sessionStorage.length)") == "0")
                var claims = ControlFleet.claims(Scope.read.rawValue)
                claims.exp = Double(UnixTime.now.seconds + 3)
                let folder = fleet.folder.appending(path: "tokens").path
                try await browser.signIn(TokenMaker.token(claims, keysIn: folder))
                try await browser.wait(for: "#revision", "9, since")
                try await browser.wait(for: "#sign-in-problem", "The token")
                #expect(try await !browser.isShown("#operations"))
                try await browser.signIn(fleet.token(.read))
                try await browser.wait(for: "#revision", "9, since")
                try await browser.click("#promote")
                _ = try await browser.run("document.getElementById('abort').disabled = false; return ''")
                try await browser.click("#abort")
                try await browser.wait(for: "#said", "rollout.write")
            }
        }
    }

    @Test("It fits a window of 390 and of 1280 pixels, needs no mouse, and shows figures or says why there are none")
    func layout() async throws {
        let port = try freePorts(1)[0]
        try await ControlFleet.with(prometheus: port) { fleet in
            let address = fleet.controls[0].address
            for file in ["/", "/page.css", "/page.js"] {
                let reply = try await HTTPClient.shared.get(address + file)
                #expect(reply.status == 200, "\(file)")
                #expect(reply.headers["Content-Security-Policy"].first?.hasPrefix("default-src 'self';") == true)
                #expect(reply.headers["X-Content-Type-Options"] == ["nosniff"])
                #expect(reply.headers["Referrer-Policy"] == ["no-referrer"])
                #expect(reply.headers["Cache-Control"] == ["no-store"])
            }
            let token = try await fleet.token(.read, .write)
            let reason = String(repeating: "unbroken", count: 100)
            let body = #"{"canary_percentage": 33.3333, "reason": "\#(reason)"}"#
            #expect(try await fleet.ask(.POST, "/rollout/update", by: token, on: 1, body).status == 200)

            try await Browser.with(in: fleet.folder) { browser in
                try await browser.open("\(address)/")
                for width in [390, 1280] {
                    try await browser.resize(to: width)
                    #expect(try await browser.tooWide() == "", "signed out, \(width)")
                }
                try await browser.signIn(token)
                try await browser.wait(for: "#history ol", reason)
                try await browser.wait(for: "#figures .problem", "There are no figures. Prometheus at http://127.0.0.1")

                try await withPrometheus(at: port) {
                    try await browser.wait(for: "#figures tbody", "canary v2 412 20 (4.85 %) 24 ms")
                    try await browser.wait(for: "#figures tbody", "stable v1 3705 0 (0.00 %) 19 ms")
                    #expect(try await !browser.isShown("#figures .problem"))
                    // With everything there is to show: a change that is looked at, and one that another operator made.
                    try await browser.press(.right, 1, in: "#slider")
                    try await browser.wait(for: "#plan", "buckets")
                    #expect(try await browser.unreachable() == "")
                    for width in [390, 1280] {
                        try await browser.resize(to: width)
                        #expect(try await browser.tooWide() == "", "a change, \(width)")
                    }
                    #expect(try await fleet.ask(.POST, "/rollout/abort", by: token).status == 200)
                    try await browser.wait(for: "#runs", "revision 3")
                    #expect(try await browser.unreachable() == "")
                    for width in [390, 1280] {
                        try await browser.resize(to: width)
                        #expect(try await browser.tooWide() == "", "a conflict, \(width)")
                    }
                }
                // Old figures do not stay as if they were new ones.
                try await browser.wait(for: "#figures .problem", "There are no figures.")
                #expect(try await !browser.isShown("#figures table"))

                try await fleet.controls[0].process.crash()
                try await browser.wait(for: "#state .problem", "Control gives no answer")
            }
        }
    }

    /// Calls the body while somebody answers like Prometheus.
    private func withPrometheus(at port: Int, _ body: () async throws -> Void) async throws {
        func series(_ variant: String, _ version: String, _ outcome: String, _ count: Int) -> String {
            #"{"metric": {"instance": "a", "variant": "\#(variant)", "version": "\#(version)", "outcome": "\#(outcome)"}, "#
                + #""values": [[1800000000, "0"], [1800000001, "\#(count)"]]}"#
        }
        let counts = [
            series("canary", "v2", "success", 392), series("canary", "v2", "failure", 20),
            series("stable", "v1", "success", 3705),
        ]
        let slow = [("canary", "v2", "0.024"), ("stable", "v1", "0.019")].map { variant, version, seconds in
            #"{"metric": {"variant": "\#(variant)", "version": "\#(version)"}, "value": [1800000001, "\#(seconds)"]}"#
        }
        let answer = CallbackResponder { (request: Request, _: BasicRequestContext) in
            let query = String(buffer: try await request.body.collect(upTo: 65_536))
            let result = (query.contains("quantile") ? slow : counts).joined(separator: ", ")
            return Response(
                status: .ok,
                body: ResponseBody(byteBuffer: ByteBuffer(string: #"{"data": {"result": [\#(result)]}}"#))
            )
        }
        let application = Application(
            responder: answer,
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port)),
            logger: Logger(label: "Prometheus") { _ in SwiftLogNoOpLogHandler() }
        )
        let server = Task { try await application.run() }
        let result: Result<Void, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        server.cancel()
        _ = try? await server.value
        try result.get()
    }
}

// MARK: The browser

/// Headless Chromium, driven by chromedriver.
private struct Browser: Sendable {
    enum Key: String {
        case tab = "\u{E004}"
        case left = "\u{E012}"
        case right = "\u{E014}"
    }

    /// The address of the session at chromedriver.
    private let session: String

    /// Calls the body with a browser, which ends when the body returns or throws.
    static func with(in folder: URL, _ body: (Browser) async throws -> Void) async throws {
        let address = "http://127.0.0.1:\(try freePorts(1)[0])"
        let port = address.split(separator: ":").last ?? ""
        let driver = ServiceProcess(.name("chromedriver"), ["--port=\(port)"], ["HOME": folder.path])
        try await driver.start()
        let result: Result<Void, any Error>
        do {
            try await eventually("chromedriver") {
                (try? await HTTPClient.shared.get("\(address)/status").status) == 200
            }
            result = .success(try await inSession(at: address, folder, body))
        } catch {
            result = .failure(error)
        }
        await driver.end()
        try result.get()
    }

    private static func inSession(
        at driver: String,
        _ folder: URL,
        _ body: (Browser) async throws -> Void
    ) async throws {
        let options = [
            // As root in a container there is no sandbox, and little shared memory.
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-breakpad", "--no-proxy-server", "--disable-background-networking", "--disable-sync",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            "--user-data-dir=\(folder.appending(path: "profile").path)",
        ]
        let wanted = ["capabilities": ["alwaysMatch": ["goog:chromeOptions": ["args": options]]]]
        let made = try await send(.POST, "\(driver)/session", wanted, Session.self)
        let browser = Browser(session: "\(driver)/session/\(made.sessionId)")
        let process = made.capabilities.process
        let result: Result<Void, any Error>
        do { result = .success(try await body(browser)) } catch { result = .failure(error) }
        do { _ = try await send(.DELETE, browser.session, nil as Nothing?, Nothing?.self) } catch {
            kill(process, SIGKILL)
        }
        // It writes into its profile until it is gone.
        try await eventually("the end of the browser") { kill(process, 0) != 0 }
        try result.get()
    }

    private struct Session: Decodable {
        struct Capabilities: Decodable {
            let process: pid_t
            private enum CodingKeys: String, CodingKey { case process = "goog:processID" }
        }
        let sessionId: String
        let capabilities: Capabilities
    }

    private struct Nothing: Codable {}

    private struct Answer<Value: Decodable>: Decodable { let value: Value }

    private static func send<Value: Decodable>(
        _ method: HTTPMethod,
        _ address: String,
        _ body: (some Encodable)?,
        _ type: Value.Type
    ) async throws -> Value {
        var request = HTTPClientRequest(url: address)
        request.method = method
        if let body { request.body = .bytes(ByteBuffer(data: try JSONEncoder().encode(body))) }
        let reply = try await HTTPClient.shared.reply(to: request)
        guard reply.status == 200 else { throw SetupError(description: "the browser says: \(reply.text.prefix(500))") }
        return try reply.decoded(Answer<Value>.self).value
    }

    private func post(_ path: String, _ body: some Encodable) async throws {
        _ = try await Self.send(.POST, session + path, body, Nothing?.self)
    }

    func open(_ address: String) async throws { try await post("/url", ["url": address]) }

    func reload() async throws { try await post("/refresh", Nothing()) }

    /// Runs the body of a function that returns a text.
    func run(_ script: String, _ arguments: String...) async throws -> String {
        struct Script: Encodable {
            let script: String
            let args: [String]
        }
        return try await Self.send(
            .POST,
            "\(session)/execute/sync",
            Script(script: script, args: arguments),
            String.self
        )
    }

    /// The first element of a selector, as part of an address.
    private func element(_ selector: String) async throws -> String {
        let found = try await Self.send(
            .POST,
            "\(session)/element",
            ["using": "css selector", "value": selector],
            [String: String].self
        )
        return "/element/\(found.values.first ?? "")"
    }

    func click(_ selector: String) async throws { try await post("\(element(selector))/click", Nothing()) }

    func type(_ text: String, into selector: String) async throws {
        let element = try await element(selector)
        try await post("\(element)/clear", Nothing())
        try await post("\(element)/value", ["text": text])
    }

    /// Presses a key some times, in what has the focus or is given it.
    func press(_ key: Key, _ count: Int, in selector: String? = nil) async throws {
        struct Keyboard: Encodable {
            let type = "key"
            let id = "keyboard"
            let actions: [[String: String]]
        }
        if let selector { _ = try await run("document.querySelector(arguments[0]).focus(); return ''", selector) }
        let strokes = (0..<count).flatMap { _ in
            ["keyDown", "keyUp"].map { ["type": $0, "value": key.rawValue] }
        }
        try await post("/actions", ["actions": [Keyboard(actions: strokes)]])
    }

    func signIn(_ token: String) async throws {
        try await type(token, into: "#token")
        try await click("#sign-in button")
    }

    /// The text that an element shows, with single spaces.
    private func text(_ selector: String) async throws -> String {
        try await run(
            "return (document.querySelector(arguments[0])?.innerText ?? '').replace(/\\s+/g, ' ')",
            selector
        )
    }

    /// Waits until an element shows a text.
    func wait(for selector: String, _ part: String) async throws {
        do {
            try await eventually(within: .seconds(10)) {
                guard try await isShown(selector) else { return false }
                return try await text(selector).contains(part)
            }
        } catch is Timeout {
            throw SetupError(description: "\(selector) does not show \"\(part)\", but: \(try await text("body"))")
        }
    }

    func isShown(_ selector: String) async throws -> Bool {
        try await run("return String(document.querySelector(arguments[0])?.checkVisibility() ?? false)", selector)
            == "true"
    }

    func resize(to width: Int) async throws {
        struct Command: Encodable {
            struct Parameters: Encodable {
                let width: Int
                let height = 800
                let deviceScaleFactor = 1
                let mobile = false
            }
            let cmd = "Emulation.setDeviceMetricsOverride"
            let params: Parameters
        }
        try await post("/goog/cdp/execute", Command(params: .init(width: width)))
        try await eventually { try await run("return String(innerWidth)") == "\(width)" }
    }

    /// What is wider than the window.
    func tooWide() async throws -> String {
        try await run(
            """
            return [...document.querySelectorAll("*")].filter((element) => {
              const {left, right} = element.getBoundingClientRect();
              return left < 0 || right > innerWidth || element.scrollWidth > innerWidth;
            }).map((element) => element.outerHTML.slice(0, 80)).join("\\n");
            """
        )
    }

    /// What can be clicked or filled in, and is not reached by the Tab key, or has nothing that says what it is.
    func unreachable() async throws -> String {
        _ = try await run("addEventListener('focusin', (event) => { event.target.dataset.reached = ''; }); return ''")
        try await press(.tab, 30)
        return try await run(
            """
            return [...document.querySelectorAll("button, input, select")].filter((element) =>
              element.checkVisibility() && !element.matches(":disabled")
              && (element.dataset.reached === undefined || !(element.innerText || element.labels?.length))
            ).map((element) => element.outerHTML).join("\\n");
            """
        )
    }
}
