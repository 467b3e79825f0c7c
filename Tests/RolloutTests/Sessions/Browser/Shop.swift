#if canImport(Glibc)
    import Foundation

    @testable import Rollout

    /// A site on loopback that asks a session router for its cookies, and the browser that visits it.
    final class Shop {
        /// One request of a visit.
        struct Step: Sendable {
            enum Work: Sendable {
                case route, signOut, wait, nothing
            }

            let work: Work
            let host: String
            let path: String
            var unit: String?
            var now = Fixture.now
            /// Whose cookie it is about: the place among the shop's cookies.
            var cookie = 0

            func about(_ cookie: Int) -> Step {
                var step = self
                step.cookie = cookie
                return step
            }

            /// Is routed, by the service's clock.
            static func route(
                at now: UnixTime = Fixture.now,
                unit: String? = nil,
                on host: String = Fixture.host,
                _ path: String = "/"
            ) -> Step {
                Step(work: .route, host: host, path: path, unit: unit, now: now)
            }

            /// Shows what the browser sends, and is answered without our cookie.
            static func look(on host: String = Fixture.host, _ path: String = "/") -> Step {
                Step(work: .nothing, host: host, path: path)
            }

            /// Is told to forget the cookie.
            static func signOut(on host: String = Fixture.host, _ path: String = "/") -> Step {
                Step(work: .signOut, host: host, path: path)
            }

            /// Is answered two seconds later.
            static let wait = Step(work: .wait, host: Fixture.host, path: "/")
        }

        /// What a request brought, and what the session router said.
        struct Seen: Sendable {
            /// The cookies of our name, as the browser sent them.
            let cookies: [String]
            let answer: SessionDecision?

            var reason: Decision.Reason? { answer?.decision.reason }
            /// The cookie in the answer, as the browser has to send it back.
            var given: String? { answer?.setCookie.map { String($0.prefix { $0 != ";" }) } }
        }

        struct Incomplete: Error {
            let seen: [Seen]
            let page: String
        }

        /// The first cookie's.
        let router: RolloutRouter
        private let sites: [Site]
        private let sessions: SessionRouter
        private let browser: Chromium

        /// What gives one of the cookies.
        private struct Site: Sendable {
            let router: RolloutRouter
            let handle: RolloutHandle
            let cookie: StickyCookie
        }

        /// With several cookies, one start of the browser serves for all of them. Each needs a name of its own.
        init(_ cookies: [StickyCookie] = [StickyCookie(name: Fixture.cookieName, maxAge: 3600, isSecure: false)]) throws
        {
            sites = try cookies.map { cookie in
                let (router, handle) = try Fixture.router(Fixture.policy(percent: 50) { $0.sticky = cookie })
                return Site(router: router, handle: handle, cookie: cookie)
            }
            router = sites[0].router
            sessions = try Fixture.sessions()
            browser = try Chromium()
        }

        /// Starts the browser, which goes from step to step by redirections, and ends it.
        ///
        /// - Returns: What each step has seen, and what scripts see of the cookies on the last page.
        func visit(_ steps: [Step]) throws -> (seen: [Seen], scripts: String) {
            let log = Lock<[Seen]>([])
            let server = try LoopbackServer { [sessions, sites] request in
                guard let index = Int(request.target.split(separator: "?").last ?? ""), steps.indices.contains(index)
                else { return "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" }
                let step = steps[index]
                let (handle, cookie) = (sites[step.cookie].handle, sites[step.cookie].cookie)
                let headers = request.headers("cookie")
                let session = SessionRequest(
                    unit: step.unit,
                    host: request.headers("host").first,
                    cookies: headers,
                    now: step.now
                )
                let answer = step.work == .route ? sessions.route(session, through: handle) : nil
                log.withLock { $0.append(Seen(cookies: Self.ours(headers, cookie.name), answer: answer)) }
                if step.work == .wait { Thread.sleep(forTimeInterval: 2) }
                let setCookie = step.work == .signOut ? cookie.deletion : answer?.setCookie
                let port = request.headers("host").first?.split(separator: ":").last ?? ""
                let next = index + 1 < steps.count ? Self.url(steps, index + 1, port) : nil
                return Self.response(setCookie, next)
            }
            defer { server.stop() }
            let page = try browser.open(Self.url(steps, 0, "\(server.port)"))
            let seen = log.withLock { $0 }
            let parts = page.split(separator: "|", omittingEmptySubsequences: false)
            guard seen.count == steps.count, parts.count == 3 else { throw Incomplete(seen: seen, page: page) }
            return (seen, String(parts[1]))
        }

        private static func url(_ steps: [Step], _ index: Int, _ port: some StringProtocol) -> String {
            "http://\(steps[index].host):\(port)\(steps[index].path)?\(index)"
        }

        private static func ours(_ headers: [String], _ name: String) -> [String] {
            headers.flatMap { $0.split(separator: "; ").map(String.init) }.filter { $0.hasPrefix("\(name)=") }
        }

        /// Sends the browser on, or ends the visit with a page that writes down what a script sees.
        private static func response(_ setCookie: String?, _ next: String?) -> String {
            let body = next == nil ? "<body><script>document.body.textContent = `|${document.cookie}|`</script>" : ""
            var lines = next.map { ["HTTP/1.1 302 Found", "Location: \($0)"] } ?? ["HTTP/1.1 200 OK"]
            lines += ["Content-Type: text/html", "Content-Length: \(body.utf8.count)", "Connection: close"]
            lines += ["Cache-Control: private, no-store", "Set-Cookie: another=one; Path=/"]
            if let setCookie { lines.append("Set-Cookie: \(setCookie)") }
            return lines.joined(separator: "\r\n") + "\r\n\r\n" + body
        }
    }
#endif
