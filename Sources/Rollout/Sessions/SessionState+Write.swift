/// What becomes of the cookie of an answer.
enum CookieWriting {
    /// None is due.
    case notDue
    case written(DueCookie)
    /// One is due, and cannot be written.
    case prevented(CookieObstacle)

    var cookie: DueCookie? {
        if case .written(let cookie) = self { cookie } else { nil }
    }

    var obstacle: CookieObstacle? {
        if case .prevented(let obstacle) = self { obstacle } else { nil }
    }
}

extension SessionState {
    /// The cookie that invites a browser into a variant; none is due if nobody can be invited.
    @inline(never)
    func invitation(to name: VariantName, _ bytes: SessionBytes, through handle: RolloutHandle) -> CookieWriting {
        let tag = VariantTag(name, in: handle.id)
        let (reference, invited) = handle.read { ($0.cookie, $0.decision(inviting: tag)) }
        // Tags are unique among the variants of a policy, and not beyond: so the name has the last word.
        guard let invited, invited.variant.name == name, let cookie = unsafe reference.record else { return .notDue }
        let assignment = Assignment(
            tag: tag,
            bucketField: Assignment.invitationBucket,
            epoch: invited.epoch,
            revision: invited.revision
        )
        let maxAge = unsafe cookie.pointee.rules.cookie.maxAge
        return unsafe signed(token(remembering: assignment, in: bytes, maxAge: maxAge), bytes, cookie)
    }

    /// The cookie to send back.
    ///
    /// | decided by | the request's token | due |
    /// | --- | --- | --- |
    /// | token | bound to the unit, or no unit | nothing: a life is never extended |
    /// | token | issued without a unit, and now there is one | the same bucket and life, bound to the unit |
    /// | draw | of a later revision in the same epoch | nothing: this replica is behind |
    /// | draw | valid, bound, and says the same | nothing |
    /// | draw of a known unit, pin `bucket` | any | nothing: the unit itself is as good |
    /// | draw | any other, or none | what was drawn, from now on |
    /// | host, forced unit, newer epoch, missing unit | any | nothing |
    func writing(
        _ judgement: Judgement,
        _ bytes: SessionBytes,
        _ cookie: UnsafePointer<CookieRecord>
    ) -> CookieWriting {
        if judgement.isBehind { return .notDue }
        if unsafe isSettled(judgement, bytes, cookie) { return .notDue }
        let held = judgement.held?.token
        switch judgement.decision.reason.code {
        case .sticky:
            return held.map { unsafe signed(loginToken($0, judgement.decision, bytes), bytes, cookie) } ?? .notDue
        case .split, .notEnrolled:
            let pinsBucket = unsafe cookie.pointee.rules.cookie.pin == .bucket
            let isBound = judgement.isBound(to: bytes)
            if isBound, let held, held.says(judgement.decision, pinsBucket: pinsBucket) { return .notDue }
            // Nil if a rule that names a disabled variant led to the first variant: that was no draw.
            guard let drawn = Assignment(remembering: judgement.decision) else { return .notDue }
            let maxAge = unsafe cookie.pointee.rules.cookie.maxAge
            return unsafe signed(token(remembering: drawn, in: bytes, maxAge: maxAge), bytes, cookie)
        case .fixed, .forced, .host, .missingUnit, .stale, .absent:
            return .notDue
        }
    }

    /// Whether none is due because a token of the visitor's own, or a known unit, is as good. So it is with nearly all requests.
    @inline(__always)
    func isSettled(_ judgement: Judgement, _ bytes: SessionBytes, _ cookie: UnsafePointer<CookieRecord>) -> Bool {
        if judgement.decision.reason == .sticky { return judgement.isBound(to: bytes) }
        return unsafe bytes.hasUnit && cookie.pointee.rules.cookie.pin == .bucket
    }

    /// The visitor's token as the unit's: only its owner changes, and who signed it.
    private func loginToken(_ token: StickyToken, _ decision: Decision, _ bytes: SessionBytes) -> StickyToken {
        var token = token
        token.key = bytes.keys.signingID
        token.revision = decision.revision
        return token
    }

    /// A token that is issued now, or nil if now is no time that a token can hold.
    private func token(remembering assignment: Assignment, in bytes: SessionBytes, maxAge: Int) -> StickyToken? {
        StickyToken.times(at: bytes.now, maxAge: maxAge).map { times in
            StickyToken(
                key: bytes.keys.signingID,
                variant: assignment.tag,
                bucket: assignment.bucketField,
                epoch: assignment.epoch,
                revision: assignment.revision,
                issued: times.issued,
                expires: times.expires
            )
        }
    }

    /// The cookie with a token, signed. No token means that there is no time to issue one at.
    private func signed(
        _ token: StickyToken?,
        _ bytes: SessionBytes,
        _ cookie: UnsafePointer<CookieRecord>
    ) -> CookieWriting {
        guard unsafe cookie.pointee.isTaken(from: bytes.host) else { return .prevented(.outsideDomain) }
        guard let token else { return .prevented(.timeOutOfRange) }
        var signed = token.bytes
        guard let tag = unsafe tag(of: signed, key: token.key, unit: bytes.unit, bytes, cookie) else {
            return .prevented(.unsigned)
        }
        signed.tag = tag
        let reference = unsafe CookieReference(cookie)
        return .written(DueCookie(token: signed, cookie: reference, maxAge: Int64(token.expires) - bytes.now))
    }
}

extension Judgement {
    /// Whether the token that is held is that of the request's unit, or both are nobody's.
    @inline(__always)
    fileprivate func isBound(to bytes: SessionBytes) -> Bool { held.map { $0.isBoundToUnit == bytes.hasUnit } ?? false }
}

extension StickyToken {
    /// Whether a valid token says already what was drawn.
    ///
    /// A token that names a variant never does if the variant is pinned, because then it would have decided itself.
    fileprivate func says(_ decision: Decision, pinsBucket: Bool) -> Bool {
        guard decision.bucket == Int(bucket) else { return false }
        return pinsBucket || decision.reason == .notEnrolled && variant == .notEnrolled
    }
}
