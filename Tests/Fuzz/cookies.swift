// A libFuzzer harness for `Cookie` headers. `Tests/Fuzz/run` builds and runs it.

/// Reads arbitrary bytes as a header, first by itself and then in a request with a genuine token somewhere in it: the scanner
/// must find what a plain splitting at `;` finds, and only the genuine token may ever lead into the canary.
func fuzzCookies(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    precondition(scanned(bytes) == split(bytes))
    let text = String(decoding: bytes, as: UTF8.self)
    let answer = service.sessions.route(SessionRequest(cookies: text, now: now), through: service.handle)
    precondition(answer.decision.variant.name == "stable" || answer.token == .valid)
    let many = SessionRequest(cookies: [text, service.genuine, text], now: now)
    let withGenuine = service.sessions.route(many, through: service.handle)
    precondition(withGenuine.decision.variant.name == (withGenuine.token == .valid ? "canary" : "stable"))
    return 0
}

private let name = Array("c".utf8)

private func scanned(_ header: [UInt8]) -> [[UInt8]] {
    unsafe header.withUnsafeBytes { header in
        unsafe name.withUnsafeBytes { name in
            var scanner = unsafe CookieScanner(header, name: name)
            var values: [[UInt8]] = []
            while let value = unsafe scanner.next() { unsafe values.append(Array(value)) }
            return values
        }
    }
}

private func split(_ header: [UInt8]) -> [[UInt8]] {
    header.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).compactMap { pair in
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        let trimmed = Array(pair.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
        return trimmed.starts(with: name + [UInt8(ascii: "=")]) ? Array(trimmed.dropFirst(name.count + 1)) : nil
    }
}

/// A canary that nobody is drawn into, and a token that holds it.
private struct Service {
    let handle: RolloutHandle
    let sessions: SessionRouter
    let genuine: String
}

private let now: UnixTime = 1_800_000_000

private let service: Service = {
    func handle(_ share: Share) throws -> RolloutHandle {
        let definition = RolloutDefinition(
            .canary(share, stable: ["app": "v1"], canary: ["app": "v2"]),
            sticky: StickyCookie(name: "c", maxAge: 3600),
            draining: share == .zero ? ["canary"] : [],
            missingUnit: .assign
        )
        let router = try RolloutRouter(policy: RolloutPolicy(revision: 1, rollouts: ["x": definition]))
        guard let handle = router.rollout("x") else { preconditionFailure("the policy has x") }
        return handle
    }
    do {
        let keys = try SigningKeys([SigningKey(id: 7, secret: [UInt8](repeating: 7, count: 32))])
        let sessions = SessionRouter(keys: keys)
        let first = sessions.route(SessionRequest(now: now), through: try handle(.all))
        guard let cookie = first.setCookie else { preconditionFailure("a canary is remembered") }
        return Service(handle: try handle(.zero), sessions: sessions, genuine: String(cookie.prefix { $0 != ";" }))
    } catch {
        preconditionFailure("\(error)")
    }
}()
