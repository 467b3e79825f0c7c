/// What a session router's copies share. It lives as long as the process, so that the router can be one plain word.
final class SessionState: Sendable {
    let keys: KeyCell
    /// Held here, because the static constant is behind a call.
    let base64 = Base64.url
    let counters = SessionCounters()
    /// Draws a bucket for a visitor who brings none.
    let drawBucket: @Sendable () -> Int
    /// How many seconds a decision may be under way to another service.
    let decisionLife: Int64

    init(keys: SigningKeys, decisionLife: Int64, drawBucket: @escaping @Sendable () -> Int) {
        self.keys = KeyCell(keys)
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
            guard let judgement = handle.read({ $0.origin == origin ? $0.judge(tokens, for: bytes.request) : nil })
            else { continue }
            if unsafe isSettled(judgement, bytes, cookie) { return answer(judgement, .notDue) }
            if let answer = unsafe settle(judgement, bytes, cookie, through: handle) { return answer }
        }
    }

    /// The answer to a request that may be sent a cookie, or nil if the policy has changed.
    @inline(never)
    private func settle(
        _ judgement: Judgement,
        _ bytes: SessionBytes,
        _ cookie: UnsafePointer<CookieRecord>,
        through handle: RolloutHandle
    ) -> SessionDecision? {
        guard unsafe isOwedBucket(judgement.decision, cookie) else {
            return unsafe answer(judgement, writing(judgement, bytes, cookie))
        }
        let assigned = unsafe assigned(judgement, bytes, cookie) { fresh in
            handle.decision(for: bytes.request, holding: fresh, at: judgement.decision.origin)
        }
        return assigned.map { answer($0.judgement, $0.writing) }
    }

    /// Whether the policy gives a bucket to the visitor of this decision, who has neither a unit nor a bucket.
    @inline(__always)
    func isOwedBucket(_ decision: Decision, _ cookie: UnsafePointer<CookieRecord>) -> Bool {
        unsafe decision.reason == .missingUnit && cookie.pointee.rules.assignsMissing
    }

    /// What becomes of a visitor who is owed a bucket.
    struct Assigned {
        let judgement: Judgement
        let writing: CookieWriting
        /// The bucket, or nil if the visitor did not get one.
        let fresh: Assignment?
    }

    /// Gives a visitor a bucket, if a cookie can keep it. Otherwise the judgement stands: the visitor gets the first variant,
    /// and not another draw with each request. Nil if the policy has changed; `decide` says that by nil.
    func assigned(
        _ judgement: Judgement,
        _ bytes: SessionBytes,
        _ cookie: UnsafePointer<CookieRecord>,
        deciding decide: (Assignment) -> Decision?
    ) -> Assigned? {
        let fresh = Assignment(onlyBucket: UInt32(truncatingIfNeeded: drawBucket()))
        guard let decision = decide(fresh) else { return nil }
        var drawn = judgement
        drawn.decision = decision
        let writing = unsafe writing(drawn, bytes, cookie)
        if case .written = writing { return Assigned(judgement: drawn, writing: writing, fresh: fresh) }
        return Assigned(judgement: judgement, writing: writing, fresh: nil)
    }

    @inline(__always)
    private func answer(_ judgement: Judgement, _ writing: CookieWriting) -> SessionDecision {
        counters.count(judgement)
        counters.count(writing)
        return SessionDecision(decision: judgement.decision, token: judgement.verdict, dueCookie: writing.cookie)
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
        guard bytes.keys.hasKey(token.key) else { return .refused(.unknownKey) }
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
        let message = unsafe TokenMessage(
            token,
            rollout: cookie.pointee.rollout,
            scope: cookie.pointee.scope(at: bytes.host),
            unit: unit
        )
        return bytes.keys.tag(of: message, with: key)
    }
}
