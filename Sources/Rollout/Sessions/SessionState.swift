/// What a session router's copies share. It lives as long as the process, so that the router can be one plain word.
final class SessionState: Sendable {
    let keys: KeyTable
    /// Held here, because the static constant is behind a call.
    let base64 = Base64.url
    let counters = SessionCounters()
    /// Draws a bucket for a visitor who brings none.
    let drawBucket: @Sendable () -> Int
    /// How many seconds a decision may be under way to another service.
    let decisionLife: Int64

    init(keys: SigningKeys, decisionLife: Int64, drawBucket: @escaping @Sendable () -> Int) {
        self.keys = KeyTable(keys)
        self.decisionLife = decisionLife
        self.drawBucket = drawBucket
    }

    private static let kept = Lock<[SessionState]>([])

    /// Keeps a state for as long as the process lives.
    static func keep(_ state: SessionState) { kept.withLock { $0.append(state) } }
}

// MARK: Routing

extension SessionState {
    /// Decides by one policy, and by the cookie of the same policy.
    ///
    /// A policy with a cookie is looked at before the signatures are checked, and again after. If an update passed in
    /// between, everything starts again, because the name of the cookie, its life or the epoch may have changed. So each
    /// repetition means that a writer made progress.
    func route(_ bytes: SessionBytes, through handle: RolloutHandle) -> SessionDecision {
        while true {
            let (origin, reference, plain) = handle.read { record in
                let plain = record.cookie == .absent ? record.decision(for: bytes.request, holding: nil) : nil
                return (record.origin, record.cookie, plain)
            }
            if let plain { return SessionDecision(decision: plain, token: .absent, dueCookie: nil) }
            guard let cookie = unsafe reference.record else { continue }
            let tokens = unsafe received(bytes, cookie)
            guard
                var judgement = handle.read({ $0.origin == origin ? $0.judge(tokens, for: bytes.request) : nil }),
                unsafe assignIfMissing(&judgement, bytes, cookie, handle)
            else { continue }
            return unsafe answer(judgement, bytes, cookie)
        }
    }

    /// Gives a visitor without a unit and without a bucket one, if the policy says so; false if the policy has changed.
    @inline(__always)
    private func assignIfMissing(
        _ judgement: inout Judgement,
        _ bytes: SessionBytes,
        _ cookie: UnsafePointer<CookieRecord>,
        _ handle: RolloutHandle
    ) -> Bool {
        guard let fresh = unsafe freshBucket(judgement.decision, cookie) else { return true }
        guard let decision = handle.decision(for: bytes.request, holding: fresh, at: judgement.decision.origin)
        else { return false }
        judgement.decision = decision
        return true
    }

    /// A bucket for a visitor who has neither a unit nor a bucket, or nil if the policy gives none.
    @inline(__always)
    func freshBucket(_ decision: Decision, _ cookie: UnsafePointer<CookieRecord>) -> Assignment? {
        guard decision.reason == .missingUnit, unsafe cookie.pointee.rules.assignsMissing else { return nil }
        return Assignment(onlyBucket: UInt32(truncatingIfNeeded: drawBucket()))
    }

    @inline(__always)
    private func answer(
        _ judgement: Judgement,
        _ bytes: SessionBytes,
        _ cookie: UnsafePointer<CookieRecord>
    ) -> SessionDecision {
        counters.count(judgement)
        let due = unsafe tokenDue(judgement, bytes, cookie).flatMap { unsafe signed($0, bytes, cookie) }
        if due != nil { counters.countWritten() }
        return SessionDecision(decision: judgement.decision, token: judgement.verdict, dueCookie: due)
    }
}

extension RolloutHandle {
    /// The decision of one certain policy, or nil if another one runs by now.
    @inline(__always)
    fileprivate func decision(
        for request: RequestBytes,
        holding assignment: Assignment?,
        at origin: UInt64
    ) -> Decision? {
        read { $0.origin == origin ? $0.decision(for: request, holding: assignment) : nil }
    }
}

// MARK: Verifying

extension SessionState {
    /// The tokens of a request, each judged as far as that needs no policy's epoch.
    func received(_ bytes: SessionBytes, _ cookie: UnsafePointer<CookieRecord>) -> ReceivedTokens {
        var tokens = ReceivedTokens()
        var scanner = unsafe CookieScanner(bytes.cookies, name: cookie.pointee.name)
        while !tokens.isFull, let value = unsafe scanner.next() {
            unsafe tokens.append(verified(value, for: bytes, cookie))
        }
        return tokens
    }

    /// The token of a cookie's value, with the first reason not to honour it.
    private func verified(
        _ value: UnsafeRawBufferPointer,
        for bytes: SessionBytes,
        _ cookie: UnsafePointer<CookieRecord>
    ) -> ReceivedTokens.Entry {
        guard let signed = unsafe TokenBytes(text: value, in: base64) else { return .refused(.malformed) }
        guard let token = StickyToken(signed) else { return .refused(.unknownVersion) }
        guard keys.hasKey(token.key) else { return .refused(.unknownKey) }
        guard let isBoundToUnit = unsafe binding(of: signed, key: token.key, bytes, cookie) else {
            return .refused(.badTag)
        }
        let loss = unsafe token.loss(at: bytes.now, maxAge: cookie.pointee.rules.cookie.maxAge)
        return ReceivedTokens.Entry(token: token, isBoundToUnit: isBoundToUnit, loss: loss)
    }

    /// Whether the tag is right for the request's unit, or else for no unit; nil if for neither.
    ///
    /// A token issued to nobody is accepted from somebody, so that logging in does not change the version.
    private func binding(
        of signed: TokenBytes,
        key: UInt8,
        _ bytes: SessionBytes,
        _ cookie: UnsafePointer<CookieRecord>
    ) -> Bool? {
        if let tag = unsafe tag(of: signed, key: key, unit: bytes.unit, bytes, cookie), tag.matches(signed.tag) {
            return bytes.hasUnit
        }
        let nobody = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        guard bytes.hasUnit, let tag = unsafe tag(of: signed, key: key, unit: nobody, bytes, cookie),
            tag.matches(signed.tag)
        else { return nil }
        return false
    }

    /// The tag of a token for a unit, or nil if the key's holder cannot tell.
    func tag(
        of token: TokenBytes,
        key: UInt8,
        unit: UnsafeRawBufferPointer,
        _ bytes: SessionBytes,
        _ cookie: UnsafePointer<CookieRecord>
    ) -> AuthenticationTag? {
        let message = unsafe TokenMessage(token, rollout: cookie.pointee.rollout, host: bytes.host, unit: unit)
        return keys.tag(of: message, with: key)
    }
}
