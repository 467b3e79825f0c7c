// A libFuzzer harness for tokens. `Tests/Fuzz/run` builds and runs it.

/// Reads arbitrary bytes as a token's text, then as a token's bytes: what is accepted must be written again as it was, judging its
/// times must not trap at any time, and no policy may be led into a variant by a payload that nobody signed.
func fuzzToken(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    if let token = unsafe bytes.withUnsafeBytes({ text in unsafe TokenBytes(text: text) }) {
        precondition(Array(token.text.utf8) == bytes)
        judge(token)
    }
    guard count >= 42 else { return 0 }
    func word(_ index: Int) -> UInt64 { bytes[index * 8..<min(index * 8 + 8, 42)].reduce(0) { $0 << 8 | UInt64($1) } }
    let token = TokenBytes(words: (word(0), word(1), word(2), word(3), word(4), word(5) << 48))
    let again = unsafe Array(token.text.utf8).withUnsafeBytes { text in unsafe TokenBytes(text: text) }
    precondition(again.map { $0.words == token.words } == true)
    judge(token)
    return 0
}

private func judge(_ token: TokenBytes) {
    guard let payload = StickyToken(token) else { return }
    var unsigned = token
    unsigned.tag = AuthenticationTag(words: (0, 0))
    precondition(payload.bytes.words == unsigned.words)
    for now in [Int64.min, -1, 0, Int64(payload.issued), Int64(payload.expires), .max] {
        let now = StickyToken.clamped(UnixTime(seconds: now))
        if payload.loss(at: now, maxAge: 34_560_000) == nil {
            precondition(now < Int64(payload.expires) && Int64(payload.issued) <= now + StickyToken.clockSkew)
        }
    }
    let assignment = payload.assignment
    precondition(assignment.bucket.map { 0..<Share.bucketCount ~= $0 } ?? true)
    let text = token.text
    let request = SessionRequest(cookies: "c=\(text)", now: UnixTime(seconds: Int64(payload.issued)))
    let answer = service.sessions.route(request, through: service.handle)
    precondition(answer.decision.variant.name == "stable" && answer.token != .valid)
}

private let service: (handle: RolloutHandle, sessions: SessionRouter) = {
    do {
        let definition = RolloutDefinition(
            .canary(.zero, stable: ["app": "v1"], canary: ["app": "v2"]),
            sticky: StickyCookie(name: "c", maxAge: 34_560_000),
            draining: ["canary"],
            missingUnit: .assign
        )
        let router = try RolloutRouter(policy: RolloutPolicy(revision: 1, rollouts: ["x": definition]))
        let keys = try SigningKeys([SigningKey(id: 7, secret: [UInt8](repeating: 7, count: 32))])
        guard let handle = router.rollout("x") else { preconditionFailure("the policy has x") }
        return (handle, SessionRouter(keys: keys))
    } catch {
        preconditionFailure("\(error)")
    }
}()
