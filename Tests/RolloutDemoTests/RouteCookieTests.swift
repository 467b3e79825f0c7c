import Testing

@Suite("route: cookies")
struct RouteCookieTests {
    private let sticky = try? StickyPolicy()

    @Test("Without keys, cookies are neither read nor written, and the command says so once")
    func withoutKeys() throws {
        let sticky = try #require(sticky)
        let cookie = try cookie(of: sticky.route("{}", "--keys", sticky.keys))
        let result = try sticky.route("{\"unit\":\"alice\"}\n{\"cookies\":\"\(cookie)\"}\n{}\n")
        #expect(result.status == 0)
        #expect(result.lines.count == 3 && result.lines.allSatisfy { $0.hasSuffix(#""setCookie":null}"#) })
        #expect(result.lines[1...].allSatisfy { $0.contains(#""reason":"missing_unit","bucket":null"#) })
        let notes = result.errorLines.filter { $0.contains("cookies are neither read nor written") }
        #expect(notes == ["RolloutDemo: cookies are neither read nor written, because no --keys is given"])
        #expect(try sticky.route("{}", "--quiet").error == "")
    }

    @Test("If no rollout keeps a cookie, nobody asks for keys, and keys are said to have no effect")
    func nothingToSay() throws {
        let result = try Demo.run("route", "--policy", Recorded.policy, input: "{}")
        #expect(!result.error.contains("keys"))
        let keys = try #require(sticky).keys
        let useless = try Demo.run("route", "--policy", Recorded.policy, "--keys", keys, input: "{}\n{}\n")
        let notes = useless.errorLines.filter { $0.contains("--keys") }
        #expect(notes == ["RolloutDemo: no rollout of the policy has \"sticky\", so --keys has no effect"])
    }

    /// Computed by Python's `hmac` and `hashlib` from the contract alone, for the key of the tests.
    @Test("With keys, the Set-Cookie header is there, byte for byte")
    func golden() throws {
        let sticky = try #require(sticky)
        let result = try sticky.route(#"{"unit":"alice","host":"WWW.sms-app.local:443"}"#, "--keys", sticky.keys)
        #expect(result.status == 0)
        #expect(!result.error.contains("keys"))
        let attributes = "Secure; HttpOnly; SameSite=Lax; Path=/; Max-Age=3570"
        #expect(
            result.lines == [
                #"{"line":1,"rollout":"sms","unit":"alice","variant":"stable","release":{"app":"v1"},"reason":"split","#
                    + #""bucket":812925,"revision":7,"shadow":null,"setCookie":""#
                    + "sms-app-version=AQdwMGA3AAxnfQAAAAMAAAAHa0nSAGtJ4BDbZwbNhyEjupb3uHAHYrmp; \(attributes)\"}"
            ]
        )
    }

    /// Computed like the golden header above.
    @Test("A cookie with a domain is bound to the domain, holds on all its hosts, and is not written outside it")
    func domain() throws {
        let sticky = try StickyPolicy(domain: ".SMS-app.local")
        let request = #"{"unit":"alice","host":"www.sms-app.local"}"#
        let first = try cookie(of: sticky.route(request, "--keys", sticky.keys))
        #expect(first == "sms-app-version=AQdwMGA3AAxnfQAAAAMAAAAHa0nSAGtJ4BBxKmvdOx9icUxbLrg0E891")
        let requests = #"""
            {"unit":"alice","host":"shop.sms-app.local","cookies":"\#(first)"}
            {"unit":"alice","host":"other.example"}
            {"host":"other.example"}
            {"host":"other.example"}

            """#
        let result = try sticky.route(requests, "--keys", sticky.keys)
        let reasons = ["sticky", "split", "missing_unit", "missing_unit"]
        #expect(result.lines.count == reasons.count)
        for (line, reason) in zip(result.lines, reasons) {
            #expect(line.contains(#""reason":"\#(reason)""#) && line.contains(#""setCookie":null"#), "\(line)")
        }
        #expect(result.errorLines.last == "cookies that could not be written: 3, outside the domain")
        let told = try sticky.explain("--keys", sticky.keys, "--host", "other.example")
        let reason = #"the host "other.example" is outside the cookie's domain "sms-app.local""#
        #expect(told.lines.last == "set-cookie: none, because \(reason)")
    }

    @Test("A cookie holds in the next request of the same visitor, and for nobody and nowhere else")
    func holds() throws {
        let sticky = try #require(sticky)
        let canary = try StickyPolicy(percent: 100)
        let anonymous = try cookie(of: canary.route(#"{"host":"a.local"}"#, "--keys", canary.keys))
        let known = try cookie(of: canary.route(#"{"host":"a.local","unit":"alice"}"#, "--keys", canary.keys))
        let rows: [(request: String, expected: String)] = [
            (
                #""host":"a.local","cookies":"x=1; \#(anonymous)""#,
                #""canary","release":{"app":"v2"},"reason":"sticky""#
            ),
            (#""host":"b.local","cookies":"\#(anonymous)""#, #""reason":"split""#),
            (
                #""host":"a.local","unit":"alice","cookies":"\#(known)""#,
                #""canary","release":{"app":"v2"},"reason":"sticky""#
            ),
            (#""host":"a.local","unit":"bob","cookies":"\#(known)""#, #""reason":"split""#),
            (#""host":"a.local","cookies":"\#(known)""#, #""reason":"split""#),
        ]
        let requests = rows.map { "{\($0.request)}\n" }.joined()
        let lines = try sticky.route(requests, "--keys", sticky.keys, now: StickyPolicy.now + 60).lines
        #expect(lines.count == rows.count)
        for (line, row) in zip(lines, rows) {
            #expect(line.contains(row.expected), "\(line)")
            #expect(line.contains(#""setCookie":null"#) == row.expected.contains("sticky"), "\(line)")
        }
        let late = try sticky.route(requests, "--keys", sticky.keys, now: StickyPolicy.now + 3600)
        #expect(!late.text.contains("sticky"))
    }
}

/// The pair that a browser would send back for the only decision line.
func cookie(of result: Demo.Result) throws -> String {
    let line = try #require(result.lines.first)
    let start = try #require(line.firstRange(of: #""setCookie":""#)).upperBound
    return String(line[start...].prefix { $0 != ";" })
}
